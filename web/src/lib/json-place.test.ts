// What the server says about a document is shown at its place in the text that was typed.
import { expect, test } from "vitest";
import { jsonFault, placeOfPointer } from "./json-place";

const text = `{
  "type": "object",
  "list": [1, {"a/b": "x \\" }", "c": [[], {}]}, true],
  "properties": {
    "amount": {"type": "number"},
    "~x": null
  }
}`;

test("a pointer is found by its line", () => {
  expect(placeOfPointer(text, "")?.line).toBe(1);
  expect(placeOfPointer(text, "/properties/amount")).toMatchObject({ line: 5, column: 5 });
  expect(placeOfPointer(text, "/properties/amount/type")).toMatchObject({ line: 5, column: 16 });
  expect(placeOfPointer(text, "/properties/~0x")?.line).toBe(6);
  expect(placeOfPointer(text, "/list/1/a~1b")?.column).toBe(16);
  expect(placeOfPointer(text, "/list/1/c/1")?.line).toBe(3);
  expect(placeOfPointer(text, "/list/2")?.line).toBe(3);
});

test("what is not there has no place", () => {
  for (const pointer of ["/nothing", "/list/9", "/type/0", "/properties/amount/type/x"]) {
    expect(placeOfPointer(text, pointer)).toBeNull();
  }
  expect(placeOfPointer("{", "/a")).toBeNull();
});

test("a fault has its place", () => {
  const places = [
    ['{"a": 1,\n "b": }', 2, 7],
    ['{"a"', 1, 5],
    ["", 1, 1],
    ['{"a": 1,}', 1, 9],
    ["[1, 2\n3]", 2, 1],
    ['{"a": tru}', 1, 7],
    ['{"a": "x\ty"}', 1, 7],
    ["{} {}", 1, 4],
    ["01", 1, 1],
  ] as const;
  for (const [wrong, line, column] of places) {
    expect([wrong, jsonFault(wrong)?.place]).toMatchObject([wrong, { line, column }]);
  }
});

test("what the engine takes is taken, what it refuses is refused", () => {
  const texts = [
    text,
    '"\\u00e4\\n\u007f\u0085 \u2028"',
    '"\\x"',
    '"\ud800"',
    "-0.5e+10",
    "1.",
    "+1",
    "nulll",
    " [ ] ",
    "[[[]],{}]",
    "{'a': 1}",
    "\u00a0{}",
  ];
  for (const one of texts) {
    let good = true;
    try {
      JSON.parse(one);
    } catch {
      good = false;
    }
    expect([one, jsonFault(one) === null]).toEqual([one, good]);
  }
});
