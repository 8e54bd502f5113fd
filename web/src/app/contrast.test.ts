// Text is at least 4.5:1 and graphics 3:1 against what they stand on, in both themes.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync("src/styles.css", "utf8");

function variables(opening: string): Record<string, string> {
  const start = css.indexOf(opening);
  const block = css.slice(start, css.indexOf("}", start));
  return Object.fromEntries(
    [...block.matchAll(/--([a-z0-9-]+):\s*(#[0-9a-f]{6});/g)].map((m) => [m[1], m[2]]),
  );
}

function luminance(hex: string): number {
  const channel = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const SURFACES = ["bg", "panel", "raised", "sunken", "hover"];
const TEXTS = ["text", "muted", "accent"];
const STATES = ["ok", "warn", "error", "info"];

describe.each([
  ["light", ":root {"],
  ["dark", '[data-theme="dark"] {'],
])("%s", (_theme, opening) => {
  const color = variables(opening);
  const ratio = (front: string, back: string) => contrast(color[front] ?? "", color[back] ?? "");

  it.each(TEXTS.flatMap((t) => SURFACES.map((s) => [t, s])))("%s on %s", (front, back) => {
    expect(ratio(front, back)).toBeGreaterThanOrEqual(4.5);
  });

  it.each(
    STATES.flatMap((state) => ["bg", "panel", "raised", `${state}-soft`].map((s) => [state, s])),
  )("%s on %s", (front, back) => expect(ratio(front, back)).toBeGreaterThanOrEqual(4.5));

  it.each([
    ["on-accent", "accent"],
    ["on-accent", "accent-hover"],
    ["accent", "accent-soft"],
    ["text", "accent-soft"],
    ["text", "error-soft"],
    ["muted", "error-soft"],
    ["muted", "accent-soft"],
    ["bg", "text"],
  ])("%s on %s", (front, back) => expect(ratio(front, back)).toBeGreaterThanOrEqual(4.5));

  it.each(Array.from({ length: 8 }, (_, i) => `chart-${i + 1}`))("%s on a panel", (series) => {
    expect(ratio(series, "panel")).toBeGreaterThanOrEqual(3);
  });

  it("borders of inputs can be seen", () => {
    expect(ratio("line-strong", "panel")).toBeGreaterThanOrEqual(3);
  });
});
