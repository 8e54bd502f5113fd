// search.ts - what of this page lives in its address: the filters.
import { type FilterSearch, filterSearch } from "@/filters/search";

export type LiveSearch = FilterSearch;

export function validateSearch(search: Record<string, unknown>): LiveSearch {
  return filterSearch(search);
}
