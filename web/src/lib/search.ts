// search.ts - page state in readable search parameters: all values are plain strings, lists are
// joined by commas (a comma inside a value is written %2C twice over), nothing is JSON.

export type RawSearch = Record<string, string>;

export function parseSearch(text: string): RawSearch {
  const out: RawSearch = {};
  for (const [key, value] of new URLSearchParams(text)) out[key] = value;
  return out;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    if (value === undefined || value === null || value === "") continue;
    params.set(key, String(value));
  }
  const text = params
    .toString()
    .replaceAll("%2C", ",")
    .replaceAll("%3A", ":")
    .replaceAll("%2F", "/");
  return text === "" ? "" : `?${text}`;
}

/** A list parameter: "a,b" -> ["a", "b"]; a comma of a value itself is kept as %2C. */
export function listFrom(value: string | undefined): string[] {
  if (!value) return [];
  return value
    .split(",")
    .filter((part) => part !== "")
    .map((part) => part.replaceAll("%2C", ",").replaceAll("%25", "%"));
}

/** The parameter of a list; undefined when it is empty, so that it leaves the address. */
export function listTo(values: readonly string[]): string | undefined {
  if (values.length === 0) return undefined;
  return values.map((v) => v.replaceAll("%", "%25").replaceAll(",", "%2C")).join(",");
}

/** One of the allowed words, else undefined: search parameters come from outside. */
export function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((word) => word === value);
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
