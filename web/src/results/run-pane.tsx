// run-pane.tsx - what became of the statements of a run: on their way with their figures, stopped,
// refused, or done with a result. One tab per statement when there are several.
import {
  Ban,
  Bell,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  LoaderCircle,
  Square,
} from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { isProblem, messageOf } from "@/api/problem";
import { bytes, count, duration, grouped } from "@/lib/numbers";
import { Button } from "@/ui/button";
import { CodeBlock, CopyButton } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { EmptyState } from "@/ui/states";
import { canNotify, LONG_MS, useNotice, wantNotices } from "./notice";
import { ResultPane } from "./result-view";
import {
  disconnect,
  isUnderWay,
  type Outcome,
  type OutcomeState,
  type Run,
  show,
  stop,
} from "./run";
import type { ResultView } from "./shown";

interface RunPaneProps {
  slot: string;
  run: Run | undefined;
  view: ResultView;
  onView: (view: ResultView) => void;
  onRerun: (outcome: Outcome) => void;
  /** Takes the eye to where the error is; undefined: it has no place. */
  onErrorPlace?: (outcome: Outcome) => void;
  /** While nothing was run. */
  empty: ReactNode;
}

export function RunPane(props: RunPaneProps) {
  const { slot, run, view, onView, onRerun } = props;
  const outcome = run?.outcomes[run.shown];
  if (run === undefined || outcome === undefined) return <>{props.empty}</>;
  return (
    <div className="flex min-h-0 min-w-0 flex-1 flex-col">
      {run.outcomes.length > 1 ? <Statements slot={slot} run={run} /> : null}
      {outcome.result ? (
        <ResultPane
          key={outcome.tag}
          result={outcome.result}
          sql={outcome.sql}
          view={view}
          onView={onView}
          onRerun={() => onRerun(outcome)}
        />
      ) : (
        <NoResult {...props} outcome={outcome} />
      )}
    </div>
  );
}

const STATE_ICONS: Record<OutcomeState, typeof Ban> = {
  waiting: CircleDashed,
  running: LoaderCircle,
  stopping: LoaderCircle,
  done: CircleCheck,
  failed: CircleAlert,
  cancelled: Ban,
  skipped: CircleDashed,
};

function Statements({ slot, run }: { slot: string; run: Run }) {
  return (
    <div
      role="tablist"
      aria-label="Statements"
      className="flex shrink-0 gap-1 overflow-x-auto border-b border-line px-2 py-1"
    >
      {run.outcomes.map((outcome, i) => {
        const Icon = STATE_ICONS[outcome.state];
        return (
          <button
            key={outcome.tag}
            type="button"
            role="tab"
            aria-selected={i === run.shown}
            title={outcome.sql.slice(0, 300)}
            onClick={() => show(slot, i)}
            className="flex h-7 max-w-52 items-center gap-1.5 rounded px-2 text-xs text-muted hover:bg-hover aria-selected:bg-accent-soft aria-selected:text-text"
          >
            <Icon
              aria-label={outcome.state}
              className={cx(
                "size-3.5 shrink-0",
                outcome.state === "failed" && "text-error",
                outcome.state === "done" && "text-ok",
              )}
            />
            <span className="truncate">
              {i + 1} · {outcome.sql.replace(/\s+/g, " ").slice(0, 60)}
            </span>
          </button>
        );
      })}
    </div>
  );
}

function NoResult(props: RunPaneProps & { outcome: Outcome }) {
  const { slot, outcome } = props;
  if (isUnderWay(outcome.state)) return <UnderWay slot={slot} outcome={outcome} />;
  if (outcome.state === "failed") return <Failed {...props} />;
  if (outcome.state === "skipped") {
    return (
      <EmptyState
        icon={CircleDashed}
        title="Not run"
        reason="A statement before it failed or was stopped."
      />
    );
  }
  const took = (outcome.endedAtMs ?? outcome.startedAtMs) - outcome.startedAtMs;
  return (
    <EmptyState
      icon={Ban}
      title={
        isProblem(outcome.error, "query_cancelled")
          ? `Cancelled by the server after ${duration(took)}`
          : "The connection was given up; the server cancels what nobody waits for"
      }
      reason={
        isProblem(outcome.error) ? `The server says: ${messageOf(outcome.error)}.` : undefined
      }
      action={<Button onClick={() => props.onRerun(outcome)}>Run again</Button>}
    />
  );
}

/** Renewed four times a second while shown. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), 250);
    return () => window.clearInterval(timer);
  }, []);
  return now;
}

function UnderWay({ slot, outcome }: { slot: string; outcome: Outcome }) {
  const now = useNow();
  const wanted = useNotice((s) => s.wanted);
  const elapsedMs = Math.max(0, now - outcome.startedAtMs);
  const p = outcome.progress;
  const stopping = outcome.state === "stopping";
  const share = typeof p?.percent === "number" && p.percent > 0 ? p.percent : null;
  // What ends at once shows no figures at all.
  if (elapsedMs < 250 && !stopping) return <div className="min-h-0 flex-1" aria-busy="true" />;
  const read = [
    p?.rows_read && p.rows_total
      ? `${grouped(p.rows_read)} of ${count(p.rows_total, "row")} read`
      : "",
    p?.bytes_total ? `${bytes(p.bytes_read ?? 0)} of ${bytes(p.bytes_total)}` : "",
    p?.rows ? `${count(p.rows, "row")} in the answer` : "",
  ].filter((part) => part !== "");
  return (
    <div className="mx-auto flex w-full max-w-lg flex-col gap-3 px-4 py-10">
      <div className="flex items-baseline justify-between gap-3">
        <p className="text-base font-semibold" role="status">
          {stopping ? "Stopping…" : outcome.state === "waiting" ? "Waiting" : "Running"}
        </p>
        <p className="text-sm text-muted">{duration(Math.floor(elapsedMs / 100) * 100)}</p>
      </div>
      <div
        role="progressbar"
        aria-label="Progress of the query"
        aria-valuenow={share === null ? undefined : Math.round(share)}
        className="h-1.5 overflow-hidden rounded bg-sunken"
      >
        <div
          className={cx("h-full rounded bg-accent", share === null && "w-1/4 animate-pulse")}
          style={share === null ? undefined : { width: `${share}%` }}
        />
      </div>
      <p className="min-h-5 text-sm text-muted">
        {share === null ? "" : `about ${Math.round(share)} %${read.length > 0 ? " · " : ""}`}
        {read.join(" · ")}
      </p>
      {stopping ? (
        <p className="text-sm text-muted">
          {outcome.stopIsSlow
            ? "The server has not said yet that it stopped. Some work cannot be interrupted at once."
            : "Asked the server to cancel; waiting for its word."}
        </p>
      ) : null}
      <div className="flex gap-2">
        {stopping ? null : (
          <Button icon={Square} onClick={() => stop(slot)}>
            Cancel
          </Button>
        )}
        {elapsedMs > LONG_MS && !wanted && canNotify() ? (
          <Button icon={Bell} onClick={() => void wantNotices()}>
            Tell me when it ends
          </Button>
        ) : null}
        {outcome.stopIsSlow ? (
          <Button variant="danger" onClick={() => disconnect(slot)}>
            Give the connection up
          </Button>
        ) : null}
      </div>
    </div>
  );
}

const HINTS: Record<string, string> = {
  query_out_of_memory:
    "Try fewer groups or columns, a filter, or a LIMIT before the sort; SELECT only what is needed.",
  query_timeout: "Narrow the time or the partitions that are read, or raise query_timeout.",
  result_too_large:
    "Add a LIMIT or a filter, or stream the whole answer with format=csv or parquet.",
  results_full: "Other results are in use: close some tabs, or raise result_bytes_max.",
  sql_not_allowed: "Statements here read; they never write, attach or configure.",
};

function Failed({ outcome, onErrorPlace, onRerun }: RunPaneProps & { outcome: Outcome }) {
  const { error } = outcome;
  const code = isProblem(error) ? error.code : "";
  const position = isProblem(error) ? error.position : undefined;
  return (
    <div role="alert" className="m-3 flex min-w-0 flex-col gap-2 text-sm">
      <div className="flex items-center gap-2 font-medium">
        <CircleAlert aria-hidden="true" className="size-4 shrink-0 text-error" />
        {code === "query_out_of_memory"
          ? "The query needs more memory than it may have"
          : "The statement failed"}
        {code ? <code className="text-xs font-normal text-muted">{code}</code> : null}
      </div>
      <CodeBlock text={messageOf(error)} wrap />
      {HINTS[code] ? <p className="text-muted">{HINTS[code]}</p> : null}
      <div className="flex flex-wrap gap-2">
        {position !== undefined && onErrorPlace ? (
          <Button size="sm" onClick={() => onErrorPlace(outcome)}>
            Go to the place
          </Button>
        ) : null}
        <Button size="sm" onClick={() => onRerun(outcome)}>
          Run again
        </Button>
        <CopyButton
          showLabel
          label="Copy details"
          text={() => `${code}\n${messageOf(error)}\n\n${outcome.sql}`}
        />
      </div>
    </div>
  );
}
