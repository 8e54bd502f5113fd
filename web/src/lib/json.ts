// json.ts - reading JSON without rounding: an integer beyond 2^53 comes back as a bigint, never as
// a number that is nearly right. Texts without long digit runs take the plain, fast way.

export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };

const LONG_DIGITS = /\d{16}/;
const INTEGER = /^-?\d+$/;

interface ReviverContext {
  source?: string;
}

function exact(_key: string, value: unknown, context?: ReviverContext): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
}

/** Throws SyntaxError as JSON.parse does. */
export function parseJson(text: string): unknown {
  if (!LONG_DIGITS.test(text)) return JSON.parse(text);
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

/** JSON text with bigints written as plain digits; indent as in JSON.stringify. */
export function formatJson(value: unknown, indent = 2): string {
  return write(value, indent, "");
}

function write(value: unknown, indent: number, margin: string): string {
  if (typeof value === "bigint") return value.toString();
  if (value === undefined) return "null";
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const inner = margin + " ".repeat(indent);
  const entries = Array.isArray(value)
    ? value.map((item) => write(item, indent, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([k, v]) => `${JSON.stringify(k)}:${indent > 0 ? " " : ""}${write(v, indent, inner)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) return open + close;
  if (indent === 0) return open + entries.join(",") + close;
  return `${open}\n${inner}${entries.join(`,\n${inner}`)}\n${margin}${close}`;
}
