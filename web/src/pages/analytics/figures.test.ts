// What is drawn must be the server's counts, with nothing lost between them.
import { expect, it } from "vitest";
import { distributionOf, topOf, totalsOf } from "./figures";

const answer = (names: string[], rows: unknown[][]) => ({
  columns: names.map((name) => ({ name, type: "BIGINT" })),
  rows,
});

it("has a zero for each bucket without events", () => {
  const found = distributionOf(
    answer(
      ["t", "place", "value", "event_count", "value_count"],
      [
        ["10000", "1", "view", "5", "12"],
        ["30000", "1", "view", "7", "12"],
        ["30000", "2", null, "1", "12"],
        ["30000", "8", "x", "4", "12"],
      ],
    ),
    12_000,
    41_000,
    10,
    "no type",
  );
  expect(found.t).toEqual([10_000, 20_000, 30_000, 40_000]);
  expect(found.series).toEqual([
    { label: "view", values: [5, 0, 7, 0] },
    { label: "no type", values: [0, 0, 1, 0] },
    { label: "all others", values: [0, 0, 4, 0] },
  ]);
});

it("tells an event's type apart from the word for none", () => {
  const rows = [
    ["0", "1", null, "1", "1"],
    ["0", "2", "none", "1", "1"],
  ];
  const names = ["t", "place", "value", "event_count", "value_count"];
  const labels = distributionOf(answer(names, rows), 0, 1000, 1, "none").series.map((s) => s.label);
  expect(new Set(labels).size).toBe(2);
});

it("knows no share of failures where no event tells", () => {
  const names = [
    "event_count",
    "judged_count",
    "failed_count",
    "judged_count_before",
    "failed_count_before",
  ];
  const found = totalsOf(answer(names, [["10", "0", "0", "4", "1"]]));
  expect(found.failed).toBeNaN();
  expect(found.failedBefore).toBe(0.25);
  expect(found.events).toBe(10);
});

it("counts shares of the whole, not of what is listed", () => {
  const names = ["value", "event_count", "before_count", "failed_count", "total"];
  expect(topOf(answer(names, [["a", "5", "0", "1", "20"]]))).toEqual([
    { value: "a", events: 5, before: 0, failed: 1, share: 0.25 },
  ]);
});
