// What streams in or is scrolled through is bounded, in order, and reachable to the last row.
import { describe, expect, it } from "vitest";
import { Ring, SeriesBuffer } from "./ring";
import { HEIGHT_MAX, positionOf, scrollMap, scrollTopOf } from "./scroll";
import { WindowCache } from "./windows";

describe("Ring", () => {
  it("keeps the newest and numbers them", () => {
    const ring = new Ring<number>(3);
    for (let i = 0; i < 5; i++) ring.push(i);
    expect(ring.toArray()).toEqual([2, 3, 4]);
    expect([ring.first, ring.total, ring.length]).toEqual([2, 5, 3]);
    expect(ring.at(3)).toBeUndefined();
    ring.clear();
    expect(ring.toArray()).toEqual([]);
  });
});

describe("SeriesBuffer", () => {
  it("keeps the newest points of all series over many turns", () => {
    const buffer = new SeriesBuffer(4);
    for (let i = 1; i <= 23; i++) buffer.append([i], { a: [i * 10], b: [i % 2 ? i : null] });
    expect([...buffer.time()]).toEqual([20, 21, 22, 23]);
    expect([...(buffer.column("a") ?? [])]).toEqual([200, 210, 220, 230]);
    expect([...(buffer.column("b") ?? [])]).toEqual([Number.NaN, 21, Number.NaN, 23]);
  });

  it("passes over points it has, and fills series that come later or stop", () => {
    const buffer = new SeriesBuffer(4);
    buffer.append([1, 2], { a: [1, 2] });
    buffer.append([2, 3], { a: [9, 3], b: [9, 4] });
    buffer.append([4], { b: [5] });
    expect([...buffer.time()]).toEqual([1, 2, 3, 4]);
    expect([...(buffer.column("a") ?? [])]).toEqual([1, 2, 3, Number.NaN]);
    expect([...(buffer.column("b") ?? [])]).toEqual([Number.NaN, Number.NaN, 4, 5]);
    buffer.append([5, 6, 7, 8], {});
    buffer.prune();
    expect(buffer.names()).toEqual([]);
  });
});

describe("scrollMap", () => {
  it("is plain below the limit", () => {
    const map = scrollMap(1000, 30, 600);
    expect(map.scaled).toBe(false);
    expect(positionOf(map, 4321)).toBe(4321);
  });

  it.each([600_000, 10_000_000, 2 ** 31])("reaches the last of %s rows", (rows) => {
    const map = scrollMap(rows, 30, 600);
    expect(map.height).toBe(HEIGHT_MAX);
    expect(positionOf(map, map.scrollMax)).toBe(rows * 30 - 600);
    expect(positionOf(map, 0)).toBe(0);
    const middle = (rows / 2) * 30;
    expect(positionOf(map, scrollTopOf(map, middle))).toBeCloseTo(middle, 0);
  });
});

describe("WindowCache", () => {
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

  it("asks for each window once and gives back its rows", async () => {
    const asked: number[] = [];
    const cache = new WindowCache<number>(
      async (offset, limit) => {
        asked.push(offset);
        return Array.from({ length: limit }, (_, i) => offset + i);
      },
      () => {},
      10,
    );
    cache.need(5, 25);
    cache.need(6, 26);
    await settle();
    expect(asked).toEqual([0, 10, 20]);
    expect(cache.row(17)).toBe(17);
    expect(cache.row(30)).toBeUndefined();
  });

  it("is bounded, and drops what was used longest ago", async () => {
    const cache = new WindowCache<number>(
      async (offset) => [offset],
      () => {},
      10,
      2,
    );
    for (const first of [0, 10, 0, 20]) {
      cache.need(first, first);
      await settle();
    }
    expect(cache.row(0)).toBe(0);
    expect(cache.row(10)).toBeUndefined();
    expect(cache.row(20)).toBe(20);
  });

  it("calls back what nobody looks at any more, and asks again after a failure", async () => {
    let aborted = 0;
    let failures = 0;
    let broken = true;
    const cache = new WindowCache<number>(
      (offset, _limit, signal) => {
        if (offset === 0) {
          return new Promise((_, reject) => {
            signal.addEventListener("abort", () => {
              aborted++;
              reject(new Error("aborted"));
            });
          });
        }
        return broken ? Promise.reject(new Error("no")) : Promise.resolve([offset]);
      },
      (error) => {
        if (error !== null) failures++;
      },
      10,
    );
    cache.need(0, 0);
    cache.need(50, 50);
    await settle();
    expect([aborted, failures]).toEqual([1, 1]);
    broken = false;
    cache.need(50, 50);
    await settle();
    expect(cache.row(50)).toBe(50);
  });
});
