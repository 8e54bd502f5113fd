// On a usual screen of 1366 px every list ends where its frame ends: none of its columns is cut.
import { expect, ready, test, until } from "./rig";

test("lists show their last column whole", async ({ server, page }) => {
  await server.send("clicks", [{ type: "view", level: "info", source: "web", path: "/a" }]);
  await server.produce("web_logs", 20);
  await until("web logs come", async () => {
    const { topics } = await server.api<{ topics: { events: number }[] }>("GET", "/api/v1/topics");
    return topics.filter((topic) => topic.events > 0).length > 1;
  });
  await page.setViewportSize({ width: 1366, height: 768 });
  for (const address of [
    "/live",
    "/topics",
    "/topics/clicks",
    "/topics/clicks?follow=yes",
    "/topics/clicks?tab=partitions",
    "/producers",
    "/tables",
    "/tables/bronze/clicks?tab=columns",
  ]) {
    await page.goto(address);
    await ready(page);
    const grid = page.getByRole("grid").first();
    await grid.getByRole("gridcell").first().waitFor();
    const cut = await grid.evaluate((element) => element.scrollWidth - element.clientWidth);
    expect(cut, address).toBe(0);
  }
});
