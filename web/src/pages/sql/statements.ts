// statements.ts - where statements begin and end in a text: at semicolons that are not inside a
// string, a quoted name, a dollar-quoted text or a comment, as the server's own prompt cuts them.

export interface StatementSpan {
  /** Without surrounding space and without the semicolon. */
  sql: string;
  from: number;
  to: number;
  /** Behind its semicolon, or the end of the text. */
  end: number;
}

export type Piece = "code" | "text" | "name" | "comment";

function endOfComment(text: string, from: number): number {
  // Block comments nest, as in PostgreSQL.
  let depth = 1;
  let i = from + 2;
  while (i < text.length && depth > 0) {
    if (text.startsWith("/*", i)) {
      depth++;
      i += 2;
    } else if (text.startsWith("*/", i)) {
      depth--;
      i += 2;
    } else i++;
  }
  return i;
}

function endOfQuoted(text: string, from: number, quote: string, escapes: boolean): number {
  for (let i = from + 1; i < text.length; i++) {
    if (escapes && text[i] === "\\") i++;
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return text.length;
}

const DOLLAR = /\$(?:[A-Za-z_][A-Za-z0-9_]*)?\$/y;

/** Cuts a text into runs of code, texts, quoted names and comments, in order and without gaps. */
export function pieces(text: string, each: (kind: Piece, from: number, to: number) => void): void {
  let codeFrom = 0;
  let i = 0;
  const put = (kind: Piece, to: number) => {
    if (i > codeFrom) each("code", codeFrom, i);
    each(kind, i, to);
    i = to;
    codeFrom = to;
  };
  while (i < text.length) {
    const c = text[i];
    if (c === "'") {
      const escapes = /(^|[^A-Za-z0-9_])[eE]$/.test(text.slice(Math.max(0, i - 2), i));
      put("text", endOfQuoted(text, i, "'", escapes));
    } else if (c === '"') {
      put("name", endOfQuoted(text, i, '"', false));
    } else if (c === "-" && text[i + 1] === "-") {
      const line = text.indexOf("\n", i);
      put("comment", line < 0 ? text.length : line);
    } else if (c === "/" && text[i + 1] === "*") {
      put("comment", endOfComment(text, i));
    } else if (c === "$") {
      DOLLAR.lastIndex = i;
      const tag = DOLLAR.exec(text)?.[0];
      if (tag === undefined) i++;
      else {
        const close = text.indexOf(tag, i + tag.length);
        put("text", close < 0 ? text.length : close + tag.length);
      }
    } else i++;
  }
  if (i > codeFrom) each("code", codeFrom, i);
}

/** All statements; what holds nothing but space and comments is none. */
export function statements(text: string): StatementSpan[] {
  const out: StatementSpan[] = [];
  let start = 0;
  let hasCode = false;
  const close = (to: number, end: number) => {
    if (hasCode) {
      const raw = text.slice(start, to);
      const sql = raw.trim();
      const from = start + raw.length - raw.trimStart().length;
      out.push({ sql, from, to: from + sql.length, end });
    }
    start = end;
    hasCode = false;
  };
  pieces(text, (kind, from, to) => {
    if (kind !== "code") {
      hasCode ||= kind !== "comment";
      return;
    }
    for (let i = from; i < to; i++) {
      if (text[i] === ";") close(i, i + 1);
      else if (!/\s/.test(text[i] ?? " ")) hasCode = true;
    }
  });
  close(text.length, text.length);
  return out;
}

/** The statement that the cursor is in or right behind; between two, the one before. */
export function statementAt(text: string, position: number): StatementSpan | undefined {
  const all = statements(text);
  let found = all[0];
  for (const one of all) if (one.from <= position) found = one;
  return found;
}

/** The server counts characters from 1; the page UTF-16 units from 0. */
export function unitOffset(sql: string, position: number): number {
  let units = 0;
  let left = Math.max(0, position - 1);
  for (const character of sql) {
    if (left-- === 0) break;
    units += character.length;
  }
  return units;
}
