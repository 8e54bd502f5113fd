// Lists in memory sort by any column, in both directions, with unknown values last.
import { expect, test } from "vitest";
import { sorted, sortFrom, sortTo } from "./sort";

interface Row {
  name: string;
  n: number | null;
}

const columns = [
  { id: "name", header: "", value: (row: Row) => row.name },
  { id: "n", header: "", value: (row: Row) => row.n },
];
const rows: Row[] = [
  { name: "b10", n: 1 },
  { name: "b9", n: null },
  { name: "a", n: 3 },
];

test("the address holds the order, and nothing else is taken from it", () => {
  expect(sortFrom("-n", ["n"])).toEqual({ column: "n", descending: true });
  expect(sortTo({ column: "n", descending: true })).toBe("-n");
  expect(sortFrom("nothing", ["n"])).toBeNull();
  expect(sortTo(null)).toBeUndefined();
});

test("numbers by size, names as people read them, the unknown last", () => {
  const names = (sort: string) =>
    sorted(rows, columns, sortFrom(sort, ["name", "n"])).map((row) => row.name);
  expect(names("name")).toEqual(["a", "b9", "b10"]);
  expect(names("n")).toEqual(["b10", "a", "b9"]);
  expect(names("-n")).toEqual(["a", "b10", "b9"]);
});
