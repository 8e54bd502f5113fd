// What is shown before a file is sent must be what the server will read.
import { describe, expect, it } from "vitest";
import {
  canDeclare,
  csvRecords,
  decode,
  findDelimiter,
  needsCleanNames,
  previewCsv,
  previewNdjson,
  ROWS_SHOWN,
  readName,
  tableNameOf,
  tableNameProblem,
  typesParam,
} from "./upload-file";

const PLAIN = { delimiter: "", quote: "", header: true };

describe("names", () => {
  it("tell format and compression in any case", () => {
    expect(readName("Sales 2026.CSV.gz")).toEqual({
      format: "csv",
      coding: "gzip",
      stem: "Sales 2026",
    });
    expect(readName("a.b.jsonl")).toEqual({ format: "ndjson", coding: null, stem: "a.b" });
    expect(readName("x.zst")).toEqual({ format: null, coding: "zstd", stem: "x" });
    expect(readName("x.xlsx").format).toBeNull();
  });
  it("become names of tables", () => {
    expect(tableNameOf("Sales 2026")).toBe("sales_2026");
    expect(tableNameOf("2026-é")).toBe("_2026__");
    expect(tableNameProblem("sales_2026")).toBeNull();
    expect(tableNameProblem("")).not.toBeNull();
    expect(tableNameProblem("2x")).not.toBeNull();
    expect(tableNameProblem("x__dead")).not.toBeNull();
    expect(tableNameProblem("a".repeat(300))).not.toBeNull();
  });
});

describe("CSV", () => {
  it("keeps quoted delimiters, quotes and line ends", () => {
    const text = 'a,b\r\n"x,1","say ""hi""\nthere"\r\n';
    expect([...csvRecords(text, ",", '"')]).toEqual([
      ["a", "b"],
      ["x,1", 'say "hi"\nthere'],
    ]);
  });
  it("takes the delimiter that splits the first line most", () => {
    expect(findDelimiter("a;b;c,d\n")).toBe(";");
    expect(findDelimiter("a\tb\n")).toBe("\t");
    expect(findDelimiter('"a,b,c"|d\n')).toBe("|");
    expect(findDelimiter("one\n")).toBe(",");
  });
  it("leaves out a last line that the cut may have halved", () => {
    expect(previewCsv("a,b\n1,2\n3", PLAIN, false).rows).toEqual([["1", "2"]]);
    expect(previewCsv("a,b\n1,2\n3", PLAIN, true).problem).toContain("Row 2 has 1 fields");
  });
  it("names columns where there is no header", () => {
    const seen = previewCsv("1,2\n", { ...PLAIN, header: false }, true);
    expect(seen.columns).toEqual(["column0", "column1"]);
    expect(seen.rows).toEqual([["1", "2"]]);
  });
  it("shows a bounded number of rows and says when nothing is there", () => {
    const many = `a\n${"1\n".repeat(500)}`;
    expect(previewCsv(many, PLAIN, true).rows).toHaveLength(ROWS_SHOWN);
    expect(previewCsv(" \n", PLAIN, true).problem).toBe("The file is empty.");
  });
});

describe("NDJSON", () => {
  it("has the columns of all its lines, and digits as they are written", () => {
    const seen = previewNdjson('{"a":9223372036854775807}\n\n{"b":{"c":[1]},"a":null}\n', true);
    expect(seen.columns).toEqual(["a", "b"]);
    expect(seen.rows).toEqual([
      ["9223372036854775807", null],
      [null, '{"c":[1]}'],
    ]);
  });
  it("names the line that is no object", () => {
    expect(previewNdjson('{"a":1}\n[1]\n', true).problem).toBe("Line 2 is no JSON object.");
  });
});

it("bytes that are not UTF-8 are said to be so", () => {
  expect(decode(new Uint8Array([0xff, 0xfe, 0x61, 0])).problem).toContain("UTF-16");
  expect(decode(new Uint8Array([0x61, 0xff, 0x62])).problem).toContain("not UTF-8");
  // A character cut at the end is no fault.
  expect(decode(new Uint8Array([0x61, 0xc3]))).toEqual({ text: "a", problem: null });
});

it("types and names go to the server only where they can be written", () => {
  expect(typesParam({ zip: "VARCHAR", day: " ", amount: "DECIMAL(10,2)" })).toBe(
    "zip:VARCHAR,amount:DECIMAL(10,2)",
  );
  expect(typesParam({})).toBeUndefined();
  expect(canDeclare("a b")).toBe(true);
  expect(canDeclare("a,b")).toBe(false);
  expect(needsCleanNames(["a", "b c"])).toBe(true);
  expect(needsCleanNames(["a.b", "c-d"])).toBe(false);
});
