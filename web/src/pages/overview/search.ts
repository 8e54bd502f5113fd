// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface OverviewSearch {
  tab?: string;
}

export function validateSearch(search: Record<string, unknown>): OverviewSearch {
  return { tab: text(search.tab) };
}
