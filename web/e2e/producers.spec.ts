// Producers: made of presets and templates, turned while they run, watched, stopped and deleted;
// what the page says is what the server does.
import { checkAccess, expect, ready, type Server, screens, test, until } from "./rig";

interface Producer {
  state: string;
  topic: string;
  sent: number;
  spec: {
    rate: unknown;
    count?: number;
    bad?: { share: number };
    types: { name: string; weight: number }[];
  };
}

const producerOf = (server: Server, name: string) =>
  server.api<Producer>("GET", `/api/v1/producers/${name}`);

test("an empty server offers the first one, and a preset makes it", async ({ server, page }) => {
  await page.goto("/producers");
  await ready(page);
  await page.getByText("No producers yet").waitFor();
  await checkAccess(page);
  await page.getByRole("button", { name: "New producer" }).first().click();
  const dialog = page.getByRole("dialog", { name: "New producer" });
  await dialog.getByLabel(/Analytics/).check();
  await dialog.getByLabel("Rate in events a second").fill("25");
  await dialog.getByLabel("Weight of click").fill("0");
  await dialog.getByText("The API call").click();
  await dialog.getByText(/"preset":"analytics"/).waitFor();
  await checkAccess(page);
  await dialog.getByRole("button", { name: "Make and start" }).click();
  await page.waitForURL(/\/producers\/analytics/);
  await until("events are sent", async () => (await producerOf(server, "analytics")).sent > 0);
  const made = await producerOf(server, "analytics");
  expect(made).toMatchObject({ topic: "analytics_events", spec: { rate: 25 } });
  expect(made.spec.types.find((type) => type.name === "click")?.weight).toBe(0);
});

test("what it sends is shown, and it is turned while it runs", async ({ server, page }) => {
  await server.produce("web_logs", 20);
  const { producers } = await server.api<{ producers: { name: string; topic: string }[] }>(
    "GET",
    "/api/v1/producers",
  );
  const name = producers.find((one) => one.topic === "web_logs")?.name ?? "";
  await page.goto(`/producers/${name}`);
  await ready(page);
  await page
    .getByRole("gridcell", { name: /client_ip/ })
    .first()
    .click();
  await page.getByRole("dialog", { name: "Event" }).getByText("client_ip:").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Sine" }).click();
  await page.getByLabel("Weight of failed").fill("50");
  await until("the server has what was turned", async () => {
    const { spec } = await producerOf(server, name);
    const failed = spec.types.find((type) => type.name === "failed");
    return typeof spec.rate === "object" && failed?.weight === 50;
  });
  await page.getByText("in force").waitFor();
  await checkAccess(page);
  await screens(page, "producer");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByText("Nothing is sent now").or(page.getByText("stopped").first()).waitFor();
  await until("it stops", async () => (await producerOf(server, name)).state === "stopped");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await until("it runs", async () => (await producerOf(server, name)).state === "running");
});

test("a template of one's own is made, and a refusal is told at its line", async ({
  server,
  page,
  watch,
}) => {
  watch.allow(/status of 400/);
  await page.goto("/producers?create=template");
  await ready(page);
  const dialog = page.getByRole("dialog", { name: "New producer" });
  const text = dialog.getByLabel("Types of events");
  await text.fill('{\n  "n": {"$int": {"min": 9, "max": 3}}\n}');
  await dialog.getByLabel("Name", { exact: true }).fill("mine");
  await dialog.getByLabel("Topic", { exact: true }).fill("mine");
  await dialog.getByLabel("Stop after events").fill("40");
  await dialog.getByRole("button", { name: "Make and start" }).click();
  await dialog.getByText(/^Line 2: .*"min" is over "max"/).waitFor();
  await checkAccess(page);
  await text.fill('{\n  "n": {"$int": {"min": 3, "max": 9}}\n}');
  await dialog.getByRole("button", { name: "Make and start" }).click();
  await page.waitForURL(/\/producers\/mine/);
  await until("it ends", async () => (await producerOf(server, "mine")).state === "finished");
  expect((await producerOf(server, "mine")).sent).toBe(40);
  await page.getByText("finished").first().waitFor();
});

test("the list starts and stops, and one is deleted", async ({ server, page, watch }) => {
  watch.allow(/status of 404/);
  await server.api("POST", "/api/v1/producers", {
    name: "doomed",
    preset: "customers",
    spec: { rate: 10 },
    start: false,
  });
  await page.goto("/producers");
  await ready(page);
  await page.getByRole("button", { name: "Start doomed" }).click();
  await page.getByRole("button", { name: "Stop doomed" }).waitFor();
  expect((await producerOf(server, "doomed")).state).toMatch(/running|slowed/);
  await checkAccess(page);
  await screens(page, "producers");
  await page.getByRole("link", { name: "doomed" }).click();
  await page.waitForURL(/\/producers\/doomed/);
  await page.getByRole("button", { name: "Delete producer" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete producer" });
  await dialog.getByRole("button", { name: "Delete producer" }).click();
  await page.waitForURL(/\/producers(\?|$)/);
  const list = await server.api<{ producers: { name: string }[] }>("GET", "/api/v1/producers");
  expect(list.producers.map((one) => one.name)).not.toContain("doomed");
});
