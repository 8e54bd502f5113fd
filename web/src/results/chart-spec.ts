// chart-spec.ts - what a chart of a result shows, its form in the address, and a suggestion from
// the columns' types. Pure: no drawing, no requests.
import { isNumericType } from "@/lib/cell";
import { listFrom, listTo, oneOf } from "@/lib/search";

export const CHART_TYPES = ["bar", "line", "area", "pie", "scatter"] as const;
export type ChartType = (typeof CHART_TYPES)[number];

export const AGGREGATES = ["none", "count", "sum", "avg", "min", "max", "median"] as const;
export type Aggregate = (typeof AGGREGATES)[number];

export interface ChartSpec {
  type: ChartType;
  x: string;
  /** The measured columns; empty with `count`. */
  y: readonly string[];
  aggregate: Aggregate;
  /** A column whose values become series. */
  by: string | null;
}

/** bar,x,agg,by,y… with commas of names escaped; empty `by` means none. */
export function chartTo(spec: ChartSpec): string {
  const parts = [spec.type, spec.x, spec.aggregate, spec.by ?? "-", ...spec.y];
  return listTo(parts.map((part) => part || "-")) ?? "";
}

export function chartFrom(param: string | undefined): ChartSpec | null {
  const [word, x, rule, by, ...y] = listFrom(param);
  const type = oneOf(word, CHART_TYPES);
  const aggregate = oneOf(rule, AGGREGATES);
  if (type === undefined || aggregate === undefined || x === undefined) return null;
  return { type, x, aggregate, by: by === undefined || by === "-" ? null : by, y };
}

export type Role = "time" | "number" | "category" | "other";

/** How a column can be drawn. */
export function roleOf(type: string): Role {
  if (/^(TIMESTAMP|DATE)/i.test(type)) return "time";
  if (isNumericType(type)) return "number";
  if (/^(VARCHAR|TEXT|ENUM|BOOL|UUID|TIME)/i.test(type)) return "category";
  return "other";
}

const KEY_LIKE = /(^|_)(id|key|code|zip|offset|partition|year)$/i;

/** Numbers that are names rather than amounts: ids, offsets. */
function isAmount(column: { name: string; type: string }): boolean {
  return roleOf(column.type) === "number" && !KEY_LIKE.test(column.name);
}

const SERIES_MAX = 4;
/** More rows or columns than this are events, not an answer that is grouped already. */
const GROUPED_ROWS_MAX = 5000;
const GROUPED_COLUMNS_MAX = 8;

/** A first chart for these columns; null when nothing can be drawn. The rows are taken as they are
 * when the query has grouped them already: its first column names, the others measure. */
export function suggestChart(
  columns: readonly { name: string; type: string }[],
  rowCount: number,
): ChartSpec | null {
  const roles = columns.map((column) => roleOf(column.type));
  const of = (role: Role) => columns.filter((_, i) => roles[i] === role);
  const amounts = columns.filter(isAmount);
  const numbers = of("number");
  const measures = amounts.length > 0 ? amounts : numbers;
  const looksRaw = rowCount > GROUPED_ROWS_MAX || columns.length > GROUPED_COLUMNS_MAX;
  const time = of("time")[0];
  const category = of("category")[0];
  const y = (exclude: string) =>
    measures
      .map((c) => c.name)
      .filter((name) => name !== exclude)
      .slice(0, SERIES_MAX);
  if (time !== undefined) {
    if (measures.length === 0 || looksRaw)
      return { type: "line", x: time.name, y: [], aggregate: "count", by: null };
    const by = category?.name ?? null;
    return {
      type: "line",
      x: time.name,
      y: by === null ? y(time.name) : y(time.name).slice(0, 1),
      aggregate: by === null ? "none" : "sum",
      by,
    };
  }
  if (category !== undefined) {
    if (measures.length === 0 || looksRaw) {
      return { type: "bar", x: category.name, y: [], aggregate: "count", by: null };
    }
    const second = of("category")[1];
    return {
      type: "bar",
      x: category.name,
      y: y(category.name).slice(0, 1),
      aggregate: second === undefined && rowCount <= 50 ? "none" : "sum",
      by: second?.name ?? null,
    };
  }
  const [first, second] = numbers;
  if (first === undefined) return null;
  if (second === undefined) {
    return { type: "bar", x: first.name, y: [], aggregate: "count", by: null };
  }
  if (numbers.length === 2 && !isAmount(first) && !looksRaw) {
    return { type: "line", x: first.name, y: [second.name], aggregate: "none", by: null };
  }
  const [a = first, b = second] = amounts.length >= 2 ? amounts : numbers;
  return { type: "scatter", x: a.name, y: [b.name], aggregate: "none", by: null };
}
