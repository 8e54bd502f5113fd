// event.ts - one event of the live stream as the list shows it. Events name the same thing
// differently; the names are those of the server's filters (docs/live.md), in the same order, so
// that what a facet counts is what a filter finds.
import { formatJson } from "@/lib/json";

export const FACETS = ["type", "level", "source", "endpoint"] as const;
export type Facet = (typeof FACETS)[number];

const FIELDS: Readonly<Record<Facet, readonly string[]>> = {
  type: ["type", "event", "event_type", "kind", "action"],
  level: ["level", "severity"],
  source: ["source", "host", "service", "remote_addr"],
  endpoint: ["endpoint", "path", "url"],
};

/** As the channel `events` sends it. */
export interface SentEvent {
  topic: string;
  partition: number;
  offset: number;
  timestamp: string;
  key: string | null;
  value: unknown;
}

export interface LiveEvent extends SentEvent {
  /** Its number since the page was opened: stable while it is kept. */
  n: number;
  ms: number;
  facets: Readonly<Partial<Record<Facet, string>>>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function facetOf(value: unknown, facet: Facet): string | undefined {
  if (!isObject(value)) return undefined;
  for (const name of FIELDS[facet]) {
    const found = value[name];
    if (found === undefined || found === null) continue;
    return isObject(found) || Array.isArray(found) ? formatJson(found, 0) : String(found);
  }
  return undefined;
}

export function liveEvent(sent: SentEvent, n: number): LiveEvent {
  const facets: Partial<Record<Facet, string>> = {};
  for (const facet of FACETS) {
    const found = facetOf(sent.value, facet);
    if (found !== undefined) facets[facet] = found;
  }
  return { ...sent, n, ms: Date.parse(sent.timestamp), facets };
}

const SUMMARY_CHARACTERS = 400;

/** One line of what the event says, without the fields that have columns of their own. */
export function summaryOf(event: SentEvent): string {
  const { value } = event;
  if (!isObject(value)) {
    return (typeof value === "string" ? value : formatJson(value, 0)).slice(0, SUMMARY_CHARACTERS);
  }
  const shown = new Set<string>();
  for (const facet of FACETS) {
    const name = FIELDS[facet].find((one) => value[one] !== undefined && value[one] !== null);
    if (name !== undefined) shown.add(name);
  }
  let out = "";
  for (const [name, item] of Object.entries(value)) {
    if (shown.has(name)) continue;
    const text = typeof item === "string" ? item : formatJson(item, 0);
    out += `${out === "" ? "" : "  "}${name}=${text.slice(0, SUMMARY_CHARACTERS)}`;
    if (out.length > SUMMARY_CHARACTERS) break;
  }
  return out.slice(0, SUMMARY_CHARACTERS);
}

const LEVEL_TONES: Readonly<Record<string, "error" | "warn" | "info" | "neutral">> = {
  emerg: "error",
  alert: "error",
  crit: "error",
  critical: "error",
  fatal: "error",
  error: "error",
  err: "error",
  warn: "warn",
  warning: "warn",
  notice: "info",
  info: "info",
};

export function levelTone(level: string): "error" | "warn" | "info" | "neutral" {
  return LEVEL_TONES[level.toLowerCase()] ?? "neutral";
}
