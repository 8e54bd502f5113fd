// The builder: a question put together by hand is SQL, an answer, a chart and a link.
import { checkAccess, expect, ready, screens, test } from "./rig";

const EVENTS = Array.from({ length: 60 }, (_, i) => ({
  kind: ["view", "buy", "it's"][i % 3],
  amount: i,
}));

test("an empty server says how a table comes to be", async ({ page }) => {
  await page.goto("/build");
  await ready(page);
  await page.getByText("No tables yet").waitFor();
  await checkAccess(page);
});

test("a question is built, answered, drawn, shared and continued in SQL", async ({
  server,
  page,
}) => {
  await server.send("shop", EVENTS);
  await page.goto("/build");
  await page.getByRole("button", { name: /^bronze shop/ }).click();
  await page.waitForURL(/table=bronze\.shop/);
  await page.getByText("60 rows", { exact: true }).waitFor();

  await page.getByRole("button", { name: "Group", exact: true }).click();
  const group = page.getByRole("group", { name: /^Group by/ });
  await group.getByLabel("Column").selectOption("kind");
  await page.getByRole("button", { name: "Measure", exact: true }).click();
  const measure = page.getByRole("group", { name: /^Measure (avg|sum)/ });
  await measure.getByLabel("Measure").selectOption("sum");
  await measure.getByLabel("Column").selectOption("amount");
  await page.getByText("3 rows", { exact: true }).waitFor();
  await page.getByRole("gridcell", { name: "it's", exact: true }).waitFor();

  await page.getByRole("button", { name: "Filter", exact: true }).first().click();
  const filter = page.getByRole("group", { name: /^Filter on/ });
  await filter.getByLabel("Column").selectOption("kind");
  await filter.getByLabel("Condition").selectOption("in");
  await filter.getByRole("button", { name: /Choose values/ }).click();
  await page.getByLabel("it's").check();
  await page.getByLabel("buy").check();
  await checkAccess(page);
  await page.keyboard.press("Escape");
  await page.getByText("2 rows", { exact: true }).waitFor();
  const sql = (await page.locator("figure pre").textContent()) ?? "";
  expect(sql).toContain("WHERE kind IN ('it''s', 'buy')");
  const rows = await server.query(sql);
  expect(rows.map(([kind]) => kind).sort()).toEqual(["buy", "it's"]);

  await page.getByRole("button", { name: "Chart" }).click();
  await page.getByRole("img", { name: /^bar chart/ }).waitFor();
  await checkAccess(page);
  await screens(page, "build");

  await page.reload();
  await page.getByRole("img", { name: /^bar chart/ }).waitFor();
  expect(await page.locator("figure pre").textContent()).toBe(sql);

  await page.getByRole("button", { name: "Continue in SQL" }).click();
  await page.waitForURL(/\/sql\?/);
  await page.locator(".cm-line", { hasText: "WHERE kind IN ('it''s', 'buy')" }).waitFor();
  await page.getByRole("img", { name: /^bar chart/ }).waitFor();
});

test("a link to a table that is not there says so", async ({ server, page }) => {
  await server.send("shop", EVENTS);
  await page.goto("/build?table=bronze.gone");
  await page.getByText("There is no table bronze.gone").waitFor();
  await checkAccess(page);
});
