// browse.ts - reading a topic's log page by page: what was found so far, how much was read for it,
// and going on, to the end or until it is cancelled. With a filter a page may hold nothing and
// still have a next one; the walk then goes on by itself until there is something to show.
import { api, path, type RequestPlan } from "@/api/client";
import type { EventRecord, Records } from "@/api/types";
import { CalmStore } from "@/lib/store";

/** What is asked for; the same for all pages of a walk. */
export interface Question {
  topic: string;
  partition?: number;
  offset?: string;
  time?: string;
  key?: string;
  q?: string;
  order: "asc" | "desc";
}

export interface Walk {
  records: readonly EventRecord[];
  /** Bytes of the log that were read for them. */
  scanned: number;
  state: "reading" | "resting" | "cancelled" | "failed" | "done" | "full";
  error: unknown;
}

const PAGE = 100;
/** Records kept in memory: who wants more narrows the question or asks in SQL. */
export const KEPT_MAX = 20_000;
/** Of a value in the list; all of it is loaded when its record is opened. */
export const VALUE_BYTES = 4096;

export function planOf(question: Question, limit = PAGE): RequestPlan {
  const { topic, partition, offset, time, key, q, order } = question;
  return {
    method: "GET",
    path: path`api/v1/topics/${topic}/records`,
    query: { order, partition, offset, time, key, q, limit },
  };
}

export class RecordWalk extends CalmStore<Walk> {
  #records: EventRecord[] = [];
  #scanned = 0;
  #next: Records["next"] = null;
  #state: Walk["state"] = "resting";
  #error: unknown = null;
  #abort: AbortController | null = null;

  constructor(readonly question: Question) {
    super(50);
  }

  /** Reads on until `want` more records were found, the end is reached, or it is cancelled. */
  async more(want = PAGE): Promise<void> {
    if (["reading", "done", "full"].includes(this.#state)) return;
    const abort = new AbortController();
    this.#abort = abort;
    this.#error = null;
    this.#set("reading");
    const goal = Math.min(this.#records.length + want, KEPT_MAX);
    try {
      while (this.#records.length < goal) {
        const page = await this.#page(abort.signal);
        if (abort.signal.aborted) return;
        const moved = page.next !== null && String(page.next) !== String(this.#next);
        this.#records = this.#records.concat(page.records);
        this.#scanned += page.scanned;
        this.#next = page.next;
        // One partition, oldest first, always has a next page: at the end it stands still.
        if (page.next === null || (page.records.length === 0 && (!moved || atEnd(page)))) {
          this.#set("done");
          return;
        }
        this.changed();
      }
      this.#set(this.#records.length >= KEPT_MAX ? "full" : "resting");
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

  #page(signal: AbortSignal): Promise<Records> {
    const plan = planOf(this.question);
    const after = this.#next ?? undefined;
    return api.get<Records>(plan.path, {
      query: { ...plan.query, after, value_bytes: VALUE_BYTES },
      signal,
    });
  }

  #set(state: Walk["state"]): void {
    this.#state = state;
    this.changed();
  }

  protected makeSnapshot(): Walk {
    return {
      records: this.#records,
      scanned: this.#scanned,
      state: this.#state,
      error: this.#error,
    };
  }
}

function atEnd(page: Records): boolean {
  return page.end !== undefined && Number(page.next) >= page.end;
}
