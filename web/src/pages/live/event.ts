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
