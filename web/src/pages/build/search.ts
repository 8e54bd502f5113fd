// search.ts - what of this page lives in its address.
import { text } from "@/lib/search";

export interface BuilderSearch {
  table?: string;
}

export function validateSearch(search: Record<string, unknown>): BuilderSearch {
  return { table: text(search.table) };
}
