// Figures are short where space is short and exact where they are read as data.
import { describe, expect, it } from "vitest";
import { bytes, change, compact, count, duration, grouped, percent } from "./numbers";

describe("short figures", () => {
  it.each([
    [0, "0"],
    [999, "999"],
    [1000, "1 k"],
    [12_345, "12.3 k"],
    [999_999, "1 M"],
    [-4_560_000, "-4.56 M"],
    [0.1234, "0.12"],
    [Number.NaN, "–"],
  ])("compact %s", (value, text) => expect(compact(value)).toBe(text));

  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [1024 ** 3, "1 GiB"],
    [null, "–"],
  ])("bytes %s", (value, text) => expect(bytes(value)).toBe(text));

  it.each([
    [0.84, "0.8 ms"],
    [38, "38 ms"],
    [1234, "1.2 s"],
    [60_000, "1 m"],
    [200_000, "3 m 20 s"],
    [14_700_000, "4 h 5 m"],
    [183_600_000, "2 d 3 h"],
  ])("duration %s", (value, text) => expect(duration(value)).toBe(text));

  it("percent and change", () => {
    expect(percent(0.1234)).toBe("12.3 %");
    expect(change(112, 100)).toBe("+12 %");
    expect(change(50, 100)).toBe("−50 %");
    expect(change(1100, 100)).toBe("+11×");
    expect(change(1_604_231, 13)).toBe("+123 k×");
    expect(change(1, 0)).toBeNull();
  });
});

describe("exact figures", () => {
  it.each([
    ["9223372036854775807", "9,223,372,036,854,775,807"],
    [9223372036854775807n, "9,223,372,036,854,775,807"],
    ["-1234.567890123456789", "-1,234.567890123456789"],
    [999, "999"],
    ["NaN", "NaN"],
    [1e21, "1e+21"],
  ])("grouped %s", (value, text) => expect(grouped(value)).toBe(text));

  it("counts in words", () => {
    expect(count(1, "row")).toBe("1 row");
    expect(count("12000", "row")).toBe("12,000 rows");
    expect(count(2, "query", "queries")).toBe("2 queries");
  });
});
