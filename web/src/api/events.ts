// events.ts - what the channel `events` sends: the events that matched since the frame before, and
// how many others there were.
import type { EventRecord } from "./types";

export interface SentEvent extends EventRecord {
  topic: string;
}

export interface EventsFrame {
  events?: SentEvent[];
  matched?: number;
  seen?: number;
  thinned?: number;
  skipped?: number;
  sampled?: number;
}

/** The events of a frame, the oldest first: it holds topic after topic, partition after
 * partition. Times are compared as numbers, since a whole second is written without a fraction. */
export function inTimeOrder(frame: EventsFrame): SentEvent[] {
  return (frame.events ?? [])
    .map((event) => ({ event, ms: Date.parse(event.timestamp) }))
    .sort((a, b) => a.ms - b.ms)
    .map(({ event }) => event);
}
