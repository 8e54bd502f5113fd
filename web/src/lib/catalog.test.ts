import { expect, it } from "vitest";
import { rowsOf } from "./catalog";

it("counts fresh rows for a topic's table, not for its dead letters", () => {
  expect(rowsOf({ kind: "topic", rows: 5, lag_events: 3 })).toBe(8);
  expect(rowsOf({ kind: "dead", rows: 5, lag_events: 3 })).toBe(5);
  expect(rowsOf({ kind: "file", rows: null })).toBeUndefined();
});
