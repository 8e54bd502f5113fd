// profile.ts - the statements that describe one column of a table. Pure text.
import { profileKind } from "@/results/profile-sql";
import { columnRef } from "@/results/shown";

/** `t."column"."field"`: below a column go fields of structs. */
export function columnExpression(path: readonly string[]): string {
  return ["t", ...path.map(columnRef)].join(".");
}

export const TOP_VALUES = 10;

/** One row: all rows, filled ones, distinct (estimated), lowest and highest where there is an order. */
export function factsSql(table: string, path: readonly string[], type: string): string {
  const c = columnExpression(path);
  const parts = [
    "count(*) AS row_count",
    `count(${c}) AS filled`,
    `approx_count_distinct(${c}) AS different`,
  ];
  const kind = profileKind(type);
  if (kind !== "other") parts.push(`min(${c}) AS lowest`, `max(${c}) AS highest`);
  if (kind === "number") parts.push(`avg(${c}) AS mean`, `median(${c}) AS middle`);
  if (/^VARCHAR/i.test(type)) {
    parts.push(`max(length(${c})) AS longest`, `count(*) FILTER (${c} = '') AS empty`);
  }
  return `SELECT ${parts.join(", ")}\nFROM ${table} AS t`;
}

export function topSql(table: string, path: readonly string[]): string {
  const c = columnExpression(path);
  return `SELECT ${c} AS value, count(*) AS row_count\nFROM ${table} AS t\nWHERE ${c} IS NOT NULL\nGROUP BY ALL\nORDER BY row_count DESC, value\nLIMIT ${TOP_VALUES}`;
}
