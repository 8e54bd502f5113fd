import { expect, test } from "vitest";
import { filterFrom, filterParam, filterSql, opsFor, viewFrom, viewTo, whereSql } from "./shown";

test("a view in the address comes back, with any name and value", () => {
  const view = {
    mode: "chart" as const,
    sort: { column: "count(*), x", descending: true },
    filters: [
      { column: "a:b", op: "eq" as const, value: "x:y,z%" },
      { column: "c", op: "notnull" as const, value: "" },
      { column: "d", op: "contains" as const, value: "" },
    ],
    chart: null,
  };
  expect(viewFrom(viewTo(view))).toEqual(view);
  expect(viewFrom({})).toEqual({ mode: "table", sort: null, filters: [], chart: null });
});

test("what is no filter is none", () => {
  for (const bad of ["", "a", "a:eq", "a:like:x", ":eq:1"]) expect(filterFrom(bad)).toBeUndefined();
  expect(filterParam({ column: "a", op: "null", value: "left over" })).toBe("a:null");
});

test("filters as SQL are never more than a condition", () => {
  expect(filterSql({ column: 'a"b', op: "eq", value: "x' OR 1" }, "VARCHAR")).toBe(
    "\"a\"\"b\" = CAST('x'' OR 1' AS VARCHAR)",
  );
  expect(whereSql([], [])).toBe("");
  expect(
    whereSql(
      [
        { column: "n", op: "ge", value: "5" },
        { column: "s", op: "null", value: "" },
      ],
      [{ name: "n", type: "BIGINT" }],
    ),
  ).toBe(' WHERE "n" >= CAST(\'5\' AS BIGINT) AND "s" IS NULL');
});

test("operators follow the type", () => {
  expect(opsFor("VARCHAR")[0]).toBe("contains");
  expect(opsFor("DECIMAL(18,2)")).toContain("lt");
  expect(opsFor("BOOLEAN")).not.toContain("lt");
});
