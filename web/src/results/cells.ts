// cells.ts - cells of a result as people read them: instants in the page's zone with all their
// digits, short type names, column widths by what is in them, rows as text for the clipboard.
import { cellShown, cellText } from "@/lib/cell";
import { toMarkdown, toTsv } from "@/lib/csv";
import { formatJson, parseJson } from "@/lib/json";
import { formatTime, offsetLabel, type Zone } from "@/lib/zone";
import type { ResultColumn, ResultRow } from "./result";

/** What names a column to the server: its name, or its number where the name is there twice. */
export function columnIds(columns: readonly ResultColumn[]): string[] {
  const seen = new Set<string>();
  return columns.map(({ name }, i) => {
    const id = seen.has(name) ? `#${i + 1}` : name;
    seen.add(name);
    return id;
  });
}

export function isInstant(type: string): boolean {
  return /^TIMESTAMP WITH TIME ZONE$|^TIMESTAMPTZ$/i.test(type);
}

/** The type as a header has room for. */
export function shortType(type: string, zone: Zone, nowMs: number): string {
  if (isInstant(type)) return `TIMESTAMPTZ in ${offsetLabel(nowMs, zone)}`;
  return type.replaceAll("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ").replaceAll('"', "");
}

const INSTANT = /^(\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z$/;

/** An instant with its fraction, in the zone; what is none as it is. */
export function instantShown(value: string, zone: Zone): string {
  const found = INSTANT.exec(value);
  const ms = found === null ? Number.NaN : Date.parse(`${found[1]}Z`);
  if (Number.isNaN(ms)) return value;
  return formatTime(ms, zone) + (found?.[2] ?? "");
}

export function shown(value: unknown, type: string, zone: Zone): string {
  if (typeof value === "string" && isInstant(type)) return instantShown(value, zone);
  return cellShown(value, type);
}

/** An object or list: of a nested type, or JSON in a text. Undefined when it is neither. */
export function treeOf(value: unknown): object | undefined {
  if (typeof value === "object" && value !== null) return value;
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return undefined;
  try {
    const parsed = parseJson(value);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

const CELL_CHARS_MAX = 4000;

const cutRows = new WeakSet<ResultRow>();

/** A row as the grid keeps it: of texts beyond a screen's length only the beginning. */
export function kept(row: ResultRow): ResultRow {
  const isLong = (value: unknown) => typeof value === "string" && value.length > CELL_CHARS_MAX;
  if (!row.some(isLong)) return row;
  const cut = row.map((value) => (isLong(value) ? String(value).slice(0, CELL_CHARS_MAX) : value));
  cutRows.add(cut);
  return cut;
}

/** The row is not whole: who wants to see it all asks the server for it. */
export function isCut(row: ResultRow): boolean {
  return cutRows.has(row);
}

const CHAR_PX = 7.9;
const WIDTH_MIN = 72;
const WIDTH_MAX = 380;
const ROWS_MEASURED = 60;

/** A first width by the header and the first rows. */
export function guessWidth(header: string, type: string, texts: readonly string[]): number {
  let chars = Math.max(header.length + 3, type.length * 0.92);
  for (const text of texts.slice(0, ROWS_MEASURED)) chars = Math.max(chars, text.length);
  return Math.round(Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, chars * CHAR_PX + 22)));
}

const INTEGER_TYPE = /^U?(BIG|HUGE)INT$/i;

/** The value for a JSON text: 64-bit integers are numbers again, with all digits. */
function jsonValue(value: unknown, type: string): unknown {
  if (typeof value === "string" && INTEGER_TYPE.test(type) && /^-?\d+$/.test(value)) {
    return BigInt(value);
  }
  return value;
}

export type CopyFormat = "tsv" | "json" | "markdown";

/** Rows of some columns as text; with their names except in TSV without `head`. */
export function rowsText(
  columns: readonly ResultColumn[],
  rows: readonly ResultRow[],
  format: CopyFormat,
  head = true,
): string {
  if (format === "json") {
    const objects = rows.map((row) =>
      Object.fromEntries(columns.map((c, i) => [c.name, jsonValue(row[i] ?? null, c.type)])),
    );
    return `[\n${objects.map((object) => `  ${formatJson(object, 0)}`).join(",\n")}\n]`;
  }
  const cells = rows.map((row) => columns.map((_, i) => cellText(row[i])));
  const names = columns.map((c) => c.name);
  if (format === "markdown") {
    const marked = rows.map((row) =>
      columns.map((_, i) => (row[i] === null ? "NULL" : cellText(row[i]))),
    );
    return toMarkdown(names, marked);
  }
  return toTsv(head ? [names, ...cells] : cells);
}
