// The busiest topics come first, quiet ones fill the list, and topics that the server sends no
// figures of cost nothing.
import { expect, it } from "vitest";
import { statsStore } from "@/api/stats";
import type { Topic } from "@/api/types";
import { busiest } from "./busiest";

const topic = (name: string) => ({ name }) as Topic;

it("lists ten topics by rate, then quiet ones in their order", () => {
  const rates: Record<string, number> = { c: 5, a: 9, gone: 99, quiet: 0 };
  let asked = 0;
  const stats = {
    topics: Object.keys(rates),
    topic: (name: string) => {
      asked++;
      return new Float64Array([Number.NaN, rates[name] ?? Number.NaN]);
    },
  };
  const topics = ["a", "b", "c", "quiet", ...Array.from({ length: 9996 }, (_, i) => `t${i}`)];
  const rows = busiest(topics.map(topic), stats);
  expect(rows.map((row) => row.topic.name).slice(0, 5)).toEqual(["a", "c", "b", "quiet", "t0"]);
  expect(rows).toHaveLength(10);
  expect(rows[0]?.rate).toBe(4.5);
  expect(asked).toBeLessThan(20);
});

it("topics without figures share one column", () => {
  statsStore.take({ t: [1000, 2000], events_in: [1, 2] });
  const stats = statsStore.snapshot();
  const first = stats.topic("one", "events_in");
  expect(stats.topic("other", "lag_events")).toBe(first);
  expect(first).toHaveLength(2);
  expect(first.every((v) => Number.isNaN(v))).toBe(true);
});
