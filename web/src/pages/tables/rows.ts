// rows.ts - the list of tables as the page shows it: what each one is, and its dead letters as a
// table of their own. Pure.
import type { Table } from "@/api/types";

export const KINDS = ["topic", "dead", "import", "file"] as const;
export type TableKind = (typeof KINDS)[number];

export const KIND_WORDS: Readonly<Record<TableKind, string>> = {
  topic: "Topics",
  dead: "Dead letters",
  import: "Imported",
  file: "Files folder",
};

export interface TableRow {
  /** "schema.name", and the file where two files clash: unique in the list. */
  key: string;
  schema: string;
  name: string;
  kind: TableKind;
  /** Where its rows come from. */
  origin: string;
  rows: number | null;
  files: number | null;
  bytes: number | null;
  lag: number | null;
  columns: number | null;
  version: number | null;
  /** The last commit, or the file's last change; epoch ms. */
  changedMs: number | null;
  state: string;
  reason: string | undefined;
}

const DEAD_SUFFIX = "__dead";

function kindOf(schema: string): TableKind {
  if (schema === "files") return "file";
  return schema === "bronze" ? "topic" : "import";
}

function instant(text: string | undefined): number | null {
  const ms = Date.parse(text ?? "");
  return Number.isNaN(ms) ? null : ms;
}

const FORMATS: Readonly<Record<string, string>> = {
  csv: "CSV",
  tsv: "TSV",
  parquet: "Parquet",
  ndjson: "NDJSON",
  jsonl: "NDJSON",
};

/** "Staff List.csv, CSV". */
function fileOrigin(file: string): string {
  const ending = /\.([a-z]+)$/i.exec(file)?.[1]?.toLowerCase() ?? "";
  const format = FORMATS[ending];
  return format === undefined ? file : `${file}, ${format}`;
}

function originOf(table: Table, kind: TableKind): string {
  if (kind === "topic") return `topic ${table.topic ?? table.name}`;
  return kind === "file" ? fileOrigin(table.file ?? table.name) : "imported file";
}

function rowOf(table: Table): TableRow {
  const schema = table.schema ?? "bronze";
  const kind = kindOf(schema);
  return {
    key: `${schema}.${table.name}${table.file === undefined ? "" : `/${table.file}`}`,
    schema,
    name: table.name,
    kind,
    origin: originOf(table, kind),
    rows: table.rows ?? null,
    files: table.files ?? null,
    bytes: table.bytes ?? null,
    lag: table.lag_events ?? null,
    columns: table.columns ?? null,
    version: table.version ?? null,
    changedMs: instant(table.last_commit ?? table.modified),
    state: table.state ?? "ok",
    reason: table.reason,
  };
}

/** Dead letters are listed once there are any. */
function deadOf(table: Table, row: TableRow): TableRow | null {
  if (row.kind !== "topic" || (table.dead_rows ?? 0) <= 0) return null;
  const name = `${table.name}${DEAD_SUFFIX}`;
  return {
    ...row,
    key: `${row.schema}.${name}`,
    name,
    kind: "dead",
    origin: `refused by ${row.origin}`,
    rows: table.dead_rows ?? null,
    files: null,
    bytes: null,
    lag: null,
    columns: null,
    version: table.dead_version ?? null,
    changedMs: null,
  };
}

export function tableRows(tables: readonly Table[]): TableRow[] {
  const out: TableRow[] = [];
  for (const table of tables) {
    const row = rowOf(table);
    out.push(row);
    const dead = deadOf(table, row);
    if (dead !== null) out.push(dead);
  }
  return out;
}

export const SORTS = ["name", "kind", "rows", "files", "bytes", "lag", "changed", "state"] as const;
export type SortColumn = (typeof SORTS)[number];

function figure(row: TableRow, by: SortColumn): number | string | null {
  switch (by) {
    case "name":
      return `${row.schema}.${row.name}`;
    case "kind":
      return row.kind;
    case "changed":
      return row.changedMs;
    case "state":
      return row.state;
    default:
      return row[by];
  }
}

/** What is not known comes last in both directions; equal rows are in the order of their names. */
export function sortRows(rows: readonly TableRow[], by: SortColumn, descending: boolean) {
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const left = figure(a, by);
    const right = figure(b, by);
    if (left === null || right === null) {
      if (left !== right) return left === null ? 1 : -1;
    } else if (left !== right) {
      return left < right ? -sign : sign;
    }
    return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
  });
}

/** All words must be in the name, the kind or the origin. */
export function findRows(rows: readonly TableRow[], find: string, kind: TableKind | undefined) {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (kind !== undefined && row.kind !== kind) return false;
    const text = `${row.schema}.${row.name} ${row.origin} ${row.state}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
