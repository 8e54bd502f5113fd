// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface LiveSearch {
  tab?: string;
}

export function validateSearch(search: Record<string, unknown>): LiveSearch {
  return { tab: text(search.tab) };
}
