// channel-store.ts - what a channel of the live connection sends, kept for the whole tab: it is
// subscribed while somebody reads, however many they are, and what was had is kept for the next.
import { useEffect } from "react";
import { CalmStore, usePausable } from "@/lib/store";
import { type Channel, live, type Params } from "./live";

export abstract class ChannelStore<S, Frame> extends CalmStore<S> {
  readonly #channel: Channel;
  #users = 0;
  #close: (() => void) | null = null;

  constructor(channel: Channel, gapMs: number) {
    super(gapMs);
    this.#channel = channel;
  }

  abstract take(frame: Frame): void;

  /** Asked for at each subscription. */
  protected params(): Params {
    return {};
  }

  /** One reader more; the function returned is one less. */
  use(): () => void {
    if (this.#users++ === 0) {
      const subscription = live.subscribe({
        channel: this.#channel,
        params: () => this.params(),
        onData: (data) => this.take(data as Frame),
      });
      this.#close = subscription.close;
    }
    return () => {
      if (--this.#users > 0) return;
      this.#close?.();
      this.#close = null;
    };
  }
}

/** Its snapshot; with `paused` it stands still while the store fills. */
export function useChannelStore<S>(store: ChannelStore<S, never>, paused = false): S {
  useEffect(() => store.use(), [store]);
  return usePausable(store, paused);
}
