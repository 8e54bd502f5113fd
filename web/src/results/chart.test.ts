import { describe, expect, test } from "vitest";
import { chartData, fits, REST } from "./chart-data";
import { type ChartSpec, chartFrom, chartTo, suggestChart } from "./chart-spec";
import { bucketMs, chartPlan, roundStep } from "./chart-sql";

const columns = (...list: [string, string][]) => list.map(([name, type]) => ({ name, type }));

describe("a first chart follows the columns' types", () => {
  test.each([
    [
      "time and an amount: a line",
      columns(["day", "DATE"], ["sum", "DOUBLE"]),
      30,
      "line",
      "day",
      ["sum"],
      "none",
    ],
    [
      "raw rows with a time: how many over time",
      columns(["_time", "TIMESTAMP WITH TIME ZONE"], ["bytes", "BIGINT"]),
      90_000,
      "line",
      "_time",
      [],
      "count",
    ],
    [
      "a category and an amount: bars",
      columns(["city", "VARCHAR"], ["n", "BIGINT"]),
      12,
      "bar",
      "city",
      ["n"],
      "none",
    ],
    [
      "raw rows with a category: how often",
      columns(["city", "VARCHAR"], ["n", "BIGINT"]),
      9000,
      "bar",
      "city",
      [],
      "count",
    ],
    [
      "two amounts: points",
      columns(["price", "DOUBLE"], ["weight", "DOUBLE"]),
      500,
      "scatter",
      "price",
      ["weight"],
      "none",
    ],
    [
      "a year and an amount: a line",
      columns(["year", "BIGINT"], ["sales", "DOUBLE"]),
      9,
      "line",
      "year",
      ["sales"],
      "none",
    ],
    ["one number: its spread", columns(["n", "BIGINT"]), 9, "bar", "n", [], "count"],
    [
      "ids are no amounts",
      columns(["city", "VARCHAR"], ["user_id", "BIGINT"], ["spent", "DOUBLE"]),
      9,
      "bar",
      "city",
      ["spent"],
      "none",
    ],
  ] as const)("%s", (_what, list, rows, type, x, y, aggregate) => {
    expect(suggestChart(list, rows)).toMatchObject({ type, x, y: [...y], aggregate });
  });

  test("a second category becomes the series", () => {
    const list = columns(["t", "DATE"], ["type", "VARCHAR"], ["n", "BIGINT"]);
    expect(suggestChart(list, 100)).toMatchObject({ by: "type", aggregate: "sum" });
  });

  test("nothing to draw, nothing suggested", () => {
    expect(suggestChart(columns(["s", "STRUCT(a INTEGER)"]), 5)).toBeNull();
    expect(suggestChart([], 0)).toBeNull();
  });
});

test("a chart in the address comes back, with any name", () => {
  const spec: ChartSpec = {
    type: "bar",
    x: 'a,b "c"%',
    y: ["sum(x), y"],
    aggregate: "sum",
    by: null,
  };
  expect(chartFrom(chartTo(spec))).toEqual(spec);
  expect(chartFrom(chartTo({ ...spec, by: "b,y" }))).toEqual({ ...spec, by: "b,y" });
  for (const bad of [undefined, "", "bar", "cake,x,sum,-", "bar,x,mode,-"]) {
    expect(chartFrom(bad)).toBeNull();
  }
});

describe("the server aggregates", () => {
  const list = columns(["t", "TIMESTAMP"], ["city", "VARCHAR"], ["n", "BIGINT"]);
  const extent = { rows: 100_000, distinct: 500, low: 0, high: 86_400_000 };
  const spec: ChartSpec = { type: "line", x: "t", y: ["n"], aggregate: "sum", by: null };

  test("instants in round buckets", () => {
    const plan = chartPlan(spec, list, ' WHERE "n" > 1', extent);
    expect(plan.step).toBe(1_800_000);
    expect(plan.sql).toContain("INTERVAL '1800000 milliseconds'");
    expect(plan.sql).toContain(' WHERE "n" > 1 AND "t" IS NOT NULL');
    expect(plan.measures).toEqual(["sum of n"]);
  });

  test("categories: the largest and one rest", () => {
    const plan = chartPlan({ ...spec, type: "bar", x: "city" }, list, "", extent);
    expect(plan.x).toBe("category");
    expect(plan.sql).toContain("CASE WHEN place <= 40 THEN x ELSE NULL END");
  });

  test("averages have no rest", () => {
    const plan = chartPlan({ ...spec, type: "bar", x: "city", aggregate: "avg" }, list, "", extent);
    expect(plan.sql).not.toContain("ELSE NULL");
  });

  test("names are quoted wherever they go", () => {
    const odd = columns(['a"b', "VARCHAR"], ["count(*)", "BIGINT"]);
    const plan = chartPlan(
      { type: "bar", x: 'a"b', y: ["count(*)"], aggregate: "sum", by: null },
      odd,
      "",
      extent,
    );
    expect(plan.sql).toContain('"a""b"');
    expect(plan.sql).toContain('sum("count(*)")');
  });

  test("many points are a sample that stays the same", () => {
    const plan = chartPlan({ ...spec, type: "scatter", aggregate: "none" }, list, "", extent);
    expect(plan.sql).toMatch(/USING SAMPLE reservoir\(5000 ROWS\) REPEATABLE \(1\)$/);
  });
});

test("steps are round", () => {
  expect([0.13, 1, 3, 7, 420].map(roundStep)).toEqual([0.2, 1, 5, 10, 500]);
  expect(bucketMs(60_000)).toBe(1000);
  expect(bucketMs(365 * 86_400_000)).toBe(604_800_000);
});

test("answers become points; what is no number is left out", () => {
  const plan = { sql: "", measures: ["a", "b"], x: "category" as const };
  const extent = { rows: 0, distinct: 0, low: 0, high: 0 };
  const spec: ChartSpec = { type: "bar", x: "a", y: ["b"], aggregate: "sum", by: null };
  const data = chartData(
    [
      ["x", null, 1, null],
      [null, null, "2", "NaN"],
    ],
    spec,
    plan,
    extent,
  );
  expect(data.points).toEqual([
    { x: "x", series: "a", y: 1 },
    { x: REST, series: "a", y: 2 },
  ]);
  const grouped = chartData(
    [
      ["x", "other", 1],
      ["x", "k", 2],
    ],
    spec,
    plan,
    extent,
  );
  expect(grouped.series).toEqual(["k", "other"]);
});

test("a chart of columns that are gone does not fit", () => {
  const spec: ChartSpec = { type: "bar", x: "a", y: ["b"], aggregate: "sum", by: null };
  expect(fits(spec, ["a", "b"])).toBe(true);
  expect(fits(spec, ["a"])).toBe(false);
});
