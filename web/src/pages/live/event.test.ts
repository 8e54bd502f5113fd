// A live event must be counted under the names that the server's filters know, and be told in one line.
import { describe, expect, it } from "vitest";
import { facetOf } from "@/filters/facets";
import { levelTone, liveEvent, summaryOf } from "./event";

const sent = (value: unknown) => ({
  topic: "t",
  partition: 0,
  offset: 7,
  timestamp: "2026-11-21T10:00:00.250Z",
  key: null,
  value,
});

describe("facets", () => {
  it("takes the first name that the event has, whatever its type", () => {
    expect(facetOf({ kind: "b", event: "a" }, "type")).toBe("a");
    expect(facetOf({ severity: 3 }, "level")).toBe("3");
    expect(facetOf({ type: null, action: "x" }, "type")).toBe("x");
    expect(facetOf({ path: { a: 1 } }, "endpoint")).toBe('{"a":1}');
    expect(facetOf({ ip: "a", client_ip: "b", remote_addr: "c" }, "source")).toBe("b");
  });
  it("finds nothing in what is no object", () => {
    expect(facetOf("text", "type")).toBeUndefined();
    expect(facetOf(["type"], "type")).toBeUndefined();
    expect(facetOf(null, "type")).toBeUndefined();
  });
  it("knows when an event happened", () => {
    expect(liveEvent(sent({ type: "a" }), 3)).toMatchObject({
      n: 3,
      ms: 1795255200250,
      facets: { type: "a" },
    });
  });
});

describe("the summary", () => {
  it("leaves out what has a column and keeps long integers", () => {
    const value = { type: "a", path: "/", n: 9223372036854775807n, who: "ada" };
    expect(summaryOf(sent(value))).toBe("n=9223372036854775807  who=ada");
  });
  it("leaves out the time that the column tells, and keeps one that differs", () => {
    const at = (timestamp: string) => summaryOf(sent({ timestamp, n: 1 }));
    expect(at("2026-11-21T10:00:00.100Z")).toBe("n=1");
    expect(at("2026-11-21T09:59:00Z")).toBe("timestamp=2026-11-21T09:59:00Z  n=1");
  });
  it("shows text and lists as they are, cut", () => {
    expect(summaryOf(sent("no json"))).toBe("no json");
    expect(summaryOf(sent([1, 2]))).toBe("[1,2]");
    expect(summaryOf(sent({ a: "x".repeat(5000) }))).toHaveLength(400);
  });
});

it("levels have a tone in any case", () => {
  expect(levelTone("ERROR")).toBe("error");
  expect(levelTone("made up")).toBe("neutral");
});
