// search.ts - what of this page lives in its address: what is looked for, the order, the tab, and
// whether the upload is open (with the table it is for).
import { oneOf, text } from "@/lib/search";
import { KINDS, type TableKind } from "./rows";

export interface TablesSearch {
  tab?: "imports";
  find?: string;
  kind?: TableKind;
  /** A column of the list; "-rows" is descending. */
  sort?: string;
  upload?: "1";
  /** The table that the upload goes to. */
  into?: string;
}

export function validateSearch(search: Record<string, unknown>): TablesSearch {
  return {
    tab: oneOf(search.tab, ["imports"] as const),
    find: text(search.find),
    kind: oneOf(search.kind, KINDS),
    sort: text(search.sort),
    upload: oneOf(search.upload, ["1"] as const),
    into: text(search.into),
  };
}
