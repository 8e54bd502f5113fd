// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface ProducerSearch {
  tab?: string;
}

export function validateSearch(search: Record<string, unknown>): ProducerSearch {
  return { tab: text(search.tab) };
}
