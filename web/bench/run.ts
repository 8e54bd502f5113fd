// run.ts [SECONDS] - the figures of the console, in Chromium against the real server: called by
// bench/cases.py (./dev bench web), which prints and keeps what is written here as JSON. It runs on
// Node as it is, over the rig of the browser tests. SECONDS is the length of the live run.
import type { Browser } from "playwright-core";
import { launch, openContext, Watch } from "../e2e/rig/browser.ts";
import { Server } from "../e2e/rig/server.ts";
import { bundleSizes } from "./bundle.ts";
import { cancelling } from "./cancel.ts";
import { interactive, liveRun, scrolling, tabs } from "./pages.ts";

type Check = [what: string, measured: number, least: number, aim: number | null, unit: string];

const seconds = Number(process.argv[2] ?? 600);
const RATE = 1000;
const PRESETS = ["web_logs", "customers", "transactions", "analytics"];
const ROWS = 1_000_000;
const TABS = 12;

function say(text: string): void {
  process.stderr.write(`  ${text}\n`);
}

async function withContext<T>(
  browser: Browser,
  server: Server,
  watch: Watch,
  run: (context: Awaited<ReturnType<typeof openContext>>) => Promise<T>,
): Promise<T> {
  const context = await openContext(browser, server.url, watch);
  try {
    return await run(context);
  } finally {
    await context.close();
  }
}

async function main(): Promise<void> {
  const sizes = bundleSizes();
  say(`initial ${sizes.initial_js_kib} KiB, all ${sizes.all_kib} KiB`);
  const server = await Server.start();
  const browser = await launch(["--enable-precise-memory-info"]);
  const watch = new Watch();
  try {
    for (const preset of PRESETS) await server.produce(preset, RATE / PRESETS.length);
    const opened = await interactive(browser, server, watch);
    say(`interactive after ${opened.cold_ms} ms cold, ${opened.warm_ms} ms warm`);
    const open = await withContext(browser, server, watch, (context) => tabs(context, TABS));
    say(`${open} of ${TABS} tabs live`);
    const live = await withContext(browser, server, watch, (context) => liveRun(context, seconds));
    say(`live: ${live.fps} frames/s, heap ${live.heap_growth_mb} MB`);
    for (const preset of PRESETS) await server.api("POST", `/api/v1/producers/${preset}/stop`);
    const scroll = await withContext(browser, server, watch, (context) => scrolling(context, ROWS));
    say(`${ROWS} rows: ${scroll.fps} frames/s, last row ${scroll.last_row}`);
    const cancel = await cancelling(server);
    say(`idle ${cancel.idle_ms} ms after a cancel`);
    const checks: Check[] = [
      ["initial JavaScript, gzip", sizes.initial_js_kib, 220, null, "KiB<"],
      ["all assets, gzip", sizes.all_kib, 900, null, "KiB<"],
      ["interactive, cold", opened.cold_ms, 1000, null, "ms<"],
      [`live at ${RATE} events/s`, live.fps, 55, null, "frames/s"],
      ["heap growth of the live run", live.heap_growth_mb, 2, null, "MB<"],
      [`scrolling ${ROWS} rows`, scroll.fps, 55, null, "frames/s"],
      ["last row reached", scroll.last_row, ROWS, null, "rows"],
      ["tabs live at once", open, TABS, null, "tabs"],
      ["idle after a cancel", cancel.idle_ms, 500, null, "ms<"],
      ["requests to other hosts", watch.foreign, 0, null, "requests<"],
      ["other faults of the pages", watch.faults.length - watch.foreign, 0, null, "faults<"],
    ];
    const settings = { events_per_second: RATE, seconds, tabs: TABS, rows: ROWS };
    const values = { ...sizes, ...opened, live, scroll, cancel, faults: watch.faults.slice(0, 20) };
    process.stdout.write(`${JSON.stringify({ durability: "fsync", settings, values, checks })}\n`);
  } finally {
    await browser.close();
    await server.stop();
  }
}

await main();
