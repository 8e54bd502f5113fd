// A nested type must be read to its leaves, whatever its names hold.
import { expect, it } from "vitest";
import { typeNodes } from "./type-tree";

const lines = (type: string) =>
  typeNodes("c", type).map((n) => `${" ".repeat(n.depth)}${n.name} ${n.type}`);

it("unfolds structs, lists and maps", () => {
  expect(lines("STRUCT(a BIGINT, b STRUCT(c VARCHAR[], d DECIMAL(10,2))[])")).toEqual([
    "c STRUCT",
    " a BIGINT",
    " b STRUCT[]",
    "  c VARCHAR[]",
    "  d DECIMAL(10,2)",
  ]);
  expect(lines("MAP(VARCHAR, STRUCT(x DOUBLE))")).toEqual([
    "c MAP",
    " key VARCHAR",
    " value STRUCT",
    "  x DOUBLE",
  ]);
});

it("reads quoted names with brackets, commas and quotes", () => {
  expect(lines('STRUCT("a, (b" BIGINT, "say ""hi""" TIMESTAMP WITH TIME ZONE)')).toEqual([
    "c STRUCT",
    " a, (b BIGINT",
    ' say "hi" TIMESTAMP WITH TIME ZONE',
  ]);
});

it("knows which fields SQL can reach by name", () => {
  const nodes = typeNodes("c", "STRUCT(a STRUCT(b BIGINT), l STRUCT(x BIGINT)[])");
  expect(nodes.map((n) => n.path)).toEqual([[], ["a"], ["a", "b"], ["l"], null]);
});

it("leaves what it does not know as it is", () => {
  expect(lines("ENUM('a', 'b')")).toEqual(["c ENUM('a', 'b')"]);
  expect(lines("STRUCT(a BIGINT")).toEqual(["c STRUCT(a BIGINT"]);
});
