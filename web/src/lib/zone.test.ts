// Every instant has one text per zone, also where clocks are put forward and back.
import { describe, expect, it } from "vitest";
import { ago, formatTime, fromWall, isZone, offsetLabel } from "./zone";

const ms = (text: string) => Date.parse(text);

describe("formatTime", () => {
  it.each([
    ["2026-11-21T10:04:05.678Z", "utc", "full", "2026-11-21 10:04:05"],
    ["2026-11-21T10:04:05.678Z", "utc", "millis", "2026-11-21 10:04:05.678"],
    ["2026-11-21T10:04:05.678Z", "Asia/Kolkata", "full", "2026-11-21 15:34:05"],
    ["2026-11-21T23:30:00Z", "Europe/Paris", "date", "2026-11-22"],
    ["2026-10-25T00:30:00Z", "Europe/Paris", "minute", "2026-10-25 02:30"],
    ["2026-10-25T01:30:00Z", "Europe/Paris", "minute", "2026-10-25 02:30"],
    ["2026-03-29T01:00:00Z", "Europe/Paris", "time", "03:00:00"],
    ["1969-12-31T23:59:59.5Z", "utc", "timeMillis", "23:59:59.500"],
    ["2026-01-01T00:00:00Z", "utc", "time", "00:00:00"],
  ] as const)("%s in %s as %s", (at, zone, style, text) => {
    expect(formatTime(ms(at), zone, style)).toBe(text);
  });

  it("says nothing about what is no instant", () => {
    expect(formatTime(Number.NaN, "utc")).toBe("–");
    expect(formatTime(null, "utc")).toBe("–");
    expect(formatTime(9e15, "utc")).toBe("–");
  });
});

describe("fromWall", () => {
  const wall = (text: string) => ms(`${text}Z`);

  it("is the way back", () => {
    for (const zone of ["utc", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"]) {
      const at = ms("2026-06-15T12:34:56Z");
      expect(fromWall(wall(formatTime(at, zone).replace(" ", "T")), zone)).toBe(at);
    }
  });

  it("takes the earlier of the doubled hour and steps over the missing one", () => {
    expect(fromWall(wall("2026-10-25T02:30:00"), "Europe/Paris")).toBe(ms("2026-10-25T00:30:00Z"));
    const missing = fromWall(wall("2026-03-29T02:30:00"), "Europe/Paris");
    expect(formatTime(missing, "Europe/Paris", "minute")).toBe("2026-03-29 03:30");
  });
});

it("names offsets and knows which zones there are", () => {
  expect(offsetLabel(ms("2026-01-01T00:00:00Z"), "America/St_Johns")).toBe("UTC-3:30");
  expect(offsetLabel(0, "utc")).toBe("UTC");
  expect(isZone("Europe/Paris")).toBe(true);
  expect(isZone("Mars/Base")).toBe(false);
});

it("tells how long ago", () => {
  expect(ago(0, 12_000)).toBe("12 s ago");
  expect(ago(0, 7_300_000)).toBe("2 h ago");
});
