// Analytics: counts of a period against the one before, by SQL over landed and fresh rows, under the
// filters of the address.
import { checkAccess, expect, ready, screens, test } from "./rig";

const MINUTE = 60_000;

/** Events that say when they happened. */
function events(count: number, atMs: number, of: object): object[] {
  return Array.from({ length: count }, (_, i) => ({
    ...of,
    timestamp: new Date(atMs - i * 100).toISOString(),
  }));
}

test("an empty server says what will be counted", async ({ page }) => {
  await page.goto("/analytics");
  await ready(page);
  await page.getByText("No events yet").waitFor();
  await checkAccess(page);
  await screens(page, "analytics-empty");
});

test("figures are compared with the period before and narrowed by a click", async ({
  server,
  page,
}) => {
  const now = Date.now();
  await server.send("clicks", [
    ...events(30, now - MINUTE, { type: "view", path: "/a", source: "web", level: "info" }),
    ...events(10, now - MINUTE, { type: "it's", path: "/b", source: "app", level: "error" }),
    ...events(20, now - 20 * MINUTE, { type: "view", path: "/a", source: "web", level: "info" }),
  ]);
  await server.api("POST", "/api/v1/tables/clicks/flush");
  await server.send(
    "jobs",
    events(5, now - MINUTE, { kind: "run", host: "<b>h1</b>", status: 500 }),
  );
  await page.goto("/analytics");
  await ready(page);
  const tile = (name: string) => page.getByRole("region", { name, exact: true });
  await tile("Events").getByText("45 events").waitFor();
  await tile("Events").getByText("+125 %").waitFor();
  await tile("Share of errors").getByText("33.3 %").waitFor();
  const types = page.getByRole("table", { name: "Event types" });
  await types.getByRole("row", { name: /^view 30/ }).waitFor();
  await types.getByRole("row", { name: /^run 5/ }).waitFor();
  await page.getByRole("table", { name: "Sources" }).getByText("<b>h1</b>").waitFor();
  await page.getByRole("figure", { name: /^Events over time by type\. view: / }).waitFor();
  await checkAccess(page);
  await screens(page, "analytics");
});

test("a value narrows the page by its address; the SQL shown answers the same", async ({
  server,
  page,
}) => {
  const now = Date.now();
  await server.send("moves", [
    ...events(30, now - MINUTE, { type: "view", level: "info" }),
    ...events(10, now - MINUTE, { type: "it's", level: "error" }),
  ]);
  await page.goto("/analytics?topic=moves");
  await ready(page);
  const tile = page.getByRole("region", { name: "Events", exact: true });
  const types = page.getByRole("table", { name: "Event types" });
  await types.getByRole("button", { name: "it's" }).click();
  await page.waitForURL(/type=it/);
  await tile.getByText("10 events").waitFor();
  await page.getByRole("button", { name: "level", exact: true }).click();
  await page.waitForURL(/by=level/);
  await page.getByRole("figure", { name: /^Events over time by level\. error: / }).waitFor();
  expect(await page.getByRole("link", { name: "Live" }).last().getAttribute("href")).toContain(
    "type=it",
  );
  await page.goBack();
  await page.goBack();
  await tile.getByText("40 events").waitFor();

  await page.getByRole("button", { name: "Show the SQL of Event types" }).click();
  await page.getByRole("link", { name: "Open in SQL" }).click();
  await page.waitForURL(/\/sql\?/);
  const sql = new URL(page.url()).searchParams.get("q") ?? "";
  const rows = await server.query<[string, number]>(sql);
  expect(rows.find(([value]) => value === "view")?.[1]).toBe(30);
});

test("an empty period leads to where the events are; filters can be cleared", async ({
  server,
  page,
}) => {
  const then = Date.now() - 5 * 60 * MINUTE;
  await server.send("old", events(3, then, { type: "past" }));
  await page.goto("/analytics?topic=old");
  await ready(page);
  await page.getByText("No events in this period").waitFor();
  await checkAccess(page);
  await page.getByRole("button", { name: "Go to the newest events" }).click();
  await page.getByRole("region", { name: "Events", exact: true }).getByText("3 events").waitFor();
  await page.goto("/analytics?topic=old&from=now-1d&level=error");
  await page.getByText("No event of this period passes the filters").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).last().click();
  await page.getByRole("table", { name: "Event types" }).getByText("past").waitFor();
});

test("one panel fails by itself, and a question that nobody waits for ends", async ({
  server,
  page,
  watch,
}) => {
  watch.allow(/503/);
  await server.send("clicks", events(3, Date.now() - MINUTE, { type: "view", path: "/a" }));
  await page.route("**/api/v1/query", (route) => {
    const fails = (route.request().postData() ?? "").includes("time_bucket");
    const body = JSON.stringify({ code: "busy", title: "Busy", detail: "Made to fail." });
    return fails ? route.fulfill({ status: 503, body }) : route.continue();
  });
  await page.goto("/analytics?topic=clicks");
  await ready(page);
  await page.getByText("Over time: the tables gave no answer.").waitFor();
  await page.getByRole("table", { name: "Event types" }).getByText("view").waitFor();
  await checkAccess(page);
  await page.getByRole("link", { name: "Overview", exact: true }).click();
  await expect
    .poll(
      async () => (await server.api<{ queries: unknown[] }>("GET", "/api/v1/queries")).queries,
      { timeout: 10_000 },
    )
    .toHaveLength(0);
});
