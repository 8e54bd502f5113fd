// sql.ts - the page's questions as SQL over the tables of topics, fresh rows included. Topics name
// the same thing differently, so each is asked by the columns that its table has, and all of them
// become one relation:
//
//   events(event_time, topic, type, level, source, endpoint, failed)
//
// bounded by the time of the events. Pure text; every name and value goes through lib/sql.ts.
import { FACET_FIELDS, FACETS, type Facet } from "@/filters/facets";
import type { Filters } from "@/filters/use-filters";
import { quoteName, quotePath, quoteText, quoteTime } from "@/lib/sql";
import type { Split } from "./split";

export interface Source {
  topic: string;
  table: string;
  columns: readonly { name: string; type: string }[];
}

export interface Question {
  sources: readonly Source[];
  filters: Filters;
  /** The period asked about … */
  fromMs: number;
  toMs: number;
}

const NESTED = /^(STRUCT|MAP|UNION|JSON)|\]$/i;
const ERROR_LEVELS = ["emerg", "alert", "crit", "critical", "fatal", "error", "err"];

/** A column as text, as the live filters compare it: what is nested as JSON. */
function asText(name: string, type: string): string {
  const column = quoteName(name);
  if (/^VARCHAR$/i.test(type)) return column;
  return NESTED.test(type) ? `CAST(to_json(${column}) AS VARCHAR)` : `CAST(${column} AS VARCHAR)`;
}

/** What a facet is in this table; null when it has no such column. */
export function facetExpression(source: Source, facet: Facet): string | null {
  const found = FACET_FIELDS[facet].flatMap((name) => {
    const column = source.columns.find((one) => one.name === name);
    return column === undefined ? [] : [asText(column.name, column.type)];
  });
  if (found.length === 0) return null;
  return found.length === 1 ? (found[0] ?? null) : `coalesce(${found.join(", ")})`;
}

/** Whether an event tells of a failure: by its level, else by a status of 500 and more. */
export function failedExpression(source: Source): string | null {
  const level = facetExpression(source, "level");
  const status = source.columns.some((one) => one.name === "status")
    ? "TRY_CAST(status AS INTEGER) >= 500"
    : null;
  const levels = ERROR_LEVELS.map(quoteText).join(", ");
  const byLevel = level === null ? null : `lower(${level}) IN (${levels})`;
  if (byLevel !== null && status !== null) return `coalesce(${byLevel}, ${status})`;
  return byLevel ?? status;
}

function textCondition(source: Source, text: string): string {
  const columns = source.columns
    .filter(({ name }) => !name.startsWith("_") || name === "_rescued" || name === "_key")
    .map(({ name, type }) => asText(name, type));
  if (columns.length === 0) return "false";
  return `contains(lower(concat_ws(' ', ${columns.join(", ")})), lower(${quoteText(text)}))`;
}

/** Null when no event of the table can pass: it has no column for one of the filters. */
function conditions(source: Source, filters: Filters): string[] | null {
  const out: string[] = [];
  for (const facet of FACETS) {
    if (filters[facet].length === 0) continue;
    const expression = facetExpression(source, facet);
    if (expression === null) return null;
    out.push(`${expression} IN (${filters[facet].map(quoteText).join(", ")})`);
  }
  if (filters.q !== "") out.push(textCondition(source, filters.q));
  return out;
}

/** Those of the sources that can have events passing the filters. */
export function askable(question: Question): Source[] {
  return question.sources.filter((source) => conditions(source, question.filters) !== null);
}

function selectOf(source: Source, filters: Filters, fromMs: number, toMs: number): string {
  const columns = FACETS.map(
    (facet) =>
      `${facetExpression(source, facet) ?? "CAST(NULL AS VARCHAR)"} AS ${quoteName(facet)}`,
  );
  const where = [
    `_time >= ${quoteTime(fromMs)}`,
    `_time < ${quoteTime(toMs)}`,
    ...(conditions(source, filters) ?? ["false"]),
  ];
  return [
    `  SELECT _time AS event_time, ${quoteText(source.topic)} AS topic, ${columns.join(", ")},`,
    `    ${failedExpression(source) ?? "CAST(NULL AS BOOLEAN)"} AS failed`,
    `  FROM ${quotePath("bronze", source.table)}`,
    `  WHERE ${where.join("\n    AND ")}`,
  ].join("\n");
}

/** WITH events AS (…); null when no source can be asked. `fromMs` may reach back to the period
 * before. */
function events(question: Question, fromMs: number): string | null {
  const sources = askable(question);
  if (sources.length === 0) return null;
  const selects = sources.map((one) => selectOf(one, question.filters, fromMs, question.toMs));
  return `WITH events AS (\n${selects.join("\n  UNION ALL\n")}\n)`;
}

/** The period before begins here: it is as long as the one asked about. */
export function beforeMs({ fromMs, toMs }: Question): number {
  return fromMs - (toMs - fromMs);
}

/** One row: figures of the period and of the one before. */
export function totalsSql(question: Question): string | null {
  const relation = events(question, beforeMs(question));
  if (relation === null) return null;
  const now = `event_time >= ${quoteTime(question.fromMs)}`;
  const before = `event_time < ${quoteTime(question.fromMs)}`;
  const pair = (name: string, what: (period: string) => string) => [
    `  ${what(now)} AS ${name}`,
    `  ${what(before)} AS ${name}_before`,
  ];
  const lines = [
    ...pair("event_count", (period) => `count(*) FILTER (${period})`),
    ...pair("source_count", (period) => `approx_count_distinct(source) FILTER (${period})`),
    ...pair("failed_count", (period) => `count(*) FILTER (failed AND ${period})`),
    ...pair("judged_count", (period) => `count(failed) FILTER (${period})`),
  ];
  return `${relation}\nSELECT\n${lines.join(",\n")}\nFROM events`;
}

/** Most frequent values with their counts in both periods; `total` of the period in each row. */
export function topSql(question: Question, split: Split, limit: number): string | null {
  const relation = events(question, beforeMs(question));
  if (relation === null) return null;
  const from = quoteTime(question.fromMs);
  return [
    relation,
    `SELECT ${quoteName(split)} AS value,`,
    `  count(*) FILTER (event_time >= ${from}) AS event_count,`,
    `  count(*) FILTER (event_time < ${from}) AS before_count,`,
    `  count(*) FILTER (failed AND event_time >= ${from}) AS failed_count,`,
    `  sum(count(*) FILTER (event_time >= ${from})) OVER () AS total`,
    "FROM events",
    "GROUP BY value",
    "ORDER BY event_count DESC, before_count DESC, value",
    `LIMIT ${limit}`,
  ].join("\n");
}

export const SERIES_MAX = 8;

/** (t, place, value, event_count, value_count): per bucket the most frequent values, all others under the last
 * place. */
export function distributionSql(question: Question, split: Split, seconds: number): string | null {
  const relation = events(question, question.fromMs);
  if (relation === null) return null;
  const bucket = `time_bucket(INTERVAL '${seconds} seconds', event_time, ${quoteTime(0)})`;
  return [
    `${relation}, counted AS (`,
    `  SELECT epoch_ms(${bucket}) AS t, ${quoteName(split)} AS value, count(*) AS n`,
    "  FROM events",
    "  GROUP BY ALL",
    "), ranked AS (",
    "  SELECT value, row_number() OVER (ORDER BY sum(n) DESC, value) AS place",
    "  FROM counted",
    "  GROUP BY value",
    ")",
    `SELECT t, least(place, ${SERIES_MAX}) AS place, any_value(ranked.value) AS value,`,
    "  CAST(sum(n) AS BIGINT) AS event_count, (SELECT count(*) FROM ranked) AS value_count",
    "FROM counted JOIN ranked ON counted.value IS NOT DISTINCT FROM ranked.value",
    `GROUP BY t, least(place, ${SERIES_MAX})`,
    "ORDER BY t, place",
  ].join("\n");
}

/** When the newest event was, whatever the period: to lead out of an empty one. */
export function newestSql(question: Question): string | null {
  if (question.sources.length === 0) return null;
  const each = question.sources.map(
    ({ table }) => `  SELECT max(_time) AS event_time FROM ${quotePath("bronze", table)}`,
  );
  return `SELECT max(event_time) AS newest\nFROM (\n${each.join("\n  UNION ALL\n")}\n)`;
}

const STEPS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400,
  604_800,
];
const BUCKETS_MAX = 120;

/** Seconds of a bucket, so that the period has at most 120 of them. */
export function bucketSeconds(fromMs: number, toMs: number): number {
  const least = (toMs - fromMs) / 1000 / BUCKETS_MAX;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / 604_800) * 604_800;
}
