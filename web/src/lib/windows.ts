// windows.ts - rows of a long result, fetched in windows as the eye gets there. Bounded: the windows
// used least recently are dropped. A window that failed is asked for again when it is next needed.

export type LoadWindow<R> = (
  offset: number,
  limit: number,
  signal: AbortSignal,
) => Promise<readonly R[]>;

interface Window<R> {
  rows: readonly R[] | null;
  abort: AbortController;
  usedAt: number;
}

export class WindowCache<R> {
  readonly #windows = new Map<number, Window<R>>();
  #clock = 0;
  #closed = false;

  constructor(
    readonly load: LoadWindow<R>,
    readonly onChange: (error: unknown) => void,
    readonly size = 500,
    readonly windowsMax = 40,
  ) {}

  row(index: number): R | undefined {
    const number = Math.floor(index / this.size);
    return this.#windows.get(number)?.rows?.[index - number * this.size];
  }

  /** Fetches what is missing between the two rows; windows on their way that nobody looks at any
   * more are called back, so that a fast scroll does not queue a hundred requests. */
  need(first: number, last: number): void {
    const from = Math.max(0, Math.floor(first / this.size));
    const to = Math.max(from, Math.floor(last / this.size));
    for (const [number, window] of this.#windows) {
      if (window.rows === null && (number < from || number > to)) {
        window.abort.abort();
        this.#windows.delete(number);
      }
    }
    for (let number = from; number <= to; number++) {
      const window = this.#windows.get(number);
      if (window === undefined) void this.#fetch(number);
      else window.usedAt = ++this.#clock;
    }
  }

  /** After close(): effects may end and begin again on the same cache. */
  open(): void {
    this.#closed = false;
  }

  close(): void {
    this.#closed = true;
    for (const window of this.#windows.values()) window.abort.abort();
    this.#windows.clear();
  }

  async #fetch(number: number): Promise<void> {
    const abort = new AbortController();
    const window: Window<R> = { rows: null, abort, usedAt: ++this.#clock };
    this.#windows.set(number, window);
    try {
      const rows = await this.load(number * this.size, this.size, abort.signal);
      if (this.#closed || this.#windows.get(number) !== window) return;
      window.rows = rows;
      this.#evict();
      this.onChange(null);
    } catch (error) {
      if (this.#closed || abort.signal.aborted) return;
      this.#windows.delete(number);
      this.onChange(error);
    }
  }

  #evict(): void {
    while (this.#windows.size > this.windowsMax) {
      let oldest: number | null = null;
      let age = Number.POSITIVE_INFINITY;
      for (const [number, window] of this.#windows) {
        if (window.rows !== null && window.usedAt < age) {
          oldest = number;
          age = window.usedAt;
        }
      }
      if (oldest === null) return;
      this.#windows.delete(oldest);
    }
  }
}
