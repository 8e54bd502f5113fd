// pages.ts - what is measured within pages: until one can be used, frames and heap of a live one,
// scrolling a long result, many tabs.
import type { Browser, BrowserContext, CDPSession, Page } from "playwright-core";
import { openContext, type Watch } from "../e2e/rig/browser.ts";
import { ready } from "../e2e/rig/checks.ts";
import { type Server, sleep, until } from "../e2e/rig/server.ts";

const RUNS = 5;
const WARM_UP_MS = 20_000;
const TAB_MS = 5_000;

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function readyAfterMs(page: Page): Promise<number> {
  await page.goto("/");
  await ready(page);
  const mark = await page.evaluate(() => performance.getEntriesByName("app-ready")[0]?.startTime);
  return mark ?? Number.NaN;
}

/** From the start of the navigation until the overview has drawn its first data. */
export async function interactive(browser: Browser, server: Server, watch: Watch) {
  const cold: number[] = [];
  const warm: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const context = await openContext(browser, server.url, watch);
    const page = await context.newPage();
    const first = await readyAfterMs(page);
    const second = await readyAfterMs(page);
    await context.close();
    if (run > 0) cold.push(first); // the first run warms the browser itself
    if (run > 0) warm.push(second);
  }
  return { cold_ms: Math.round(median(cold)), warm_ms: Math.round(median(warm)) };
}

/** Frames drawn while `during` runs: per second, and the 95th percentile of one in ms. */
async function frames(page: Page, during: () => Promise<void>) {
  await page.evaluate(() => {
    const state = { deltas: [] as number[], last: performance.now(), goesOn: true };
    Object.assign(window, { benchFrames: state });
    const step = (now: number) => {
      state.deltas.push(now - state.last);
      state.last = now;
      if (state.goesOn) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  await during();
  const deltas = await page.evaluate(() => {
    const state = (window as unknown as { benchFrames: { deltas: number[]; goesOn: boolean } })
      .benchFrames;
    state.goesOn = false;
    return state.deltas;
  });
  const total = deltas.reduce((sum, delta) => sum + delta, 0);
  const sorted = deltas.sort((a, b) => a - b);
  return {
    fps: Math.round((deltas.length / total) * 10_000) / 10,
    p95_ms: Math.round((sorted[Math.floor(sorted.length * 0.95)] ?? 0) * 10) / 10,
    worst_ms: Math.round(sorted.at(-1) ?? 0),
  };
}

async function metric(protocol: CDPSession, name: string): Promise<number> {
  const { metrics } = await protocol.send("Performance.getMetrics");
  return metrics.find((entry) => entry.name === name)?.value ?? Number.NaN;
}

async function heapMb(protocol: CDPSession): Promise<number> {
  await protocol.send("HeapProfiler.collectGarbage");
  await protocol.send("HeapProfiler.collectGarbage"); // what the first one let go of
  return (await metric(protocol, "JSHeapUsedSize")) / 1e6;
}

/** The live page for a while: frames, share of the main thread, heap after collecting garbage. */
export async function liveRun(context: BrowserContext, seconds: number) {
  const page = await context.newPage();
  await page.goto("/live");
  await ready(page);
  const protocol = await context.newCDPSession(page);
  await protocol.send("Performance.enable");
  await sleep(WARM_UP_MS); // rings fill
  const heapBefore = await heapMb(protocol);
  const busyBefore = await metric(protocol, "TaskDuration");
  const drawn = await frames(page, () => sleep(seconds * 1000));
  const busy = (await metric(protocol, "TaskDuration")) - busyBefore;
  const heapAfter = await heapMb(protocol);
  const nodes = await metric(protocol, "Nodes");
  await page.close();
  return {
    ...drawn,
    main_thread_share: Math.round((busy / seconds) * 1000) / 1000,
    heap_mb: Math.round(heapAfter * 10) / 10,
    heap_growth_mb: Math.round((heapAfter - heapBefore) * 100) / 100,
    nodes,
  };
}

/** A result of `rows` rows in the page for SQL: scrolled by wheel, then to its end. */
export async function scrolling(context: BrowserContext, rows: number) {
  const page = await context.newPage();
  const sql = `SELECT range AS n, hash(range) AS h, 'row ' || range AS t FROM range(${rows})`;
  await page.goto(`/sql?q=${encodeURIComponent(sql)}&run=1`);
  await ready(page);
  const grid = page.getByRole("grid").first();
  await grid.waitFor({ timeout: 60_000 });
  const count = rows + 1; // with the header
  await until("all rows", async () => Number(await grid.getAttribute("aria-rowcount")) === count);
  const box = await grid.boundingBox();
  if (box === null) throw new Error("the grid is not to be seen");
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const drawn = await frames(page, async () => {
    for (let i = 0; i < 300; i++) {
      await page.mouse.wheel(0, i % 50 === 49 ? 200_000 : 600);
      await sleep(30);
    }
  });
  await grid.focus();
  await page.keyboard.press("Control+End");
  const last = await until("the last row", async () => {
    const shown = await page
      .locator("[role=grid] [aria-rowindex]")
      .evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute("aria-rowindex"))));
    const highest = Math.max(0, ...shown);
    return highest === count && highest - 1;
  });
  await page.close();
  return { ...drawn, last_row: last };
}

/** How many of `count` pages of one browser get live frames at the same time. */
export async function tabs(context: BrowserContext, count: number): Promise<number> {
  const received = new Map<Page, number>();
  const pages: Page[] = [];
  for (let i = 0; i < count; i++) {
    const page = await context.newPage();
    page.on("websocket", (socket) =>
      socket.on("framereceived", () => received.set(page, (received.get(page) ?? 0) + 1)),
    );
    await page.goto("/");
    pages.push(page);
  }
  received.clear();
  await sleep(TAB_MS);
  const live = pages.filter((page) => (received.get(page) ?? 0) >= 2).length;
  for (const page of pages) await page.close();
  return live;
}
