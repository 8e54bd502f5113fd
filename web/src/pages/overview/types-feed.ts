// types-feed.ts - events per second by their type, counted by the server while somebody looks: the
// last quarter of an hour in a ring, outside React.
import { ChannelStore, useChannelStore } from "@/api/channel-store";
import { SeriesBuffer } from "@/lib/ring";

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

class TypesFeed extends ChannelStore<TypesView, TypesFrame> {
  readonly #buffer = new SeriesBuffer(POINTS);
  #sampled = 1;
  #frames = 0;

  constructor() {
    super("types", 500);
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

export const typesFeed = new TypesFeed();

export function useTypes(paused: boolean): TypesView {
  return useChannelStore(typesFeed, paused);
}
