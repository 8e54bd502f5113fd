// range.ts - the page's time range: two points, each relative to now ("now-15m") or absolute. Text
// is the form of the address and of what a person types or pastes (ISO, epoch s/ms/µs/ns).
import { formatTime, fromWall, type Zone } from "./zone";

export type Point = { kind: "relative"; beforeMs: number } | { kind: "absolute"; ms: number };

export interface Range {
  from: Point;
  to: Point;
}

export interface Span {
  fromMs: number;
  toMs: number;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

export const DEFAULT_RANGE: Range = {
  from: { kind: "relative", beforeMs: 900_000 },
  to: { kind: "relative", beforeMs: 0 },
};

/** The ready choices of the picker: label and length. */
export const QUICK_RANGES: readonly { label: string; from: string }[] = [
  { label: "Last 1 minute", from: "now-1m" },
  { label: "Last 5 minutes", from: "now-5m" },
  { label: "Last 15 minutes", from: "now-15m" },
  { label: "Last 1 hour", from: "now-1h" },
  { label: "Last 6 hours", from: "now-6h" },
  { label: "Last 24 hours", from: "now-24h" },
  { label: "Last 7 days", from: "now-7d" },
  { label: "Last 30 days", from: "now-30d" },
];

const RELATIVE = /^now(?:\s*-\s*((?:\d+(?:\.\d+)?\s*[smhdw]\s*)+))?$/i;
const BARE = /^((?:\d+(?:\.\d+)?\s*[smhdw]\s*)+)(?:ago)?$/i;
const WALL =
  /^(-?\d{4,6})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/i;

function lengthMs(text: string): number {
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)\s*([smhdw])/gi)) {
    sum += Number(amount) * (UNIT_MS[(unit ?? "").toLowerCase()] ?? 0);
  }
  return sum;
}

function parseEpoch(text: string): number | null {
  const match = /^(-?)(\d{1,20})(\.\d+)?$/.exec(text);
  if (match === null) return null;
  const [, sign = "", digits = "", fraction = ""] = match;
  const size = Number(digits + fraction);
  const length = digits.length;
  const ms =
    length <= 11 ? size * 1000 : length <= 14 ? size : length <= 17 ? size / 1e3 : size / 1e6;
  return sign === "-" ? -ms : ms;
}

function parseWall(text: string, zone: Zone): number | null {
  const match = WALL.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", offset] = match;
  const wall = new Date(0);
  wall.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  wall.setUTCHours(Number(hour), Number(minute), Number(second));
  const valid = wall.getUTCDate() === Number(day) && Number(hour) < 24 && Number(minute) < 60;
  if (!valid || Number(month) > 12 || Number(second) > 59) return null;
  const ms = wall.getTime() + Math.floor(Number(`0.${fraction || "0"}`) * 1000);
  if (offset === undefined) return fromWall(ms, zone);
  const parts = /^([+-])(\d{2}):?(\d{2})$/.exec(offset);
  if (parts === null) return ms;
  const shift = (Number(parts[2]) * 60 + Number(parts[3])) * 60_000;
  return parts[1] === "-" ? ms + shift : ms - shift;
}

/** Understands "now", "now-1h30m", "15m", ISO with or without offset (then in `zone`), and epochs
 * by their number of digits. Null when it is none of these. */
export function parsePoint(input: string, zone: Zone): Point | null {
  const text = input.trim();
  const relative = RELATIVE.exec(text);
  if (relative !== null) return { kind: "relative", beforeMs: lengthMs(relative[1] ?? "") };
  const bare = BARE.exec(text);
  if (bare !== null) return { kind: "relative", beforeMs: lengthMs(bare[1] ?? "") };
  const ms = parseEpoch(text) ?? parseWall(text, zone);
  if (ms === null || !(Math.abs(ms) < 8.64e15)) return null;
  return { kind: "absolute", ms: Math.round(ms) };
}

function lengthText(ms: number): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const size = UNIT_MS[unit] ?? 1;
    if (ms % size === 0 && ms >= size && !(unit === "d" && ms < 2 * size))
      return `${ms / size}${unit}`;
  }
  return `${ms / 1000}s`;
}

/** The form of the address: "now-15m" or ISO in UTC. */
export function pointText(point: Point): string {
  if (point.kind === "relative") {
    return point.beforeMs === 0 ? "now" : `now-${lengthText(point.beforeMs)}`;
  }
  return new Date(point.ms).toISOString().replace(".000Z", "Z");
}

/** From the address; what cannot be read becomes the default. */
export function rangeFrom(from: string | undefined, to: string | undefined): Range {
  const start = from === undefined ? null : parsePoint(from, "utc");
  const end = to === undefined ? null : parsePoint(to, "utc");
  return { from: start ?? DEFAULT_RANGE.from, to: end ?? DEFAULT_RANGE.to };
}

export function isLive(range: Range): boolean {
  return range.to.kind === "relative" && range.to.beforeMs === 0;
}

function pointMs(point: Point, nowMs: number): number {
  return point.kind === "relative" ? nowMs - point.beforeMs : point.ms;
}

/** As instants; the two ends are put in order and are at least 1 ms apart. */
export function resolveRange(range: Range, nowMs: number): Span {
  const a = pointMs(range.from, nowMs);
  const b = pointMs(range.to, nowMs);
  return { fromMs: Math.min(a, b), toMs: Math.max(a, b, Math.min(a, b) + 1) };
}

export function absolute(span: Span): Range {
  return {
    from: { kind: "absolute", ms: Math.round(span.fromMs) },
    to: { kind: "absolute", ms: Math.round(span.toMs) },
  };
}

/** Twice as wide around its middle, not beyond now; a live range only reaches further back. */
export function zoomOut(range: Range, nowMs: number): Range {
  if (range.from.kind === "relative" && isLive(range)) {
    return { from: { kind: "relative", beforeMs: range.from.beforeMs * 2 }, to: range.to };
  }
  const { fromMs, toMs } = resolveRange(range, nowMs);
  const half = (toMs - fromMs) / 2;
  const end = Math.min(toMs + half, Math.max(nowMs, toMs));
  return absolute({ fromMs: end - 4 * half, toMs: end });
}

/** Moved by half its length; -1 back, 1 forward, not beyond now. */
export function shift(range: Range, direction: -1 | 1, nowMs: number): Range {
  const { fromMs, toMs } = resolveRange(range, nowMs);
  const length = toMs - fromMs;
  const end = Math.min(toMs + (direction * length) / 2, Math.max(nowMs, toMs));
  return absolute({ fromMs: end - length, toMs: end });
}

/** "Last 15 minutes", or both ends. */
export function rangeLabel(range: Range, zone: Zone): string {
  if (range.from.kind === "relative" && isLive(range)) {
    const text = pointText(range.from);
    const quick = QUICK_RANGES.find((q) => q.from === text);
    return quick?.label ?? `Last ${text.replace("now-", "")}`;
  }
  const end = (point: Point) =>
    point.kind === "relative" ? pointText(point) : formatTime(point.ms, zone, "full");
  return `${end(range.from)} – ${end(range.to)}`;
}

/** What the data of a chart spans. What has a width of its own (bars, steps) has room at its end. */
export function dataSpan(time: ArrayLike<number>, hasWidth: boolean): Span | null {
  const fromMs = time[0];
  const lastMs = time[time.length - 1];
  if (fromMs === undefined || lastMs === undefined) return null;
  if (!hasWidth) return { fromMs, toMs: lastMs };
  let gap = time.length === 1 ? 60_000 : Number.POSITIVE_INFINITY;
  for (let i = 1; i < time.length; i++) {
    gap = Math.min(gap, (time[i] ?? 0) - (time[i - 1] ?? 0));
  }
  return { fromMs, toMs: lastMs + Math.max(gap, (lastMs - fromMs) / 40) };
}
