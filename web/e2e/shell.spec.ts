// The shell: it loads anywhere, below any prefix, in a few hundred milliseconds, for everybody.
import { checkAccess, expect, openContext, ready, screens, startProxy, test } from "./rig";

test("the root opens the overview, and a deep link its page", async ({ server, page }) => {
  await server.send("clicks", [{ type: "view", n: 1 }]);
  for (const path of ["/", "/live", "/topics/clicks", "/tables/bronze/clicks", "/settings"]) {
    await page.goto(path);
    await ready(page);
    expect(await page.locator("main").count(), path).toBe(1);
    expect(await page.locator("h1").count(), path).toBe(1);
  }
});

test("an address that does not exist says so within the console", async ({ page }) => {
  await page.goto("/no/such/page");
  await page
    .getByText(/not found|no such page|nothing here/i)
    .first()
    .waitFor();
  await page.locator("nav").first().waitFor();
});

test("navigation moves between pages without loading the document again", async ({ page }) => {
  await page.goto("/");
  await ready(page);
  await page.evaluate(() => document.body.setAttribute("data-same", ""));
  await page.getByRole("link", { name: "Topics", exact: true }).click();
  await page.waitForURL("**/topics*");
  expect(await page.locator("body[data-same]").count()).toBe(1);
});

test("below a prefix of a proxy everything is found", async ({ server, browser, watch }) => {
  const proxy = await startProxy(server.url, "/x/y/");
  const context = await openContext(browser, new URL(proxy.url).origin, watch);
  try {
    const page = await context.newPage();
    await server.send("clicks", [{ type: "view", n: 1 }]);
    for (const path of ["", "live", "topics/clicks", "tables/bronze/clicks?tab=files"]) {
      const outside: string[] = [];
      page.on("request", (request) => {
        if (!new URL(request.url()).pathname.startsWith("/x/y/")) outside.push(request.url());
      });
      await page.goto(proxy.url + path);
      await ready(page);
      expect(outside).toEqual([]);
      expect(new URL(page.url()).pathname.startsWith(`/x/y/${path.split("?")[0]}`)).toBe(true);
    }
    await page.getByRole("link", { name: "Topics", exact: true }).click();
    await page.waitForURL("**/x/y/topics*");
  } finally {
    await context.close();
    await proxy.stop();
  }
});

test("the shell is accessible and fits small screens", async ({ page }) => {
  await page.goto("/settings");
  await ready(page);
  await checkAccess(page);
  await screens(page, "settings");
});

test("a server that goes away is told within a moment, and found again", async ({
  server,
  page,
  watch,
}) => {
  watch.allow(/ERR_CONNECTION_REFUSED/);
  watch.allow(/WebSocket connection to .* failed/);
  const light = (state: string) => page.getByRole("button", { name: `Live connection: ${state}` });
  await page.goto("/settings");
  await ready(page);
  await light("Live").waitFor();
  await server.down();
  await light("Lost").waitFor();
  await page.getByText("Live updates lost").waitFor();
  await checkAccess(page);
  await server.up();
  await light("Live").waitFor();
  await page.getByText("Live updates lost").waitFor({ state: "detached" });
});
