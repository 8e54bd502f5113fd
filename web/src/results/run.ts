// run.ts - statements on their way: sent with a tag of their own, followed by the server's list of
// running queries, cancelled there and not only here. A run belongs to a slot (a tab of the editor,
// the builder) and goes on while another page is open.
//
//   running -> done | failed | cancelled        stopping: asked to cancel, the server has not said
//      \-> stopping -> cancelled | done | failed
import { create } from "zustand";
import { api, path } from "@/api/client";
import { live } from "@/api/live";
import { isProblem } from "@/api/problem";
import type { RunningQuery } from "@/api/types";
import { reopen, runStored, type StoredResult } from "./result";

export type OutcomeState =
  | "waiting"
  | "running"
  | "stopping"
  | "done"
  | "failed"
  | "cancelled"
  | "skipped";

export interface Outcome {
  sql: string;
  /** Where the statement begins in its document, in UTF-16 units. */
  from: number;
  state: OutcomeState;
  tag: string;
  startedAtMs: number;
  /** As this page saw it; the server's own figure is in the result. */
  endedAtMs?: number | undefined;
  progress?: RunningQuery | undefined;
  result?: StoredResult | undefined;
  error?: unknown;
  /** The server does not answer a cancel: the connection can be given up. */
  stopIsSlow?: boolean | undefined;
}

export interface Run {
  outcomes: readonly Outcome[];
  /** Which one is shown. */
  shown: number;
}

export interface Statement {
  sql: string;
  from: number;
}

interface RunsState {
  runs: Readonly<Record<string, Run>>;
}

export const useRuns = create<RunsState>()(() => ({ runs: {} }));

const aborts = new Map<string, AbortController>();
const listeners = new Set<(outcome: Outcome, slot: string) => void>();

/** Hears of every statement that ended, in whatever slot. */
export function onEnded(listener: (outcome: Outcome, slot: string) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function isBusy(run: Run | undefined): boolean {
  return run?.outcomes.some((o) => isUnderWay(o.state)) ?? false;
}

export function isUnderWay(state: OutcomeState): boolean {
  return state === "waiting" || state === "running" || state === "stopping";
}

function setRun(slot: string, run: Run | undefined): void {
  useRuns.setState((s) => {
    const runs = { ...s.runs };
    if (run === undefined) delete runs[slot];
    else runs[slot] = run;
    return { runs };
  });
}

function change(slot: string, tag: string, next: Partial<Outcome>): void {
  const run = useRuns.getState().runs[slot];
  if (run === undefined) return;
  const outcomes = run.outcomes.map((o) => (o.tag === tag ? { ...o, ...next } : o));
  setRun(slot, { ...run, outcomes });
}

function outcomeOf(slot: string, tag: string): Outcome | undefined {
  return useRuns.getState().runs[slot]?.outcomes.find((o) => o.tag === tag);
}

export function show(slot: string, shown: number): void {
  const run = useRuns.getState().runs[slot];
  if (run !== undefined) setRun(slot, { ...run, shown });
}

export function forget(slot: string): void {
  stop(slot);
  setRun(slot, undefined);
}

let serial = 0;
const session = Math.random().toString(36).slice(2, 8);

/** Runs the statements one after the other; after one that fails the rest is not run. */
export async function run(slot: string, statements: readonly Statement[]): Promise<void> {
  if (isBusy(useRuns.getState().runs[slot]) || statements.length === 0) return;
  const outcomes = statements.map(
    ({ sql, from }): Outcome => ({
      sql,
      from,
      state: "waiting",
      tag: `console-${session}-${++serial}`,
      startedAtMs: Date.now(),
    }),
  );
  setRun(slot, { outcomes, shown: 0 });
  for (const [i, { tag }] of outcomes.entries()) {
    if (outcomeOf(slot, tag)?.state !== "waiting") break;
    show(slot, i);
    const fine = await runOne(slot, tag);
    if (!fine) break;
  }
  for (const { tag } of outcomes) {
    if (outcomeOf(slot, tag)?.state === "waiting") change(slot, tag, { state: "skipped" });
  }
}

async function runOne(slot: string, tag: string): Promise<boolean> {
  const abort = new AbortController();
  aborts.set(tag, abort);
  const follow = followProgress(slot, tag);
  change(slot, tag, { state: "running", startedAtMs: Date.now() });
  const sql = outcomeOf(slot, tag)?.sql ?? "";
  let end: Partial<Outcome>;
  try {
    end = { state: "done", result: await runStored(sql, tag, abort.signal) };
  } catch (error) {
    const wasCancelled = isProblem(error, "query_cancelled") || abort.signal.aborted;
    end = { state: wasCancelled ? "cancelled" : "failed", error };
  } finally {
    follow();
    aborts.delete(tag);
  }
  change(slot, tag, { ...end, endedAtMs: Date.now() });
  const outcome = outcomeOf(slot, tag);
  if (outcome !== undefined) for (const listener of listeners) listener(outcome, slot);
  return end.state === "done";
}

const POLL_MS = 500;

/** Figures of a running statement: from the live channel, else by asking. */
function followProgress(slot: string, tag: string): () => void {
  const take = (queries: readonly RunningQuery[] | undefined) => {
    const mine = queries?.find((query) => query.tag === tag);
    if (mine !== undefined) change(slot, tag, { progress: mine });
  };
  const subscription = live.subscribe({
    channel: "queries",
    params: {},
    onData: (data) => take((data as { queries?: RunningQuery[] }).queries),
  });
  const timer = window.setInterval(() => {
    if (live.status().state === "open" || document.hidden) return;
    listRunning().then(take, () => {});
  }, POLL_MS);
  return () => {
    subscription.close();
    window.clearInterval(timer);
  };
}

async function listRunning(): Promise<RunningQuery[]> {
  const answer = await api.get<{ queries: RunningQuery[] }>("api/v1/queries", {
    timeoutMs: 5000,
  });
  return answer.queries;
}

const STOP_TRIES = 20;
const STOP_WAIT_MS = 150;
const STOP_SLOW_MS = 5000;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => window.setTimeout(resolve, ms));
}

/** Asks the server to cancel what runs in the slot. The state stays "stopping" until the answer of
 * the statement itself says how it ended. */
export function stop(slot: string): void {
  const run = useRuns.getState().runs[slot];
  for (const outcome of run?.outcomes ?? []) {
    if (outcome.state === "waiting") change(slot, outcome.tag, { state: "skipped" });
    if (outcome.state === "running") void cancel(slot, outcome.tag);
  }
}

async function cancel(slot: string, tag: string): Promise<void> {
  change(slot, tag, { state: "stopping" });
  const slow = window.setTimeout(() => {
    if (outcomeOf(slot, tag)?.state === "stopping") change(slot, tag, { stopIsSlow: true });
  }, STOP_SLOW_MS);
  try {
    for (let i = 0; i < STOP_TRIES && outcomeOf(slot, tag)?.state === "stopping"; i++) {
      const mine = (await listRunning()).find((query) => query.tag === tag);
      if (mine?.id !== undefined) {
        await api.delete(path`api/v1/queries/${mine.id}`, { timeoutMs: 5000 });
        return;
      }
      await pause(STOP_WAIT_MS);
    }
  } catch {
    if (outcomeOf(slot, tag)?.state === "stopping") change(slot, tag, { stopIsSlow: true });
  } finally {
    if (outcomeOf(slot, tag)?.state !== "stopping") window.clearTimeout(slow);
  }
}

/** Gives the connection up, which makes the server cancel too; its word is then not heard. */
export function disconnect(slot: string): void {
  for (const outcome of useRuns.getState().runs[slot]?.outcomes ?? []) {
    if (isUnderWay(outcome.state)) aborts.get(outcome.tag)?.abort();
  }
}

/** Puts a result of an earlier visit into the slot, when the server still has it. */
export async function restore(slot: string, statement: Statement, id: string): Promise<boolean> {
  const abort = new AbortController();
  const result = await reopen(id, abort.signal).catch(() => undefined);
  if (result === undefined || useRuns.getState().runs[slot] !== undefined) return false;
  const now = Date.now();
  const outcome: Outcome = {
    ...statement,
    state: "done",
    tag: `restored-${++serial}`,
    startedAtMs: now,
    result,
  };
  setRun(slot, { outcomes: [outcome], shown: 0 });
  return true;
}
