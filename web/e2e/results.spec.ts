// Results: what stays on the server is shown exactly, in any order, as a table, a chart and a file.
import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { checkAccess, expect, screens, test, until } from "./rig";

const NASTY = [
  { id: "9223372036854775807", who: "", note: "<b>bold</b>", deep: { a: [1, { b: null }] } },
  { id: "-9223372036854775808", who: null, note: "שלום \u202e rtl", deep: { a: [] } },
  { id: "1", who: "x".repeat(300), note: "=1+1", deep: null },
];

function cell(page: Page, text: string) {
  return page.getByRole("gridcell", { name: text, exact: true }).first();
}

/** A link opens what its sender saw; a fresh context has no tabs of another test. */
function link(sql: string, rest = ""): string {
  return `/sql?run=1&q=${encodeURIComponent(sql)}${rest}`;
}

test("values are shown exactly, sorted, filtered and opened; the address keeps it", async ({
  server,
  page,
}) => {
  await server.send("odd", NASTY);
  const sql =
    "SELECT CAST(id AS BIGINT) AS id, CAST(who AS VARCHAR) AS who, note, deep FROM odd ORDER BY note";
  await page.goto(link(sql));
  await cell(page, "9,223,372,036,854,775,807").waitFor();
  await cell(page, "-9,223,372,036,854,775,808").waitFor();
  await cell(page, "<b>bold</b>").waitFor();
  await cell(page, "empty").waitFor();
  expect(await page.getByRole("gridcell", { name: "NULL", exact: true }).count()).toBeGreaterThan(
    0,
  );
  await checkAccess(page);
  await screens(page, "sql-table");

  await page.getByRole("columnheader", { name: /^id/ }).click();
  await page.waitForURL(/sort=id/);
  const firstId = page.locator('[role="row"][aria-rowindex="2"] [role="gridcell"]').first();
  await until("the smallest first", async () =>
    (await firstId.textContent())?.startsWith("-9,223"),
  );

  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Column", { exact: true }).selectOption("who");
  await page.getByLabel("Condition").selectOption("notnull");
  await checkAccess(page);
  await page.getByRole("button", { name: "Add filter" }).click();
  await page.getByText("2 of 3 rows").waitFor();
  await page.waitForURL(/filter=who:notnull/);
  await page.reload();
  await page.getByText("2 of 3 rows").waitFor();
  await page.goBack();
  // The header is a row too.
  await page.locator('[role="grid"][aria-rowcount="4"]').waitFor();

  await cell(page, "<b>bold</b>").dblclick();
  const drawer = page.getByRole("dialog", { name: /^Row/ });
  await drawer.getByRole("button", { name: /^deep/ }).click();
  await drawer.getByText("null", { exact: true }).waitFor();
  await checkAccess(page);
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
});

test("a file has the whole result in the order shown", async ({ server, page }) => {
  await page.goto(
    link("SELECT range AS n, '=x' AS f FROM range(3000)", "&sort=-n&filter=n:lt:2500"),
  );
  await page.getByText("2,500 of 3,000 rows").waitFor();
  await page.getByRole("button", { name: "Download" }).click();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: /^CSV/ }).click(),
  ]);
  const lines = (await readFile(await file.path(), "utf8")).trim().split(/\r?\n/);
  expect(lines).toHaveLength(2501);
  expect(lines.slice(0, 2)).toEqual(["n,f", "2499,'=x"]);
  const kept = await server.api<{ results: { row_count: number }[] }>("GET", "/api/v1/results");
  expect(kept.results.some((r) => r.row_count === 3000)).toBe(true);
});

test("a million rows end at the last one", async ({ page }) => {
  await page.goto(link("SELECT range AS n FROM range(1000000)"));
  await page.getByText("1,000,000 rows").waitFor();
  await page.getByRole("grid").focus();
  await page.keyboard.press("Control+End");
  await cell(page, "999,999").waitFor();
});

test("cells of a megabyte are shown in part and opened whole", async ({ page }) => {
  await page.goto(link("SELECT range AS n, repeat('x', 1000000) || range AS big FROM range(40)"));
  await page.getByText("40 rows", { exact: true }).waitFor();
  await page.getByRole("grid").focus();
  await page.keyboard.press("Control+End");
  await cell(page, "39").dblclick();
  const drawer = page.getByRole("dialog", { name: "Row 40 of 40" });
  await drawer.getByRole("button", { name: /^big/ }).click();
  await drawer.getByText("20,000 of 1,000,002 characters").waitFor();
});

test("a result that is gone is offered to be run again", async ({ server, page, watch }) => {
  watch.allow(/status of 404/);
  await page.goto(link("SELECT range AS n FROM range(7)"));
  await page.getByText("7 rows", { exact: true }).waitFor();
  const kept = await server.api<{ results: { id: string }[] }>("GET", "/api/v1/results");
  for (const { id } of kept.results) await server.api("DELETE", `/api/v1/results/${id}`);
  await page.reload();
  await page.getByText("This result is gone from the server").waitFor();
  await checkAccess(page);
  await page.getByRole("button", { name: "Run again" }).click();
  await page.getByText("7 rows", { exact: true }).waitFor();
});

test("a column is profiled, and a result drawn", async ({ page }) => {
  const sql =
    "SELECT TIMESTAMP '2026-01-01' + INTERVAL (range) MINUTE AS at, ['north', 'south', 'west'][range % 3 + 1] AS region, range * 1.5 AS amount FROM range(20000)";
  await page.goto(link(sql));
  await page.getByRole("columnheader", { name: /^amount/ }).hover();
  await page.getByRole("button", { name: "Commands of column amount" }).click();
  await page.getByRole("menuitem", { name: "Profile" }).click();
  const drawer = page.getByRole("dialog", { name: "amount" });
  await drawer.getByText("20,000", { exact: true }).first().waitFor();
  await drawer.getByRole("img").waitFor();
  await checkAccess(page);
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "Chart" }).click();
  await page.getByRole("img", { name: /^line chart of rows by at/ }).waitFor();
  await page.locator("figure svg").last().waitFor();
  await checkAccess(page);
  await screens(page, "sql-chart");
  await page.getByRole("button", { name: "Pie" }).click();
  await page.getByLabel("Slices").selectOption("region");
  await page.getByLabel("Measure").selectOption("sum");
  await page.getByLabel("Column 1").selectOption("amount");
  await page
    .getByRole("img", { name: /^pie chart of sum of amount by region: 3 points/ })
    .waitFor();
  await page.waitForURL(/chart=pie,region,sum,-,amount/);
  await checkAccess(page);
  await page.getByRole("button", { name: "Show as table" }).click();
  await cell(page, "north").waitFor();
  await page.reload();
  await page.getByRole("img", { name: /^pie chart of sum of amount/ }).waitFor();
});
