// The feed must stay bounded, count what it keeps, and tell what was not shown.
import { expect, it } from "vitest";
import { EventFeed, KEPT } from "./feed";

const sent = (offset: number, type: string) => ({
  topic: "t",
  partition: 0,
  offset,
  timestamp: "2026-11-21T10:00:00Z",
  key: null,
  value: { type },
});

it("keeps the newest events and counts the values of those alone", () => {
  const feed = new EventFeed(() => 1000);
  feed.take({ events: Array.from({ length: KEPT }, (_, i) => sent(i, "old")) });
  feed.take({ events: Array.from({ length: KEPT - 1 }, (_, i) => sent(KEPT + i, "new")) });
  expect(feed.snapshot().events).toHaveLength(KEPT);
  expect(feed.snapshot().events[0]?.offset).toBe(2 * KEPT - 2);
  expect(feed.snapshot().total).toBe(2 * KEPT - 1);
  expect(feed.top("type", 5)).toEqual([
    { value: "new", count: KEPT - 1 },
    { value: "old", count: 1 },
  ]);
});

it("stands by time, though the server sends topic by topic", () => {
  const feed = new EventFeed(() => 1000);
  const at = (offset: number, ms: number) => ({
    ...sent(offset, "a"),
    timestamp: new Date(ms).toISOString(),
  });
  feed.take({ events: [at(0, 5000), at(1, 7000), at(2, 6000), at(3, 6000)] });
  expect(feed.snapshot().events.map((event) => event.offset)).toEqual([1, 3, 2, 0]);
});

it("tells per second how many matched and were not sent, with zeros for silent seconds", () => {
  let now = 10_000;
  const feed = new EventFeed(() => now);
  feed.take({ events: [sent(0, "a")], matched: 5 });
  now = 13_200;
  feed.take({ events: [sent(1, "a")], matched: 1 });
  const view = feed.snapshot();
  expect(view.t).toEqual([10_000, 11_000, 12_000, 13_000]);
  expect(view.shown).toEqual([1, 0, 0, 1]);
  expect(view.hidden).toEqual([4, 0, 0, 0]);
  expect(view.matchedRate).toBe(1);
});

it("starts anew after clear", () => {
  const feed = new EventFeed(() => 1000);
  feed.take({ events: [sent(0, "a")] });
  feed.drop(3);
  feed.clear();
  expect(feed.snapshot()).toMatchObject({ events: [], dropped: 0, t: [] });
  expect(feed.top("type", 5)).toEqual([]);
});
