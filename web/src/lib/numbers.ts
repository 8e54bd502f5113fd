// numbers.ts - figures for people. Short forms for tiles and axes, exact forms for cells: a 64-bit
// integer comes as text or bigint and is grouped as text, never through a double.

const COMPACT: readonly [number, string][] = [
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

function short(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

/** 1234567 -> "1.23 M"; below 1,000 as it is. Missing or not finite -> "–". */
export function compact(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  for (const [unit, sign] of COMPACT) {
    if (Math.abs(value) >= unit * 0.9995) return `${short(value / unit)} ${sign}`;
  }
  return short(value);
}

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** 1536 -> "1.5 KiB". */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  let scaled = value;
  let unit = 0;
  while (Math.abs(scaled) >= 1023.95 && unit < BYTES.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${unit === 0 ? Math.round(scaled) : short(scaled)} ${BYTES[unit]}`;
}

/** A length of time in ms: "0.8 ms", "38 ms", "1.2 s", "3 m 20 s", "4 h 5 m", "2 d 3 h". */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  const size = Math.abs(ms);
  if (size < 999.5) return `${size < 10 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
  if (size < 59_950) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  if (size < 3_600_000) return pair(seconds, 60, "m", "s");
  if (size < 86_400_000) return pair(Math.round(seconds / 60), 60, "h", "m");
  return pair(Math.round(seconds / 3600), 24, "d", "h");
}

function pair(value: number, base: number, high: string, low: string): string {
  const rest = Math.abs(value % base);
  return `${Math.trunc(value / base)} ${high}${rest === 0 ? "" : ` ${rest} ${low}`}`;
}

/** NaN and undefined as the null they stand for in a series. */
export function finite(value: number | null | undefined): number | null {
  return value === undefined || value === null || Number.isNaN(value) ? null : value;
}

export type Exact = string | number | bigint;

/** Digits grouped by three, of whatever size: "9223372036854775807" -> "9,223,372,036,854,775,807". */
export function grouped(value: Exact | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const text = String(value);
  const match = /^(-?)(\d+)((?:\.\d+)?)$/.exec(text);
  if (match === null) return text;
  const [, sign, whole = "", rest] = match;
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}${rest}`;
}

/** "1 row", "2 rows", "1,204 rows". */
export function count(value: Exact, one: string, many = `${one}s`): string {
  return `${grouped(value)} ${String(value) === "1" ? one : many}`;
}

/** 0.1234 -> "12.3 %". */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  return `${short(share * 100)} %`;
}

/** The change from before to now as "+12 %", from ten times on as "+11×"; null when there is nothing
 * to compare with. */
export function change(now: number, before: number): string | null {
  if (!Number.isFinite(now) || !Number.isFinite(before) || before === 0) return null;
  const share = (now - before) / Math.abs(before);
  const sign = share > 0 ? "+" : share < 0 ? "−" : "±";
  if (share >= 10) return `+${compact(now / Math.abs(before))}×`;
  return `${sign}${short(Math.abs(share) * 100)} %`;
}
