// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface BuilderSearch {
  tab?: string;
}

export function validateSearch(search: Record<string, unknown>): BuilderSearch {
  return { tab: text(search.tab) };
}
