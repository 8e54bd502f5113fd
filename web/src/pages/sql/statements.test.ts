import { describe, expect, test } from "vitest";
import { statementAt, statements, unitOffset } from "./statements";

const texts = (sql: string) => statements(sql).map((s) => s.sql);

describe("statements end at semicolons of the code alone", () => {
  test.each([
    ["select 1; select 2", ["select 1", "select 2"]],
    ["select ';'; x", ["select ';'", "x"]],
    ["select 'it''s; fine'; x", ["select 'it''s; fine'", "x"]],
    ["select E'a\\'; b'; x", ["select E'a\\'; b'", "x"]],
    ['select ";" from "a""; b"; x', ['select ";" from "a""; b"', "x"]],
    ["select $$ ; $$; x", ["select $$ ; $$", "x"]],
    ["select $t$ ; $$ ; $t$; x", ["select $t$ ; $$ ; $t$", "x"]],
    ["select $1; x", ["select $1", "x"]],
    ["-- a; b\nselect 1; x", ["-- a; b\nselect 1", "x"]],
    ["/* a; /* b; */ c; */ select 1; x", ["/* a; /* b; */ c; */ select 1", "x"]],
    [";;  ; -- nothing\n;", []],
    ["select 1 /* open; to the end", ["select 1 /* open; to the end"]],
    ["select 'open; to the end", ["select 'open; to the end"]],
    ["", []],
  ])("%s", (text, expected) => {
    expect(texts(text)).toEqual(expected);
  });
});

test("the statement at the cursor is the one it is in or behind", () => {
  const text = "select 1;\n\nselect 2 ;\nselect 3";
  expect(statementAt(text, 0)?.sql).toBe("select 1");
  expect(statementAt(text, 9)?.sql).toBe("select 1");
  expect(statementAt(text, 10)?.sql).toBe("select 1");
  expect(statementAt(text, 11)?.sql).toBe("select 2");
  expect(statementAt(text, text.length)?.sql).toBe("select 3");
  expect(statementAt("  -- nothing", 3)).toBeUndefined();
});

test("spans are places in the text", () => {
  const text = "  select 1 ; select 2;";
  for (const span of statements(text)) expect(text.slice(span.from, span.to)).toBe(span.sql);
});

test("a position counts characters, not UTF-16 units", () => {
  const sql = "select 'ä€😀', foo";
  expect(sql.slice(unitOffset(sql, 15))).toBe("foo");
  expect(unitOffset(sql, 1)).toBe(0);
  expect(unitOffset("ab", 99)).toBe(2);
});
