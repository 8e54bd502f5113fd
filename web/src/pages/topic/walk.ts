// walk.ts - reading a long list page by page: what was found so far, how much was read for it, and
// going on, to the end or until it is cancelled. With a filter a page may hold nothing and still
// have a next one; the walk then goes on by itself until there is something to show.
import { CalmStore } from "@/lib/store";

export interface Page<R> {
  rows: readonly R[];
  /** Where the page after it begins; null at the end. */
  next: string | null;
  /** Bytes that were read for it, where that is told. */
  scanned?: number;
}

export interface WalkView<R> {
  rows: readonly R[];
  scanned: number;
  state: "reading" | "resting" | "cancelled" | "failed" | "done" | "full";
  error: unknown;
}

/** Rows kept in memory: who wants more narrows the question or asks in SQL. */
export const KEPT_MAX = 20_000;

export abstract class Walk<R> extends CalmStore<WalkView<R>> {
  #rows: readonly R[] = [];
  #scanned = 0;
  #next: string | null = null;
  #state: WalkView<R>["state"] = "resting";
  #error: unknown = null;
  #abort: AbortController | null = null;

  /** `want`: how many more rows are enough for one go. */
  constructor(readonly want: number) {
    super(50);
  }

  /** The page that begins at `after`; null: the first one. */
  protected abstract page(after: string | null, signal: AbortSignal): Promise<Page<R>>;

  /** Reads on until enough was found, the end is reached, or it is cancelled. */
  async more(): Promise<void> {
    if (["reading", "done", "full"].includes(this.#state)) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#error = null;
    this.#set("reading");
    const goal = Math.min(this.#rows.length + this.want, KEPT_MAX);
    try {
      while (this.#rows.length < goal) {
        const page = await this.page(this.#next, abort.signal);
        if (abort.signal.aborted) return;
        this.#rows = this.#rows.concat(page.rows);
        this.#scanned += page.scanned ?? 0;
        this.#next = page.next;
        if (page.next === null) {
          this.#set("done");
          return;
        }
        this.changed();
      }
      this.#set(this.#rows.length >= KEPT_MAX ? "full" : "resting");
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#error = error;
      this.#set("failed");
    }
  }

  cancel(): void {
    this.#abort?.abort();
    if (this.#state === "reading") this.#set("cancelled");
  }

  #set(state: WalkView<R>["state"]): void {
    this.#state = state;
    this.changed();
  }

  protected makeSnapshot(): WalkView<R> {
    return {
      rows: this.#rows,
      scanned: this.#scanned,
      state: this.#state,
      error: this.#error,
    };
  }
}
