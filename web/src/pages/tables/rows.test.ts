// The list must name every table once, with what is known of it, in any order asked for.
import { expect, it } from "vitest";
import { findRows, sortRows, tableRows } from "./rows";

const TABLES = [
  {
    name: "visits",
    schema: "bronze",
    topic: "visits",
    rows: 10,
    bytes: 5,
    lag_events: 2,
    dead_rows: 3,
  },
  { name: "calm", schema: "bronze", topic: "calm", state: "starting" },
  { name: "sales", schema: "main", rows: 2, files: 1, bytes: 604, state: "ok" },
  { name: "staff", schema: "files", file: "Staff.csv", bytes: 8, state: "ok" },
  { name: "staff", schema: "files", file: "staff.ndjson", state: "clash", reason: "another file" },
];

it("tells what each table is, and lists dead letters as a table", () => {
  const rows = tableRows(TABLES);
  expect(rows.map((row) => [row.key, row.kind, row.origin])).toEqual([
    ["bronze.visits", "topic", "topic visits"],
    ["bronze.visits__dead", "dead", "refused by topic visits"],
    ["bronze.calm", "topic", "topic calm"],
    ["main.sales", "import", "imported file"],
    ["files.staff/Staff.csv", "file", "Staff.csv, CSV"],
    ["files.staff/staff.ndjson", "file", "staff.ndjson, NDJSON"],
  ]);
  expect(rows[1]).toMatchObject({ rows: 3, bytes: null });
  expect(rows[2]).toMatchObject({ rows: null, state: "starting" });
});

it("puts what is unknown last in both directions", () => {
  const rows = tableRows(TABLES);
  const keys = (descending: boolean) => sortRows(rows, "rows", descending).map((row) => row.rows);
  expect(keys(false)).toEqual([2, 3, 10, null, null, null]);
  expect(keys(true)).toEqual([10, 3, 2, null, null, null]);
});

it("finds by all words, whatever their case, and by kind", () => {
  const rows = tableRows(TABLES);
  expect(findRows(rows, "STAFF clash", undefined).map((row) => row.origin)).toEqual([
    "staff.ndjson, NDJSON",
  ]);
  expect(findRows(rows, "", "dead").map((row) => row.name)).toEqual(["visits__dead"]);
  expect(findRows(rows, "nothing", undefined)).toEqual([]);
});
