// What a person types or pastes as a time is understood, and the address says the same again.
import { describe, expect, it } from "vitest";
import {
  dataSpan,
  isLive,
  parsePoint,
  pointText,
  rangeFrom,
  rangeLabel,
  resolveRange,
  shift,
  zoomOut,
} from "./range";

const at = (text: string) => ({ kind: "absolute", ms: Date.parse(text) });
const ago = (beforeMs: number) => ({ kind: "relative", beforeMs });

describe("parsePoint", () => {
  it.each([
    ["now", ago(0)],
    ["now-15m", ago(900_000)],
    [" now - 1h30m ", ago(5_400_000)],
    ["2d", ago(172_800_000)],
    ["90s ago", ago(90_000)],
    ["2026-11-21T10:00:00Z", at("2026-11-21T10:00:00Z")],
    ["2026-11-21T10:00:00.123456Z", at("2026-11-21T10:00:00.123Z")],
    ["2026-11-21T10:00:00+02:00", at("2026-11-21T08:00:00Z")],
    ["2026-11-21 10:00:05", at("2026-11-21T09:00:05Z")],
    ["2026-11-21 10:00", at("2026-11-21T09:00:00Z")],
    ["2026-11-21", at("2026-11-20T23:00:00Z")],
    ["1700000000", at("2023-11-14T22:13:20Z")],
    ["1700000000.5", at("2023-11-14T22:13:20.500Z")],
    ["1700000000123", at("2023-11-14T22:13:20.123Z")],
    ["1700000000123456", at("2023-11-14T22:13:20.123Z")],
    ["1700000000123456789", at("2023-11-14T22:13:20.123Z")],
    ["-1000", at("1969-12-31T23:43:20Z")],
  ])("%s", (text, point) => expect(parsePoint(text, "Europe/Paris")).toEqual(point));

  it.each(["", "yesterday", "now+5m", "2026-13-01", "2026-02-30", "2026-11-21 25:00", "1e9", "m"])(
    "refuses %s",
    (text) => expect(parsePoint(text, "utc")).toBeNull(),
  );
});

describe("the address", () => {
  it.each(["now", "now-15m", "now-90s", "now-24h", "now-7d", "2026-11-21T10:00:00Z"])(
    "%s comes back the same",
    (text) => {
      const point = parsePoint(text, "utc");
      expect(point && pointText(point)).toBe(text);
    },
  );

  it("falls back to the last 15 minutes", () => {
    const range = rangeFrom("nonsense", undefined);
    expect(range.from).toEqual(ago(900_000));
    expect(isLive(range)).toBe(true);
    expect(rangeLabel(range, "utc")).toBe("Last 15 minutes");
  });
});

describe("moving", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");

  it("puts the ends in order", () => {
    const span = resolveRange(rangeFrom("now", "now-1h"), now);
    expect(span.toMs - span.fromMs).toBe(3_600_000);
  });

  it("keeps a live range live when it zooms out", () => {
    const wide = zoomOut(rangeFrom("now-15m", "now"), now);
    expect(pointText(wide.from)).toBe("now-30m");
    expect(isLive(wide)).toBe(true);
  });

  it("doubles a past range and does not pass now", () => {
    const wide = resolveRange(zoomOut(rangeFrom("now-2h", "now-1h"), now), now);
    expect(wide.toMs - wide.fromMs).toBe(7_200_000);
    const later = resolveRange(shift(rangeFrom("now-2h", "now-15m"), 1, now), now);
    expect(later.toMs).toBe(now);
  });

  it("moves back by half", () => {
    const range = resolveRange(shift(rangeFrom("now-2h", "now-1h"), -1, now), now);
    expect(range).toEqual({ fromMs: now - 9_000_000, toMs: now - 5_400_000 });
  });
});

describe("dataSpan", () => {
  it("ends with the last point of a line", () => {
    expect(dataSpan([1000, 2000, 5000], false)).toEqual({ fromMs: 1000, toMs: 5000 });
    expect(dataSpan([], false)).toBeNull();
  });

  it("has room for the last bar, however irregular they are", () => {
    expect(dataSpan([1000, 2000, 5000], true)).toEqual({ fromMs: 1000, toMs: 6000 });
    expect(dataSpan([0, 1, 400_000], true)).toEqual({ fromMs: 0, toMs: 410_000 });
    expect(dataSpan([1000], true)).toEqual({ fromMs: 1000, toMs: 61_000 });
  });
});
