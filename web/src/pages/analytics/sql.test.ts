// The questions must be what the filters say, for any names and values that events bring.
import { describe, expect, it } from "vitest";
import type { Filters } from "@/filters/use-filters";
import {
  askable,
  beforeMs,
  bucketSeconds,
  distributionSql,
  facetExpression,
  failedExpression,
  newestSql,
  type Question,
  type Source,
  topSql,
  totalsSql,
} from "./sql";

const NONE: Filters = { topic: [], type: [], level: [], source: [], endpoint: [], q: "" };
const source = (topic: string, columns: Record<string, string>): Source => ({
  topic,
  table: topic,
  columns: Object.entries(columns).map(([name, type]) => ({ name, type })),
});
const ask = (sources: Source[], filters: Partial<Filters> = {}): Question => ({
  sources,
  filters: { ...NONE, ...filters },
  fromMs: 1_000_000,
  toMs: 1_600_000,
});

const VISITS = source("visits", {
  event: "VARCHAR",
  kind: "BIGINT",
  url: "VARCHAR",
  _time: "TIMESTAMPTZ",
});
const LOGS = source("logs", { severity: "VARCHAR", status: "BIGINT", host: "STRUCT(a BIGINT)" });

describe("facets", () => {
  it("are the columns that the table has, in the order of the live filters", () => {
    expect(facetExpression(VISITS, "type")).toBe("coalesce(event, CAST(kind AS VARCHAR))");
    expect(facetExpression(VISITS, "endpoint")).toBe("url");
    expect(facetExpression(VISITS, "level")).toBeNull();
    expect(facetExpression(LOGS, "source")).toBe("CAST(to_json(host) AS VARCHAR)");
  });
  it("tell failures by level, else by status", () => {
    expect(failedExpression(LOGS)).toContain("coalesce(lower(severity) IN ('emerg'");
    expect(failedExpression(source("s", { status: "VARCHAR" }))).toBe(
      "TRY_CAST(status AS INTEGER) >= 500",
    );
    expect(failedExpression(VISITS)).toBeNull();
  });
});

describe("questions", () => {
  it("quote whatever a filter holds", () => {
    const sql = topSql(
      ask([VISITS], { type: ["it's", "'; DROP TABLE x; --"], q: "o'hara" }),
      "type",
      5,
    );
    expect(sql).toContain("IN ('it''s', '''; DROP TABLE x; --')");
    expect(sql).toContain("lower('o''hara')");
  });
  it("quote names of tables and topics", () => {
    const odd = { ...source('we"ird', { type: "VARCHAR" }), topic: "o'b" };
    const sql = topSql(ask([odd]), "topic", 5);
    expect(sql).toContain('FROM bronze."we""ird"');
    expect(sql).toContain("'o''b' AS topic");
  });
  it("leave out tables that have no column for a filter", () => {
    const question = ask([VISITS, LOGS], { level: ["error"] });
    expect(askable(question).map((one) => one.topic)).toEqual(["logs"]);
    expect(totalsSql(question)).not.toContain("bronze.visits");
    expect(totalsSql(ask([VISITS], { level: ["error"] }))).toBeNull();
    expect(totalsSql(ask([]))).toBeNull();
  });
  it("are bounded by time, with the period before where it is compared", () => {
    const question = ask([VISITS]);
    expect(beforeMs(question)).toBe(400_000);
    expect(totalsSql(question)).toContain("_time >= TIMESTAMPTZ '1970-01-01T00:06:40.000Z'");
    expect(distributionSql(question, "type", 10)).toContain(
      "_time >= TIMESTAMPTZ '1970-01-01T00:16:40.000Z'",
    );
    expect(topSql(question, "type", 7)).toMatch(/LIMIT 7$/);
  });
  it("unite all tables", () => {
    expect(totalsSql(ask([VISITS, LOGS]))?.match(/UNION ALL/g)).toHaveLength(1);
    expect(newestSql(ask([VISITS, LOGS]))).toContain("UNION ALL");
    expect(newestSql(ask([]))).toBeNull();
  });
});

it("buckets are round and few", () => {
  expect(bucketSeconds(0, 60_000)).toBe(1);
  expect(bucketSeconds(0, 900_000)).toBe(10);
  expect(bucketSeconds(0, 86_400_000)).toBe(900);
  expect(bucketSeconds(0, 35 * 86_400_000)).toBe(43_200);
  expect(bucketSeconds(0, 40 * 365 * 86_400_000) % 604_800).toBe(0);
});
