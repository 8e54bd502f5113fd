// search.ts - what of this page lives in its address: the question (model.ts) and how its answer is
// shown.
import { type ViewSearch, viewSearch } from "@/results/shown";
import { type BuildSearch, buildSearch } from "./model";

export interface BuilderSearch extends BuildSearch, ViewSearch {}

export function validateSearch(search: Record<string, unknown>): BuilderSearch {
  return { ...buildSearch(search), ...viewSearch(search) };
}
