// The event that a schema gives to begin with keeps to what the schema says.
import { expect, test } from "vitest";
import { sampleOf } from "./sample";

const now = new Date("2026-11-20T10:00:00Z");

test("each type has a value of its own", () => {
  const schema = {
    type: "object",
    properties: {
      id: { type: "string", format: "uuid" },
      at: { type: "string", format: "date-time" },
      amount: { type: "number", minimum: 5, multipleOf: 0.01 },
      n: { type: ["null", "integer"], exclusiveMinimum: 9 },
      state: { type: "string", enum: ["new", "paid"] },
      lines: { type: "array", items: { type: "object", properties: { sku: { const: "a" } } } },
      who: { type: "string", minLength: 6, maxLength: 8 },
      on: { type: "boolean" },
      example: { examples: [{ a: 1 }] },
    },
  };
  expect(sampleOf(schema, now)).toEqual({
    id: "0190f0a0-0000-4000-8000-000000000001",
    at: "2026-11-20T10:00:00.000Z",
    amount: 5,
    n: 10,
    state: "new",
    lines: [{ sku: "a" }],
    who: "textxx",
    on: true,
    example: { a: 1 },
  });
});

test("what is no schema gives null, and nothing is endless", () => {
  expect(sampleOf(true)).toBeNull();
  expect(sampleOf({ type: "number", maximum: -3 })).toBe(-3);
  const endless: Record<string, unknown> = { type: "object" };
  endless.properties = { inner: endless };
  expect(JSON.stringify(sampleOf(endless)).length).toBeLessThan(200);
});
