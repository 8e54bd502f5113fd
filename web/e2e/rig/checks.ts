// checks.ts - what every page must pass: it is ready, axe finds nothing, it fits narrow screens; and
// pictures of it for people to look at, in build/web-screens.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AxeResults, RunOptions } from "axe-core";
import type { Page } from "playwright-core";

const SCREENS = new URL("../../../build/web-screens/", import.meta.url).pathname;
const WIDE = { width: 1280, height: 800 };
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

declare global {
  interface Window {
    axe: { run(options: RunOptions): Promise<AxeResults> };
  }
}

/** Waits for the mark that the console sets when it has drawn its first data. */
export async function ready(page: Page): Promise<void> {
  await page.waitForFunction(() => performance.getEntriesByName("app-ready").length > 0);
}

/** Waits until the new colours are drawn: a theme that fades has faded, also on a slow machine. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await frame();
    await frame();
    const fades = document.getAnimations().filter((fade) => fade instanceof CSSTransition);
    await Promise.allSettled(fades.map((fade) => fade.finished)); // one that is replaced rejects
    await frame();
  });
}

/** No violation of WCAG 2.2 A and AA, in the light theme and in the dark one. */
export async function checkAccess(page: Page): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.waitForFunction(
      (theme) => document.documentElement.dataset.theme === theme,
      colorScheme,
    );
    await settled(page);
    await page.evaluate(axe); // not a script element: the page's policy stays in force
    const found = await page.evaluate(async () => {
      const tags = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
      const result = await window.axe.run({ runOnly: { type: "tag", values: tags } });
      return result.violations.flatMap((violation) =>
        violation.nodes.map((node) => `${violation.id}: ${node.failureSummary} (${node.html})`),
      );
    });
    if (found.length > 0) throw new Error(`axe, ${colorScheme}:\n  ${found.join("\n  ")}`);
  }
}

/** NAME-light, -dark, -390 and -320.png; fails when a narrow page scrolls sideways (WCAG 1.4.10). */
export async function screens(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENS, { recursive: true });
  const looks = [
    { suffix: "light", colorScheme: "light", ...WIDE },
    { suffix: "dark", colorScheme: "dark", ...WIDE },
    { suffix: "390", colorScheme: "light", width: 390, height: 844 },
    { suffix: "320", colorScheme: "light", width: 320, height: 640 },
  ] as const;
  const tooWide: string[] = [];
  for (const { suffix, colorScheme, width, height } of looks) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    await page.waitForTimeout(250); // charts are drawn again for their new size
    await page.screenshot({ path: join(SCREENS, `${name}-${suffix}.png`) });
    const inner = await page.evaluate(() => document.documentElement.scrollWidth);
    if (inner > width) tooWide.push(`${inner} px on a screen of ${width}`);
  }
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: "light" });
  if (tooWide.length > 0) throw new Error(`${name} scrolls sideways: ${tooWide.join(", ")}`);
}
