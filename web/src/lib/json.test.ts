// Integers beyond 2^53 must come through reading and writing without a changed digit.
import { describe, expect, it } from "vitest";
import { formatJson, parseJson } from "./json";

describe("parseJson", () => {
  it("keeps what fits a number as a number", () => {
    expect(parseJson('{"a":1,"b":-2.5,"c":9007199254740991}')).toEqual({
      a: 1,
      b: -2.5,
      c: 9007199254740991,
    });
  });

  it("reads larger integers as bigint, at any depth", () => {
    expect(parseJson('[9223372036854775807,{"x":[-9223372036854775808]}]')).toEqual([
      9223372036854775807n,
      { x: [-9223372036854775808n] },
    ]);
  });

  it("leaves digits inside texts alone", () => {
    expect(parseJson('{"id":"9223372036854775807"}')).toEqual({ id: "9223372036854775807" });
  });

  it("throws on what is no JSON", () => {
    expect(() => parseJson("<html>")).toThrow(SyntaxError);
    expect(() => parseJson("12345678901234567890,")).toThrow(SyntaxError);
  });
});

describe("formatJson", () => {
  it("writes bigints as digits, so that it is read back the same", () => {
    const text = '{"n":9223372036854775807,"l":[1,{}],"t":"\\"<b>"}';
    expect(formatJson(parseJson(text), 0)).toBe(text);
    expect(parseJson(formatJson(parseJson(text)))).toEqual(parseJson(text));
  });
});
