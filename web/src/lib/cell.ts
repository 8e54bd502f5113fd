// cell.ts - a value of a result as text. What is shown is what is copied: numbers keep all their
// digits, NULL is not the empty text.
import { formatJson } from "./json";
import { grouped } from "./numbers";

/** Exactly, as it is copied; NULL is the empty text. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value === "object") return formatJson(value, 0);
  return String(value);
}

const NUMERIC =
  /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|INT\d*|FLOAT|DOUBLE|REAL|DECIMAL(\(.*\))?|NUMERIC|BIGNUM|byte|short|integer|long|float|double|decimal(\(.*\))?)$/i;

const WHOLE =
  /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|INT\d*|BIGNUM|DECIMAL(\(.*\))?|byte|short|integer|long|decimal(\(.*\))?)$/i;

/** Types whose columns are right-aligned. DuckDB's names and Delta's. */
export function isNumericType(type: string | undefined): boolean {
  return type !== undefined && NUMERIC.test(type.trim());
}

/** As shown: whole and decimal numbers in groups of three, all else as it is copied. */
export function cellShown(value: unknown, type: string | undefined): string {
  if (typeof value === "bigint") return grouped(value);
  const whole = type !== undefined && WHOLE.test(type.trim());
  if (whole && (typeof value === "number" || typeof value === "string")) return grouped(value);
  return cellText(value);
}
