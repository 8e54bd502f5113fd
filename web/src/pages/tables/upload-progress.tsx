// upload-progress.tsx - a file on its way: bytes that left the browser, what the server makes of
// them, and how it ended.
import { Link } from "@tanstack/react-router";
import { Ban, CircleCheck, SquareTerminal, Table2 } from "lucide-react";
import { isProblem, messageOf } from "@/api/problem";
import { bytes, count, duration, grouped, percent } from "@/lib/numbers";
import { quotePath } from "@/lib/sql";
import { Badge, StateBadge } from "@/ui/badge";
import { Button, ButtonLike } from "@/ui/button";
import { CopyAsCurl } from "@/ui/copy";
import { Dialog } from "@/ui/dialog";
import { KeyValue } from "@/ui/keyvalue";
import { useImports } from "./imports";
import {
  cancelUpload,
  forgetUpload,
  type ImportAnswer,
  importOf,
  startUpload,
  type UploadJob,
  uploadPlan,
} from "./upload-run";

interface UploadProgressProps {
  job: UploadJob;
  onClose: () => void;
  /** Another file. */
  onAgain: () => void;
  /** The same file with other settings. */
  onChange: () => void;
}

const TITLES: Readonly<Record<UploadJob["state"], string>> = {
  sending: "Uploading",
  stopping: "Cancelling…",
  done: "The file is in the table",
  failed: "The file was refused",
  cancelled: "The upload was cancelled",
};

export function UploadProgress({ job, onClose, onAgain, onChange }: UploadProgressProps) {
  const { state } = job;
  const busy = state === "sending" || state === "stopping";
  const leave = () => {
    if (!busy) forgetUpload();
    onClose();
  };
  return (
    <Dialog
      open
      wide
      onClose={leave}
      title={TITLES[state]}
      description={busy ? "It goes on when this is closed; see Imports." : undefined}
      footer={
        busy ? (
          <>
            <Button onClick={leave}>Close</Button>
            <Button
              variant="danger"
              icon={Ban}
              busy={state === "stopping"}
              onClick={() => void cancelUpload()}
            >
              Cancel the upload
            </Button>
          </>
        ) : (
          <>
            {state === "done" ? null : (
              <span className="mr-auto flex">
                <CopyAsCurl plan={uploadPlan(job.plan)} showLabel />
              </span>
            )}
            <Button onClick={onAgain}>Another file</Button>
            {state === "done" ? (
              <Button variant="primary" onClick={leave}>
                Done
              </Button>
            ) : (
              <>
                <Button onClick={onChange}>Change settings</Button>
                <Button variant="primary" onClick={() => void startUpload(job.plan)}>
                  Try again
                </Button>
              </>
            )}
          </>
        )
      }
    >
      {busy ? <Running job={job} /> : null}
      {state === "done" && job.answer ? <Result answer={job.answer} onLeave={leave} /> : null}
      {state === "failed" ? <Failure job={job} /> : null}
      {state === "cancelled" ? (
        <p className="text-sm">main.{job.plan.table} is as it was before.</p>
      ) : null}
    </Dialog>
  );
}

function Running({ job }: { job: UploadJob }) {
  const imports = useImports();
  const mine = importOf(job, imports);
  const total = job.plan.file.size;
  const share = total > 0 ? job.sentBytes / total : 1;
  return (
    <div className="flex flex-col gap-4">
      <div>
        <div className="mb-1 flex justify-between gap-2 text-sm">
          <span className="min-w-0 truncate">
            <bdi>{job.plan.file.name}</bdi>
          </span>
          <span className="whitespace-nowrap text-muted">
            {bytes(job.sentBytes)} of {bytes(total)} sent · {percent(Math.floor(share * 100) / 100)}
          </span>
        </div>
        <progress
          aria-label="Bytes sent"
          className="h-2 w-full accent-accent"
          value={job.sentBytes}
          max={total || 1}
        />
      </div>
      <KeyValue
        items={[
          ["Into", `main.${job.plan.table} (${job.plan.mode})`],
          [
            "The server",
            mine === undefined ? (
              <span key="none" className="text-muted">
                has not begun
              </span>
            ) : (
              <span key="some" className="flex flex-wrap items-center gap-2">
                <StateBadge
                  state={mine.state === "waiting" ? "waiting" : "running"}
                  label={mine.state ?? "waiting"}
                />
                <span>
                  {bytes(mine.bytes)} received · {count(mine.rows ?? 0, "row")}
                </span>
              </span>
            ),
          ],
        ]}
      />
    </div>
  );
}

function Result({ answer, onLeave }: { answer: ImportAnswer; onLeave: () => void }) {
  const params = { schema: answer.schema, name: answer.table };
  return (
    <div className="flex flex-col gap-4">
      <p role="status" className="flex items-center gap-2 text-sm">
        <CircleCheck aria-hidden="true" className="size-4 shrink-0 text-ok" />
        {count(answer.rows, "row")} of the file {answer.rows === 1 ? "is" : "are"} in{" "}
        {answer.schema}.{answer.table}.
      </p>
      <KeyValue
        items={[
          answer.table_rows !== null && ["Rows in the table", grouped(answer.table_rows)],
          ["Delta version", grouped(answer.version)],
          ["Parquet written", bytes(answer.bytes)],
          ["Took", duration(answer.elapsed_ms)],
        ]}
      />
      <ul aria-label="Columns" className="flex max-h-48 flex-wrap gap-1.5 overflow-y-auto">
        {answer.columns.map(({ name, type }) => (
          <li key={name} className="max-w-full rounded bg-sunken px-2 py-0.5 text-xs">
            <bdi>{name}</bdi> <span className="text-muted">{type}</span>
          </li>
        ))}
      </ul>
      <div className="flex flex-wrap gap-2">
        <Link
          to="/tables/$schema/$name"
          params={params}
          className={ButtonLike({})}
          onClick={onLeave}
        >
          <Table2 aria-hidden="true" className="size-4" /> Open the table
        </Link>
        <Link
          to="/sql"
          search={{ q: `SELECT *\nFROM ${quotePath(answer.schema, answer.table)}\nLIMIT 100` }}
          className={ButtonLike({})}
          onClick={onLeave}
        >
          <SquareTerminal aria-hidden="true" className="size-4" /> Ask it in SQL
        </Link>
      </div>
    </div>
  );
}

const WHAT_TO_DO: Readonly<Record<string, string>> = {
  bad_file:
    "Mend the file there, or go back and choose other settings: a type that takes the value (VARCHAR takes any), another delimiter, or no header line.",
  unsupported_type: "Leave the column out of the file, or write it as text.",
  table_exists: "Go back and choose append or replace, or another name.",
  type_conflict: "Change the file's column to the table's type, or replace the table.",
  table_belongs_to_topic: "Choose another name: this table is written by its topic alone.",
  limit: "Many imports wait already; try again when some have ended.",
  import_out_of_memory: "The setting import_memory is too small for this file.",
  import_crashed: "The setting import_memory may be too small for this file.",
  disk_full: "Free space on the disk of the data folder, then try again.",
  offline: "See Imports: the server may have gone on without this page.",
};

function Failure({ job }: { job: UploadJob }) {
  const { error, plan } = job;
  const code = isProblem(error) ? error.code : "unknown";
  const line = isProblem(error) ? error.line : undefined;
  return (
    <div role="alert" className="flex flex-col gap-2 rounded-md bg-error-soft p-3 text-sm">
      <p className="flex flex-wrap items-center gap-2 font-medium text-error">
        <bdi>{plan.file.name}</bdi>
        {line === undefined ? null : <Badge tone="error">line {grouped(line)}</Badge>}
      </p>
      <p className="break-words">{messageOf(error)}</p>
      {WHAT_TO_DO[code] ? <p>{WHAT_TO_DO[code]}</p> : null}
      <p className="text-muted">
        main.{plan.table} is as it was before. <span className="font-mono text-xs">{code}</span>
      </p>
    </div>
  );
}
