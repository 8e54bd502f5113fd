import { describe, expect, test } from "vitest";
import { columnIds, instantShown, isCut, kept, rowsText, shown, treeOf } from "./cells";

const columns = [
  { name: "big", type: "BIGINT" },
  { name: "note", type: "VARCHAR" },
];

test("columns of one name go by their number", () => {
  const names = ["a", "b", "a"].map((name) => ({ name, type: "INTEGER" }));
  expect(columnIds(names)).toEqual(["a", "b", "#3"]);
});

test("instants keep their digits in every zone", () => {
  expect(instantShown("2026-03-29T01:30:00.123456Z", "Europe/Berlin")).toBe(
    "2026-03-29 03:30:00.123456",
  );
  expect(instantShown("infinity", "utc")).toBe("infinity");
  expect(shown("2026-03-29T01:30:00", "TIMESTAMP", "Europe/Berlin")).toBe("2026-03-29T01:30:00");
});

test("JSON is found in texts, numbers are not taken for it", () => {
  expect(treeOf('{"a": 9223372036854775807}')).toEqual({ a: 9223372036854775807n });
  expect(treeOf("[1")).toBeUndefined();
  expect(treeOf("17")).toBeUndefined();
  expect(treeOf(null)).toBeUndefined();
});

describe("rows are copied exactly", () => {
  const rows = [
    ["9223372036854775807", 'a\t"b"'],
    [null, ""],
  ];
  test.each([
    ["tsv", 'big\tnote\n9223372036854775807\t"a\t""b"""\n\t'],
    ["json", '[\n  {"big":9223372036854775807,"note":"a\\t\\"b\\""},\n  {"big":null,"note":""}\n]'],
    ["markdown", '| big | note |\n| --- | --- |\n| 9223372036854775807 | a\t"b" |\n| NULL |  |'],
  ] as const)("as %s", (format, expected) => {
    expect(rowsText(columns, rows, format)).toBe(expected);
  });
});

test("of a long text the beginning is kept, and it is known", () => {
  const short = ["1", "x"];
  expect(kept(short)).toBe(short);
  expect(isCut(short)).toBe(false);
  const long = kept(["1", "x".repeat(5000)]);
  expect(long[1]).toHaveLength(4000);
  expect(isCut(long)).toBe(true);
});
