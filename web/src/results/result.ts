// result.ts - results that stay on the server (docs/querying.md): the requests that make one, read
// windows of it, export it and ask it. The page never holds more than the windows it shows.
import { api, path, type RequestPlan, request } from "@/api/client";
import { url } from "@/lib/base";
import type { ResultFilter, ResultSort } from "./shown";
import { filterParam, sortParam } from "./shown";

export interface ResultColumn {
  name: string;
  type: string;
}

/** Cells in the order of the columns; 64-bit integers and decimals are texts. */
export type ResultRow = readonly unknown[];

export interface StoredResult {
  id: string;
  columns: readonly ResultColumn[];
  /** The first rows, as the query left them. */
  first: readonly ResultRow[];
  rowCount: number;
  /** On the server's disk. */
  bytes: number | undefined;
  elapsedMs: number | undefined;
  expiresAt: string | undefined;
  /** How far each topic was read. */
  asOf: Record<string, unknown>;
  provisional: readonly string[];
}

interface QueryAnswer {
  result_id: string;
  columns: ResultColumn[];
  rows: ResultRow[];
  row_count: number;
  bytes?: number;
  elapsed_ms?: number;
  expires_at?: string;
  as_of?: Record<string, unknown>;
  provisional?: unknown;
}

interface WindowAnswer {
  columns: ResultColumn[];
  rows: ResultRow[];
  row_count: number;
  total_rows: number;
  offset: number;
  expires_at?: string;
}

export const WINDOW_ROWS = 500;

export function queryPlan(sql: string, tag?: string): RequestPlan {
  return {
    method: "POST",
    path: "api/v1/query",
    body: { sql, store: true, first_rows: WINDOW_ROWS, int64: "string", tag },
    // The server's query_timeout is the end, and says so in words.
    timeoutMs: 0,
  };
}

function names(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}

/** Runs a statement to its end. */
export async function runStored(
  sql: string,
  tag: string,
  signal: AbortSignal,
): Promise<StoredResult> {
  const answer = await request<QueryAnswer>({ ...queryPlan(sql, tag), signal });
  return {
    id: answer.result_id,
    columns: answer.columns,
    first: answer.rows,
    rowCount: answer.row_count,
    bytes: answer.bytes,
    elapsedMs: answer.elapsed_ms,
    expiresAt: answer.expires_at,
    asOf: answer.as_of ?? {},
    provisional: names(answer.provisional),
  };
}

/** What is left of a result that an earlier visit asked for; refused with `result_gone`. */
export async function reopen(id: string, signal: AbortSignal): Promise<StoredResult> {
  const answer = await request<WindowAnswer>({ ...windowPlan(id, {}, 0, WINDOW_ROWS), signal });
  return {
    id,
    columns: answer.columns,
    first: answer.rows,
    rowCount: answer.total_rows,
    bytes: undefined,
    elapsedMs: undefined,
    expiresAt: answer.expires_at,
    asOf: {},
    provisional: [],
  };
}

export interface Shown {
  sort?: ResultSort | null | undefined;
  filters?: readonly ResultFilter[] | undefined;
}

function shownQuery(shown: Shown) {
  return {
    sort: shown.sort ? sortParam(shown.sort) : undefined,
    filter: shown.filters?.map(filterParam),
  };
}

export function windowPlan(id: string, shown: Shown, offset: number, limit: number): RequestPlan {
  return {
    method: "GET",
    path: path`api/v1/results/${id}`,
    query: { offset, limit, int64: "string", ...shownQuery(shown) },
    timeoutMs: 120_000,
  };
}

export function loadWindow(
  id: string,
  shown: Shown,
  offset: number,
  limit: number,
  signal?: AbortSignal,
): Promise<WindowAnswer> {
  return request<WindowAnswer>({ ...windowPlan(id, shown, offset, limit), signal });
}

export type ExportFormat = "csv" | "parquet" | "json" | "ndjson";

/** The address of the whole result as a file, in the order and with the filters shown. */
export function exportUrl(id: string, format: ExportFormat, shown: Shown, guard: boolean): string {
  const target = new URL(url(path`api/v1/results/${id}/export`));
  target.searchParams.set("format", format);
  if (format === "csv" && guard) target.searchParams.set("guard", "1");
  const { sort, filter = [] } = shownQuery(shown);
  if (sort) target.searchParams.set("sort", sort);
  for (const one of filter) target.searchParams.append("filter", one);
  return target.href;
}

export function askPlan(id: string, sql: string): RequestPlan {
  return {
    method: "POST",
    path: path`api/v1/results/${id}/query`,
    body: { sql, int64: "string" },
    timeoutMs: 120_000,
  };
}

/** Asks the result itself, as the relation `result`. */
export async function askResult(
  id: string,
  sql: string,
  signal?: AbortSignal,
): Promise<{ columns: ResultColumn[]; rows: ResultRow[] }> {
  return request({ ...askPlan(id, sql), signal });
}

export function dropResult(id: string): Promise<void> {
  return api.delete<void>(path`api/v1/results/${id}`);
}
