import { expect, test } from "vitest";
import type { CatalogTable } from "@/api/types";
import { indexCatalog } from "./complete";
import { firstSamples, samples, shopSamples, tableSamples } from "./samples";

const logs: CatalogTable = {
  schema: "bronze",
  name: "web logs",
  kind: "topic",
  columns: [
    { name: "status", type: "VARCHAR" },
    { name: "_time", type: "TIMESTAMP WITH TIME ZONE" },
  ],
};

test("questions name the table as SQL needs it", () => {
  const found = tableSamples(indexCatalog([logs]), logs);
  expect(found.map((s) => s.title)).toEqual([
    "The newest rows",
    "Rows per minute",
    "How often each status comes",
    "What is in each column",
  ]);
  for (const { sql } of found) expect(sql).toContain('"web logs"');
});

test("the shop's questions come only when all their tables are there", () => {
  const texts = ["-- Who?\nSELECT * FROM customers c JOIN orders o USING (id)"];
  const customers = { ...logs, schema: "files", name: "customers" };
  expect(shopSamples(indexCatalog([customers]), texts)).toEqual([]);
  const both = indexCatalog([customers, { ...customers, name: "orders" }]);
  expect(shopSamples(both, texts)).toMatchObject([{ title: "Who?" }]);
});

test("all questions of the shop are found and titled", () => {
  const names = "customers orders sales products finance transactions marketing reviews employees";
  const shop = names.split(" ").map((name) => ({ ...logs, schema: "files", name }));
  const found = samples(indexCatalog(shop)).filter((s) => s.group === "The sample shop");
  expect(found).toHaveLength(15);
  for (const { title, sql } of found) {
    expect(title).toMatch(/[?.]$/);
    expect(sql).toMatch(/SELECT|WITH/);
  }
});

test("questions to begin with are of the largest topic", () => {
  const small = { ...logs, name: "small", rows: 1 };
  const large = { ...logs, rows: 100 };
  const file: CatalogTable = { ...logs, schema: "main", name: "stock", kind: "import" };
  const first = firstSamples(indexCatalog([small, { ...file, rows: 1000 }, large]));
  expect(first.map((s) => s.title)).toEqual([
    "The newest rows",
    "Rows per minute",
    "How often each status comes",
  ]);
  expect(new Set(first.map((s) => s.group))).toEqual(new Set(["bronze.web logs"]));
  expect(firstSamples(indexCatalog([]))).toEqual([]);
});
