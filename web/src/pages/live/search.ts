// search.ts - what of this page lives in its address: the filters, each a list of values.
import { text } from "@/lib/search";

export interface LiveSearch {
  topic?: string;
  type?: string;
  level?: string;
  source?: string;
  endpoint?: string;
  q?: string;
}

export function validateSearch(search: Record<string, unknown>): LiveSearch {
  return {
    topic: text(search.topic),
    type: text(search.type),
    level: text(search.level),
    source: text(search.source),
    endpoint: text(search.endpoint),
    q: text(search.q),
  };
}
