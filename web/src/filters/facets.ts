// facets.ts - what events are narrowed by. Events name the same thing differently; the names are
// those of the server's filters (docs/live.md), in the same order, so that what a facet counts is
// what a filter finds, live and in the tables.
import { formatJson } from "@/lib/json";

export const FACETS = ["type", "level", "source", "endpoint"] as const;
export type Facet = (typeof FACETS)[number];

/** The names that are tried for a facet; the first that an event has counts. */
export const FACET_FIELDS: Readonly<Record<Facet, readonly string[]>> = {
  type: ["type", "event", "event_type", "kind", "action"],
  level: ["level", "severity"],
  source: ["source", "host", "service", "client_ip", "remote_addr", "ip"],
  endpoint: ["endpoint", "path", "url"],
};

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function facetOf(value: unknown, facet: Facet): string | undefined {
  if (!isObject(value)) return undefined;
  for (const name of FACET_FIELDS[facet]) {
    const found = value[name];
    if (found === undefined || found === null) continue;
    return isObject(found) || Array.isArray(found) ? formatJson(found, 0) : String(found);
  }
  return undefined;
}
