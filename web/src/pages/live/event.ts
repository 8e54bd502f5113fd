// event.ts - one event of the live stream as the list shows it.
import type { SentEvent } from "@/api/events";
import { FACET_FIELDS, FACETS, type Facet, facetOf, isObject } from "@/filters/facets";
import { formatJson } from "@/lib/json";

export interface LiveEvent extends SentEvent {
  /** Its number since the page was opened: stable while it is kept. */
  n: number;
  ms: number;
  facets: Readonly<Partial<Record<Facet, string>>>;
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

/** What the server takes the event's time from (docs/tables.md). */
const TIME_FIELDS = ["timestamp", "@timestamp", "time", "ts", "event_time"];
const SAME_MS = 1000;

/** The field that says no more than the column Time: late events differ, and keep it. */
function timeField(value: Record<string, unknown>, stored: string): string | undefined {
  const name = TIME_FIELDS.find((one) => typeof value[one] === "string");
  if (name === undefined) return undefined;
  const apart = Math.abs(Date.parse(String(value[name])) - Date.parse(stored));
  return apart <= SAME_MS ? name : undefined;
}

/** One line of what the event says, without the fields that have columns of their own. */
export function summaryOf(event: SentEvent): string {
  const { value } = event;
  if (!isObject(value)) {
    return (typeof value === "string" ? value : formatJson(value, 0)).slice(0, SUMMARY_CHARACTERS);
  }
  const shown = new Set<string>();
  for (const facet of FACETS) {
    const name = FACET_FIELDS[facet].find((one) => value[one] !== undefined && value[one] !== null);
    if (name !== undefined) shown.add(name);
  }
  const time = timeField(value, event.timestamp);
  if (time !== undefined) shown.add(time);
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
