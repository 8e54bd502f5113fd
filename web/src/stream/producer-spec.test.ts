// A producer's form: rates go to the specification and back, and what is drawn is what the server
// makes of it; the command sends the same.
import { expect, test } from "vitest";
import {
  produceCommand,
  RATE_START,
  rateAt,
  rateFrom,
  rateText,
  rateTo,
  weightsOf,
} from "./producer-spec";

test("rates go there and back", () => {
  for (const rate of [
    250,
    { sine: { mean: 300, amplitude: 250, period_s: 60 } },
    { bursts: { base: 1, burst: 900, every_s: 20, length_s: 2 } },
  ]) {
    expect(rateTo(rateFrom(rate))).toEqual(rate);
  }
  expect(rateTo(rateFrom({ constant: { rate: 7 } }))).toBe(7);
  expect(rateFrom("nonsense")).toEqual(RATE_START);
});

test("what the server would refuse is not made", () => {
  const sine = { ...RATE_START, kind: "sine" as const, mean: 10, amplitude: 50 };
  expect(rateTo(sine)).toEqual({ sine: { mean: 10, amplitude: 10, period_s: 60 } });
  expect(rateAt(sine, 45)).toBeCloseTo(0);
  const bursts = { ...RATE_START, kind: "bursts" as const, every_s: 3, length_s: 9 };
  expect(rateTo(bursts)).toMatchObject({ bursts: { every_s: 3, length_s: 3 } });
});

test("the rate at a moment", () => {
  const bursts = rateFrom({ bursts: { base: 1, burst: 9, every_s: 10, length_s: 2 } });
  expect([0, 1.9, 2, 9, 11].map((s) => rateAt(bursts, s))).toEqual([9, 9, 1, 1, 9]);
  const sine = rateFrom({ sine: { mean: 5, amplitude: 3, period_s: 4 } });
  expect([0, 1, 2, 3].map((s) => Math.round(rateAt(sine, s)))).toEqual([5, 8, 5, 2]);
  expect(rateText({ sine: { mean: 60, amplitude: 50, period_s: 60 } })).toBe(
    "10 to 110 /s over 60 s",
  );
});

test("weights of types, where there are types", () => {
  expect(
    weightsOf({
      types: [
        { name: "a", template: {} },
        { name: "b", weight: 3 },
      ],
    }),
  ).toEqual([
    { name: "a", weight: 1 },
    { name: "b", weight: 3 },
  ]);
  expect(weightsOf({})).toEqual([]);
});

test("the command says the same in words of a shell", () => {
  const server = "http://127.0.0.1:8276";
  expect(produceCommand({ preset: "web_logs", spec: { rate: 50, count: 9 } }, server)).toBe(
    "tarn produce --preset web_logs --rate 50 --count 9 --server http://127.0.0.1:8276",
  );
  const text = produceCommand({ topic: "t", spec: { rate: 1, template: { a: "it's" } } }, server);
  expect(text).toContain("\ntarn produce --topic t --rate 1 --server");
  expect(text.split("\n").slice(1, -2).join("\n")).toContain(`"a": "it's"`);
});
