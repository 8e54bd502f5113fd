// chart-data.ts - the answer of a chart's statement as points to draw.

import type { ChartSpec } from "./chart-spec";
import type { ChartPlan, Extent } from "./chart-sql";

export interface ChartPoint {
  /** Epoch ms, a number, or a category's text. */
  x: number | string;
  series: string;
  y: number;
}

export interface ChartData {
  /** What was asked: the figure goes by this, also while another one is on its way. */
  spec: ChartSpec;
  points: ChartPoint[];
  series: string[];
  /** In the order of the answer. */
  categories: string[];
  plan: ChartPlan;
  extent: Extent;
}

/** The categories beyond the largest ones, together. */
export const REST = "all others";

function numberOf(value: unknown): number {
  if (value === null || value === undefined) return Number.NaN;
  // The server writes infinities as texts.
  return Number(value);
}

export function chartData(
  rows: readonly (readonly unknown[])[],
  spec: ChartSpec,
  plan: ChartPlan,
  extent: Extent,
): ChartData {
  const points: ChartPoint[] = [];
  const series = new Set<string>();
  const categories = new Set<string>();
  for (const [at, group, ...values] of rows) {
    const x = plan.x === "category" ? (at === null ? REST : String(at)) : numberOf(at);
    if (typeof x === "string") categories.add(x);
    else if (!Number.isFinite(x)) continue;
    values.forEach((value, i) => {
      const y = numberOf(value);
      if (!Number.isFinite(y)) return;
      const name = typeof group === "string" ? group : (plan.measures[i] ?? "");
      series.add(name);
      points.push({ x, series: name, y });
    });
  }
  const names = [...series].sort((a, b) => Number(a === "other") - Number(b === "other"));
  const isStacked = spec.type === "area" || spec.type === "bar";
  if (isStacked && names.length > 1) fill(points, names);
  return { spec, points, series: names, categories: [...categories], plan, extent };
}

export function extentOf(row: readonly unknown[] | undefined): Extent {
  const [rows, distinct, low, high] = row ?? [];
  return {
    rows: Number(rows ?? 0),
    distinct: Number(distinct ?? 0),
    low: Number(low ?? 0),
    high: Number(high ?? 0),
  };
}

/** Layers need a height everywhere: nothing is 0. */
function fill(points: ChartPoint[], names: readonly string[]): void {
  const seen = new Map<number | string, Set<string>>();
  for (const { x, series } of points) {
    const there = seen.get(x);
    if (there) there.add(series);
    else seen.set(x, new Set([series]));
  }
  for (const [x, there] of seen) {
    for (const series of names) if (!there.has(series)) points.push({ x, series, y: 0 });
  }
  if (typeof points[0]?.x === "number") points.sort((a, b) => Number(a.x) - Number(b.x));
}

/** The chart's columns are all in the result. */
export function fits(spec: ChartSpec, names: readonly string[]): boolean {
  return [spec.x, ...spec.y, ...(spec.by === null ? [] : [spec.by])].every((name) =>
    names.includes(name),
  );
}
