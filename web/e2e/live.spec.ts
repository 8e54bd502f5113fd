// Live: events show up as they are sent; filters travel to the server; pausing loses nothing.
import { checkAccess, expect, ready, screens, test } from "./rig";

const rows = '[role="grid"] [role="row"][aria-rowindex]:not([aria-rowindex="1"])';

test("an empty server says how to send the first event", async ({ page }) => {
  await page.goto("/live");
  await ready(page);
  await page.getByText("No events yet").waitFor();
  await page.getByText(/api\/v1\/topics\/visits\/events/).waitFor();
  await checkAccess(page);
});

test("events appear as they are sent, and open", async ({ server, page }) => {
  await server.send("clicks", [{ type: "view", level: "error", path: "/a", n: "<b>1</b>" }]);
  await page.goto("/live");
  await ready(page);
  await page.getByRole("gridcell", { name: "/a", exact: true }).waitFor();
  await server.send("clicks", [{ type: "buy", path: "/b", big: "9223372036854775807" }]);
  await page.getByRole("gridcell", { name: "/b", exact: true }).click();
  const drawer = page.getByRole("dialog", { name: "Event" });
  await drawer.getByText("9223372036854775807").waitFor();
  await checkAccess(page);
  await drawer.getByRole("button", { name: "Only type buy" }).click();
  await page.waitForURL(/type=buy/);
  await page.keyboard.press("Escape");
  await page.getByRole("gridcell", { name: "/a", exact: true }).waitFor({ state: "detached" });
  await page.getByRole("gridcell", { name: "/b", exact: true }).waitFor();
  await page.getByRole("button", { name: "Clear filters" }).first().click();
  await page.getByRole("gridcell", { name: "/a", exact: true }).waitFor();
});

test("a deep link filters, and a filter that hides everything can be cleared", async ({
  server,
  page,
}) => {
  await server.send("clicks", [{ type: "view", path: "/c", who: "grace" }]);
  await page.goto("/live?topic=clicks&q=GRACE");
  await ready(page);
  await page.getByRole("gridcell", { name: "/c", exact: true }).waitFor();
  expect(await page.locator(rows).count()).toBe(1);
  await page.goto("/live?type=nothing-like-it");
  await page.getByText("No event matches the filters").waitFor();
  await checkAccess(page);
  await page.getByRole("button", { name: "Clear filters" }).last().click();
  await page.getByRole("gridcell", { name: "/c", exact: true }).waitFor();
});

test("paused it stands still and counts what comes", async ({ server, page }) => {
  await server.send("clicks", [{ type: "first" }]);
  await page.goto("/live");
  await ready(page);
  await page.getByRole("gridcell", { name: "first", exact: true }).waitFor();
  expect(await page.getByRole("button", { name: /pause/i }).count()).toBe(1);
  await page.locator("h1").press("p");
  await server.send("clicks", [{ type: "second" }, { type: "third" }]);
  await page.getByRole("button", { name: /^2 new/ }).waitFor();
  expect(await page.getByRole("gridcell", { name: "third", exact: true }).count()).toBe(0);
  await page.getByRole("button", { name: /^2 new/ }).click();
  await page.getByRole("gridcell", { name: "third", exact: true }).waitFor();
  // A list that is cleared is empty, also while it stands still.
  await page.locator("h1").press("p");
  await page.locator("h1").press("c");
  await page.getByText("Waiting for events").waitFor();
  await server.send("clicks", [{ type: "fourth" }]);
  await page.getByRole("button", { name: /^1 new/ }).waitFor();
  expect(await page.locator(rows).count()).toBe(0);
});

test("where WebSockets are blocked, the event stream takes over", async ({ server, page }) => {
  await page.routeWebSocket(/\/ws\/dashboard/, (socket) => socket.close());
  await server.send("behind", [{ type: "proxied", n: 1 }]);
  await page.goto("/live?topic=behind");
  await page.getByRole("gridcell", { name: "proxied" }).first().waitFor();
  await server.send("behind", [{ type: "later", n: 2 }]);
  await page.getByRole("gridcell", { name: "later" }).first().waitFor();
  await page.getByRole("button", { name: "Live connection: Live" }).hover();
  await page.getByRole("tooltip", { name: /by event stream/ }).waitFor();
});

test("a flood is thinned and says so", async ({ server, page }) => {
  await server.produce("web_logs", 2000);
  await page.goto("/live");
  await ready(page);
  await page.getByText(/showing .* of .*\/s/).waitFor({ timeout: 20_000 });
  await screens(page, "live");
});
