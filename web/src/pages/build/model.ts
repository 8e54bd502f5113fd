// model.ts - a question put together by hand: its parts, their form in the address, and the SQL that
// they mean. Pure; the SQL is shown at every step, and is all that is ever sent.
import { isNumericType } from "@/lib/cell";
import { listFrom, listTo, oneOf, text } from "@/lib/search";
import { quoteName, quoteText } from "@/lib/sql";
import { FILTER_OPS, type FilterOp, opsFor } from "@/results/shown";

export interface BuildColumn {
  name: string;
  type: string;
}

export const BUILD_OPS = [...FILTER_OPS, "in", "last"] as const;
export type BuildOp = FilterOp | "in" | "last";

export interface BuildFilter {
  column: string;
  op: BuildOp;
  /** With `in`: values joined by commas as in an address; with `last`: 15m, 6h, 7d. */
  value: string;
}

export const BUCKETS = ["minute", "5min", "15min", "hour", "day", "week", "month", "year"] as const;
export type Bucket = (typeof BUCKETS)[number];

export const BUCKET_WORDS: Record<Bucket, string> = {
  minute: "minute",
  "5min": "5 minutes",
  "15min": "15 minutes",
  hour: "hour",
  day: "day",
  week: "week",
  month: "month",
  year: "year",
};

export interface BuildGroup {
  column: string;
  bucket: Bucket | null;
}

export const MEASURES = ["count", "sum", "avg", "min", "max", "distinct", "median"] as const;
export type MeasureKind = (typeof MEASURES)[number];

export interface BuildMeasure {
  kind: MeasureKind;
  /** Null with `count`: rows. */
  column: string | null;
}

export interface BuildOrder {
  /** The name of an output column. */
  by: string;
  descending: boolean;
}

export interface BuildQuery {
  /** schema.name; undefined: none chosen yet. */
  schema: string;
  table: string;
  /** Empty: all of them. Without meaning once there are groups or measures. */
  columns: readonly string[];
  filters: readonly BuildFilter[];
  groups: readonly BuildGroup[];
  measures: readonly BuildMeasure[];
  order: readonly BuildOrder[];
  limit: number;
}

export const LIMIT_DEFAULT = 1000;
export const LIMIT_MAX = 1_000_000;

export function emptyQuery(schema = "", table = ""): BuildQuery {
  return {
    schema,
    table,
    columns: [],
    filters: [],
    groups: [],
    measures: [],
    order: [],
    limit: LIMIT_DEFAULT,
  };
}

export interface BuildSearch {
  table?: string | undefined;
  cols?: string | undefined;
  where?: string | undefined;
  group?: string | undefined;
  measure?: string | undefined;
  order?: string | undefined;
  limit?: string | undefined;
}

const FILTER = new RegExp(`^(.+?):(${BUILD_OPS.join("|")})(?::([\\s\\S]*))?$`);

function filterFrom(part: string): BuildFilter | undefined {
  const found = FILTER.exec(part);
  if (found === null) return undefined;
  return { column: found[1] ?? "", op: found[2] as BuildOp, value: found[3] ?? "" };
}

function groupFrom(part: string): BuildGroup {
  const at = part.lastIndexOf(":");
  const bucket = at < 0 ? undefined : oneOf(part.slice(at + 1), BUCKETS);
  return bucket === undefined
    ? { column: part, bucket: null }
    : { column: part.slice(0, at), bucket };
}

function measureFrom(part: string): BuildMeasure | undefined {
  const at = part.indexOf(":");
  const kind = oneOf(at < 0 ? part : part.slice(0, at), MEASURES);
  if (kind === undefined) return undefined;
  const column = at < 0 ? null : part.slice(at + 1);
  return kind !== "count" && column === null ? undefined : { kind, column };
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined;
}

/** The first dot ends the schema: names of schemas hold none. */
export function queryFrom(search: BuildSearch): BuildQuery {
  const full = search.table ?? "";
  const dot = full.indexOf(".");
  const limit = Number(search.limit);
  return {
    schema: dot < 0 ? "" : full.slice(0, dot),
    table: full.slice(dot + 1),
    columns: listFrom(search.cols),
    filters: listFrom(search.where).map(filterFrom).filter(isThere),
    groups: listFrom(search.group).map(groupFrom),
    measures: listFrom(search.measure).map(measureFrom).filter(isThere),
    order: listFrom(search.order).map((part) =>
      part.startsWith("-")
        ? { by: part.slice(1), descending: true }
        : { by: part, descending: false },
    ),
    limit: Number.isInteger(limit) && limit > 0 ? Math.min(limit, LIMIT_MAX) : LIMIT_DEFAULT,
  };
}

export function queryTo(query: BuildQuery): BuildSearch {
  const { schema, table, limit } = query;
  return {
    table: table === "" ? undefined : schema === "" ? table : `${schema}.${table}`,
    cols: listTo(query.columns),
    where: listTo(
      query.filters.map(({ column, op, value }) =>
        needsValue(op) ? `${column}:${op}:${value}` : `${column}:${op}`,
      ),
    ),
    group: listTo(query.groups.map((g) => (g.bucket ? `${g.column}:${g.bucket}` : g.column))),
    measure: listTo(query.measures.map((m) => (m.column ? `${m.kind}:${m.column}` : m.kind))),
    order: listTo(query.order.map((o) => (o.descending ? `-${o.by}` : o.by))),
    limit: limit === LIMIT_DEFAULT ? undefined : String(limit),
  };
}

export function buildSearch(search: Record<string, unknown>): BuildSearch {
  return {
    table: text(search.table),
    cols: text(search.cols),
    where: text(search.where),
    group: text(search.group),
    measure: text(search.measure),
    order: text(search.order),
    limit: text(search.limit),
  };
}

export function needsValue(op: BuildOp): boolean {
  return op !== "null" && op !== "notnull";
}

export function isTime(type: string): boolean {
  return /^(TIMESTAMP|DATE)/i.test(type);
}

export function buildOps(type: string): BuildOp[] {
  const ops: BuildOp[] = [...opsFor(type)];
  if (isTime(type)) return ["last", ...ops];
  if (/^VARCHAR/i.test(type)) return ["eq", "in", ...ops.filter((op) => op !== "eq")];
  return isNumericType(type) ? [...ops, "in"] : ops;
}

/** A filter is only part of the question once it has its value. */
export function isComplete({ op, value }: BuildFilter): boolean {
  if (!needsValue(op)) return true;
  if (op === "in") return listFrom(value).length > 0;
  if (op === "last") return LAST.test(value);
  return value !== "";
}

const LAST = /^(\d{1,6})(s|m|h|d|w)$/;
const LAST_WORDS = { s: "seconds", m: "minutes", h: "hours", d: "days", w: "weeks" } as const;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** A value as a literal of the column's type. What is no number is handed over as text: the server
 * then says what is wrong with it. */
export function literal(value: string, type: string): string {
  if (isNumericType(type)) return NUMBER.test(value.trim()) ? value.trim() : quoteText(value);
  if (/^BOOL/i.test(type) && /^(true|false)$/i.test(value)) return value.toLowerCase();
  if (/^TIMESTAMP WITH TIME ZONE$|^TIMESTAMPTZ$/i.test(type))
    return `TIMESTAMPTZ ${quoteText(value)}`;
  if (/^TIMESTAMP/i.test(type)) return `TIMESTAMP ${quoteText(value)}`;
  if (/^DATE$/i.test(type)) return `DATE ${quoteText(value)}`;
  return quoteText(value);
}

const COMPARE: Partial<Record<BuildOp, string>> = {
  eq: "=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};

function likeText(value: string): string {
  return value.replace(/[\\%_]/g, "\\$&");
}

function conditionSql({ column, op, value }: BuildFilter, type: string): string {
  const c = quoteName(column);
  const asText = /^VARCHAR/i.test(type) ? c : `CAST(${c} AS VARCHAR)`;
  switch (op) {
    case "null":
      return `${c} IS NULL`;
    case "notnull":
      return `${c} IS NOT NULL`;
    case "ne":
      return `${c} IS DISTINCT FROM ${literal(value, type)}`;
    case "contains":
      return `${asText} ILIKE ${quoteText(`%${likeText(value)}%`)} ESCAPE '\\'`;
    case "starts":
      return `${asText} ILIKE ${quoteText(`${likeText(value)}%`)} ESCAPE '\\'`;
    case "in":
      return `${c} IN (${listFrom(value)
        .map((one) => literal(one, type))
        .join(", ")})`;
    case "last": {
      const found = LAST.exec(value);
      const unit = LAST_WORDS[(found?.[2] ?? "m") as keyof typeof LAST_WORDS];
      return `${c} >= now() - INTERVAL '${found?.[1] ?? "15"} ${unit}'`;
    }
    default:
      return `${c} ${COMPARE[op]} ${literal(value, type)}`;
  }
}

export function groupName({ column, bucket }: BuildGroup): string {
  return bucket === null ? column : `${column}_${bucket}`;
}

export function measureName({ kind, column }: BuildMeasure): string {
  return column === null ? kind : `${kind}_${column}`;
}

function groupSql(group: BuildGroup): string {
  const c = quoteName(group.column);
  if (group.bucket === null) return c;
  const name = quoteName(groupName(group));
  const minutes = /^(\d+)min$/.exec(group.bucket)?.[1];
  if (minutes !== undefined) return `time_bucket(INTERVAL '${minutes} minutes', ${c}) AS ${name}`;
  return `date_trunc('${group.bucket}', ${c}) AS ${name}`;
}

function measureSql(measure: BuildMeasure): string {
  const name = quoteName(measureName(measure));
  const c = measure.column === null ? "*" : quoteName(measure.column);
  if (measure.kind === "distinct") return `count(DISTINCT ${c}) AS ${name}`;
  return `${measure.kind}(${c}) AS ${name}`;
}

/** The names of the answer's columns, which an order may go by. */
export function outputNames(query: BuildQuery, columns: readonly BuildColumn[]): string[] {
  if (query.groups.length > 0 || query.measures.length > 0) {
    return [...query.groups.map(groupName), ...query.measures.map(measureName)];
  }
  return query.columns.length > 0 ? [...query.columns] : columns.map((c) => c.name);
}

/** Other groups or measures; an order by one that is now called otherwise follows it, one by a part
 * that is gone goes too. */
export function withParts(
  query: BuildQuery,
  next: Partial<Pick<BuildQuery, "groups" | "measures">>,
): BuildQuery {
  const changed = { ...query, ...next };
  const before = [query.groups.map(groupName), query.measures.map(measureName)];
  const after = [changed.groups.map(groupName), changed.measures.map(measureName)];
  const all = after.flat();
  const order = query.order.flatMap(({ by, descending }) => {
    if (all.includes(by)) return [{ by, descending }];
    const part = before.findIndex((names) => names.includes(by));
    const names = after[part];
    const isSame = names !== undefined && names.length === before[part]?.length;
    const renamed = isSame ? names[before[part]?.indexOf(by) ?? -1] : undefined;
    return renamed === undefined ? [] : [{ by: renamed, descending }];
  });
  return { ...changed, order };
}

/** The question as SQL. Parts that name columns which are not there are left in: the server says
 * so, rather than something else being answered. */
export function toSql(query: BuildQuery, columns: readonly BuildColumn[]): string {
  const { schema, table, groups, measures, limit } = query;
  const type = (name: string) => columns.find((c) => c.name === name)?.type ?? "VARCHAR";
  const grouped = groups.length > 0 || measures.length > 0;
  const output = grouped
    ? [...groups.map(groupSql), ...measures.map(measureSql)]
    : query.columns.map(quoteName);
  const lines = [
    output.length === 0 ? "SELECT *" : `SELECT ${output.join(", ")}`,
    `FROM ${schema === "" ? "" : `${quoteName(schema)}.`}${quoteName(table)}`,
  ];
  const terms = query.filters.filter(isComplete).map((f) => conditionSql(f, type(f.column)));
  if (terms.length > 0) lines.push(`WHERE ${terms.join("\n  AND ")}`);
  if (grouped && groups.length > 0) lines.push("GROUP BY ALL");
  const names = outputNames(query, columns);
  const order = query.order
    .filter(({ by }) => names.includes(by))
    .map(({ by, descending }) => `${quoteName(by)}${descending ? " DESC" : ""}`);
  if (order.length > 0) lines.push(`ORDER BY ${order.join(", ")}`);
  lines.push(`LIMIT ${limit}`);
  return lines.join("\n");
}

/** The values to offer for a column, the most frequent first, from the rows that are read first. */
export const VALUES_ROWS_MAX = 200_000;

export function valuesSql(query: BuildQuery, column: string): string {
  const from = `${query.schema === "" ? "" : `${quoteName(query.schema)}.`}${quoteName(query.table)}`;
  const c = quoteName(column);
  return `SELECT value, count(*) AS n FROM (SELECT ${c} AS value FROM ${from} LIMIT ${VALUES_ROWS_MAX}) WHERE value IS NOT NULL GROUP BY ALL ORDER BY n DESC, value LIMIT 50`;
}
