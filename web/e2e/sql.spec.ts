// SQL: what is typed is asked of the server, stays there, and can be looked at, stopped, saved, shared.
import type { Page } from "playwright-core";
import { checkAccess, expect, ready, sleep, test, until } from "./rig";

/** The editor's list takes no key right after it opened (75 ms): one may be meant for the text. */
const EDITOR_DELAY_MS = 250;

async function type(page: Page, sql: string): Promise<void> {
  await page.locator(".cm-content").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(sql);
}

async function run(page: Page, sql: string): Promise<void> {
  await type(page, sql);
  await page.keyboard.press("Control+Enter");
}

function cell(page: Page, text: string) {
  return page.getByRole("gridcell", { name: text, exact: true }).first();
}

test("an empty server says what a table is, and answers all the same", async ({ page }) => {
  await page.goto("/sql");
  await ready(page);
  await page.getByText("No tables yet").waitFor();
  await page.locator(".cm-content").waitFor();
  await checkAccess(page);
  await run(page, "SELECT 42 AS answer");
  await cell(page, "42").waitFor();
  await page.getByRole("button", { name: "Samples" }).click();
  await page.getByText("No tables to ask yet").waitFor();
  await page.getByRole("button", { name: "History" }).click();
  await page
    .getByRole("button", { name: /SELECT 42 AS answer/ })
    .last()
    .waitFor();
  await page.getByRole("button", { name: "Saved" }).click();
  await page.getByText("Nothing saved yet").waitFor();
});

test("a question to begin with is answered by one click", async ({ server, page }) => {
  await server.send("towns", [{ status: "open" }, { status: "open" }]);
  await page.goto("/sql");
  const questions = page.getByRole("list", { name: "Questions to begin with" });
  const question = questions.getByRole("button", { name: /How often each status comes/ });
  await page.setViewportSize({ width: 320, height: 640 });
  await question.waitFor();
  const place = await question.boundingBox();
  expect(place?.x).toBeGreaterThanOrEqual(0);
  expect((place?.x ?? 0) + (place?.width ?? 0)).toBeLessThanOrEqual(320);
  await page.setViewportSize({ width: 1280, height: 800 });
  await question.click();
  await cell(page, "open").waitFor();
  await cell(page, "2").waitFor();
  const names = page.getByRole("treeitem", { name: /^towns/ });
  await names.first().waitFor();
  expect(await names.count()).toBe(1); // dead letters that are none take no line
});

test("an error is marked at its place with the server's sentence", async ({
  server,
  page,
  watch,
}) => {
  watch.allow(/status of 400/);
  await server.send("places", [{ city: "Ulm" }]);
  await page.goto("/sql");
  await run(page, "SELECT 'ä€😀', citi FROM places");
  await page
    .getByRole("alert")
    .getByText(/"citi" not found/)
    .waitFor();
  await page.getByRole("button", { name: "Go to the place" }).click();
  await page.locator(".cm-lintRange-error", { hasText: /^citi$/ }).waitFor();
  await checkAccess(page);
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText("SELECT city FROM places");
  await page.locator(".cm-lintRange-error").waitFor({ state: "detached" });
  await page.keyboard.press("Control+Enter");
  await cell(page, "Ulm").waitFor();
});

test("columns are offered behind an alias", async ({ server, page, watch }) => {
  watch.allow(/status of 400/);
  await server.send("stays", [{ city: "Ulm", nights: 2 }]);
  await page.goto("/sql");
  await page.getByRole("treeitem", { name: /^stays,/ }).waitFor();
  await type(page, " FROM stays s");
  await page.keyboard.press("Control+Home");
  await page.keyboard.type("SELECT s.nig");
  await page.locator(".cm-completionLabel", { hasText: "nights" }).waitFor();
  await sleep(EDITOR_DELAY_MS);
  await page.keyboard.press("Enter");
  await page.locator(".cm-line", { hasText: "SELECT s.nights FROM stays s" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.closest(".cm-editor"))).toBeNull();
});

test("cancel stops the server, and its word is shown", async ({ server, page, watch }) => {
  watch.allow(/status of 409/);
  await page.goto("/sql");
  await run(page, "SELECT sum(a.range * b.range % 7) FROM range(3000000) a, range(1000000) b");
  const running = () => server.api<{ queries: unknown[] }>("GET", "/api/v1/queries");
  await until("it runs", async () => (await running()).queries.length === 1);
  await page.getByRole("progressbar").waitFor();
  await checkAccess(page);
  await page.getByRole("button", { name: "Cancel" }).first().click();
  await page.getByText(/Cancelled by the server after/).waitFor();
  await page.getByText(/the query was cancelled/).waitFor();
  expect((await running()).queries).toEqual([]);
});

test("all statements run in turn, and the rest is left when one fails", async ({ page, watch }) => {
  watch.allow(/status of 400/);
  await page.goto("/sql");
  await type(page, "SELECT 1 AS a; -- ; no\nSELECT ';' AS b; SELECT nope; SELECT 2 AS c");
  await page.keyboard.press("Control+Shift+Enter");
  await page.getByRole("alert").getByText(/nope/).waitFor();
  const tabs = page.getByRole("tablist", { name: "Statements" }).getByRole("tab");
  expect(await tabs.count()).toBe(4);
  await tabs.nth(3).click();
  await page.getByText("Not run").waitFor();
  await tabs.nth(1).click();
  await cell(page, ";").waitFor();
  await checkAccess(page);
});

test("a saved query is shared, never overwritten unseen", async ({ server, page, watch }) => {
  watch.allow(/status of (409|412)/);
  await page.goto("/sql");
  await type(page, "SELECT 'mine' AS x");
  await page.keyboard.press("Control+s");
  await page.getByLabel("Name", { exact: true }).fill("reports/daily");
  await checkAccess(page);
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.waitForURL(/saved=reports:daily/);
  const path = "/api/v1/saved-queries/reports%3Adaily";
  type Saved = { sql: string; version: number };
  expect((await server.api<Saved>("GET", path)).sql).toBe("SELECT 'mine' AS x");

  await server.api("PUT", path, { sql: "SELECT 'theirs' AS x" });
  await type(page, "SELECT 'mine again' AS x");
  await page.keyboard.press("Control+s");
  const conflict = page.getByRole("dialog", { name: /was changed by somebody else/ });
  await conflict.getByText("SELECT 'theirs' AS x").waitFor();
  await checkAccess(page);
  expect((await server.api<Saved>("GET", path)).sql).toBe("SELECT 'theirs' AS x");
  await conflict.getByRole("button", { name: "Overwrite theirs" }).click();
  await conflict.waitFor({ state: "detached" });
  expect((await server.api<Saved>("GET", path)).sql).toBe("SELECT 'mine again' AS x");

  await page.getByRole("button", { name: "Saved" }).click();
  await page.getByRole("button", { name: "Rename reports/daily" }).click();
  await page.getByLabel("Name", { exact: true }).fill("reports/nightly");
  await page.getByRole("button", { name: "Rename", exact: true }).click();
  await page.getByRole("button", { name: "Delete reports/nightly" }).click();
  await page.getByRole("button", { name: "Delete query" }).click();
  await page.getByText("Nothing saved yet").waitFor();
  const left = await server.api<{ saved_queries: unknown[] }>("GET", "/api/v1/saved-queries");
  expect(left.saved_queries).toEqual([]);
});
