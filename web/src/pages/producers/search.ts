// search.ts - what of this page lives in its address: the order, and whether the dialog to make a
// producer is open, and for which preset.
import { oneOf, text } from "@/lib/search";

export interface ProducersSearch {
  sort?: string;
  create?: "preset" | "template";
}

export function validateSearch(search: Record<string, unknown>): ProducersSearch {
  return { sort: text(search.sort), create: oneOf(search.create, ["preset", "template"]) };
}
