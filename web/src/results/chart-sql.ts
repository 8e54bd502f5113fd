// chart-sql.ts - the statements over `result` that a chart is drawn from. The server aggregates; a
// chart gets a bounded number of points, and what was left out is counted, so that it can be said.
// Pure text.
import { type Aggregate, type ChartSpec, roleOf } from "./chart-spec";
import type { ResultColumn } from "./result";
import { columnRef } from "./shown";

export const POINTS_MAX = 5000;
export const CATEGORIES_MAX = 40;
export const SLICES_MAX = 11;
export const SERIES_MAX = 8;
const BINS = 60;
const PLAIN_VALUES_MAX = 200;

/** What must be known of x before it can be cut into buckets; one row. */
export function extentSql(x: string, type: string, where: string): string {
  const value = asNumber(columnRef(x), type);
  const bounds = value === null ? "NULL, NULL" : `min(${value}), max(${value})`;
  return `SELECT count(*), count(DISTINCT ${columnRef(x)}), ${bounds} FROM result${where}`;
}

export interface Extent {
  rows: number;
  distinct: number;
  low: number;
  high: number;
}

/** A number to draw at: epoch ms for instants. */
function asNumber(expression: string, type: string): string | null {
  const role = roleOf(type);
  if (role === "time") return `CAST(epoch_ms(CAST(${expression} AS TIMESTAMP)) AS DOUBLE)`;
  return role === "number" ? `CAST(${expression} AS DOUBLE)` : null;
}

const STEPS_MS = [
  1, 10, 100, 1000, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000,
  10_800_000, 21_600_000, 43_200_000, 86_400_000, 604_800_000, 2_592_000_000, 7_776_000_000,
  31_536_000_000,
] as const;

/** A round width that cuts the span into at most about a hundred buckets. */
export function bucketMs(spanMs: number, bucketsMax = 120): number {
  for (const step of STEPS_MS) if (spanMs / step <= bucketsMax) return step;
  return STEPS_MS[STEPS_MS.length - 1] ?? 31_536_000_000;
}

function bucketSql(column: string, ms: number): string {
  const time = `CAST(${column} AS TIMESTAMP)`;
  if (ms >= 31_536_000_000) return `date_trunc('year', ${time})`;
  if (ms >= 7_776_000_000) return `date_trunc('quarter', ${time})`;
  if (ms >= 2_592_000_000) return `date_trunc('month', ${time})`;
  if (ms >= 604_800_000) return `date_trunc('week', ${time})`;
  return `time_bucket(INTERVAL '${ms} milliseconds', ${time})`;
}

export function aggregateSql(aggregate: Aggregate, column: string | undefined): string {
  if (aggregate === "count" || column === undefined) return "CAST(count(*) AS DOUBLE)";
  const c = columnRef(column);
  if (aggregate === "none") return `CAST(${c} AS DOUBLE)`;
  return `CAST(${aggregate}(${c}) AS DOUBLE)`;
}

export interface ChartPlan {
  /** Columns: x, series (text or NULL), then one per measure. */
  sql: string;
  measures: string[];
  /** How x is drawn. */
  x: "time" | "number" | "category";
  /** Width of a bucket: ms or in x's own unit; undefined when x is as it is. */
  step?: number | undefined;
}

function measuresOf(spec: ChartSpec): (string | undefined)[] {
  if (spec.aggregate === "count" || spec.y.length === 0) return [undefined];
  const many = spec.by === null && spec.type !== "pie" && spec.type !== "scatter";
  return spec.y.slice(0, many ? SERIES_MAX : 1);
}

function measureName(spec: ChartSpec, column: string | undefined): string {
  if (column === undefined) return "rows";
  return spec.aggregate === "none" ? column : `${spec.aggregate} of ${column}`;
}

/** The series as text, those beyond the most frequent ones as one. */
function seriesSql(by: string | null, where: string): string {
  if (by === null) return "NULL";
  const c = columnRef(by);
  const text = `coalesce(CAST(${c} AS VARCHAR), 'NULL')`;
  const top = `SELECT ${text} FROM result${where} GROUP BY ALL ORDER BY count(*) DESC, ${text} LIMIT ${SERIES_MAX - 1}`;
  return `CASE WHEN ${text} IN (${top}) THEN ${text} ELSE 'other' END`;
}

export function chartPlan(
  asked: ChartSpec,
  columns: readonly ResultColumn[],
  where: string,
  extent: Extent,
): ChartPlan {
  // Slices are of one whole: rows of the same name belong together.
  const spec: ChartSpec =
    asked.type === "pie" && asked.aggregate === "none" ? { ...asked, aggregate: "sum" } : asked;
  const type = columns.find((c) => c.name === spec.x)?.type ?? "VARCHAR";
  const role = roleOf(type);
  const x = columnRef(spec.x);
  const values = measuresOf(spec);
  const measures = values.map((column) => measureName(spec, column));
  const series = seriesSql(spec.by, where);
  if (spec.type === "scatter") {
    const at = asNumber(x, type) ?? `CAST(${x} AS VARCHAR)`;
    const y = values.map((column) => aggregateSql("none", column ?? spec.y[0]));
    const sample =
      extent.rows > POINTS_MAX ? ` USING SAMPLE reservoir(${POINTS_MAX} ROWS) REPEATABLE (1)` : "";
    const source = `(SELECT * FROM result${where})`;
    return {
      sql: `SELECT ${at} AS x, ${series} AS series, ${y.join(", ")} FROM ${source} AS result${sample}`,
      measures,
      x: role === "time" ? "time" : role === "number" ? "number" : "category",
    };
  }
  const y = values.map((column) => aggregateSql(spec.aggregate, column));
  const list = y.map((text, i) => `${text} AS y${i}`).join(", ");
  if (spec.type === "pie" || role === "category" || role === "other") {
    return {
      sql: categorySql(spec, `coalesce(CAST(${x} AS VARCHAR), 'NULL')`, series, list, where),
      measures,
      x: "category",
    };
  }
  const number = asNumber(x, type) ?? x;
  if (spec.aggregate === "none") {
    const filter = `${where === "" ? " WHERE" : `${where} AND`} ${x} IS NOT NULL`;
    return {
      sql: `SELECT ${number} AS x, ${series} AS series, ${list} FROM result${filter} ORDER BY x LIMIT ${POINTS_MAX}`,
      measures,
      x: role,
    };
  }
  const filter = `${where === "" ? " WHERE" : `${where} AND`} ${x} IS NOT NULL`;
  // Few values, of months perhaps, are named as they are: buckets would move them.
  if (extent.distinct <= PLAIN_VALUES_MAX) {
    return {
      sql: `SELECT ${number} AS x, ${series} AS series, ${list} FROM result${filter} GROUP BY ALL ORDER BY x LIMIT ${POINTS_MAX}`,
      measures,
      x: role,
    };
  }
  if (role === "time") {
    const step = bucketMs(extent.high - extent.low);
    const at = `CAST(epoch_ms(${bucketSql(x, step)}) AS DOUBLE)`;
    return {
      sql: `SELECT ${at} AS x, ${series} AS series, ${list} FROM result${filter} GROUP BY ALL ORDER BY x LIMIT ${POINTS_MAX}`,
      measures,
      x: "time",
      step,
    };
  }
  const step = roundStep((extent.high - extent.low) / BINS);
  return {
    sql: `SELECT floor(${number} / ${step}) * ${step} AS x, ${series} AS series, ${list} FROM result${filter} GROUP BY ALL ORDER BY x LIMIT ${POINTS_MAX}`,
    measures,
    x: "number",
    step,
  };
}

/** The next of 1, 2, 5 × 10ⁿ. */
export function roundStep(width: number): number {
  if (!(width > 0)) return 1;
  const base = 10 ** Math.floor(Math.log10(width));
  const factor = [1, 2, 5, 10].find((f) => f * base >= width * 0.999) ?? 10;
  return Number((factor * base).toPrecision(12));
}

function categorySql(
  spec: ChartSpec,
  x: string,
  series: string,
  list: string,
  where: string,
): string {
  const most = spec.type === "pie" ? SLICES_MAX : CATEGORIES_MAX;
  if (spec.aggregate === "none") {
    return `SELECT ${x} AS x, ${series} AS series, ${list} FROM result${where} LIMIT ${CATEGORIES_MAX}`;
  }
  const grouped = `SELECT ${x} AS x, ${series} AS series, ${list} FROM result${where} GROUP BY ALL`;
  // What adds up keeps a rest; of other measures the small groups are left out.
  const adds = spec.aggregate === "count" || spec.aggregate === "sum";
  const ranked = `WITH g AS (${grouped}), t AS (SELECT x, row_number() OVER (ORDER BY sum(y0) DESC NULLS LAST, x) AS place FROM g GROUP BY x)`;
  if (!adds) {
    return `${ranked} SELECT g.* FROM g JOIN t USING (x) WHERE place <= ${most} ORDER BY place, series`;
  }
  const ys = list.match(/ AS y\d+/g)?.map((_, i) => `sum(y${i}) AS y${i}`) ?? [];
  return `${ranked} SELECT CASE WHEN place <= ${most} THEN x ELSE NULL END AS x, series, ${ys.join(", ")} FROM g JOIN t USING (x) GROUP BY ALL ORDER BY min(place), series`;
}
