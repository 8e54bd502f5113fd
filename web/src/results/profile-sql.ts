// profile-sql.ts - the statements over `result` that describe one column. Pure text.
import { isNumericType } from "@/lib/cell";
import { columnRef } from "./shown";

export const BUCKETS = 24;

export type ProfileKind = "number" | "time" | "text" | "other";

export function profileKind(type: string): ProfileKind {
  if (isNumericType(type)) return "number";
  if (/^(TIMESTAMP|DATE)/i.test(type)) return "time";
  if (/^(VARCHAR|ENUM|UUID|BOOL|BLOB)/i.test(type)) return "text";
  return "other";
}

/** Counts and extremes, one row. Distinct values are estimated beyond what is cheap to count. */
export function factsSql(column: string, type: string, where: string, exact: boolean): string {
  const c = columnRef(column);
  const kind = profileKind(type);
  const parts = [
    "count(*) AS row_count",
    `count(${c}) AS filled`,
    `${exact ? `count(DISTINCT ${c})` : `approx_count_distinct(${c})`} AS different`,
  ];
  if (kind !== "other") parts.push(`min(${c}) AS lowest`, `max(${c}) AS highest`);
  if (kind === "number") {
    parts.push(
      `avg(${c}) AS mean`,
      `median(${c}) AS middle`,
      `stddev_samp(CAST(${c} AS DOUBLE)) AS spread`,
    );
  }
  if (/^VARCHAR/i.test(type)) {
    parts.push(
      `min(length(${c})) AS shortest`,
      `max(length(${c})) AS longest`,
      `count(*) FILTER (${c} = '') AS empty`,
    );
  }
  return `SELECT ${parts.join(", ")} FROM result${where}`;
}

export function topValuesSql(column: string, where: string, limit: number): string {
  const c = columnRef(column);
  const filter = where === "" ? ` WHERE ${c} IS NOT NULL` : `${where} AND ${c} IS NOT NULL`;
  return `SELECT ${c} AS value, count(*) AS n FROM result${filter} GROUP BY ALL ORDER BY n DESC, value LIMIT ${limit}`;
}

/** Rows per bucket of equal width between lowest and highest: (bucket from 0, rows). */
export function histogramSql(column: string, type: string, where: string): string {
  const c = columnRef(column);
  const number =
    profileKind(type) === "time"
      ? `CAST(epoch_ms(CAST(${c} AS TIMESTAMP)) AS DOUBLE)`
      : `CAST(${c} AS DOUBLE)`;
  return (
    `WITH v AS (SELECT ${number} AS v FROM result${where}), ` +
    "f AS (SELECT v FROM v WHERE v IS NOT NULL AND isfinite(v)), " +
    "b AS (SELECT min(v) AS low, max(v) AS high FROM f) " +
    `SELECT low, high, CASE WHEN high > low THEN least(${BUCKETS - 1}, CAST(floor((v - low) / (high - low) * ${BUCKETS}) AS INTEGER)) ELSE 0 END AS bucket, count(*) AS n ` +
    "FROM f, b GROUP BY ALL ORDER BY bucket"
  );
}
