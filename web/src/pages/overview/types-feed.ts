// types-feed.ts - events per second by their type, counted by the server while somebody looks: the
// last quarter of an hour in a ring, outside React.
import { useEffect } from "react";
import { live } from "@/api/live";
import { SeriesBuffer } from "@/lib/ring";
import { CalmStore, usePausable } from "@/lib/store";

interface TypesFrame {
  t?: number[];
  counts?: Record<string, (number | null)[]>;
  sampled?: number;
}

export interface TypesView {
  t: Float64Array;
  /** The most frequent first. */
  series: readonly { label: string; values: Float64Array }[];
  /** The share of the events that was counted. */
  sampled: number;
}

const POINTS = 900;
const SHOWN = 8;

class TypesFeed extends CalmStore<TypesView> {
  readonly #buffer = new SeriesBuffer(POINTS);
  #sampled = 1;
  #users = 0;
  #frames = 0;
  #close: (() => void) | null = null;

  use(): () => void {
    if (this.#users++ === 0) {
      const subscription = live.subscribe({
        channel: "types",
        params: {},
        onData: (data) => this.take(data as TypesFrame),
      });
      this.#close = subscription.close;
    }
    return () => {
      if (--this.#users > 0) return;
      this.#close?.();
      this.#close = null;
    };
  }

  take(frame: TypesFrame): void {
    this.#sampled = frame.sampled ?? 1;
    this.#buffer.append(frame.t ?? [], frame.counts ?? {});
    if (++this.#frames % 600 === 0) this.#buffer.prune();
    this.changed();
  }

  protected makeSnapshot(): TypesView {
    const sum = (values: Float64Array) => values.reduce((a, v) => a + (Number.isNaN(v) ? 0 : v), 0);
    const series = this.#buffer.names().map((label) => {
      const values = (this.#buffer.column(label) ?? new Float64Array()).slice();
      return { label, values, sum: sum(values) };
    });
    series.sort((a, b) => b.sum - a.sum);
    return {
      t: this.#buffer.time().slice(),
      series: series.slice(0, SHOWN).map(({ label, values }) => ({ label, values })),
      sampled: this.#sampled,
    };
  }
}

export const typesFeed = new TypesFeed(500);

export function useTypes(paused: boolean): TypesView {
  useEffect(() => typesFeed.use(), []);
  return usePausable(typesFeed, paused);
}
