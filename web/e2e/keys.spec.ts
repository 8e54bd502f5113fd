// The keyboard reaches everything: palette, moves, time range, pause; focus is where the eye is.
import { checkAccess, expect, ready, screens, test } from "./rig";

const focused = () => document.activeElement?.id ?? "";

test("letters move between pages, and the focus goes along", async ({ page }) => {
  await page.goto("/settings");
  await ready(page);
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await page.waitForURL("**/topics*");
  await page.waitForFunction(() => document.activeElement?.id === "page-title");
  await page.keyboard.press("g");
  await page.keyboard.press(",");
  await page.waitForURL("**/settings*");
  await page.getByRole("switch", { name: "Single letters are commands" }).click();
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await page.waitForTimeout(300);
  expect(new URL(page.url()).pathname).toBe("/settings");
  await page.getByRole("switch", { name: "Single letters are commands" }).click();
});

test("the palette finds pages, topics and actions", async ({ server, page }) => {
  await server.send("clicks", [{ type: "view" }]);
  await page.goto("/settings");
  await ready(page);
  await page.keyboard.press("Control+k");
  await page.getByRole("option", { name: "clicks", exact: true }).first().waitFor();
  await checkAccess(page);
  await screens(page, "palette");
  await page.keyboard.type("clicks");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/topics/clicks*");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("theme dark");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.documentElement.dataset.theme === "dark");
});

test("a page that comes late leaves the focus to the palette", async ({ page, context }) => {
  await page.goto("/settings");
  await ready(page);
  const cdp = await context.newCDPSession(page);
  const field = page.locator("[cmdk-input]");
  for (const [rate, name] of [
    [1, "Tables"],
    [4, "Producers"],
    [8, "Topics"],
    [12, "Live"],
  ] as const) {
    await cdp.send("Emulation.setCPUThrottlingRate", { rate });
    await page.keyboard.press("Control+k");
    await field.waitFor();
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/${name.toLowerCase()}*`);
    await page.keyboard.press("Control+k");
    await page.locator("#page-title", { hasText: name }).waitFor();
    await page.waitForTimeout(300);
    await page.keyboard.type("theme");
    await page.getByRole("option", { name: "Theme: dark" }).waitFor();
    expect(await field.inputValue()).toMatch(/theme$/);
    await page.keyboard.press("Escape");
    await field.waitFor({ state: "detached" });
  }
});

test("the sheet lists the keys, and Escape closes it", async ({ page }) => {
  await page.goto("/live");
  await ready(page);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keys" }).getByText("Zoom out").waitFor();
  await checkAccess(page);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("the time range is typed, shared by its address, and undone by Back", async ({ page }) => {
  await page.goto("/live");
  await ready(page);
  await page.getByRole("button", { name: /^Time range/ }).click();
  await page.getByLabel("From", { exact: true }).fill("yesterday");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.getByText(/Not a time/).waitFor();
  await checkAccess(page);
  await page.getByLabel("From", { exact: true }).fill("1700000000");
  await page.getByLabel("To", { exact: true }).fill("2023-11-14T23:00:00Z");
  await page.getByRole("button", { name: "Apply" }).click();
  await page.waitForURL("**/live?from=2023-11-14T22:13:20Z&to=2023-11-14T23:00:00Z");
  await page.getByRole("link", { name: "Tables", exact: true }).first().click();
  await page.waitForURL("**/tables?from=2023-11-14T22:13:20Z*");
  await page.goBack();
  await page.goBack();
  await page.getByRole("button", { name: "Time range: Last 15 minutes" }).waitFor();
});

test("a zone that a link brought gives way to the one chosen", async ({ page }) => {
  await page.goto("/tables?tz=utc");
  await ready(page);
  expect(await page.getByRole("button", { name: /^Time range/ }).count()).toBe(0); // it acts on nothing
  await page.getByRole("button", { name: "Time zone: UTC" }).click();
  await page.getByRole("button", { name: /^This browser/ }).click();
  await page.getByRole("button", { name: /^Time zone: Europe\/Berlin/ }).waitFor();
  expect(new URL(page.url()).searchParams.get("tz")).toBeNull();
  await page.getByRole("button", { name: /^Time zone/ }).click();
  await page.getByRole("button", { name: /^UTC/ }).click();
  await page.waitForURL(/tz=utc/);
});

test("the first tab stop skips to the content", async ({ page }) => {
  await page.goto("/settings");
  await ready(page);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(focused)).toBe("main");
});
