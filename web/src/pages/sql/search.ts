// search.ts - what of this page lives in its address: the statement (link.ts) and how its result
// is shown.
import { text } from "@/lib/search";
import { type ViewSearch, viewSearch } from "@/results/shown";
import type { SqlLink } from "./link";

export interface SQLSearch extends SqlLink, ViewSearch {
  /** Which statement was run, from 1: who opens the link sees its answer at once. */
  run?: string;
}

export function validateSearch(search: Record<string, unknown>): SQLSearch {
  return {
    q: text(search.q),
    z: text(search.z),
    saved: text(search.saved),
    run: text(search.run),
    ...viewSearch(search),
  };
}
