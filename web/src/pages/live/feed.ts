// feed.ts - what the page Live keeps: the newest events in a ring, how many there were of each
// value of a facet among them, and per second how many matched and how many were sent. None of it
// is React state; readers hear of it at most ten times a second.

import { type EventsFrame, inTimeOrder, type SentEvent } from "@/api/events";
import { FACETS, type Facet } from "@/filters/facets";
import { Ring } from "@/lib/ring";
import { CalmStore } from "@/lib/store";
import { type LiveEvent, liveEvent } from "./event";

export const KEPT = 5000;
const SECONDS = 300;

export interface FeedView {
  /** When it was made, epoch ms. */
  atMs: number;
  /** Newest first. */
  events: readonly LiveEvent[];
  /** Of all that were ever shown: the newest event's number is total - 1. */
  total: number;
  /** How often the list was begun anew. */
  turn: number;
  /** Per second, over the last five minutes. */
  t: readonly number[];
  shown: readonly number[];
  hidden: readonly number[];
  /** Matching events per second over the last five seconds, and how many of them were shown. */
  matchedRate: number;
  shownRate: number;
  /** Dropped by the server because this client was too slow. */
  dropped: number;
  /** The share of all events that the server looked at. */
  sampled: number;
}

interface Second {
  at: number;
  shown: number;
  matched: number;
}

export class EventFeed extends CalmStore<FeedView> {
  readonly #ring = new Ring<LiveEvent>(KEPT);
  readonly #seconds = new Ring<Second>(SECONDS);
  readonly #counts = new Map<Facet, Map<string, number>>(FACETS.map((f) => [f, new Map()]));
  #dropped = 0;
  #sampled = 1;
  #turn = 0;

  constructor(readonly nowMs: () => number = Date.now) {
    super(100);
  }

  take(frame: EventsFrame): void {
    const events = inTimeOrder(frame);
    const matched = Math.max(frame.matched ?? events.length, events.length);
    this.#sampled = frame.sampled ?? 1;
    const second = this.#second();
    second.shown += events.length;
    second.matched += matched;
    for (const sent of events) this.#push(sent);
    this.changed();
  }

  drop(count: number): void {
    this.#dropped += count;
    this.changed();
  }

  /** Another list: the user cleared it or asks for other events. */
  begin(): void {
    this.#turn++;
    this.clear();
  }

  /** The same list, which the server sends once more. */
  clear(): void {
    this.#ring.clear();
    this.#seconds.clear();
    for (const counts of this.#counts.values()) counts.clear();
    this.#dropped = 0;
    this.changed();
  }

  /** The most frequent values among the kept events. */
  top(facet: Facet, limit: number): { value: string; count: number }[] {
    return [...(this.#counts.get(facet) ?? [])]
      .map(([value, count]) => ({ value, count }))
      .sort((a, b) => b.count - a.count || a.value.localeCompare(b.value))
      .slice(0, limit);
  }

  protected makeSnapshot(): FeedView {
    const seconds = this.#seconds.toArray();
    const last = Math.floor(this.nowMs() / 1000);
    const recent = seconds.filter((s) => s.at >= last - 5 && s.at < last);
    const rate = (of: (s: Second) => number) => recent.reduce((sum, s) => sum + of(s), 0) / 5;
    return {
      atMs: this.nowMs(),
      events: this.#ring.toArray().reverse(),
      total: this.#ring.total,
      turn: this.#turn,
      t: seconds.map((s) => s.at * 1000),
      shown: seconds.map((s) => s.shown),
      hidden: seconds.map((s) => s.matched - s.shown),
      matchedRate: rate((s) => s.matched),
      shownRate: rate((s) => s.shown),
      dropped: this.#dropped,
      sampled: this.#sampled,
    };
  }

  #second(): Second {
    const at = Math.floor(this.nowMs() / 1000);
    let newest = this.#seconds.at(this.#seconds.length - 1);
    // Seconds without a frame are zeros, not holes; after a long silence the line begins anew.
    if (newest !== undefined && at - newest.at > SECONDS) this.#seconds.clear();
    while (newest !== undefined && newest.at < at - 1 && at - newest.at <= SECONDS) {
      newest = { at: newest.at + 1, shown: 0, matched: 0 };
      this.#seconds.push(newest);
    }
    if (newest !== undefined && newest.at >= at) return newest;
    const fresh = { at, shown: 0, matched: 0 };
    this.#seconds.push(fresh);
    return fresh;
  }

  #push(sent: SentEvent): void {
    const gone = this.#ring.length === KEPT ? this.#ring.at(0) : undefined;
    if (gone !== undefined) this.#count(gone, -1);
    const event = liveEvent(sent, this.#ring.total);
    this.#ring.push(event);
    this.#count(event, 1);
  }

  #count(event: LiveEvent, by: number): void {
    for (const facet of FACETS) {
      const value = event.facets[facet];
      const counts = this.#counts.get(facet);
      if (value === undefined || counts === undefined) continue;
      const next = (counts.get(value) ?? 0) + by;
      if (next > 0) counts.set(value, next);
      else counts.delete(value);
    }
  }
}
