// figures.ts - answers as what is drawn: counts from their texts, buckets without holes. Pure.
import { SERIES_MAX } from "./sql";

export interface Answer {
  columns: readonly { name: string; type: string }[];
  rows: readonly (readonly unknown[])[];
  elapsed_ms?: number;
}

function objects(answer: Answer): Record<string, unknown>[] {
  return answer.rows.map((row) =>
    Object.fromEntries(answer.columns.map((column, i) => [column.name, row[i]])),
  );
}

export interface Totals {
  events: number;
  eventsBefore: number;
  sources: number;
  sourcesBefore: number;
  /** Shares; NaN where no event tells whether it failed. */
  failed: number;
  failedBefore: number;
}

export function totalsOf(answer: Answer): Totals {
  const row = objects(answer)[0] ?? {};
  const figure = (name: string) => Number(row[name] ?? 0);
  const share = (failed: string, judged: string) =>
    figure(judged) > 0 ? figure(failed) / figure(judged) : Number.NaN;
  return {
    events: figure("event_count"),
    eventsBefore: figure("event_count_before"),
    sources: figure("source_count"),
    sourcesBefore: figure("source_count_before"),
    failed: share("failed_count", "judged_count"),
    failedBefore: share("failed_count_before", "judged_count_before"),
  };
}

export interface TopRow {
  /** Null: the events have no such field. */
  value: string | null;
  events: number;
  before: number;
  failed: number;
  share: number;
}

export function topOf(answer: Answer): TopRow[] {
  return objects(answer).map((row) => {
    const events = Number(row.event_count);
    const total = Number(row.total);
    return {
      value: typeof row.value === "string" ? row.value : null,
      events,
      before: Number(row.before_count),
      failed: Number(row.failed_count),
      share: total > 0 ? events / total : 0,
    };
  });
}

export interface Distribution {
  t: number[];
  series: { label: string; values: number[] }[];
}

/** A bucket without events is zero, not a hole. */
export function distributionOf(
  answer: Answer,
  fromMs: number,
  toMs: number,
  seconds: number,
  none: string,
): Distribution {
  const step = seconds * 1000;
  const first = Math.floor(fromMs / step) * step;
  const t: number[] = [];
  for (let ms = first; ms < toMs; ms += step) t.push(ms);
  const places = new Map<number, { value: string | null; values: number[] }>();
  for (const row of objects(answer)) {
    const place = Number(row.place);
    let one = places.get(place);
    if (one === undefined) {
      const value = typeof row.value === "string" ? row.value : null;
      one = { value, values: new Array<number>(t.length).fill(0) };
      places.set(place, one);
    }
    const at = Math.round((Number(row.t) - first) / step);
    if (at >= 0 && at < t.length) one.values[at] = Number(row.event_count);
  }
  const labels = new Set<string>();
  const valueCount = Number(objects(answer)[0]?.value_count ?? 0);
  const series = [...places]
    .sort(([a], [b]) => a - b)
    .map(([place, { value, values }]) => {
      const isRest = place === SERIES_MAX && valueCount > SERIES_MAX;
      let label = isRest ? "all others" : (value ?? none);
      while (labels.has(label)) label += " ";
      labels.add(label);
      return { label, values };
    });
  return { t, series };
}
