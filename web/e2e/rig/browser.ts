// browser.ts - Debian's Chromium, and pages that are watched: whatever goes wrong in one that a user
// would not see (an error on the console, an exception, a breach of the content security policy, a
// request to another host) fails the test that opened it.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

function executable(): string {
  const names = ["chromium-headless-shell", "chromium", "google-chrome"];
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of names) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // not here
      }
    }
  }
  throw new Error(`none of ${names.join(", ")} is in PATH: run ./dev setup`);
}

export function launch(flags: string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: executable(), args: [...FLAGS, ...flags] });
}

/** What pages of one test did wrong so far. */
export class Watch {
  readonly faults: string[] = [];
  /** Requests to other hosts, which are among the faults. */
  foreign = 0;
  private readonly allowed: RegExp[] = [];
  private readonly reasons: string[] = [];

  /** For what a test provokes: an answer 401, say, which the browser reports as an error. */
  allow(pattern: RegExp): void {
    this.allowed.push(pattern);
  }

  add(fault: string): void {
    this.faults.push(fault);
  }

  /** Said beside the faults when there are any: what the server answered. */
  explain(reason: string): void {
    this.reasons.push(reason);
  }

  check(): void {
    const left = this.faults.filter(
      (fault) => !this.allowed.some((pattern) => pattern.test(fault)),
    );
    if (left.length > 0) {
      throw new Error(`the page did wrong:\n  ${[...left, ...this.reasons].join("\n  ")}`);
    }
  }
}

/** A context (cookies, storage) whose pages may talk to `origin` alone. */
export async function openContext(
  browser: Browser,
  origin: string,
  watch: Watch,
): Promise<BrowserContext> {
  const context = await browser.newContext({
    baseURL: origin,
    viewport: { width: 1280, height: 800 },
    timezoneId: "Europe/Berlin",
    locale: "en-GB",
  });
  const isOwn = (url: URL) =>
    url.origin === origin || url.protocol === "data:" || url.protocol === "blob:";
  await context.route(
    (url) => !isOwn(url),
    (route) => {
      watch.foreign++;
      watch.add(`request to another host: ${route.request().url()}`);
      return route.abort();
    },
  );
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      // biome-ignore lint/suspicious/noConsole: how the rig hears of it
      console.error(`policy: ${event.violatedDirective} blocks ${event.blockedURI}`);
    });
  });
  context.setDefaultTimeout(10_000);
  context.on("page", (page) => observe(page, origin, watch));
  return context;
}

function observe(page: Page, origin: string, watch: Watch): void {
  page.on("console", (message) => {
    if (message.type() === "error") {
      watch.add(`console: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("response", (response) => {
    if (response.status() < 400 || !response.url().includes("/api/")) return;
    // Not a fault of its own: the reason beside the one that the browser reports.
    response.text().then(
      (text) => watch.explain(`${response.status()} ${response.url()}: ${text.slice(0, 500)}`),
      () => undefined,
    );
  });
  page.on("pageerror", (error) => watch.add(`exception: ${error.stack ?? error.message}`));
  page.on("crash", () => watch.add("the page crashed"));
  page.on("websocket", (socket) => {
    if (new URL(socket.url()).host !== new URL(origin).host) {
      watch.foreign++;
      watch.add(`socket to another host: ${socket.url()}`);
    }
  });
}
