// Topics: the list shows what is there, finds and sorts by its address; a topic is made, and what
// the server refuses is told beside the field.
import { checkAccess, expect, ready, screens, test } from "./rig";

const rows = '[role="grid"] [role="row"][aria-rowindex]:not([aria-rowindex="1"])';

interface Topic {
  name: string;
  partitions: number;
  retention_ms: number;
  key: string | null;
}

test("an empty server says how to begin, and a topic is made with settings", async ({
  server,
  page,
  watch,
}) => {
  watch.allow(/status of 400/);
  await page.goto("/topics");
  await ready(page);
  await page.getByText("No topics yet").waitFor();
  await page.getByText(/api\/v1\/topics\/visits\/events/).waitFor();
  await checkAccess(page);
  await page.getByRole("button", { name: "New topic" }).first().click();
  await page.waitForURL(/create=yes/);
  const dialog = page.getByRole("dialog", { name: "New topic" });
  await dialog.getByLabel("Name", { exact: true }).fill("shop.orders");
  await dialog.getByLabel("Partitions").fill("3");
  await dialog.getByLabel("Key field").fill("user");
  await dialog.getByLabel("Kept for").fill("a week");
  await checkAccess(page);
  await dialog.getByRole("button", { name: "Make topic" }).click();
  await dialog.getByText(/"retention_ms" must be/).waitFor();
  expect(await dialog.getByLabel("Kept for").getAttribute("aria-invalid")).toBe("true");
  await dialog.getByLabel("Kept for").fill("7d");
  await dialog.getByText("604,800,000 ms").waitFor();
  await dialog.getByText("The API call").click();
  await dialog.getByText(/"retention_ms":"7d"/).waitFor();
  await dialog.getByRole("button", { name: "Make topic" }).click();
  await page.waitForURL(/\/topics\/shop\.orders/);
  const made = await server.api<Topic>("GET", "/api/v1/topics/shop.orders");
  expect(made).toMatchObject({ partitions: 3, retention_ms: 604_800_000, key: "user" });
});

test("a name that the server refuses is told beside it", async ({ page, watch }) => {
  watch.allow(/status of 4\d\d/);
  await page.goto("/topics?create=yes");
  await ready(page);
  const dialog = page.getByRole("dialog", { name: "New topic" });
  await dialog.getByLabel("Name", { exact: true }).fill("no spaces!");
  await page.keyboard.press("Enter");
  await dialog.locator('[aria-invalid="true"]').waitFor();
  expect(await dialog.getByLabel("Name", { exact: true }).getAttribute("aria-invalid")).toBe(
    "true",
  );
});

test("the list finds, sorts and opens, and its address says how", async ({ server, page }) => {
  for (let i = 0; i < 30; i++) {
    await server.api("POST", "/api/v1/topics", { name: `bulk-${i}`, partitions: 1 });
  }
  const long = "long".repeat(60);
  await server.send(long, [{ a: 1 }]);
  await server.send(
    "busy",
    Array.from({ length: 500 }, (_, n) => ({ n })),
  );
  await page.goto("/topics?sort=-events");
  await ready(page);
  await page.locator(rows).first().getByText("busy").waitFor();
  await page.getByRole("columnheader", { name: "Topic" }).click();
  await page.waitForURL(/sort=name/);
  await page.keyboard.press("/");
  await page.keyboard.type("bulk-2");
  await page.waitForURL(/q=bulk-2/);
  await page.getByRole("gridcell", { name: "bulk-29", exact: true }).waitFor();
  expect(await page.locator(rows).count()).toBe(11);
  await page.getByText(/11 of \d+ topics/).waitFor();
  await page.goto("/topics?q=nothing-like-it&sort=-events");
  await page.getByText(/No topic's name holds/).waitFor();
  await checkAccess(page);
  await page.getByRole("button", { name: "Clear search" }).click();
  await page.getByRole("gridcell", { name: "busy", exact: true }).waitFor();
  await server.produce("web_logs", 50);
  await page.getByRole("gridcell", { name: "web_logs", exact: true }).waitFor();
  await checkAccess(page);
  await screens(page, "topics");
  await page.getByRole("link", { name: "busy", exact: true }).click();
  await page.waitForURL(/\/topics\/busy/);
});
