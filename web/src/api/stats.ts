// stats.ts - the figures of the last hour, one point per second, from the channel `stats`. One
// store for the whole tab: Overview's tiles and charts, the top bar and a topic's page all read it.
import { SeriesBuffer } from "@/lib/ring";
import { ChannelStore, useChannelStore } from "./channel-store";
import type { Params } from "./live";

export const STAT_NAMES = [
  "events_in",
  "bytes_in",
  "events_landed",
  "rejected",
  "dead",
  "requests",
  "errors",
  "queries",
  "queries_failed",
  "ack_p50_ms",
  "ack_p95_ms",
  "ack_p99_ms",
  "query_p50_ms",
  "query_p95_ms",
  "lag_events",
  "lag_ms",
  "memory_bytes",
  "disk_free_bytes",
  "connections",
] as const;

export type StatName = (typeof STAT_NAMES)[number];
export type TopicStatName = "events_in" | "bytes_in" | "lag_events";

type Column = (number | null)[];

export type StatsFrame = { t: number[]; gap?: boolean } & Partial<Record<StatName, Column>> & {
    topics?: Record<string, Partial<Record<TopicStatName, Column>>>;
  };

/** Columns over one time axis (epoch ms); NaN where a value is missing. Immutable. */
export interface Stats {
  t: Float64Array;
  column: (name: StatName) => Float64Array;
  topics: readonly string[];
  topic: (topic: string, name: TopicStatName) => Float64Array;
  /** The newest value, NaN when there is none. */
  last: (name: StatName) => number;
  /** Points before the first one are not to be had, although they were. */
  gap: boolean;
}

const POINTS = 3660;
const SEPARATOR = "\u0000";
const HOLE_MS = 2500;

class StatsStore extends ChannelStore<Stats, StatsFrame> {
  readonly #buffer = new SeriesBuffer(POINTS);
  #gap = false;
  #frames = 0;

  constructor() {
    super("stats", 200);
  }

  protected override params(): Params {
    return { topics: true, since_ms: this.#buffer.lastTime };
  }

  take(frame: StatsFrame): void {
    const first = frame.t[0];
    if (first === undefined) return;
    const last = this.#buffer.lastTime;
    if (last === undefined) this.#gap = frame.gap ?? false;
    // A hole in time is a hole in the line: one empty point breaks it.
    else if (first - last > HOLE_MS) this.#buffer.append([last + 1000], {});
    const columns: Record<string, Column> = {};
    for (const name of STAT_NAMES) columns[name] = frame[name] ?? [];
    for (const [topic, values] of Object.entries(frame.topics ?? {})) {
      for (const [name, column] of Object.entries(values)) {
        columns[topic + SEPARATOR + name] = column ?? [];
      }
    }
    this.#buffer.append(frame.t, columns);
    if (++this.#frames % 600 === 0) this.#buffer.prune();
    this.changed();
  }

  protected makeSnapshot(): Stats {
    const t = this.#buffer.time().slice();
    const columns = new Map<string, Float64Array>();
    let missing: Float64Array | undefined; // one for all: most of 10,000 topics have no column
    const column = (name: string): Float64Array => {
      let found = columns.get(name);
      if (found === undefined && this.#buffer.column(name) === undefined) {
        missing ??= new Float64Array(t.length).fill(Number.NaN);
        return missing;
      }
      if (found === undefined) {
        found = this.#copy(name, t);
        columns.set(name, found);
      }
      return found;
    };
    const topics = new Set<string>();
    for (const name of this.#buffer.names()) {
      const at = name.lastIndexOf(SEPARATOR);
      if (at >= 0) topics.add(name.slice(0, at));
    }
    return {
      t,
      column,
      topics: [...topics].sort(),
      topic: (topic, name) => column(topic + SEPARATOR + name),
      last: (name) => column(name).at(-1) ?? Number.NaN,
      gap: this.#gap,
    };
  }

  /** The column on the snapshot's own axis: points may have come since it was made. */
  #copy(name: string, t: Float64Array): Float64Array {
    const out = new Float64Array(t.length).fill(Number.NaN);
    const source = this.#buffer.column(name);
    const time = this.#buffer.time();
    if (source === undefined) return out;
    let i = 0;
    for (let j = 0; j < time.length && i < t.length; j++) {
      while (i < t.length && (t[i] as number) < (time[j] as number)) i++;
      if (t[i] === time[j]) out[i] = source[j] as number;
    }
    return out;
  }
}

export const statsStore = new StatsStore();

/** The figures of the last hour; with `paused` they stand still while the store fills. */
export function useStats(paused = false): Stats {
  return useChannelStore(statsStore, paused);
}
