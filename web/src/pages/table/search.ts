// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface TableSearch {
  tab?: string;
}

export function validateSearch(search: Record<string, unknown>): TableSearch {
  return { tab: text(search.tab) };
}
