// check.ts - what the server finds wrong with statements, without running them, as places in the
// text. Each statement is asked about once; the answers of the last ones are kept.
import { api } from "@/api/client";
import { isProblem } from "@/api/problem";
import type { EditorProblem } from "./editor";
import { statements, unitOffset } from "./statements";

const CHECKED_MAX = 12;
const KEPT_MAX = 100;

type Finding = { at: number; message: string } | null;

const kept = new Map<string, Finding>();

/** The word at a place, for the mark under it. */
export function wordEnd(sql: string, at: number): number {
  const word = /"(?:[^"]|"")*"|[\w\u0080-\uffff.]+|\S/y;
  word.lastIndex = at;
  return at + (word.exec(sql)?.[0].length ?? 1);
}

/** A mark in the document for a statement that begins at `from`. */
export function problemAt(
  sql: string,
  from: number,
  position: number,
  message: string,
): EditorProblem {
  // At the very end there is nothing to underline: mark the last character.
  const at = Math.min(unitOffset(sql, position), Math.max(0, sql.length - 1));
  return { from: from + at, to: from + wordEnd(sql, at), message };
}

async function find(sql: string): Promise<Finding> {
  const known = kept.get(sql);
  if (known !== undefined) return known;
  let finding: Finding = null;
  try {
    await api.post("api/v1/sql/check", { sql }, { timeoutMs: 5000 });
  } catch (error) {
    // Only what is about the statement itself: the server may also be busy or away.
    if (!isProblem(error) || error.status < 400 || error.status >= 500) return null;
    if (error.position === undefined) return null;
    finding = { at: error.position, message: error.message };
  }
  kept.delete(sql);
  kept.set(sql, finding);
  for (const first of kept.keys()) {
    if (kept.size <= KEPT_MAX) break;
    kept.delete(first);
  }
  return finding;
}

export async function checkText(text: string): Promise<EditorProblem[]> {
  const out: EditorProblem[] = [];
  for (const { sql, from } of statements(text).slice(0, CHECKED_MAX)) {
    const finding = await find(sql);
    if (finding !== null) out.push(problemAt(sql, from, finding.at, finding.message));
  }
  return out;
}

/** Tables may have come or changed: what was wrong may be right now. */
export function forgetChecks(): void {
  kept.clear();
}
