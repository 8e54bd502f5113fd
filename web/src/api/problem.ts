// problem.ts - what the server says when it refuses (application/problem+json), as an Error with
// its stable code; and the failures that never reached it, under codes of our own.
import type { RequestText } from "@/lib/curl";

export interface ProblemBody {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  position?: number;
  line?: number;
  pointer?: string;
}

/** Codes of the page itself: `offline` no answer at all, `timeout`, `not_json` an answer that is
 * no JSON (a proxy's page). All others are the server's. */
export class Problem extends Error {
  readonly code: string;
  readonly status: number;
  readonly title: string;
  /** Byte offset in the SQL or JSON that was sent, where the server knows it. */
  readonly position: number | undefined;
  /** Line of the file that was sent, where the server knows it. */
  readonly line: number | undefined;
  /** JSON pointer into the document that was sent, where the server knows it. */
  readonly pointer: string | undefined;
  /** All of the document, for what only some refusals have. */
  readonly body: Readonly<Record<string, unknown>>;
  /** What was asked, for "copy details". */
  readonly request: RequestText | undefined;

  constructor(body: ProblemBody, request?: RequestText) {
    super(body.detail ?? body.title ?? "The server gave no reason.");
    this.name = "Problem";
    this.code = body.code ?? "unknown";
    this.status = body.status ?? 0;
    this.title = body.title ?? "Request failed";
    this.position = body.position;
    this.line = body.line;
    this.pointer = body.pointer;
    this.body = { ...body };
    this.request = request;
  }
}

export function isProblem(error: unknown, code?: string): error is Problem {
  return error instanceof Problem && (code === undefined || error.code === code);
}

/** True when asking again may help: no answer, or the server said "later". */
export function isPassing(error: unknown): boolean {
  if (!isProblem(error)) return false;
  return error.status === 0 || error.status === 429 || error.status >= 500;
}

export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === "string" ? error : "Unknown error";
}
