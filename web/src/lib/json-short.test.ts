// Short JSON is the same JSON, in fewer lines.
import { expect, test } from "vitest";
import { shortJson } from "./json-short";

test("what fits stays on a line, and all of it can be read back", () => {
  const value = {
    id: { $uuid: {} },
    list: Array.from({ length: 30 }, (_, i) => `item ${i}`),
    deep: { a: [{ b: null }, true, -0.5], gone: undefined },
    empty: [],
  };
  const text = shortJson(value);
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
  expect(text).toContain('\n  "id": {"$uuid": {}},\n');
  expect(text).toContain('\n    "item 0",\n');
  expect(shortJson(2n ** 63n)).toBe("9223372036854775808");
  expect(shortJson({})).toBe("{}");
});
