// client.ts - the only place where the page asks the server. Addresses are relative to the page's
// base; answers are JSON without rounding; refusals become Problem. Each request has an end: a
// timeout of its own and the caller's signal.
import { url } from "@/lib/base";
import { curl, type RequestText } from "@/lib/curl";
import { parseJson } from "@/lib/json";
import { Problem, type ProblemBody } from "./problem";
import { signInNeeded } from "./session";

export type QueryValue = string | number | boolean | null | undefined;
export type QueryParams = Record<string, QueryValue | readonly QueryValue[]>;

export interface RequestOptions {
  /** Appended to the path; undefined and null are left out, lists repeat the name. */
  query?: QueryParams;
  signal?: AbortSignal | undefined;
  /** 0 means no end; default 30 s. */
  timeoutMs?: number;
  headers?: Record<string, string>;
}

export interface RequestPlan extends RequestOptions {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** e.g. "api/v1/topics"; parts that are names go through `path`. */
  path: string;
  /** A value is sent as JSON; a Blob, ArrayBuffer or text as it is (set content-type). */
  body?: unknown;
}

const TIMEOUT_MS = 30_000;

/** Builds a path with escaped parts: path`api/v1/topics/${name}`. */
export function path(
  strings: TemplateStringsArray,
  ...parts: (string | number | bigint)[]
): string {
  return strings.reduce(
    (text, piece, i) =>
      text + piece + (i < parts.length ? encodeURIComponent(String(parts[i])) : ""),
    "",
  );
}

function address(plan: RequestPlan): string {
  const target = new URL(url(plan.path));
  for (const [name, value] of Object.entries(plan.query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) target.searchParams.append(name, String(one));
    }
  }
  return target.href;
}

function isRaw(body: unknown): body is Blob | ArrayBuffer | string {
  return typeof body === "string" || body instanceof Blob || body instanceof ArrayBuffer;
}

function jsonText(body: unknown): string {
  return JSON.stringify(body, (_key, v: unknown) => (typeof v === "bigint" ? v.toString() : v));
}

/** The request as text, e.g. for "copy as curl". The session's cookie is not in it: a person adds
 * a token of their own. */
export function describe(plan: RequestPlan): RequestText {
  const headers: Record<string, string> = { ...plan.headers };
  let body: string | undefined;
  let file: string | undefined;
  if (plan.body !== undefined) {
    if (!isRaw(plan.body)) {
      headers["content-type"] ??= "application/json";
      body = jsonText(plan.body);
    } else if (typeof plan.body === "string") {
      body = plan.body;
    } else {
      file = plan.body instanceof File ? plan.body.name : "FILE";
    }
  }
  return {
    method: plan.method,
    url: address(plan),
    headers,
    ...(body === undefined ? {} : { body }),
    ...(file === undefined ? {} : { file }),
  };
}

export function curlOf(plan: RequestPlan): string {
  return curl(describe(plan));
}

async function refusal(response: Response, request: RequestText): Promise<Problem> {
  const text = await response.text().catch(() => "");
  let body: ProblemBody = {};
  try {
    const parsed = parseJson(text);
    if (typeof parsed === "object" && parsed !== null) body = parsed as ProblemBody;
  } catch {
    body = { title: response.statusText, detail: `The answer was ${response.status}.` };
  }
  return new Problem({ ...body, status: response.status }, request);
}

/** Sends and returns the raw answer when it is good; throws Problem, or AbortError when the
 * caller's signal ended it. */
export async function send(plan: RequestPlan): Promise<Response> {
  const request = describe(plan);
  const timeoutMs = plan.timeoutMs ?? TIMEOUT_MS;
  const timeout = timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : undefined;
  const signals = [timeout, plan.signal].filter((s) => s !== undefined);
  const headers: Record<string, string> = { accept: "application/json", ...request.headers };
  const raw = isRaw(plan.body) ? plan.body : undefined;
  let response: Response;
  try {
    response = await fetch(request.url, {
      method: plan.method,
      headers,
      body: raw ?? request.body ?? null,
      signal: signals.length > 0 ? AbortSignal.any(signals) : null,
      credentials: "same-origin",
    });
  } catch (error) {
    if (plan.signal?.aborted) throw error;
    throw timeout?.aborted ? timedOut(timeoutMs, request) : unreachable(request);
  }
  if (response.ok) return response;
  const problem = await refusal(response, request);
  if (problem.status === 401) signInNeeded();
  throw problem;
}

function timedOut(timeoutMs: number, request: RequestText): Problem {
  const detail = `The server did not answer within ${timeoutMs / 1000} s. It may be busy; try again.`;
  return new Problem({ code: "timeout", title: "No answer in time", detail }, request);
}

function unreachable(request: RequestText): Problem {
  const detail = "The server could not be reached. Is it running, and is the network up?";
  return new Problem({ code: "offline", title: "No connection", detail }, request);
}

/** Sends and reads JSON; undefined for 204. */
export async function request<T>(plan: RequestPlan): Promise<T> {
  const response = await send(plan);
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  try {
    return parseJson(text) as T;
  } catch {
    const detail =
      "The answer is not JSON: something between this page and the server replaced it.";
    throw new Problem({ code: "not_json", status: response.status, detail }, describe(plan));
  }
}

export const api = {
  get: <T>(to: string, options?: RequestOptions) =>
    request<T>({ ...options, method: "GET", path: to }),
  post: <T>(to: string, body?: unknown, options?: RequestOptions) =>
    request<T>({ ...options, method: "POST", path: to, body }),
  put: <T>(to: string, body?: unknown, options?: RequestOptions) =>
    request<T>({ ...options, method: "PUT", path: to, body }),
  patch: <T>(to: string, body?: unknown, options?: RequestOptions) =>
    request<T>({ ...options, method: "PATCH", path: to, body }),
  delete: <T>(to: string, options?: RequestOptions) =>
    request<T>({ ...options, method: "DELETE", path: to }),
};
