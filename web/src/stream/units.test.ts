// Sizes and times go to text and back without change, and are read as the server reads them.
import { expect, test } from "vitest";
import { bytesText, durationText, readBytes, readDuration } from "./units";

test("text of a number gives that number back", () => {
  for (const ms of [0, 1, 100, 1500, 60_000, 90_000, 604_800_000, 2n ** 63n - 1n]) {
    expect(readDuration(durationText(ms))).toBe(BigInt(ms));
  }
  for (const size of [0, 1, 1000, 1024, 1 << 20, 5_000_000_000, 2n ** 63n - 1n]) {
    expect(readBytes(bytesText(size))).toBe(BigInt(size));
  }
});

test("the largest unit that divides is used", () => {
  expect(durationText(604_800_000)).toBe("7d");
  expect(durationText(90_000)).toBe("90s");
  expect(bytesText(134_217_728)).toBe("128MiB");
  expect(bytesText(1000)).toBe("1000B");
});

test("as the server reads", () => {
  expect(readDuration("10")).toBe(10_000n);
  expect(readDuration(" 5 MIN ")).toBe(300_000n);
  expect(readBytes("2 gb")).toBe(2_000_000_000n);
  for (const wrong of ["", "x", "-1", "1.5h", "7 weeks", "1e3"]) {
    expect(readDuration(wrong)).toBeNull();
    expect(readBytes(wrong)).toBeNull();
  }
});
