// What a browser has to load stays small: the first page, its styles, any one chunk, and all of it
// (gzip, KiB). A page that grows past these belongs into a chunk that is loaded when it is needed.
import { expect, test } from "vitest";
import { bundleSizes } from "../bench/bundle";

test("the first page and all files keep within their budgets", () => {
  const sizes = bundleSizes();
  expect(sizes.initial_js_kib).toBeLessThanOrEqual(220);
  expect(sizes.initial_css_kib).toBeLessThanOrEqual(20);
  expect(sizes.largest_kib).toBeLessThanOrEqual(250);
  expect(sizes.all_kib).toBeLessThanOrEqual(900);
});
