// The difference of two texts says which lines went, came and stayed, and adds up to both.
import { expect, test } from "vitest";
import { lineDiff } from "./line-diff";

test("lines that went, came and stayed", () => {
  const diff = lineDiff("a\nb\nc", "a\nx\nc\nd") ?? [];
  expect(diff.map((l) => `${l.kind[0]}${l.text}`)).toEqual(["sa", "rb", "ax", "sc", "ad"]);
  expect(diff.map((l) => l.after)).toEqual([1, null, 2, 3, 4]);
});

test("both texts can be read back", () => {
  const before = "1\n2\n2\n3\n5";
  const after = "2\n3\n3\n4\n5\n";
  const diff = lineDiff(before, after) ?? [];
  const side = (without: string) =>
    diff
      .filter((l) => l.kind !== without)
      .map((l) => l.text)
      .join("\n");
  expect(side("added")).toBe(before);
  expect(side("removed")).toBe(after);
});

test("what is too large is not compared", () => {
  const large = "x\n".repeat(3000);
  expect(lineDiff(large, large)).toBeNull();
});
