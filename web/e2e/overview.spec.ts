// Overview: from nothing to moving charts; figures are those of the server.
import { checkAccess, expect, ready, screens, test } from "./rig";

test("first steps lead from nothing to events", async ({ server, page }) => {
  await page.goto("/");
  await ready(page);
  await page.getByRole("heading", { name: "First steps" }).waitFor();
  await checkAccess(page);
  await screens(page, "overview-empty");
  await page.getByRole("button", { name: "Make up web logs" }).click();
  await page.getByText("1. Send events (done)").waitFor({ timeout: 20_000 });
  const list = (await server.api("GET", "/api/v1/producers")) as { producers: unknown[] };
  expect(list.producers).toHaveLength(1);
  await page.getByRole("link", { name: "Open Live" }).click();
  await page.waitForURL("**/live");
});

test("first steps that are all done stay away, also when no query ran for long", async ({
  server,
  page,
}) => {
  await server.send("clicks", [{ type: "view" }]);
  await server.api("POST", "/api/v1/query", { sql: "SELECT 1" });
  await page.goto("/live");
  await page.getByText(/events? of the newest/).waitFor();
  await expect
    .poll(() => page.evaluate(() => localStorage.getItem("tarn.steps.live")))
    .not.toBeNull();
  await page.goto("/");
  await ready(page);
  await expect
    .poll(() => page.evaluate(() => localStorage.getItem("tarn.steps")), { timeout: 20_000 })
    .toBe("done");
  await expect(page.getByRole("heading", { name: "First steps" }).count()).resolves.toBe(0);
});

test("commands to copy name the server that the page is from", async ({ server, page }) => {
  await page.goto("/tables?tab=imports");
  await page.getByText(`--table sales --server ${server.url}`).waitFor();
});

test("tiles and charts tell what flows", async ({ server, page }) => {
  await server.produce("analytics", 50);
  await page.goto("/");
  await ready(page);
  await page.getByRole("link", { name: "analytics_events", exact: true }).first().waitFor();
  const flow = page.getByRole("navigation", { name: "The way of an event" });
  await flow.getByText(/[12] producers?$/).waitFor();
  await flow.getByRole("link", { name: /Lands in tables/ }).waitFor();
  const tile = page.getByRole("region", { name: "Events in" });
  await expect
    .poll(() => tile.textContent(), { timeout: 15_000 })
    .toMatch(/[1-9]\d*(\.\d+)?\s*\/s/);
  await page
    .getByRole("figure", { name: /^Events per second by topic\. analytics_events/ })
    .waitFor();
  await page.getByRole("button", { name: "Events per second by topic: show as table" }).click();
  await page.getByRole("grid", { name: "Events per second by topic, values" }).waitFor();
  await checkAccess(page);
  await screens(page, "overview");
});

test("a part of the server that is not well says why", async ({ page }) => {
  await page.goto("/");
  await ready(page);
  await page.getByRole("button", { name: /^log/ }).click();
  await page.getByText("keeps them on disk before they are acknowledged").waitFor();
  await checkAccess(page);
});

test("a server that goes away and comes back is noticed, and the page goes on", async ({
  server,
  page,
  watch,
}) => {
  watch.allow(/WebSocket connection to .* failed|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE/);
  await page.goto("/");
  await ready(page);
  await server.down();
  await page.getByText(/Live updates lost/i).waitFor({ timeout: 20_000 });
  await server.up();
  await page.getByText(/Live updates lost/i).waitFor({ state: "detached", timeout: 30_000 });
  await page.getByRole("button", { name: "Live connection: Live" }).waitFor();
});

test("a range in the past is drawn from the history", async ({ server, page }) => {
  await server.send("clicks", [{ type: "view" }]);
  await page.goto("/?from=now-7d");
  await ready(page);
  await page.getByRole("figure", { name: /^Events in/ }).waitFor();
  await checkAccess(page);
});
