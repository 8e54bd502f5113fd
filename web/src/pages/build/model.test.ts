import { describe, expect, test } from "vitest";
import {
  type BuildQuery,
  buildOps,
  emptyQuery,
  literal,
  queryFrom,
  queryTo,
  toSql,
  withParts,
} from "./model";

const columns = [
  { name: "status", type: "BIGINT" },
  { name: "path", type: "VARCHAR" },
  { name: "_time", type: "TIMESTAMP WITH TIME ZONE" },
  { name: "day", type: "DATE" },
  { name: 'Odd "name"', type: "VARCHAR" },
  { name: "ok", type: "BOOLEAN" },
];

function sql(part: Partial<BuildQuery>): string {
  return toSql({ ...emptyQuery("bronze", "web_logs"), ...part }, columns).replace(/\n\s*/g, " ");
}

test("a table alone is its first rows", () => {
  expect(sql({})).toBe("SELECT * FROM bronze.web_logs LIMIT 1000");
});

test("names are quoted where they must be", () => {
  const query = { ...emptyQuery("bronze", 'we"ird table'), columns: ['Odd "name"', "select"] };
  expect(toSql(query, columns)).toBe(
    'SELECT "Odd ""name""", "select"\nFROM bronze."we""ird table"\nLIMIT 1000',
  );
});

describe("conditions follow the column's type", () => {
  test.each([
    ["status", "ge", "500", "status >= 500"],
    ["status", "eq", "1e3", "status = 1e3"],
    ["status", "eq", "0; DROP", "status = '0; DROP'"],
    ["status", "in", "404,500", "status IN (404, 500)"],
    ["path", "eq", "it's", "path = 'it''s'"],
    ["path", "ne", "x", "path IS DISTINCT FROM 'x'"],
    ["path", "in", "a%2Cb,c'", "path IN ('a,b', 'c''')"],
    ["path", "contains", "50%_\\", "path ILIKE '%50\\%\\_\\\\%' ESCAPE '\\'"],
    ["path", "starts", "/a", "path ILIKE '/a%' ESCAPE '\\'"],
    ["path", "null", "", "path IS NULL"],
    ["status", "contains", "5", "CAST(status AS VARCHAR) ILIKE '%5%' ESCAPE '\\'"],
    ["_time", "ge", "2026-11-21 10:00", "_time >= TIMESTAMPTZ '2026-11-21 10:00'"],
    ["_time", "last", "15m", "_time >= now() - INTERVAL '15 minutes'"],
    ["day", "lt", "2026-01-01", "day < DATE '2026-01-01'"],
    ["ok", "eq", "true", "ok = true"],
  ] as const)("%s %s %s", (column, op, value, expected) => {
    expect(sql({ filters: [{ column, op, value }] })).toContain(` WHERE ${expected} LIMIT`);
  });

  test("one without its value is not part of the question yet", () => {
    expect(sql({ filters: [{ column: "path", op: "eq", value: "" }] })).not.toContain("WHERE");
    expect(sql({ filters: [{ column: "_time", op: "last", value: "soon" }] })).not.toContain(
      "WHERE",
    );
  });
});

test("groups, buckets and measures have names of their own", () => {
  expect(
    sql({
      groups: [
        { column: "_time", bucket: "15min" },
        { column: "day", bucket: "month" },
        { column: "path", bucket: null },
      ],
      measures: [
        { kind: "count", column: null },
        { kind: "distinct", column: "path" },
        { kind: "median", column: "status" },
      ],
      order: [
        { by: "count", descending: true },
        { by: "gone", descending: false },
      ],
      limit: 20,
    }),
  ).toBe(
    "SELECT time_bucket(INTERVAL '15 minutes', _time) AS _time_15min, date_trunc('month', day) AS day_month, path, " +
      "count(*) AS count, count(DISTINCT path) AS distinct_path, median(status) AS median_status " +
      "FROM bronze.web_logs GROUP BY ALL ORDER BY count DESC LIMIT 20",
  );
});

test("measures without groups are one row", () => {
  expect(sql({ measures: [{ kind: "count", column: null }] })).toBe(
    "SELECT count(*) AS count FROM bronze.web_logs LIMIT 1000",
  );
});

test("the address holds the whole question", () => {
  const query: BuildQuery = {
    schema: "bronze",
    table: "a.b:c,d",
    columns: ["x,y", "z:w"],
    filters: [
      { column: "a:b", op: "in", value: "1,2%2C3" },
      { column: "t", op: "null", value: "" },
    ],
    groups: [
      { column: "a:b", bucket: "hour" },
      { column: "c:d", bucket: null },
    ],
    measures: [
      { kind: "sum", column: "m:n,o" },
      { kind: "count", column: null },
    ],
    order: [{ by: "sum_m:n,o", descending: true }],
    limit: 7,
  };
  expect(queryFrom(queryTo(query))).toEqual(query);
  expect(queryFrom({})).toEqual(emptyQuery());
  expect(queryFrom({ table: "x", limit: "-3", measure: "mode:x,sum" })).toEqual(
    emptyQuery("", "x"),
  );
});

test("literals are never more than a literal", () => {
  expect(literal("1 OR 1=1", "BIGINT")).toBe("'1 OR 1=1'");
  expect(literal("x' OR 'a", "VARCHAR")).toBe("'x'' OR ''a'");
  expect(literal("true); --", "BOOLEAN")).toBe("'true); --'");
});

test("operators follow the type", () => {
  expect(buildOps("TIMESTAMP")[0]).toBe("last");
  expect(buildOps("BIGINT")).toContain("in");
  expect(buildOps("VARCHAR").slice(0, 2)).toEqual(["eq", "in"]);
});

test("an order follows its group, and goes with it", () => {
  const query: BuildQuery = {
    ...emptyQuery("", "t"),
    groups: [{ column: "_time", bucket: "hour" }],
    measures: [{ kind: "count", column: null }],
    order: [
      { by: "_time_hour", descending: false },
      { by: "count", descending: true },
    ],
  };
  const renamed = withParts(query, { groups: [{ column: "_time", bucket: "day" }] });
  expect(renamed.order.map((o) => o.by)).toEqual(["_time_day", "count"]);
  expect(withParts(query, { groups: [] }).order.map((o) => o.by)).toEqual(["count"]);
});
