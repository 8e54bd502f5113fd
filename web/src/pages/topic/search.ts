// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface TopicSearch {
  tab?: string;
}

export function validateSearch(search: Record<string, unknown>): TopicSearch {
  return { tab: text(search.tab) };
}
