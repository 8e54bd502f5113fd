// search.ts - what of this page lives in its address: what is looked for, the order ("-events" is
// descending), and whether the dialog to make a topic is open.
import { oneOf, text } from "@/lib/search";

export interface TopicsSearch {
  q?: string;
  sort?: string;
  create?: "yes";
}

export function validateSearch(search: Record<string, unknown>): TopicsSearch {
  return {
    q: text(search.q),
    sort: text(search.sort),
    create: oneOf(search.create, ["yes"]),
  };
}
