// Dead letters: the condition of a re-drive selects what the list shows; bytes are shown as they are.
import { expect, test } from "vitest";
import { bytesOf, countSql, hexDump, whereOf } from "./dead-letters";

test("filters become a condition, with hostile text kept as text", () => {
  expect(whereOf({})).toBe("");
  expect(whereOf({ reason: "schema", since: "2026-11-20T00:00:00Z" })).toBe(
    "reason = 'schema' AND _timestamp >= TIMESTAMPTZ '2026-11-20T00:00:00Z'",
  );
  expect(whereOf({ reason: "x' OR '1'='1" })).toBe("reason = 'x'' OR ''1''=''1'");
  expect(countSql("web logs", "reason = 'a'")).toContain('FROM bronze."web logs__dead")');
});

test("bytes that are no text come back whole", () => {
  expect([...bytesOf("/wB+", "base64")]).toEqual([255, 0, 126]);
  expect([...bytesOf("ä", "utf8")]).toEqual([0xc3, 0xa4]);
  const dump = hexDump(bytesOf("Hello, tarn world!\n", "utf8")).split("\n");
  expect(dump).toHaveLength(2);
  expect(dump[0]).toBe(
    "00000000  48 65 6c 6c 6f 2c 20 74 61 72 6e 20 77 6f 72 6c  Hello, tarn worl",
  );
  expect(dump[1]).toContain("64 21 0a");
});
