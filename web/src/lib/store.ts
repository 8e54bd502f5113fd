// store.ts - high-rate data outside React: a store keeps what it likes, calls changed() as often
// as it likes, and its readers hear of it at most every `gapMs`, never while the page is hidden.
// While the console is paused, `usePausable` shows what was last seen; the store goes on filling.
import { useRef, useSyncExternalStore } from "react";

export abstract class CalmStore<S> {
  readonly #listeners = new Set<() => void>();
  #snapshot: S | undefined;
  #timer: number | undefined;
  #lastMs = 0;

  constructor(readonly gapMs = 250) {
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.#timer === undefined && this.#dirty) this.#notify();
    });
  }
  #dirty = false;

  /** What readers see; made anew only after a notification. */
  protected abstract makeSnapshot(): S;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = (): S => {
    this.#snapshot ??= this.makeSnapshot();
    return this.#snapshot;
  };

  protected changed(): void {
    this.#dirty = true;
    if (this.#timer !== undefined || document.hidden) return;
    const restMs = this.#lastMs + this.gapMs - performance.now();
    if (restMs <= 0) this.#notify();
    else this.#timer = window.setTimeout(() => this.#notify(), restMs);
  }

  #notify(): void {
    window.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#lastMs = performance.now();
    this.#dirty = false;
    this.#snapshot = undefined;
    for (const listener of this.#listeners) listener();
  }
}

export function useStore<S>(store: CalmStore<S>): S {
  return useSyncExternalStore(store.subscribe, store.snapshot);
}

/** The snapshot, held while `paused`. */
export function usePausable<S>(store: CalmStore<S>, paused: boolean): S {
  const now = useStore(store);
  const held = useRef(now);
  if (!paused) held.current = now;
  return held.current;
}
