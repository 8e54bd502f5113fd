// search.ts - what of this page lives in its address: the filters of events, and by what the
// distribution over time is split.
import { type FilterSearch, filterSearch } from "@/filters/search";
import { oneOf } from "@/lib/search";
import { SPLITS, type Split } from "./split";

export interface AnalyticsSearch extends FilterSearch {
  by?: Split;
}

export function validateSearch(search: Record<string, unknown>): AnalyticsSearch {
  return { ...filterSearch(search), by: oneOf(search.by, SPLITS) };
}
