// producers-live.ts - the producers as they run: the channel `producers`, with what each had and
// was to have over the last ten minutes. One store for the list and for the page of one.
import { ChannelStore, useChannelStore } from "@/api/channel-store";
import type { Producer } from "@/api/types";
import { SeriesBuffer } from "@/lib/ring";

export interface ProducerHistory {
  /** Epoch ms. */
  t: Float64Array;
  now: Float64Array;
  wanted: Float64Array;
}

export interface ProducersView {
  /** Undefined: nothing has been heard yet. */
  list: readonly Producer[] | undefined;
  history: (name: string) => ProducerHistory;
}

interface ProducersFrame {
  producers?: readonly Producer[];
}

const POINTS = 600;
const NONE = new Float64Array(0);
const SEPARATOR = "\u0000";

class ProducersStore extends ChannelStore<ProducersView, ProducersFrame> {
  readonly #buffer = new SeriesBuffer(POINTS);
  #list: readonly Producer[] | undefined;

  constructor() {
    super("producers", 250);
  }

  take({ producers: list = [] }: ProducersFrame, atMs = Date.now()): void {
    this.#list = list;
    const columns: Record<string, number[]> = {};
    for (const { name, rate_now, rate_wanted } of list) {
      columns[`${name}${SEPARATOR}now`] = [rate_now ?? 0];
      columns[`${name}${SEPARATOR}wanted`] = [rate_wanted ?? 0];
    }
    this.#buffer.append([atMs], columns);
    this.#buffer.prune();
    this.changed();
  }

  protected makeSnapshot(): ProducersView {
    const t = this.#buffer.time().slice();
    const column = (name: string) => {
      const values = this.#buffer.column(name);
      return values === undefined ? NONE : values.slice(0, t.length);
    };
    return {
      list: this.#list,
      history: (name) => ({
        t,
        now: column(`${name}${SEPARATOR}now`),
        wanted: column(`${name}${SEPARATOR}wanted`),
      }),
    };
  }
}

export const producersStore = new ProducersStore();

/** While mounted the channel is subscribed; with `paused` what is seen stands still. */
export function useProducersLive(paused = false): ProducersView {
  return useChannelStore(producersStore, paused);
}
