// search.ts - the filters as they live in the address, each a list of values: the same words on every
// page that has them, so that they can be carried from one to the other.
import { text } from "@/lib/search";

export interface FilterSearch {
  topic?: string;
  type?: string;
  level?: string;
  source?: string;
  endpoint?: string;
  q?: string;
}

export function filterSearch(search: Record<string, unknown>): FilterSearch {
  return {
    topic: text(search.topic),
    type: text(search.type),
    level: text(search.level),
    source: text(search.source),
    endpoint: text(search.endpoint),
    q: text(search.q),
  };
}
