// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface SQLSearch {
  tab?: string;
  saved?: string;
}

export function validateSearch(search: Record<string, unknown>): SQLSearch {
  return { tab: text(search.tab), saved: text(search.saved) };
}
