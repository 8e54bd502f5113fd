// rates.ts - a topic's recent rate out of the figures of the last hour.
import type { Stats } from "@/api/stats";

const POINTS = 60;
const STEADY = 5;

export interface Rate {
  /** Events a second over the last seconds; null: not known (the server tells the 50 busiest). */
  now: number | null;
  /** Of the last minute. */
  points: readonly (number | null)[];
}

const NONE: Rate = { now: null, points: [] };

export function rateOf(stats: Stats, topic: string): Rate {
  if (!stats.topics.includes(topic)) return NONE;
  const column = stats.topic(topic, "events_in");
  const points: (number | null)[] = [];
  for (let i = Math.max(0, column.length - POINTS); i < column.length; i++) {
    const value = column[i] ?? Number.NaN;
    points.push(Number.isNaN(value) ? null : value);
  }
  const last = points.slice(-STEADY).filter((value) => value !== null);
  if (last.length === 0) return { now: null, points };
  return { now: last.reduce((sum, value) => sum + value, 0) / last.length, points };
}
