// redrive.tsx - the dialog that puts dead letters through the door again: what will be taken is
// counted first; then its progress, its end in the server's words, and the way to end it early.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, path, type RequestPlan } from "@/api/client";
import { isProblem, messageOf } from "@/api/problem";
import type { Topic } from "@/api/types";
import { count, grouped } from "@/lib/numbers";
import { ApiCall } from "@/ui/api-call";
import { StateBadge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Select } from "@/ui/field";
import { KeyValue } from "@/ui/keyvalue";
import { Refusal, useSubmit } from "@/ui/submit";
import { Segments } from "@/ui/tabs";
import { countSql, type DeadFilter, type Redrive, whereOf } from "./dead-letters";

const FORMATS = [
  { value: "", label: "As JSON" },
  { value: "combined", label: "As lines: combined" },
  { value: "common", label: "As lines: common" },
  { value: "nginx", label: "As lines: nginx" },
  { value: "nginx_json", label: "As lines: nginx JSON" },
  { value: "apache_error", label: "As lines: Apache errors" },
];
const POLL_MS = 400;

interface RedriveDialogProps {
  topic: Topic;
  filter: DeadFilter;
  onClose: () => void;
}

export function RedriveDialog({ topic, filter, onClose }: RedriveDialogProps) {
  const filtered = whereOf(filter);
  const [scope, setScope] = useState<"all" | "filtered">(filtered === "" ? "all" : "filtered");
  const [format, setFormat] = useState("");
  const [limit, setLimit] = useState("");
  const [id, setId] = useState<string | null>(null);
  const base = path`api/v1/topics/${topic.name}/dead/redrive`;
  const where = scope === "all" ? "" : filtered;
  const selected = useQuery({
    queryKey: ["topics", topic.name, "redrive-count", where],
    queryFn: async ({ signal }) => {
      const answer = await api.post<{ rows: [string][] }>(
        "api/v1/query",
        { sql: countSql(topic.table, where), int64: "string" },
        { signal },
      );
      return answer.rows[0]?.[0] ?? "0";
    },
    staleTime: 0,
  });
  const limitFault = limit.trim() !== "" && !/^\d{1,15}$/.test(limit.trim());
  const plan: RequestPlan = {
    method: "POST",
    path: base,
    body: {
      ...(where === "" ? {} : { where }),
      ...(limit.trim() === "" || limitFault ? {} : { limit: Number(limit) }),
      ...(format === "" ? {} : { format }),
    },
  };
  const { busy, failure, reason, submit } = useSubmit(async () => {
    setId((await api.post<Redrive>(base, plan.body)).id);
  });
  if (id !== null) {
    return <Running topic={topic} id={id} total={selected.data ?? null} onClose={onClose} />;
  }
  return (
    <Dialog
      open
      onClose={onClose}
      title="Re-drive dead letters"
      description="Each is judged by the topic's present schema and limits. What passes becomes a row, exactly once."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            busy={busy}
            disabled={limitFault || selected.data === "0"}
            onClick={submit}
          >
            Re-drive {selected.data === undefined ? "" : grouped(selected.data)}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4 text-sm">
        <Segments
          label="Which"
          value={scope}
          onChange={setScope}
          items={[
            { value: "all", label: "All" },
            { value: "filtered", label: "Those that the filters show" },
          ]}
        />
        {scope === "filtered" ? (
          filtered === "" ? (
            <p className="text-muted">No filter is set: this is all of them.</p>
          ) : (
            <code className="font-mono text-xs break-all">{filtered}</code>
          )
        ) : null}
        <p role="status">
          {selected.data !== undefined ? (
            <>
              <strong>{count(selected.data, "dead letter")}</strong> selected. Those re-driven
              before are passed over.
            </>
          ) : selected.error !== null ? (
            `They could not be counted: ${messageOf(selected.error)}`
          ) : (
            "Counting…"
          )}
        </p>
        <div className="flex flex-wrap gap-3">
          <Field label="How bad lines are read">
            <Select value={format} options={FORMATS} onChange={setFormat} />
          </Field>
          <Field label="At most" className="w-36" error={limitFault ? "A whole number" : undefined}>
            <Input
              value={limit}
              inputMode="numeric"
              placeholder="all"
              onChange={(e) => setLimit(e.target.value)}
            />
          </Field>
        </div>
        <Refusal
          reason={
            isProblem(failure) && failure.status === 409
              ? `${reason} Wait for it, or cancel it.`
              : reason
          }
        />
        <ApiCall plan={plan} />
      </div>
    </Dialog>
  );
}

interface RunningProps {
  topic: Topic;
  id: string;
  total: string | null;
  onClose: () => void;
}

function isOver(state: Redrive["state"] | undefined): boolean {
  return state === "done" || state === "cancelled" || state === "failed";
}

function Running({ topic, id, total, onClose }: RunningProps) {
  const to = path`api/v1/topics/${topic.name}/dead/redrive/${id}`;
  const [failure, setFailure] = useState<unknown>(null);
  const job = useQuery({
    queryKey: ["redrive", topic.name, id],
    queryFn: ({ signal }) => api.get<Redrive>(to, { signal }),
    refetchInterval: ({ state }) => (isOver(state.data?.state) ? false : POLL_MS),
  });
  const data = job.data;
  const seen = (data?.redriven ?? 0) + (data?.still_bad ?? 0) + (data?.already ?? 0);
  const share = total === null || Number(total) === 0 ? null : Math.min(1, seen / Number(total));
  const over = isOver(data?.state);
  return (
    <Dialog
      open
      onClose={onClose}
      title="Re-drive"
      footer={
        over ? (
          <Button variant="primary" onClick={onClose}>
            Close
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>Leave it running</Button>
            <Button
              variant="danger"
              disabled={data?.state === "cancelling"}
              onClick={() => {
                api.delete(to).then(() => job.refetch(), setFailure);
              }}
            >
              {data?.state === "cancelling" ? "Cancelling…" : "Cancel re-drive"}
            </Button>
          </>
        )
      }
    >
      <div className="flex flex-col gap-3 text-sm">
        <p className="flex items-center gap-2">
          <StateBadge state={data?.state ?? "waiting"} />
          {count(seen, "dead letter")} judged{total === null ? "" : ` of ${grouped(total)}`}
        </p>
        <progress
          aria-label="Judged so far"
          className="h-2 w-full accent-accent"
          {...(over ? { value: share ?? 1 } : share === null ? {} : { value: share })}
        />
        <KeyValue
          items={[
            ["Became rows", grouped(data?.redriven ?? 0)],
            ["Refused again", grouped(data?.still_bad ?? 0)],
            ["Re-driven before", grouped(data?.already ?? 0)],
          ]}
        />
        {data?.error ? (
          <p role="alert" className="text-error">
            {data.error.detail ?? data.error.code}
          </p>
        ) : null}
        {job.error !== null || failure !== null ? (
          <p role="alert" className="text-error">
            {messageOf(failure ?? job.error)}
          </p>
        ) : null}
        {data?.still_bad_rows && data.still_bad_rows.length > 0 ? (
          <section aria-label="Refused again">
            <h3 className="mb-1 text-xs font-medium text-muted">
              Refused again{data.still_bad > data.still_bad_rows.length ? " (the first 100)" : ""}
            </h3>
            <ul className="max-h-48 overflow-y-auto">
              {data.still_bad_rows.map((row) => (
                <li key={`${row.partition}:${row.offset}`} className="break-words">
                  <span className="text-muted">
                    {row.partition}:{grouped(row.offset)}
                  </span>{" "}
                  {row.detail}
                </li>
              ))}
            </ul>
          </section>
        ) : null}
      </div>
    </Dialog>
  );
}
