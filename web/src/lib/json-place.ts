// json-place.ts - where something is in a JSON text: a pointer of the server ("/properties/a") as a
// line, a syntax error as a line and column. The text may be broken: what can be told is told.

export interface Place {
  /** Characters from the beginning. */
  at: number;
  /** From 1. */
  line: number;
  column: number;
}

export function placeAt(text: string, at: number): Place {
  const before = text.slice(0, Math.max(0, Math.min(at, text.length)));
  const start = before.lastIndexOf("\n") + 1;
  return { at, line: before.split("\n").length, column: at - start + 1 };
}

/** Why a text is no JSON, and where; null: it is. Engines do not say where, so it is read here. */
export function jsonFault(text: string): { message: string; place: Place } | null {
  const reader = new Reader(text);
  const message = reader.document();
  return message === null ? null : { message, place: placeAt(text, reader.at) };
}

const LITERAL = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;
const STRING = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|[\x7f-\x9f])*"/uy;
const NESTED_MAX = 500;

/** Reads until something is wrong; `at` is the place then. */
class Reader {
  at = 0;

  constructor(readonly text: string) {}

  document(): string | null {
    const wrong = this.#value(0);
    if (wrong !== null) return wrong;
    this.#space();
    return this.at < this.text.length ? "there is more after the end" : null;
  }

  #value(depth: number): string | null {
    this.#space();
    const c = this.text[this.at];
    if (c === undefined) return "the text ends too early";
    if (depth > NESTED_MAX) return "it is nested too deep";
    if (c === "{" || c === "[") return this.#members(depth, c === "{");
    if (c === '"') return this.#take(STRING) ? null : "a text that does not end, or a bad escape";
    return this.#take(LITERAL) ? null : `a value cannot begin with ${c}`;
  }

  #members(depth: number, isObject: boolean): string | null {
    const close = isObject ? "}" : "]";
    this.at++;
    this.#space();
    if (this.text[this.at] === close) {
      this.at++;
      return null;
    }
    for (;;) {
      const wrong = (isObject ? this.#name() : null) ?? this.#value(depth + 1);
      if (wrong !== null) return wrong;
      this.#space();
      const c = this.text[this.at];
      if (c !== "," && c !== close) {
        return c === undefined ? "the text ends too early" : `expected , or ${close}`;
      }
      this.at++;
      if (c === close) return null;
    }
  }

  #name(): string | null {
    this.#space();
    if (!this.#take(STRING)) return "expected a name in quotes";
    this.#space();
    if (this.text[this.at] !== ":") return "expected : after the name";
    this.at++;
    return null;
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match !== null) this.at += match[0].length;
    return match !== null;
  }

  #space(): void {
    while (" \n\r\t".includes(this.text[this.at] ?? "x")) this.at++;
  }
}

function unescapePart(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** The place of what a JSON pointer names: its name in an object, its value in a list. Null when
 * the text does not have it, or is no JSON. */
export function placeOfPointer(text: string, pointer: string): Place | null {
  if (jsonFault(text) !== null) return null;
  const parts = pointer.split("/").slice(1).map(unescapePart);
  const scan = new Scanner(text);
  for (const part of parts) {
    if (!scan.enter(part)) return null;
  }
  return placeAt(text, scan.mark);
}

/** Walks over a text that is known to be JSON. */
class Scanner {
  #at = 0;
  /** Where the thing that was entered last begins. */
  mark = 0;

  constructor(readonly text: string) {
    this.#space();
    this.mark = this.#at;
  }

  enter(part: string): boolean {
    this.#space();
    const open = this.text[this.#at];
    if (open !== "{" && open !== "[") return false;
    this.#at++;
    for (let index = 0; ; index++) {
      this.#space();
      if ("}]".includes(this.text[this.#at] ?? "}")) return false;
      const start = this.#at;
      let name = String(index);
      if (open === "{") {
        name = JSON.parse(this.#string()) as string;
        this.#space();
        this.#at++; // the colon
        this.#space();
      }
      if (name === part) {
        this.mark = start;
        return true;
      }
      this.#value();
      this.#space();
      if (this.text[this.#at] === ",") this.#at++;
    }
  }

  #space(): void {
    while (/\s/.test(this.text[this.#at] ?? "")) this.#at++;
  }

  #string(): string {
    const start = this.#at++;
    while (this.text[this.#at] !== '"') this.#at += this.text[this.#at] === "\\" ? 2 : 1;
    return this.text.slice(start, ++this.#at);
  }

  #value(): void {
    let depth = 0;
    do {
      const c = this.text[this.#at];
      if (c === '"') {
        this.#string();
        continue;
      }
      if (c === "{" || c === "[") depth++;
      else if (c === "}" || c === "]") depth--;
      this.#at++;
    } while (
      this.#at < this.text.length &&
      (depth > 0 || !/[,\]}\s]/.test(this.text[this.#at] ?? ""))
    );
  }
}
