// shown.ts - how a result is looked at: one sort, some filters, a chart or not. As the server's
// parameters, as SQL over `result`, and as part of the address.
import { isNumericType } from "@/lib/cell";
import { listFrom, listTo, oneOf, text } from "@/lib/search";
import { quoteText } from "@/lib/sql";
import { type ChartSpec, chartFrom, chartTo } from "./chart-spec";

export interface ResultSort {
  column: string;
  descending: boolean;
}

export const FILTER_OPS = [
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "contains",
  "starts",
  "null",
  "notnull",
] as const;

export type FilterOp = (typeof FILTER_OPS)[number];

export interface ResultFilter {
  column: string;
  op: FilterOp;
  value: string;
}

export const OP_WORDS: Record<FilterOp, string> = {
  eq: "=",
  ne: "≠",
  lt: "<",
  le: "≤",
  gt: ">",
  ge: "≥",
  contains: "contains",
  starts: "starts with",
  null: "is NULL",
  notnull: "is not NULL",
};

export function takesValue(op: FilterOp): boolean {
  return op !== "null" && op !== "notnull";
}

const ORDERED = /^(TIMESTAMP|DATE|TIME|INTERVAL)/i;

/** What makes sense for a column of this type, the most likely first. */
export function opsFor(type: string): FilterOp[] {
  if (isNumericType(type) || ORDERED.test(type)) {
    return ["eq", "ne", "lt", "le", "gt", "ge", "null", "notnull"];
  }
  if (/^BOOL/i.test(type)) return ["eq", "ne", "null", "notnull"];
  return ["contains", "starts", "eq", "ne", "null", "notnull"];
}

// The server splits at the first two colons from the right place only when names hold none; names
// with a colon go by their position instead (see columnRef).
export function filterParam({ column, op, value }: ResultFilter): string {
  return takesValue(op) ? `${column}:${op}:${value}` : `${column}:${op}`;
}

export function filterFrom(param: string): ResultFilter | undefined {
  const found = new RegExp(`^(.+?):(${FILTER_OPS.join("|")})(?::([\\s\\S]*))?$`).exec(param);
  if (found === null) return undefined;
  const op = found[2] as FilterOp;
  if (takesValue(op) && found[3] === undefined) return undefined;
  return { column: found[1] ?? "", op, value: found[3] ?? "" };
}

export function sortParam({ column, descending }: ResultSort): string {
  return descending ? `-${column}` : column;
}

export function sortFrom(param: string | undefined): ResultSort | null {
  if (!param) return null;
  return param.startsWith("-")
    ? { column: param.slice(1), descending: true }
    : { column: param, descending: false };
}

export function filterText({ column, op, value }: ResultFilter): string {
  return takesValue(op) ? `${column} ${OP_WORDS[op]} ${value}` : `${column} ${OP_WORDS[op]}`;
}

const SQL_OPS: Partial<Record<FilterOp, string>> = {
  eq: "=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};

/** Always quoted: a result may have names such as "count_star()" or "Order". */
export function columnRef(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The same condition as the server's own filter. */
export function filterSql(filter: ResultFilter, type: string): string {
  const column = columnRef(filter.column);
  const value = `CAST(${quoteText(filter.value)} AS ${type})`;
  switch (filter.op) {
    case "null":
      return `${column} IS NULL`;
    case "notnull":
      return `${column} IS NOT NULL`;
    case "contains":
      return `contains(lower(CAST(${column} AS VARCHAR)), lower(${quoteText(filter.value)}))`;
    case "starts":
      return `starts_with(lower(CAST(${column} AS VARCHAR)), lower(${quoteText(filter.value)}))`;
    case "ne":
      return `${column} IS DISTINCT FROM ${value}`;
    default:
      return `${column} ${SQL_OPS[filter.op]} ${value}`;
  }
}

/** " WHERE … AND …" over the result, or nothing. */
export function whereSql(
  filters: readonly ResultFilter[],
  columns: readonly { name: string; type: string }[],
): string {
  const terms = filters.map((filter) =>
    filterSql(filter, columns.find((c) => c.name === filter.column)?.type ?? "VARCHAR"),
  );
  return terms.length === 0 ? "" : ` WHERE ${terms.join(" AND ")}`;
}

/** The part of the address that says how the result is shown. */
export interface ViewSearch {
  view?: "chart";
  sort?: string;
  filter?: string;
  chart?: string;
}

export interface ResultView {
  mode: "table" | "chart";
  sort: ResultSort | null;
  filters: readonly ResultFilter[];
  /** Null: suggested from the columns. */
  chart: ChartSpec | null;
}

export const PLAIN_VIEW: ResultView = { mode: "table", sort: null, filters: [], chart: null };

export function viewSearch(search: Record<string, unknown>): ViewSearch {
  return {
    view: oneOf(search.view, ["chart"] as const),
    sort: text(search.sort),
    filter: text(search.filter),
    chart: text(search.chart),
  };
}

export function viewFrom(search: ViewSearch): ResultView {
  return {
    mode: search.view ?? "table",
    sort: sortFrom(search.sort),
    filters: listFrom(search.filter)
      .map(filterFrom)
      .filter((filter) => filter !== undefined),
    chart: chartFrom(search.chart),
  };
}

export function viewTo(view: ResultView): ViewSearch {
  return {
    view: view.mode === "chart" ? "chart" : undefined,
    sort: view.sort ? sortParam(view.sort) : undefined,
    filter: listTo(view.filters.map(filterParam)),
    chart: view.chart ? chartTo(view.chart) : undefined,
  };
}
