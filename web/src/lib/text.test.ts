// Text that leaves the page - for a spreadsheet, a shell, a statement, an address - must mean the
// same there, whatever is in it.
import { describe, expect, it } from "vitest";
import { cellShown, cellText, isNumericType } from "./cell";
import { csvCell, toCsv, toMarkdown, toTsv } from "./csv";
import { curl } from "./curl";
import { listFrom, listTo, parseSearch, stringifySearch } from "./search";
import { quoteName, quotePath, quoteText, quoteTime } from "./sql";

describe("tables as text", () => {
  it("quotes TSV only where it must", () => {
    expect(toTsv([["a", "b\tc", 'd"e'], ["f\ng"]])).toBe('a\t"b\tc"\t"d""e"\n"f\ng"');
  });

  it.each([
    ["=1+1", "'=1+1"],
    ["@cmd", "'@cmd"],
    ["-5.5", "-5.5"],
    ["+1e3", "+1e3"],
    ["-x", "'-x"],
    ["a,b", '"a,b"'],
  ])("guards %s in CSV", (value, text) => expect(csvCell(value, true)).toBe(text));

  it("ends each CSV line as RFC 4180 says", () => {
    expect(
      toCsv(
        [
          ["a", "b"],
          ["=x", 'q"'],
        ],
        false,
      ),
    ).toBe('a,b\r\n=x,"q"""\r\n');
  });

  it("keeps Markdown in one cell", () => {
    expect(toMarkdown(["a"], [["x|y\nz"]])).toBe("| a |\n| --- |\n| x\\|y z |");
  });
});

describe("curl", () => {
  it("survives quotes in the body", () => {
    const text = curl({
      method: "POST",
      url: "http://h/api?x=1&y=2",
      headers: { "content-type": "application/json" },
      body: `{"sql":"SELECT 'it''s'"}`,
    });
    expect(text).toBe(
      `curl -sS -H 'content-type: application/json' --data-raw '{"sql":"SELECT '\\''it'\\'''\\''s'\\''"}' 'http://h/api?x=1&y=2'`,
    );
  });

  it("names the method only when it is not implied", () => {
    expect(curl({ method: "GET", url: "http://h/a" })).toBe("curl -sS http://h/a");
    const headers = { accept: "text/event-stream" };
    expect(curl({ method: "GET", url: "http://h/a", headers })).toBe(
      "curl -sSN -H 'accept: text/event-stream' http://h/a",
    );
    expect(curl({ method: "DELETE", url: "http://h/a" })).toBe("curl -sS -X DELETE http://h/a");
  });
});

describe("SQL", () => {
  it.each([
    ["orders", "orders"],
    ["Orders", '"Orders"'],
    ["select", '"select"'],
    ["at", '"at"'],
    ["left", '"left"'],
    ['we"ird', '"we""ird"'],
    ["1st", '"1st"'],
    ["", '""'],
  ])("name %s", (name, text) => expect(quoteName(name)).toBe(text));

  it("quotes paths, texts and times", () => {
    expect(quotePath("main", "my table")).toBe('main."my table"');
    expect(quoteText("it's")).toBe("'it''s'");
    expect(quoteTime(0)).toBe("TIMESTAMPTZ '1970-01-01T00:00:00.000Z'");
  });
});

describe("search parameters", () => {
  it("are plain and readable", () => {
    const search = { from: "now-15m", type: "order,view", empty: "", none: undefined, n: 5 };
    expect(stringifySearch(search)).toBe("?from=now-15m&type=order,view&n=5");
    expect(parseSearch("?from=now-15m&n=5")).toEqual({ from: "now-15m", n: "5" });
  });

  it("keep any value of a list", () => {
    const values = ["a,b", "100%", "%2C", "ü"];
    const written = stringifySearch({ l: listTo(values) });
    expect(listFrom(parseSearch(written).l)).toEqual(values);
    expect(listTo([])).toBeUndefined();
  });
});

describe("cells", () => {
  it("show numbers grouped and copy them plain", () => {
    expect(cellShown("9223372036854775807", "BIGINT")).toBe("9,223,372,036,854,775,807");
    expect(cellText("9223372036854775807")).toBe("9223372036854775807");
    expect(cellShown("2026", "VARCHAR")).toBe("2026");
    expect(cellText(null)).toBe("");
    expect(cellText({ a: 9223372036854775807n })).toBe('{"a":9223372036854775807}');
  });

  it("know which types are figures", () => {
    for (const type of ["BIGINT", "DECIMAL(18,2)", "double", "UTINYINT", "HUGEINT", "long"]) {
      expect(isNumericType(type)).toBe(true);
    }
    for (const type of ["VARCHAR", "INTERVAL", "BIGINT[]", "DATE", undefined]) {
      expect(isNumericType(type)).toBe(false);
    }
  });
});
