// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface ProducersSearch {
  tab?: string;
}

export function validateSearch(search: Record<string, unknown>): ProducersSearch {
  return { tab: text(search.tab) };
}
