// topic-settings.ts - the settings of a topic as fields of a form: what each is called, how its
// number is written, and what an empty field means. One list for making a topic and for changing it.
import { messageOf } from "@/api/problem";
import type { Topic } from "@/api/types";
import { bytesText, durationText, readBytes, readDuration } from "./units";

export type SettingName =
  | "partitions"
  | "durability"
  | "key"
  | "time"
  | "retention_ms"
  | "retention_bytes"
  | "flush_age_ms"
  | "flush_rows"
  | "flush_bytes"
  | "unlanded_rows_max"
  | "segment_bytes"
  | "partition_by";

export interface Setting {
  name: SettingName;
  label: string;
  hint: string;
  kind: "duration" | "bytes" | "count" | "name" | "names" | "durability";
  /** What an empty field stands for, where it may be empty. */
  empty?: { value: number | null; word: string };
}

export interface SettingGroup {
  title: string;
  settings: readonly Setting[];
}

export const SETTING_GROUPS: readonly SettingGroup[] = [
  {
    title: "Log",
    settings: [
      {
        name: "partitions",
        label: "Partitions",
        hint: "1 to 1024. Can grow later, never shrink.",
        kind: "count",
      },
      {
        name: "durability",
        label: "Durability",
        hint: "When events are acknowledged.",
        kind: "durability",
      },
      {
        name: "key",
        label: "Key field",
        hint: "Its value is the event's key: equal keys stay in one partition, in order.",
        kind: "name",
        empty: { value: null, word: "no key" },
      },
      {
        name: "time",
        label: "Time field",
        hint: "Holds the event's time. Empty: timestamp, @timestamp, time, ts, event_time.",
        kind: "name",
        empty: { value: null, word: "found by name" },
      },
    ],
  },
  {
    title: "Kept in the log",
    settings: [
      {
        name: "retention_ms",
        label: "Kept for",
        hint: "Like 7d, 12h. Landed events stay in the table after that.",
        kind: "duration",
        empty: { value: -1, word: "no limit" },
      },
      {
        name: "retention_bytes",
        label: "Kept up to",
        hint: "Like 10GiB, for all partitions.",
        kind: "bytes",
        empty: { value: -1, word: "no limit" },
      },
      {
        name: "segment_bytes",
        label: "Segment size",
        hint: "1MiB to 1GiB: the log is let go in pieces of this size.",
        kind: "bytes",
      },
    ],
  },
  {
    title: "Landing in the table",
    settings: [
      {
        name: "flush_age_ms",
        label: "Land at the age of",
        hint: "Like 10s: the oldest event waits no longer.",
        kind: "duration",
      },
      {
        name: "flush_rows",
        label: "Land at so many events",
        hint: "Whichever rule comes first.",
        kind: "count",
        empty: { value: 0, word: "no such rule" },
      },
      {
        name: "flush_bytes",
        label: "Land at so many bytes",
        hint: "64KiB or more.",
        kind: "bytes",
      },
      {
        name: "unlanded_rows_max",
        label: "Most events not landed",
        hint: "Senders get 429 while so many wait.",
        kind: "count",
        empty: { value: 0, word: "no such rule" },
      },
      {
        name: "partition_by",
        label: "Table partitioned by",
        hint: "Columns, with commas between. Fixed once the table is there.",
        kind: "names",
      },
    ],
  },
];

export const SETTINGS: readonly Setting[] = SETTING_GROUPS.flatMap((group) => group.settings);

/** The text of each field. */
export type Draft = Readonly<Partial<Record<SettingName, string>>>;

/** A topic's settings as the fields show them. */
export function draftOf(topic: Topic): Record<SettingName, string> {
  const out = {} as Record<SettingName, string>;
  for (const { name, kind, empty } of SETTINGS) {
    const value = topic[name];
    if (value === undefined || value === null || value === empty?.value) out[name] = "";
    else if (Array.isArray(value)) out[name] = value.join(", ");
    else if (typeof value === "string") out[name] = value;
    else if (kind === "duration") out[name] = durationText(value);
    else if (kind === "bytes") out[name] = bytesText(value);
    else out[name] = String(value);
  }
  return out;
}

/** The member of the request for a field. What cannot be read here goes as it is: the server says
 * what is wrong with it. */
export function memberOf(setting: Setting, text: string): unknown {
  const typed = text.trim();
  if (typed === "" && setting.empty !== undefined) return setting.empty.value;
  if (setting.kind === "names") {
    return typed
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "");
  }
  if (setting.kind === "count" && /^\d{1,15}$/.test(typed)) return Number(typed);
  return typed;
}

/** The fields that differ, as the body of a PATCH. */
export function changesOf(before: Draft, now: Draft): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const setting of SETTINGS) {
    const text = now[setting.name];
    if (text === undefined || text.trim() === (before[setting.name] ?? "").trim()) continue;
    out[setting.name] = memberOf(setting, text);
  }
  return out;
}

/** What a field amounts to in full, e.g. "604,800,000 ms"; null when it cannot be read. */
export function meaningOf(setting: Setting, text: string): string | null {
  const typed = text.trim();
  if (typed === "") return setting.empty?.word ?? null;
  const exact = (value: bigint | null, unit: string) =>
    value === null ? null : `${value.toLocaleString("en-US")} ${unit}`;
  if (setting.kind === "duration") return exact(readDuration(typed), "ms");
  if (setting.kind === "bytes") return exact(readBytes(typed), "bytes");
  return null;
}

/** The field that a refusal is about: its text opens with the name in quotes. */
export function fieldOf(error: unknown): SettingName | null {
  const name = /^"(\w+)"/.exec(messageOf(error))?.[1];
  return SETTINGS.find((setting) => setting.name === name)?.name ?? null;
}
