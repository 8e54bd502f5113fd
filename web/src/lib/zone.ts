// zone.ts - instants as text in UTC, the browser's zone or a named one. One cached formatter per
// zone finds the offset, kept per quarter of an hour (no zone changes in between); the rest is
// arithmetic, so that a live list may format each of its lines.

/** "utc", "local" or an IANA name. */
export type Zone = string;

export const browserZone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

const QUARTER_MS = 900_000;
const OFFSETS_MAX = 4096;
const DATE_MS_MAX = 8.64e15;

interface ZoneTable {
  format: Intl.DateTimeFormat;
  offsets: Map<number, number>;
}

const tables = new Map<string, ZoneTable>();

function name(zone: Zone): string {
  if (zone === "utc") return "UTC";
  return zone === "local" ? browserZone : zone;
}

function table(zone: Zone): ZoneTable {
  const key = name(zone);
  let found = tables.get(key);
  if (found === undefined) {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: key,
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    found = { format, offsets: new Map() };
    tables.set(key, found);
  }
  return found;
}

export function isZone(zone: string): boolean {
  if (zone === "utc" || zone === "local") return true;
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** All names the browser knows. */
export function zoneNames(): string[] {
  return Intl.supportedValuesOf("timeZone");
}

/** How far the zone's clock is ahead of UTC at an instant, in ms. */
export function offsetMs(ms: number, zone: Zone): number {
  if (zone === "utc") return 0;
  const { format, offsets } = table(zone);
  const quarter = Math.floor(ms / QUARTER_MS);
  const known = offsets.get(quarter);
  if (known !== undefined) return known;
  const at = quarter * QUARTER_MS;
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(at)) part[type] = value;
  const year = Number(part.year);
  const wall = new Date(0);
  wall.setUTCFullYear(
    part.era === "BC" ? 1 - year : year,
    Number(part.month) - 1,
    Number(part.day),
  );
  wall.setUTCHours(Number(part.hour), Number(part.minute), Number(part.second));
  const offset = wall.getTime() - Math.floor(at / 1000) * 1000;
  if (offsets.size >= OFFSETS_MAX) offsets.clear();
  offsets.set(quarter, offset);
  return offset;
}

/** The instant at which the zone's clock shows this (given as if it were UTC). In the doubled hour
 * the earlier one; in the missing hour the same distance after it. */
export function fromWall(wallMs: number, zone: Zone): number {
  const before = offsetMs(wallMs - 86_400_000, zone);
  const guess = wallMs - before;
  if (offsetMs(guess, zone) === before) return guess;
  const after = offsetMs(guess, zone);
  const second = wallMs - after;
  return offsetMs(second, zone) === after ? second : guess;
}

export type TimeStyle = "full" | "millis" | "minute" | "time" | "timeMillis" | "date";

/** "2026-11-21 10:04:05" and shorter or longer forms of it; "–" for what is no instant. */
export function formatTime(
  ms: number | null | undefined,
  zone: Zone,
  style: TimeStyle = "full",
): string {
  if (ms === null || ms === undefined || !(Math.abs(ms) < DATE_MS_MAX - 86_400_000)) return "–";
  const [date = "", clock = ""] = new Date(ms + offsetMs(ms, zone)).toISOString().split("T");
  switch (style) {
    case "date":
      return date;
    case "time":
      return clock.slice(0, 8);
    case "timeMillis":
      return clock.slice(0, 12);
    case "minute":
      return `${date} ${clock.slice(0, 5)}`;
    case "millis":
      return `${date} ${clock.slice(0, 12)}`;
    default:
      return `${date} ${clock.slice(0, 8)}`;
  }
}

/** "UTC", "UTC+1", "UTC-3:30". */
export function offsetLabel(ms: number, zone: Zone): string {
  const minutes = Math.round(offsetMs(ms, zone) / 60_000);
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  const rest = size % 60;
  const tail = rest === 0 ? "" : `:${String(rest).padStart(2, "0")}`;
  return `UTC${minutes < 0 ? "-" : "+"}${Math.floor(size / 60)}${tail}`;
}

/** The zone as a person calls it, with its offset. */
export function zoneLabel(zone: Zone, ms: number = Date.now()): string {
  if (name(zone) === "UTC") return "UTC";
  return `${name(zone).replaceAll("_", " ")} (${offsetLabel(ms, zone)})`;
}

/** Both zones and the epoch, for a title: an instant should never be in doubt. */
export function timeTitle(ms: number, zone: Zone): string {
  const other = zone === "utc" ? "local" : "utc";
  const line = (z: Zone) => `${formatTime(ms, z, "millis")} ${offsetLabel(ms, z)}`;
  return `${line(zone)}\n${line(other)}\nepoch ms ${ms}`;
}

/** "12 s ago", "3 m ago"; the caller decides how often it is worth renewing. */
export function ago(ms: number, nowMs: number): string {
  const seconds = Math.round((nowMs - ms) / 1000);
  if (seconds < 0) return "in the future";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}
