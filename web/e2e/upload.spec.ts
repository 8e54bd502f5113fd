// Upload: a file is looked at before it is sent, becomes a table or is refused with the line, and
// can be cancelled; what the page says is what the server did.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { checkAccess, expect, ready, screens, test, until } from "./rig";

function csv(name: string, text: string) {
  return { name, mimeType: "text/csv", buffer: Buffer.from(text) };
}

async function choose(page: Page, file: ReturnType<typeof csv> | string): Promise<void> {
  await page.getByLabel(/Drop a file here/).setInputFiles(file);
}

interface Imports {
  imports: { state: string; table: string; error?: { code: string } }[];
}

test("a CSV file is previewed, typed and sent", async ({ server, page }) => {
  await page.goto("/tables");
  await ready(page);
  await page.keyboard.press("u");
  await page.waitForURL(/upload=1/);
  await choose(page, csv("Sales 2026.csv", 'id;zip;note\n1;"007";a\n2;12345;"b;c"\n3;00100;\n'));
  await page.getByRole("textbox", { name: "Table in main" }).waitFor();
  expect(await page.getByRole("textbox", { name: "Table in main" }).inputValue()).toBe(
    "sales_2026",
  );
  const preview = page.getByRole("region", { name: "Preview" });
  await preview.getByText("b;c").waitFor();
  await preview.getByText("empty").waitFor();
  await page.getByLabel("Type of id").selectOption("DOUBLE");
  await page
    .getByText("tarn import 'Sales 2026.csv' --table sales_2026 --types id:DOUBLE")
    .waitFor();
  await checkAccess(page);
  await screens(page, "upload-preview");
  await page.getByRole("button", { name: /^Upload \d/ }).click();
  await page.getByText("3 rows of the file are in main.sales_2026.").waitFor();
  await checkAccess(page);
  const rows = await server.query(
    "SELECT typeof(id), typeof(zip), count(*) FROM main.sales_2026 GROUP BY ALL",
  );
  expect(rows).toEqual([["DOUBLE", "VARCHAR", 3]]);
  await page.getByRole("link", { name: "Open the table" }).click();
  await page.waitForURL("**/tables/main/sales_2026");
  await page.getByRole("region", { name: "Rows", exact: true }).getByText("3").waitFor();
});

test("a file that is refused says where and why; the table is as it was", async ({
  server,
  page,
  watch,
}) => {
  watch.allow(/400|409/);
  await page.goto("/tables?upload=1");
  await ready(page);
  await choose(page, csv("bad.csv", "a,b\n1,2\n3,4,5\n6,7\n"));
  await page.getByText("Row 2 has 3 fields, the first line has 2.").waitFor();
  await page.getByRole("button", { name: /^Upload \d/ }).click();
  await page.getByText("The file was refused").waitFor();
  await page.getByText("line 3", { exact: true }).waitFor();
  await page.getByText(/main\.bad is as it was before/).waitFor();
  await checkAccess(page);
  await screens(page, "upload-refused");
  const { imports } = await server.api<Imports>("GET", "/api/v1/imports");
  expect(imports[0]).toMatchObject({ table: "bad", state: "failed" });
  // What was chosen is still there: with another delimiter each line is one field.
  await page.getByRole("button", { name: "Change settings" }).click();
  await page.getByLabel("Delimiter").selectOption("|");
  await page.getByRole("checkbox", { name: /^Write _/ }).waitFor();
  await page.getByRole("button", { name: /^Upload \d/ }).click();
  await page.getByText("3 rows of the file are in main.bad.").waitFor();
  expect(await server.query("SELECT * FROM main.bad LIMIT 1")).toEqual([["1,2"]]);
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("tab", { name: "Imports" }).click();
  await page.getByRole("gridcell", { name: "failed" }).click();
  await page.getByRole("dialog", { name: "Import" }).getByText("bad.csv").waitFor();
  await checkAccess(page);
  await screens(page, "imports");
});

test("an existing table is only touched when that was chosen", async ({ server, page }) => {
  const ndjson = (text: string) => ({
    name: "people.ndjson",
    mimeType: "application/x-ndjson",
    buffer: Buffer.from(text),
  });
  await page.goto("/tables?upload=1");
  await ready(page);
  await choose(page, ndjson('{"name":"ada","long":9223372036854775807}\n'));
  await page.getByRole("region", { name: "Preview" }).getByText("9223372036854775807").waitFor();
  await page.getByRole("button", { name: /^Upload \d/ }).click();
  await page.getByText("1 row of the file is in main.people.").waitFor();
  await page.getByRole("button", { name: "Another file" }).click();
  await choose(page, ndjson('{"name":"bob"}\n{"name":"<i>eve</i>"}\n'));
  await page.getByText("main.people is there: append or replace.").waitFor();
  expect(await page.getByRole("button", { name: /^Upload \d/ }).isDisabled()).toBe(true);
  await page.getByLabel("Where it is there already").selectOption("append");
  await page.getByRole("button", { name: /^Upload \d/ }).click();
  await page.getByText("2 rows of the file are in main.people.").waitFor();
  expect(await server.query("SELECT count(*), max(long)::VARCHAR FROM main.people")).toEqual([
    [3, "9223372036854775807"],
  ]);
});

test("an upload is cancelled and leaves nothing behind", async ({
  server,
  context,
  page,
  watch,
}) => {
  watch.allow(/409|ERR_/);
  const file = join(server.folder, "large.csv");
  writeFileSync(file, `id,text\n${"1,some text that is long enough\n".repeat(400_000)}`);
  await page.goto("/tables?upload=1");
  await ready(page);
  await choose(page, file);
  await page.getByRole("region", { name: "Preview" }).waitFor();
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: 400_000,
  });
  await page.getByRole("button", { name: /^Upload \d/ }).click();
  await page.getByRole("progressbar", { name: "Bytes sent" }).waitFor();
  await page.getByText(/received ·/).waitFor();
  await checkAccess(page);
  await page.getByRole("button", { name: "Cancel the upload" }).click();
  await page.getByText("The upload was cancelled").waitFor();
  await until("the server forgets the import", async () => {
    const { imports } = await server.api<Imports>("GET", "/api/v1/imports");
    return imports.some((one) => one.table === "large" && one.state === "cancelled");
  });
  const { tables } = await server.api<{ tables: { name: string }[] }>("GET", "/api/v1/tables");
  expect(tables.map((table) => table.name)).not.toContain("large");
});

test("a file dropped on the page is taken", async ({ page }) => {
  await page.goto("/tables?upload=1");
  await ready(page);
  await page.getByText("Drop a file here, or choose one").waitFor();
  await checkAccess(page);
  await screens(page, "upload-choose");
  await page.keyboard.press("Escape");
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["a,b\n1,2\n"], "dropped.csv", { type: "text/csv" }));
    return transfer;
  });
  await page.dispatchEvent("main", "drop", { dataTransfer: data });
  await page.waitForURL(/upload=1/);
  await page.getByRole("region", { name: "Preview" }).getByRole("cell", { name: "2" }).waitFor();
});
