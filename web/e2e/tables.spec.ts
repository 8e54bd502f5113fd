// Tables: every table with what it is; one table with its figures, columns, rows, files and commits,
// which are the server's.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkAccess, expect, ready, type Server, screens, test } from "./rig";

const PATIENT = { timeout: 15_000 };
const LONG = `a${"_long".repeat(25)}`;

/** A file becomes a table of the schema main. */
async function importFile(server: Server, table: string, text: string): Promise<void> {
  const answer = await fetch(`${server.url}/api/v1/tables/${table}`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: text,
  });
  if (!answer.ok) throw new Error(await answer.text());
}

test("an empty server says how a table comes to be", async ({ page }) => {
  await page.goto("/tables");
  await ready(page);
  await page.getByText("No tables yet").waitFor();
  await checkAccess(page);
  await screens(page, "tables-empty");
  await page.getByRole("tab", { name: "Imports" }).click();
  await page.getByText("Nothing was imported yet").waitFor();
  await checkAccess(page);
});

test("tables of all kinds are listed, found and sorted by the address", async ({
  server,
  page,
}) => {
  await server.send("visits", [{ type: "view" }, { type: "buy" }]);
  await importFile(server, "sales", '{"id":1}\n{"id":2}\n');
  await importFile(server, LONG, '{"id":1}\n');
  const files = join(server.folder, "data", "files");
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, "Staff List.csv"), "name,age\nada,36\n");
  writeFileSync(join(files, "broken.csv"), Buffer.from([0xff, 0xfe, 0x61, 0x00]));
  await page.goto("/tables");
  await ready(page);
  const grid = page.getByRole("grid", { name: "Tables" });
  await grid.getByRole("link", { name: "bronze.visits" }).waitFor();
  await grid.getByText("Staff List.csv, CSV").waitFor();
  await grid.getByText("unreadable").waitFor();
  await checkAccess(page);
  await screens(page, "tables");

  await page.keyboard.press("/");
  await page.keyboard.type("staff");
  await page.waitForURL(/find=staff/);
  await expect.poll(() => grid.getAttribute("aria-rowcount"), PATIENT).toBe("2");
  await page.getByRole("searchbox", { name: "Find a table" }).fill("nothing is called so");
  await page.getByText("No table is called so").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByRole("button", { name: /^Imported/ }).click();
  await page.waitForURL(/kind=import/);
  await expect.poll(() => grid.getAttribute("aria-rowcount"), PATIENT).toBe("3");
  await grid.getByRole("columnheader", { name: "Rows" }).click();
  await page.waitForURL(/sort=rows/);
  await page.reload();
  const first = grid.getByRole("row").nth(1);
  await expect.poll(() => first.textContent(), PATIENT).toContain(LONG);
});

test("a table's figures are the server's, and what waits is landed when asked", async ({
  server,
  page,
}) => {
  const events = Array.from({ length: 40 }, (_, i) => ({
    type: ["view", "buy", "it's"][i % 3],
    amount: i,
    place: { city: "Bern", at: { lat: 46.9 } },
  }));
  await server.send("orders", events);
  await page.goto("/tables/bronze/orders");
  await ready(page);
  await page.getByText("40 events acknowledged and not in the table yet.").waitFor();
  await page.getByText("Nothing has been committed yet").waitFor();
  await checkAccess(page);
  await page.getByRole("button", { name: "Flush now" }).click();
  await page.getByText("Version 0 holds everything acknowledged until then").waitFor();
  const rows = page.getByRole("region", { name: "Rows", exact: true });
  await expect.poll(() => rows.textContent(), PATIENT).toContain("40");
  const table = await server.api<{ rows: number }>("GET", "/api/v1/tables/bronze.orders");
  expect(table.rows).toBe(40);
  await server.send("orders", events);
  await server.api("POST", "/api/v1/tables/orders/flush");
  await page.getByRole("figure", { name: /^Rows over time\. rows: last 80/ }).waitFor();
  await screens(page, "table");
});

test("commits and files open with all that is recorded of them", async ({ server, page }) => {
  await server.send("parts", [{ amount: 1 }, { amount: 2 }]);
  await server.api("POST", "/api/v1/tables/parts/flush");
  await server.send("parts", [{ amount: 3 }]);
  await server.api("POST", "/api/v1/tables/parts/flush");
  await page.goto("/tables/bronze/parts");
  await ready(page);
  await page.getByRole("tab", { name: /^History/ }).click();
  await page.getByRole("gridcell", { name: "STREAMING UPDATE" }).first().click();
  await page.waitForURL(/commit=1/);
  const drawer = page.getByRole("dialog", { name: "Version 1" });
  await drawer.getByText("numOutputRows").waitFor();
  await screens(page, "table-history");
  await page.keyboard.press("Escape");

  await page.getByRole("tab", { name: /^Files/ }).click();
  await page
    .getByRole("gridcell", { name: /parquet$/ })
    .first()
    .click();
  await page.getByRole("region", { name: "Statistics" }).getByText("amount").waitFor();
  await checkAccess(page);
  await screens(page, "table-files");
});

test("columns are unfolded and profiled, nested ones too", async ({ server, page }) => {
  const row = (n: number) => ({
    amount: n,
    text: n % 2 === 0 ? "" : "<b>bold</b>",
    none: n === 0 ? 1 : null,
  });
  await importFile(
    server,
    "facts",
    Array.from({ length: 10 }, (_, i) => JSON.stringify(row(i))).join("\n"),
  );
  await page.goto("/tables/main/facts?tab=columns");
  await ready(page);
  await page.getByRole("gridcell", { name: "none", exact: true }).click();
  await page.waitForURL(/column=none/);
  const drawer = page.getByRole("dialog", { name: "none" });
  await drawer.getByText("9 (90 %)").waitFor();
  await checkAccess(page);
  await screens(page, "table-columns");
  await page.keyboard.press("Escape");
  await page.getByRole("gridcell", { name: "text", exact: true }).click();
  const values = page.getByRole("region", { name: "Most frequent values" });
  await values.getByText("<b>bold</b>").waitFor();
  await values.getByText("empty text").waitFor();
  await page.getByRole("link", { name: "Open in SQL" }).click();
  await page.waitForURL(/\/sql\?/);
});

test("the sample shows values exactly, and survives a reload with its order", async ({
  server,
  page,
}) => {
  await importFile(
    server,
    "exact",
    '{"n":9223372036854775807,"s":"","t":null,"r":"\\u202eright to left <img src=x>"}\n{"n":1,"s":"x","t":"y","r":"z"}\n',
  );
  await page.goto("/tables/main/exact?tab=sample");
  await ready(page);
  await page.getByText("9,223,372,036,854,775,807").waitFor();
  await page.getByRole("gridcell", { name: "NULL" }).waitFor();
  await page.getByRole("gridcell", { name: "empty" }).waitFor();
  await page.getByRole("columnheader", { name: /^n/ }).click();
  await page.waitForURL(/sort=n/);
  await page.reload();
  await expect
    .poll(
      () => page.getByRole("grid", { name: "Result" }).getByRole("row").nth(1).textContent(),
      PATIENT,
    )
    .toMatch(/^1/);
  await checkAccess(page);
  await screens(page, "table-sample");
});

test("what is not there, or cannot be read, is said so", async ({ server, page, watch }) => {
  watch.allow(/404|400/);
  await page.goto("/tables/main/never_was");
  await page.getByText("There is no table main.never_was").waitFor();
  await checkAccess(page);
  const files = join(server.folder, "data", "files");
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, "broken.csv"), Buffer.from([0xff, 0xfe, 0x61, 0x00]));
  await page.goto("/tables/files/broken");
  await page.getByText(/save it as UTF-8/).waitFor();
  await checkAccess(page);
});
