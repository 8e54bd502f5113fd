// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface AnalyticsSearch {
  tab?: string;
}

export function validateSearch(search: Record<string, unknown>): AnalyticsSearch {
  return { tab: text(search.tab) };
}
