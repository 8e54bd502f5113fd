// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface TopicsSearch {
  tab?: string;
}

export function validateSearch(search: Record<string, unknown>): TopicsSearch {
  return { tab: text(search.tab) };
}
