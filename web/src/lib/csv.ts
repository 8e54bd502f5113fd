// csv.ts - cells as text for the clipboard and small files. Whole results are written by the
// server; this is for what is selected on the page.

/** A cell of TSV as spreadsheets read it: quoted only when it must be. */
export function tsvCell(value: string): string {
  return /[\t\n\r"]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

export function toTsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => row.map(tsvCell).join("\t")).join("\n");
}

/** RFC 4180. With `guard`, what a spreadsheet would run as a formula gets a leading apostrophe;
 * plain numbers stay numbers. */
export function csvCell(value: string, guard: boolean): string {
  const formula = /^[=+\-@\t\r]/.test(value) && !/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value);
  const text = guard && formula ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function toCsv(rows: readonly (readonly string[])[], guard = true): string {
  return rows.map((row) => `${row.map((v) => csvCell(v, guard)).join(",")}\r\n`).join("");
}

/** A Markdown table, for issues and chats. */
export function toMarkdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (v: string) =>
    v.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replace(/\r?\n/g, " ");
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), `|${" --- |".repeat(head.length)}`, ...rows.map(line)].join("\n");
}
