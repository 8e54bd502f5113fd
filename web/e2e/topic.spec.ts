// One topic: its records are found from any place and shown as they are; producing, schemas, dead
// letters, settings and deletion do on the server what the page says.
import { checkAccess, expect, ready, type Server, screens, test, until } from "./rig";

const rows = '[role="grid"] [role="row"][aria-rowindex]:not([aria-rowindex="1"])';

interface Topic {
  events: number;
  lag_events: number;
  schema_version: number | null;
  retention_ms: number;
  flush_rows: number;
  partition_list: { end: number }[];
}

interface DeadSummary {
  total: number;
  redriven: number;
}

const topicOf = (server: Server, name: string) =>
  server.api<Topic>("GET", `/api/v1/topics/${name}`);

async function sendText(server: Server, topic: string, format: string, body: string | Uint8Array) {
  const answer = await fetch(
    `${server.url}/api/v1/topics/${topic}/events?format=${format}&on_bad=dead`,
    { method: "POST", headers: { "content-type": "text/plain" }, body: body as BodyInit },
  );
  expect(answer.ok, await answer.text()).toBe(true);
}

test("a topic that is not there says so, and an empty one how to fill it", async ({
  server,
  page,
  watch,
}) => {
  watch.allow(/status of 404/);
  await page.goto("/topics/nowhere");
  await page.getByText("There is no such topic").waitFor();
  await checkAccess(page);
  await server.api("POST", "/api/v1/topics", { name: "empty", partitions: 2 });
  for (const [tab, words] of [
    ["records", "The log is empty"],
    ["schema", "No schema declared"],
    ["dead", "No dead letters"],
  ]) {
    await page.goto(`/topics/empty?tab=${tab}`);
    await page.getByText(words as string).waitFor();
  }
  await checkAccess(page);
});

test("records are found by partition, offset, key, text and time", async ({ server, page }) => {
  await server.api("POST", "/api/v1/topics", { name: "log", partitions: 2, key: "k" });
  const events = Array.from({ length: 700 }, (_, n) => ({
    k: `k${n % 7}`,
    n,
    pad: "x".repeat(90),
  }));
  await server.send("log", events);
  await server.send("log", [{ k: "needle", n: 9000, text: "a Needle in the hay" }]);
  await page.goto("/topics/log");
  await ready(page);
  await page.getByRole("gridcell", { name: /Needle in the hay/ }).waitFor();
  const grid = page.getByRole("grid", { name: "Records of log" });
  // Scrolling reads on to the end.
  await page.getByText("100 records shown").waitFor();
  await until("all records are read", async () => {
    await grid.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    return (await page.getByText("701 records shown").count()) === 1;
  });
  await page.getByLabel("Text in key or value").fill("nEEdle");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=nEEdle/);
  await page.getByText("1 record found").waitFor();
  await page.goto("/topics/log?key=k3&order=asc");
  await page.getByText("100 records found").waitFor();
  await page.getByRole("gridcell", { name: /"n":3,/ }).waitFor();
  await page.goto("/topics/log?p=1&offset=5&order=asc");
  await ready(page);
  expect(await page.locator(rows).first().getByRole("gridcell").nth(2).textContent()).toBe("5");
  await page.goto("/topics/log?time=2020-01-01T00:00:00Z");
  await page.getByText("No record matches").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByText("100 records shown").waitFor();
  await checkAccess(page);
});

test("a record opens by its link, whole and harmless", async ({ server, page }) => {
  await server.api("POST", "/api/v1/topics", { name: "hostile", partitions: 1, key: "k" });
  await server.send("hostile", [
    { k: "<script>alert(1)</script>", html: "<img src=x onerror=alert(1)>", rtl: "שלום مرحبا" },
    { k: "big", pad: "x".repeat(1_000_000), last: "the end of it" },
  ]);
  await fetch(`${server.url}/api/v1/topics/hostile/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"k": "exact", "big": 9223372036854775807, "none": null, "empty": ""}',
  });
  await page.goto("/topics/hostile?open=0:2");
  const drawer = page.getByRole("dialog", { name: "Record" });
  await drawer.getByText("9223372036854775807").waitFor();
  await checkAccess(page);
  await page
    .getByRole("gridcell", { name: /<script>/ })
    .first()
    .click();
  await page.waitForURL(/open=0:0/);
  await drawer.getByText('"<img src=x onerror=alert(1)>"').waitFor();
  await page.getByRole("gridcell", { name: "big", exact: true }).click();
  await drawer.getByText(/the first 19.5 KiB of 977 KiB/).waitFor();
  await drawer.getByRole("button", { name: "Load all" }).click();
  await drawer.getByText("the end of it").waitFor();
  await drawer.getByRole("link", { name: "Its row in SQL" }).click();
  await page.waitForURL(/\/sql\?/);
  await page
    .getByText(/_offset = 1/)
    .first()
    .waitFor();
});

test("following shows what comes", async ({ server, page }) => {
  await server.send("stream", [{ type: "first" }]);
  await page.goto("/topics/stream?follow=yes");
  await page.getByRole("gridcell", { name: /first/ }).waitFor();
  await server.send("stream", [{ type: "second" }]);
  await page.getByRole("gridcell", { name: /second/ }).waitFor();
  await page.getByRole("button", { name: "Stop following" }).click();
  await page.getByText("2 records shown").waitFor();
  await screens(page, "topic-records");
});

test("a schema is declared, changed, compared and obeyed", async ({ server, page, watch }) => {
  watch.allow(/status of 4\d\d/);
  await server.api("POST", "/api/v1/topics", { name: "orders", partitions: 1 });
  await page.goto("/topics/orders?tab=schema");
  await page.getByRole("button", { name: "Declare a schema" }).click();
  const text = page.getByLabel("JSON Schema (2020-12)");
  await text.fill('{"type": "object",');
  await page.getByText(/^Line 1, column 19|^Line 1:/).waitFor();
  const first = {
    type: "object",
    properties: { id: { type: "string" }, amount: { type: "number", minimum: 0 } },
    required: ["id"],
  };
  await text.fill(JSON.stringify(first, null, 2));
  await page.getByRole("button", { name: "Declare", exact: true }).click();
  await page.getByRole("heading", { name: "In force" }).waitFor();
  expect((await topicOf(server, "orders")).schema_version).not.toBeNull();

  await page.getByRole("button", { name: "Change", exact: true }).click();
  await text.fill(JSON.stringify(first, null, 2).replace('"number"', '"string"'));
  await page.getByRole("button", { name: "Declare", exact: true }).click();
  await page.getByText(/Line \d+: .*\/properties\/amount/).waitFor();
  await page.getByText(/Ways out/).waitFor();
  await checkAccess(page);
  const second = { ...first, properties: { ...first.properties, note: { type: "string" } } };
  await text.fill(JSON.stringify(second, null, 2));
  await page.getByRole("button", { name: "Declare", exact: true }).click();
  await page.getByRole("region", { name: "Differences" }).getByText(/note/).waitFor();
  await checkAccess(page);
  await screens(page, "topic-schema");

  await page.getByRole("button", { name: "Produce", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Produce to orders" });
  await dialog.getByRole("button", { name: "From the schema" }).click();
  const event = dialog.getByLabel("Events");
  await event.fill('{\n  "id": "a",\n  "amount": -1\n}');
  await dialog.getByRole("button", { name: "Send" }).click();
  await dialog.getByText("1 event refused").waitFor();
  await dialog.getByText("Line 3:").waitFor();
  await checkAccess(page);
  await event.fill('{"id": "a", "amount": 1}');
  await dialog.getByRole("button", { name: "Send" }).click();
  await dialog.getByText(/1 event stored: partition 0, offset 0/).waitFor();
  expect((await topicOf(server, "orders")).events).toBe(1);
  await dialog.getByRole("button", { name: "Open record" }).click();
  await page.waitForURL(/open=0:0/);
});

test("dead letters are counted, found, shown as bytes, and re-driven", async ({ server, page }) => {
  await server.api("POST", "/api/v1/topics", { name: "lines", partitions: 1, flush_age_ms: 100 });
  await sendText(server, "lines", "combined", '{"n": 1}\n{"n": 2}\n{"n": 3}\n');
  await sendText(server, "lines", "ndjson", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d, 0x0a]));
  const summary = () => server.api<DeadSummary>("GET", "/api/v1/topics/lines/dead/summary");
  await until("dead letters have landed", async () => (await summary()).total === 4);
  await page.goto("/topics/lines?tab=dead");
  await page.getByText("4 dead letters", { exact: true }).waitFor();
  await page.getByRole("gridcell", { name: "invalid_utf8" }).click();
  const drawer = page.getByRole("dialog", { name: "Dead letter" });
  await drawer.getByText(/7b ff fe 7d/).waitFor();
  await checkAccess(page);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /bad_line/ }).click();
  await page.waitForURL(/reason=bad_line/);
  await page.getByText("3 dead letters shown").waitFor();
  await screens(page, "topic-dead");
  await page.getByRole("button", { name: "Re-drive…" }).click();
  const dialog = page.getByRole("dialog", { name: "Re-drive" });
  await dialog.getByText("3 dead letters", { exact: true }).waitFor();
  await checkAccess(page);
  await dialog.getByRole("button", { name: "Re-drive 3" }).click();
  await dialog.getByText("done").waitFor();
  await dialog.getByRole("button", { name: "Close" }).last().click();
  const after = await summary();
  expect(after.redriven).toBe(3);
  await page.getByText(/3 re-driven/).waitFor();
  await page.goto("/topics/lines?tab=dead&q=nothing-like-it");
  await page.getByText("No dead letter matches the filters").waitFor();
});

test("settings change on the server, and a refusal stays beside its field", async ({
  server,
  page,
  watch,
}) => {
  watch.allow(/status of 400/);
  await server.send("config", [{ a: 1 }]);
  await page.goto("/topics/config?tab=settings");
  await ready(page);
  await page.getByLabel("Land at the age of").fill("5ms");
  await page.getByRole("button", { name: "Save 1 change" }).click();
  await page.getByText(/"flush_age_ms" must be between/).waitFor();
  await checkAccess(page);
  await page.getByLabel("Land at the age of").fill("3s");
  await page.getByLabel("Kept for").fill("36h");
  await page.getByRole("button", { name: "Save 2 changes" }).click();
  await page.getByText(/^Saved:/).waitFor();
  expect(await topicOf(server, "config")).toMatchObject({
    retention_ms: 129_600_000,
    flush_age_ms: 3000,
  });
  await page.goto("/topics/config?tab=partitions");
  await page.getByRole("grid", { name: "Partitions" }).waitFor();
  await checkAccess(page);
});

test("a topic is deleted when its name was typed", async ({ server, page }) => {
  await server.send("doomed", [{ a: 1 }]);
  await page.goto("/topics/doomed?tab=settings");
  await ready(page);
  await page.getByRole("button", { name: "Delete topic…" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete topic" });
  await dialog.getByRole("button", { name: "Drop the tables too" }).click();
  const button = dialog.getByRole("button", { name: "Delete topic and tables" });
  expect(await button.isDisabled()).toBe(true);
  await checkAccess(page);
  await dialog.getByLabel(/to confirm/).fill("doomed");
  await button.click();
  await page.waitForURL(/\/topics(\?|$)/);
  const list = await server.api<{ topics: { name: string }[] }>("GET", "/api/v1/topics");
  expect(list.topics.map((topic) => topic.name)).not.toContain("doomed");
});
