// search.ts - what of this page lives in its address: the tab, how the sample is shown, and what is
// open beside the list.
import { oneOf, text } from "@/lib/search";
import { type ViewSearch, viewSearch } from "@/results/shown";

export const TABS = ["overview", "columns", "sample", "files", "history"] as const;
export type TableTab = (typeof TABS)[number];

export interface TableSearch extends ViewSearch {
  tab?: TableTab;
  /** The sample: the newest rows instead of any. */
  rows?: "newest";
  /** The commit whose details are open. */
  commit?: string;
  /** The column whose profile is open; below it a dotted path of fields. */
  column?: string;
}

export function validateSearch(search: Record<string, unknown>): TableSearch {
  return {
    tab: oneOf(search.tab, TABS),
    rows: oneOf(search.rows, ["newest"] as const),
    commit: text(search.commit),
    column: text(search.column),
    ...viewSearch(search),
  };
}
