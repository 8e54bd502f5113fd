// search.ts - what of this page lives in its address. Tab "records": partition, where to begin
// (offset or time), key, text, order, the open record. Tab "dead": the filters of dead letters.
import { oneOf, text } from "@/lib/search";

export const TABS = ["records", "schema", "dead", "partitions", "settings"] as const;
export type TopicTab = (typeof TABS)[number];

export interface TopicSearch {
  tab?: TopicTab;
  /** Partition; absent: all. */
  p?: string;
  /** Begin at this offset of the partition. */
  offset?: string;
  /** Begin at this time: RFC 3339. */
  time?: string;
  key?: string;
  q?: string;
  /** Absent: newest first. */
  order?: "asc";
  /** The open record or dead letter: PARTITION:OFFSET. */
  open?: string;
  /** Records as they come. */
  follow?: "yes";
  reason?: string;
  since?: string;
  until?: string;
  redriven?: "true" | "false";
}

export function validateSearch(search: Record<string, unknown>): TopicSearch {
  const number = (value: unknown) =>
    /^\d{1,18}$/.test(text(value) ?? "") ? text(value) : undefined;
  return {
    tab: oneOf(search.tab, TABS),
    p: number(search.p),
    offset: number(search.offset),
    time: text(search.time),
    key: text(search.key),
    q: text(search.q),
    order: oneOf(search.order, ["asc"]),
    open: /^\d{1,9}:\d{1,18}$/.test(text(search.open) ?? "") ? text(search.open) : undefined,
    follow: oneOf(search.follow, ["yes"]),
    reason: text(search.reason),
    since: text(search.since),
    until: text(search.until),
    redriven: oneOf(search.redriven, ["true", "false"]),
  };
}
