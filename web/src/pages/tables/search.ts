// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface TablesSearch {
  tab?: string;
}

export function validateSearch(search: Record<string, unknown>): TablesSearch {
  return { tab: text(search.tab) };
}
