// complete.ts - what can be typed next, from an index of the catalog: columns of the tables that
// the statement names, tables, functions, words. Pure: the editor asks, this answers.
import type { CatalogTable } from "@/api/types";
import { quoteName } from "@/lib/sql";
import { pieces } from "./statements";

export interface CatalogIndex {
  tables: readonly CatalogTable[];
  /** By name and by schema.name, in lower case; the first by the order of the search path. */
  byName: ReadonlyMap<string, CatalogTable>;
  schemas: ReadonlyMap<string, readonly CatalogTable[]>;
}

const SEARCH_PATH = ["main", "gold", "silver", "bronze", "files"];

function rank(schema: string): number {
  const at = SEARCH_PATH.indexOf(schema);
  return at < 0 ? SEARCH_PATH.length : at;
}

/** Made once per catalog, not per key. */
export function indexCatalog(tables: readonly CatalogTable[]): CatalogIndex {
  const byName = new Map<string, CatalogTable>();
  const schemas = new Map<string, CatalogTable[]>();
  for (const table of tables) {
    const name = table.name.toLowerCase();
    const other = byName.get(name);
    if (other === undefined || rank(table.schema) < rank(other.schema)) byName.set(name, table);
    byName.set(`${table.schema.toLowerCase()}.${name}`, table);
    const list = schemas.get(table.schema);
    if (list) list.push(table);
    else schemas.set(table.schema, [table]);
  }
  return { tables, byName, schemas };
}

/** As a statement names it: with its schema where the bare name means another table. */
export function tableText(index: CatalogIndex, table: CatalogTable): string {
  const bare = index.byName.get(table.name.toLowerCase());
  const name = quoteName(table.name);
  return bare === table ? name : `${quoteName(table.schema)}.${name}`;
}

export interface Source {
  /** The name its columns are asked by. */
  alias: string;
  /** "table" or "schema.table", lower case; undefined for a subquery or CTE. */
  table: string | undefined;
}

type Token = { text: string; isWord: boolean };

const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*|\S/g;

function tokens(sql: string): Token[] {
  const out: Token[] = [];
  pieces(sql, (kind, from, to) => {
    const text = sql.slice(from, to);
    if (kind === "name") {
      out.push({ text: text.slice(1, -1).replaceAll('""', '"'), isWord: true });
    } else if (kind === "text") {
      out.push({ text: "''", isWord: false });
    } else if (kind === "code") {
      for (const [word] of text.matchAll(WORD)) {
        out.push({ text: word, isWord: /^[A-Za-z_\u0080-\uffff]/.test(word) });
      }
    }
  });
  return out;
}

const NO_ALIAS = new Set(
  (
    "where group order having limit offset join inner left right full cross natural asof positional " +
    "semi anti on using union except intersect window qualify sample tablesample select from as " +
    "set values returning pivot unpivot lateral fetch for"
  ).split(" "),
);

/** Tables and aliases after FROM, JOIN and their commas, and the names of WITH. */
export function sourcesOf(sql: string): Source[] {
  const list = tokens(sql);
  const out: Source[] = [];
  const word = (i: number) => (list[i]?.isWord ? (list[i]?.text ?? "") : "");
  const lower = (i: number) => word(i).toLowerCase();
  for (let i = 0; i < list.length; i++) {
    const isCte =
      word(i) !== "" &&
      lower(i + 1) === "as" &&
      (list[i + 2]?.text === "(" || lower(i + 2) === "materialized") &&
      (lower(i - 1) === "with" || lower(i - 1) === "recursive" || list[i - 1]?.text === ",");
    if (isCte) out.push({ alias: word(i), table: undefined });
    if (lower(i) !== "from" && lower(i) !== "join") continue;
    let at = i + 1;
    for (;;) {
      if (lower(at) === "lateral") at++;
      const parts: string[] = [];
      if (list[at]?.text === "(") {
        at = closing(list, at) + 1;
      } else if (word(at) !== "") {
        parts.push(word(at++));
        while (list[at]?.text === "." && word(at + 1) !== "") {
          parts.push(word(at + 1));
          at += 2;
        }
        if (list[at]?.text === "(") {
          // A table function: its columns are not known.
          at = closing(list, at) + 1;
          parts.length = 0;
        }
      } else break;
      if (lower(at) === "as") at++;
      const alias = NO_ALIAS.has(lower(at)) ? "" : word(at);
      if (alias !== "") at++;
      const table = parts.length > 0 ? parts.slice(-2).join(".").toLowerCase() : undefined;
      const own = parts.at(-1);
      if (alias !== "" || own !== undefined) out.push({ alias: alias || (own ?? ""), table });
      if (list[at]?.text !== ",") break;
      at++;
    }
    i = Math.max(i, Math.min(at - 1, i + 1));
  }
  return out;
}

function closing(list: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < list.length; i++) {
    if (list[i]?.text === "(") depth++;
    else if (list[i]?.text === ")" && --depth === 0) return i;
  }
  return list.length;
}

export interface FunctionWord {
  name: string;
  kind: "scalar" | "aggregate" | "table" | "macro";
  parameters: string[];
  returns?: string | null;
  description?: string | null;
}

export interface Words {
  keywords: string[];
  types: string[];
  functions: FunctionWord[];
}

export type SuggestionKind = "column" | "table" | "schema" | "function" | "keyword" | "type";

export interface Suggestion {
  label: string;
  kind: SuggestionKind;
  detail?: string;
  info?: string;
  /** What is put in, when it is not the label. */
  apply?: string;
  boost?: number;
}

/** "(x, pos) → DOUBLE" */
export function signature({ parameters, returns }: FunctionWord): string {
  return `(${parameters.join(", ")})${returns ? ` → ${returns}` : ""}`;
}

/** Words that are the same wherever they are typed; made once. */
export function wordSuggestions(words: Words): Suggestion[] {
  const out: Suggestion[] = [];
  const seen = new Set<string>();
  for (const f of words.functions) {
    if (!/^[a-z_]\w*$/i.test(f.name) || seen.has(f.name)) continue;
    seen.add(f.name);
    out.push({
      label: f.name,
      kind: "function",
      detail: signature(f),
      info: f.description?.trim() || undefined,
      apply: `${f.name}(`,
      boost: f.kind === "aggregate" ? 2 : 0,
    } as Suggestion);
  }
  for (const keyword of words.keywords) {
    out.push({ label: keyword.toUpperCase(), kind: "keyword", boost: -1 });
  }
  const known = new Set(words.keywords.map((k) => k.toUpperCase()));
  for (const type of words.types) {
    if (!known.has(type)) out.push({ label: type, kind: "type", boost: -5 });
  }
  return out;
}

function columnSuggestions(table: CatalogTable, boost: number): Suggestion[] {
  return table.columns.map(({ name, type }, i) => ({
    label: name,
    kind: "column" as const,
    detail: `${type} · ${table.name}`,
    apply: quoteName(name),
    // In the order of the table; the log's own columns last.
    boost: boost - (name.startsWith("_") ? 5 : 0) - i / 1000,
  }));
}

/** After "name.": columns of that alias or table, or tables of that schema. */
export function afterDot(index: CatalogIndex, sql: string, path: readonly string[]): Suggestion[] {
  const name = path.join(".").toLowerCase();
  const source = sourcesOf(sql).find((s) => s.alias.toLowerCase() === name);
  const table = index.byName.get(source?.table ?? name);
  if (table !== undefined) return columnSuggestions(table, 10);
  const schema = index.schemas.get(path[0] ?? "");
  if (path.length !== 1 || schema === undefined) return [];
  return schema.map((t) => ({
    label: t.name,
    kind: "table" as const,
    detail: t.kind,
    apply: quoteName(t.name),
  }));
}

/** Where no dot is before: columns in reach, aliases, tables, schemas. */
export function inReach(index: CatalogIndex, sql: string): Suggestion[] {
  const out: Suggestion[] = [];
  const seen = new Set<string>();
  for (const { alias, table } of sourcesOf(sql)) {
    const found = table === undefined ? undefined : index.byName.get(table);
    for (const one of found ? columnSuggestions(found, 10) : []) {
      if (!seen.has(one.label)) out.push(one);
      seen.add(one.label);
    }
    if (alias.toLowerCase() !== table) {
      out.push({ label: alias, kind: "table", detail: table ?? "of this statement", boost: 6 });
    }
  }
  for (const table of index.tables) {
    out.push({
      label: table.name,
      kind: "table",
      detail: `${table.schema} · ${table.kind}`,
      apply: tableText(index, table),
      boost: 4,
    });
  }
  for (const schema of index.schemas.keys()) {
    out.push({ label: schema, kind: "schema", detail: "schema", apply: quoteName(schema) });
  }
  return out;
}
