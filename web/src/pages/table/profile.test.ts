// A name of a column must never become SQL of its own.
import { expect, it } from "vitest";
import { factsSql, topSql } from "./profile";

it("quotes names and reaches fields of structs", () => {
  expect(topSql("bronze.t", ['a"b', "c d"])).toContain('SELECT t."a""b"."c d" AS value');
  expect(factsSql("bronze.t", ["n"], "BIGINT")).toContain('min(t."n") AS lowest');
  expect(factsSql("bronze.t", ["n"], "BIGINT")).toContain("median");
});

it("asks for no extremes where there is no order", () => {
  expect(factsSql("bronze.t", ["s"], "STRUCT(a BIGINT)")).not.toContain("min(");
});
