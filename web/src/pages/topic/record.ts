// record.ts - a record as a line of text, and where else it can be found.
import type { EventRecord } from "@/api/types";
import { formatJson } from "@/lib/json";
import { quotePath } from "@/lib/sql";

const LINE_CHARACTERS = 400;

/** The value on one line, cut. */
export function lineOf({ value }: Pick<EventRecord, "value">): string {
  if (value === null || value === undefined) return "";
  const text = typeof value === "string" ? value : formatJson(value, 0);
  return text.slice(0, LINE_CHARACTERS).replaceAll(/\s+/g, " ");
}

export function idOf({ partition, offset }: { partition: number; offset: number }): string {
  return `${partition}:${offset}`;
}

export function readId(id: string): { partition: number; offset: string } | null {
  const match = /^(\d{1,9}):(\d{1,18})$/.exec(id);
  return match === null ? null : { partition: Number(match[1]), offset: match[2] ?? "0" };
}

/** The row of a record in the topic's table. */
export function rowSql(table: string, partition: number, offset: number | string): string {
  const from = quotePath("bronze", table);
  return `SELECT *\nFROM ${from}\nWHERE _partition = ${partition} AND _offset = ${offset}`;
}
