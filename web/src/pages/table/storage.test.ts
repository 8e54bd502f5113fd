// The past of a table must add up to what it is now.
import { expect, it } from "vitest";
import type { Commit } from "@/api/types";
import { partitionSums, storageOf } from "./storage";

const commit = (version: number, added: number, rows: number, removed = 0): Commit => ({
  version,
  timestamp: `2026-11-21T10:0${version}:00Z`,
  operation: "WRITE",
  files_added: 1,
  files_removed: removed > 0 ? 1 : 0,
  bytes_added: added,
  bytes_removed: removed,
  rows_added: rows,
});

it("goes back from what the table is now", () => {
  const past = storageOf([commit(2, 30, 3), commit(1, 20, 2), commit(0, 10, 1)], 60, 6);
  expect(past.bytes).toEqual([10, 30, 60]);
  expect(past.rows).toEqual([1, 3, 6]);
  expect(past.t).toEqual([...past.t].sort());
  expect(past.bytesAdded).toEqual([10, 20, 30]);
});

it("does not guess the rows before a commit that took files away", () => {
  const past = storageOf([commit(2, 5, 1), commit(1, 20, 2, 10), commit(0, 10, 1)], 25, 3);
  expect(past.bytes).toEqual([10, 20, 25]);
  expect(past.rows).toEqual([null, 2, 3]);
});

it("has nothing to tell of a table without commits", () => {
  expect(storageOf([], 0, 0).t).toEqual([]);
});

it("adds up files by partition, and leaves unknown rows unknown", () => {
  const file = (date: string | null, bytes: number, rows: number | null) => ({
    path: "x",
    bytes,
    rows,
    partition: { _date: date },
  });
  const sums = partitionSums([
    file("2026-01-01", 1, 1),
    file("2026-01-02", 2, 2),
    file("2026-01-02", 3, null),
    file(null, 4, 4),
  ]);
  expect(sums.map((s) => [s.key, s.files, s.bytes, s.rows])).toEqual([
    ["_date=NULL", 1, 4, 4],
    ["_date=2026-01-02", 2, 5, null],
    ["_date=2026-01-01", 1, 1, 1],
  ]);
});
