// units.ts - lengths of time and sizes as the server reads and writes them: "7d", "128MiB", or a
// bare number (seconds, bytes). Exact: the text of a number gives that number back.

const TIME_UNITS = [
  ["d", 86_400_000n],
  ["h", 3_600_000n],
  ["m", 60_000n],
  ["s", 1000n],
  ["ms", 1n],
] as const;

const BYTE_UNITS = [
  ["TiB", 1n << 40n],
  ["GiB", 1n << 30n],
  ["MiB", 1n << 20n],
  ["KiB", 1n << 10n],
  ["B", 1n],
] as const;

/** What the server understands besides. */
const MORE_UNITS: Readonly<Record<string, bigint>> = {
  min: 60_000n,
  kb: 1000n,
  mb: 1_000_000n,
  gb: 1_000_000_000n,
  tb: 1_000_000_000_000n,
};

type Units = readonly (readonly [string, bigint])[];

function read(text: string, units: Units, bare: bigint, more: readonly string[]): bigint | null {
  const match = /^(\d+)\s*([a-z]*)$/i.exec(text.trim());
  if (match === null) return null;
  const unit = (match[2] ?? "").toLowerCase();
  const known = units.find(([name]) => name.toLowerCase() === unit)?.[1];
  const factor = unit === "" ? bare : (known ?? (more.includes(unit) ? MORE_UNITS[unit] : null));
  return factor === undefined || factor === null ? null : BigInt(match[1] ?? "") * factor;
}

function write(value: number | bigint, units: Units): string {
  const exact = BigInt(value);
  for (const [name, factor] of units) {
    if (exact >= factor && exact % factor === 0n) return `${exact / factor}${name}`;
  }
  return `${exact}${units.at(-1)?.[0] ?? ""}`;
}

/** "7d" -> 604800000n ms; a bare number means seconds; null: not understood. */
export function readDuration(text: string): bigint | null {
  return read(text, TIME_UNITS, 1000n, ["min"]);
}

/** 604800000 -> "7d", the largest unit that divides it. */
export function durationText(ms: number | bigint): string {
  return write(ms, TIME_UNITS);
}

/** "128 MiB" -> 134217728n; a bare number means bytes; null: not understood. */
export function readBytes(text: string): bigint | null {
  return read(text, BYTE_UNITS, 1n, ["kb", "mb", "gb", "tb"]);
}

/** 134217728 -> "128MiB". */
export function bytesText(size: number | bigint): string {
  return write(size, BYTE_UNITS);
}
