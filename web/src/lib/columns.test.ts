// The growing column fills the view and is never narrower than it asks to be.
import { expect, it } from "vitest";
import { columnLefts } from "./columns";

it.each([
  ["none grows", [100, 50], -1, 801, [0, 100, 150]],
  ["the last one grows", [100, 50], 1, 801, [0, 100, 800]],
  ["one in the middle moves those after it", [100, 50, 80], 1, 801, [0, 100, 720, 800]],
  ["there is no room", [500, 400], 1, 801, [0, 500, 900]],
  ["there are no columns", [], -1, 801, [0]],
])("%s", (_what, widths, growing, viewWidth, lefts) => {
  expect(columnLefts(widths, growing, viewWidth)).toEqual(lefts);
});
