// samples.ts - statements to begin with: questions about the tables that are there, and, when the
// files of `tarn sample` are there, the questions that come with them (the program's own texts).
import type { CatalogTable } from "@/api/types";
import { quoteName } from "@/lib/sql";
import { type CatalogIndex, sourcesOf, tableText } from "./complete";

export interface Sample {
  title: string;
  sql: string;
  /** The table it is about, or the set it belongs to. */
  group: string;
}

const files = import.meta.glob<string>("../../../../src/app/samples/*.sql", {
  query: "?raw",
  import: "default",
  eager: true,
});

/** A statement that opens with "-- question". */
function titled(text: string): { title: string; sql: string } {
  const [first = "", ...rest] = text.trim().split("\n");
  return { title: first.replace(/^--\s*/, ""), sql: rest.length > 0 ? text.trim() : first };
}

const SHOP = "The sample shop";

/** Those of `tarn sample` all of whose tables are there. */
export function shopSamples(index: CatalogIndex, texts: readonly string[]): Sample[] {
  return texts
    .map((text) => ({ ...titled(text), group: SHOP }))
    .filter(({ sql }) => {
      const sources = sourcesOf(sql);
      const own = new Set(
        sources.filter((s) => s.table === undefined).map((s) => s.alias.toLowerCase()),
      );
      return sources.every(
        ({ table }) => table === undefined || own.has(table) || index.byName.has(table),
      );
    });
}

const TABLES_MAX = 3;

function isTime(type: string): boolean {
  return /^(TIMESTAMP|DATE)/i.test(type);
}

/** A few questions about one table, by the types of its columns. */
export function tableSamples(index: CatalogIndex, table: CatalogTable): Sample[] {
  const name = tableText(index, table);
  const own = table.columns.filter((c) => !c.name.startsWith("_"));
  const time =
    table.columns.find((c) => c.name === "_time") ?? table.columns.find((c) => isTime(c.type));
  const word = own.find(
    (c) =>
      /^VARCHAR/i.test(c.type) && /(type|kind|status|method|level|country|category)/i.test(c.name),
  );
  const text = word ?? own.find((c) => /^VARCHAR/i.test(c.type));
  const group = `${table.schema}.${table.name}`;
  const out: Sample[] = [];
  if (time) {
    const column = quoteName(time.name);
    out.push({
      title: "The newest rows",
      sql: `SELECT *\nFROM ${name}\nORDER BY ${column} DESC\nLIMIT 100`,
      group,
    });
    if (/^TIMESTAMP/i.test(time.type)) {
      out.push({
        title: "Rows per minute",
        sql: `SELECT date_trunc('minute', ${column}) AS minute, count(*) AS row_count\nFROM ${name}\nGROUP BY ALL\nORDER BY minute`,
        group,
      });
    }
  }
  if (text) {
    const column = quoteName(text.name);
    out.push({
      title: `How often each ${text.name} comes`,
      sql: `SELECT ${column}, count(*) AS row_count\nFROM ${name}\nGROUP BY ALL\nORDER BY row_count DESC\nLIMIT 50`,
      group,
    });
  }
  out.push({ title: "What is in each column", sql: `SUMMARIZE ${name}`, group });
  return out;
}

/** Topics first, what holds most before the others. */
function compare(a: CatalogTable, b: CatalogTable): number {
  const rows = (table: CatalogTable) => (table.rows ?? 0) + (table.lag_events ?? 0);
  const isTopic = (table: CatalogTable) => Number(table.kind === "topic");
  return isTopic(b) - isTopic(a) || rows(b) - rows(a);
}

export function samples(index: CatalogIndex): Sample[] {
  const first = index.tables
    .filter((t) => t.kind !== "dead" && t.columns.length > 0)
    .sort(compare)
    .slice(0, TABLES_MAX);
  return [
    ...first.flatMap((table) => tableSamples(index, table)),
    ...shopSamples(index, Object.values(files)),
  ];
}

const FIRST = 3;

/** To begin with at once: of the first table, and one over several tables when there is one. */
export function firstSamples(index: CatalogIndex): Sample[] {
  const all = samples(index);
  const own = all.filter((sample) => sample.group === all[0]?.group).slice(0, FIRST);
  const further = all.find((sample) => sample.group === SHOP);
  return further === undefined || own.includes(further) ? own : [...own, further];
}

export function sampleOf(index: CatalogIndex | undefined, table: CatalogTable): string {
  const name = index
    ? tableText(index, table)
    : `${quoteName(table.schema)}.${quoteName(table.name)}`;
  return `SELECT *\nFROM ${name}\nLIMIT 100`;
}
