// index.ts - the fixtures of a browser test: `server` and `browser` once for each file, `page` fresh
// for each test and checked for faults at its end.
//
//     import { checkAccess, expect, ready, screens, test } from "./rig";
//     test("what must hold", async ({ server, page }) => {
//       await server.send("clicks", [{ type: "view" }]);
//       await page.goto("/topics");
//       await ready(page);
//       ...
//     });
import type { Browser, BrowserContext, Page } from "playwright-core";
import { test as base } from "vitest";
import { launch, openContext, Watch } from "./browser.ts";
import { Server } from "./server.ts";

export { expect } from "vitest";
export { launch, openContext, Watch } from "./browser.ts";
export { checkAccess, ready, screens } from "./checks.ts";
export { startProxy } from "./proxy.ts";
export { Server, sleep, until } from "./server.ts";

interface Fixtures {
  server: Server;
  browser: Browser;
  watch: Watch;
  context: BrowserContext;
  page: Page;
}

export const test = base.extend<Fixtures>({
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: the form that vitest asks for
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.stop();
    },
    { scope: "file" },
  ],
  browser: [
    // biome-ignore lint/correctness/noEmptyPattern: the form that vitest asks for
    async ({}, use) => {
      const browser = await launch();
      await use(browser);
      await browser.close();
    },
    { scope: "file" },
  ],
  // biome-ignore lint/correctness/noEmptyPattern: the form that vitest asks for
  watch: async ({}, use) => {
    const watch = new Watch();
    await use(watch);
    watch.check();
  },
  context: async ({ server, browser, watch }, use) => {
    const context = await openContext(browser, server.url, watch);
    await use(context);
    await context.close();
  },
  page: async ({ context }, use) => {
    await use(await context.newPage());
  },
});
