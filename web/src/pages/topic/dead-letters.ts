// dead-letters.ts - the documents of dead letters, the walk over their pages, and the filters as
// parameters of the list and as a condition in SQL for the re-drive: both must choose the same.
import { api, path, type RequestPlan } from "@/api/client";
import { quotePath, quoteText } from "@/lib/sql";
import { type Page, Walk } from "./walk";

export interface DeadLetter {
  partition: number;
  offset: number;
  timestamp: string;
  reason: string;
  detail?: string | null;
  key?: string | null;
  key_encoding?: "utf8" | "base64" | null;
  value: string | null;
  encoding: "utf8" | "base64" | null;
  bytes?: number | null;
  truncated?: boolean;
  redriven: boolean;
}

export interface DeadSummary {
  topic: string;
  total: number;
  redriven: number | null;
  first: string | null;
  last: string | null;
  reasons: { reason: string; count: number; first: string; last: string }[];
}

export interface Redrive {
  id: string;
  topic: string;
  state: "running" | "cancelling" | "done" | "cancelled" | "failed";
  where?: string;
  redriven: number;
  still_bad: number;
  already: number;
  still_bad_rows?: { partition: number; offset: number; code: string; detail: string }[];
  started?: string;
  ended?: string | null;
  error?: { code?: string; detail?: string };
}

export interface DeadFilter {
  reason?: string | undefined;
  q?: string | undefined;
  /** RFC 3339. */
  since?: string | undefined;
  until?: string | undefined;
  redriven?: "true" | "false" | undefined;
}

export function deadPlan(topic: string, filter: DeadFilter): RequestPlan {
  const { reason, q, since, until, redriven } = filter;
  return {
    method: "GET",
    path: path`api/v1/topics/${topic}/dead`,
    query: { reason, q, from: since, to: until, redriven },
  };
}

/** What a re-drive selects; "" is all. Those re-driven before are passed over by the server. */
export function whereOf({ reason, q, since, until }: DeadFilter): string {
  const parts: string[] = [];
  if (reason !== undefined) parts.push(`reason = ${quoteText(reason)}`);
  if (q !== undefined) {
    const all = "coalesce(detail, '') || chr(10) || coalesce(text, value::VARCHAR, '')";
    parts.push(`contains(lower(${all}), lower(${quoteText(q)}))`);
  }
  if (since !== undefined) parts.push(`_timestamp >= TIMESTAMPTZ ${quoteText(since)}`);
  if (until !== undefined) parts.push(`_timestamp < TIMESTAMPTZ ${quoteText(until)}`);
  return parts.join(" AND ");
}

/** How many rows a condition selects. */
export function countSql(table: string, where: string): string {
  const from = quotePath("bronze", `${table}__dead`);
  const rows = `(SELECT *, TRY(decode(value)) AS text FROM ${from}) AS dead`;
  return `SELECT count(*) AS n FROM ${rows}${where === "" ? "" : ` WHERE ${where}`}`;
}

const PAGE = 200;
/** Of a value in the list; all of it is loaded when its dead letter is opened. */
const VALUE_BYTES = 400;

export class DeadWalk extends Walk<DeadLetter> {
  constructor(
    readonly topic: string,
    readonly filter: DeadFilter,
  ) {
    super(1); // a page that holds something is enough
  }

  protected async page(after: string | null, signal: AbortSignal): Promise<Page<DeadLetter>> {
    const plan = deadPlan(this.topic, this.filter);
    const page = await api.get<{ dead: DeadLetter[]; next: string | null }>(plan.path, {
      query: { ...plan.query, limit: PAGE, after, value_bytes: VALUE_BYTES },
      signal,
    });
    return { rows: page.dead, next: page.next };
  }
}

/** base64 or text as bytes. */
export function bytesOf(text: string, encoding: "utf8" | "base64" | null): Uint8Array<ArrayBuffer> {
  if (encoding !== "base64") {
    return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
  }
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

/** Sixteen bytes a line: place, hexadecimal, and what of it is readable. */
export function hexDump(data: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < data.length; at += 16) {
    const row = [...data.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}
