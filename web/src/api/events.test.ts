// Events of one frame come in the order of their times, whatever partition they lie in.
import { expect, it } from "vitest";
import { inTimeOrder } from "./events";

const at = (partition: number, offset: number, time: string) => ({
  topic: "t",
  partition,
  offset,
  timestamp: `2026-11-21T${time}Z`,
  key: null,
  value: {},
});

it.each([
  ["nothing", {}, []],
  [
    "partitions one after the other",
    { events: [at(0, 7, "10:00:00.100"), at(0, 8, "10:00:00.300"), at(1, 3, "10:00:00.200")] },
    ["0:7", "1:3", "0:8"],
  ],
  [
    "a whole second, which has no fraction",
    { events: [at(0, 1, "10:00:00.500"), at(0, 2, "10:00:01.001"), at(1, 1, "10:00:01")] },
    ["0:1", "1:1", "0:2"],
  ],
  [
    "events of one instant, which keep their places",
    { events: [at(1, 5, "10:00:00"), at(1, 6, "10:00:00"), at(0, 9, "10:00:00")] },
    ["1:5", "1:6", "0:9"],
  ],
])("orders %s", (_what, frame, places) => {
  expect(inTimeOrder(frame).map((e) => `${e.partition}:${e.offset}`)).toEqual(places);
});
