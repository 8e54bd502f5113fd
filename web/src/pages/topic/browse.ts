// browse.ts - what is asked of a topic's log, and the walk over its pages.
import { api, path, type RequestPlan } from "@/api/client";
import type { EventRecord, Records } from "@/api/types";
import { type Page, Walk } from "./walk";

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

const PAGE = 100;
/** Of a value in the list; all of it is loaded when its record is opened. */
const VALUE_BYTES = 4096;

export function planOf(question: Question, limit = PAGE): RequestPlan {
  const { topic, partition, offset, time, key, q, order } = question;
  return {
    method: "GET",
    path: path`api/v1/topics/${topic}/records`,
    query: { order, partition, offset, time, key, q, limit },
  };
}

export class RecordWalk extends Walk<EventRecord> {
  constructor(readonly question: Question) {
    super(PAGE);
  }

  protected async page(after: string | null, signal: AbortSignal): Promise<Page<EventRecord>> {
    const plan = planOf(this.question);
    const page = await api.get<Records>(plan.path, {
      query: { ...plan.query, after, value_bytes: VALUE_BYTES },
      signal,
    });
    const next = page.next === null ? null : String(page.next);
    // One partition, oldest first, always has a next page: at the end it stands still.
    const isEnd = page.records.length === 0 && (next === after || atEnd(page));
    return { rows: page.records, next: isEnd ? null : next, scanned: page.scanned };
  }
}

function atEnd(page: Records): boolean {
  return page.end !== undefined && Number(page.next) >= page.end;
}
