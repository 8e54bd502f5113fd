import { describe, expect, test } from "vitest";
import type { CatalogTable } from "@/api/types";
import { afterDot, indexCatalog, inReach, sourcesOf, tableText, wordSuggestions } from "./complete";

function table(schema: string, name: string, ...columns: string[]): CatalogTable {
  return {
    schema,
    name,
    kind: "topic",
    columns: columns.map((c) => ({ name: c, type: "VARCHAR" })),
  };
}

const index = indexCatalog([
  table("bronze", "orders", "order_id", "total", "Odd name"),
  table("files", "orders", "line"),
  table("files", "customers", "customer_id", "city"),
]);

describe("the tables that a statement names", () => {
  test.each([
    ["select * from orders", [["orders", "orders"]]],
    [
      "select * from bronze.orders o join customers AS c using (id)",
      [
        ["o", "bronze.orders"],
        ["c", "customers"],
      ],
    ],
    [
      "select * from orders, customers c where 1",
      [
        ["orders", "orders"],
        ["c", "customers"],
      ],
    ],
    [
      "select * from (select 1 from x) s",
      [
        ["s", undefined],
        ["x", "x"],
      ],
    ],
    [
      "with a as (select 1 from t1), b as (select 2) select * from a",
      [
        ["a", undefined],
        ["t1", "t1"],
        ["b", undefined],
        ["a", "a"],
      ],
    ],
    ['from "My ""T""" q', [["q", 'my "t"']]],
    ["select * from range(3) r", [["r", undefined]]],
    ["-- from nothing\nselect 'from x' from y", [["y", "y"]]],
    [
      "select extract(year from ts) from y where a",
      [
        ["ts", "ts"],
        ["y", "y"],
      ],
    ],
  ])("%s", (sql, expected) => {
    const found = sourcesOf(sql).map((s) => [s.alias, s.table]);
    expect(found.sort()).toEqual([...expected].sort());
  });
});

test("after an alias come its columns, quoted where they must be", () => {
  const found = afterDot(index, "select o. from bronze.orders o", ["o"]);
  expect(found.map((s) => s.apply)).toEqual(["order_id", "total", '"Odd name"']);
});

test("after a schema come its tables", () => {
  expect(afterDot(index, "select * from files.", ["files"]).map((s) => s.label)).toEqual([
    "orders",
    "customers",
  ]);
});

test("an unknown name offers nothing", () => {
  expect(afterDot(index, "select x. from y", ["x"])).toEqual([]);
});

test("columns of the statement's tables come before all tables", () => {
  const found = inReach(index, "select  from customers");
  expect(found[0]).toMatchObject({ label: "customer_id", kind: "column" });
  expect(found.filter((s) => s.kind === "column")).toHaveLength(2);
});

test("a table hidden by one of the same name is named with its schema", () => {
  expect(index.tables.map((t) => tableText(index, t))).toEqual([
    "orders",
    "files.orders",
    "customers",
  ]);
});

test("functions come with their signature; operators do not come", () => {
  const words = wordSuggestions({
    keywords: ["select"],
    types: ["BIGINT"],
    functions: [
      {
        name: "sum",
        kind: "aggregate",
        parameters: ["x"],
        returns: "HUGEINT",
        description: "Adds",
      },
      { name: "+", kind: "scalar", parameters: [], returns: null },
    ],
  });
  expect(words.map((w) => [w.label, w.detail])).toEqual([
    ["sum", "(x) → HUGEINT"],
    ["SELECT", undefined],
    ["BIGINT", undefined],
  ]);
});
