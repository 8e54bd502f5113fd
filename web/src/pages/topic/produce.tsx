// produce.tsx - the dialog that sends one event (or a few): typed, or begun from the schema's or
// the newest record's form. What the server stored or refused is shown as it said it.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CircleAlert, CircleCheck, FileJson, History } from "lucide-react";
import { useId, useState } from "react";
import { api, path, type RequestPlan } from "@/api/client";
import { isProblem } from "@/api/problem";
import { invalidate } from "@/api/queries";
import type { Records, Topic } from "@/api/types";
import { formatJson } from "@/lib/json";
import { jsonFault, placeOfPointer } from "@/lib/json-place";
import { count, grouped } from "@/lib/numbers";
import { ApiCall } from "@/ui/api-call";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Select, Textarea } from "@/ui/field";
import { Refusal, useSubmit } from "@/ui/submit";
import { toastError } from "@/ui/toast";
import { sampleOf } from "./sample";

const FORMATS = [
  { value: "json", label: "JSON: an object or a list", type: "application/json" },
  { value: "ndjson", label: "NDJSON: an object per line", type: "application/x-ndjson" },
  { value: "csv", label: "CSV with a header", type: "text/csv" },
  { value: "combined", label: "Web log: combined", type: "text/plain" },
  { value: "common", label: "Web log: common", type: "text/plain" },
  { value: "nginx", label: "Web log: nginx", type: "text/plain" },
] as const;
type Format = (typeof FORMATS)[number]["value"];

interface Reject {
  index: number;
  line: number;
  code: string;
  detail: string;
  pointer?: string;
}

interface Answer {
  accepted: number;
  rejected: Reject[];
  rejected_count: number;
  dead: number;
  offsets: { partition: number; first: number; next: number }[];
}

const NOTHING: Answer = { accepted: 0, rejected: [], rejected_count: 0, dead: 0, offsets: [] };

function planOf(topic: Topic, text: string, format: Format, key: string): RequestPlan {
  const type = FORMATS.find((one) => one.value === format)?.type ?? "application/json";
  return {
    method: "POST",
    path: path`api/v1/topics/${topic.name}/events`,
    query: {
      key: key !== "" && key !== topic.key ? key : undefined,
      format: type === "text/plain" ? format : undefined,
    },
    headers: { "content-type": type },
    body: text,
  };
}

export function ProduceDialog({ topic, onClose }: { topic: Topic; onClose: () => void }) {
  const [text, setText] = useState('{\n  "type": "view"\n}');
  const [format, setFormat] = useState<Format>("json");
  const [key, setKey] = useState(topic.key ?? "");
  const [answer, setAnswer] = useState<Answer | null>(null);
  const formId = useId();
  const fault = format === "json" ? jsonFault(text) : null;
  const plan = planOf(topic, text, format, key.trim());
  const { busy, reason, forgive, submit } = useSubmit(async () => {
    setAnswer(null);
    try {
      const { query = {}, headers = {} } = plan;
      setAnswer(await api.post<Answer>(plan.path, text, { query, headers }));
      await invalidate("topics");
    } catch (error) {
      // Nothing was stored: the refusal lists why as the answer would.
      if (!isProblem(error) || !Array.isArray(error.body.rejected)) throw error;
      setAnswer({ ...NOTHING, ...(error.body as Partial<Answer>) });
    }
  });
  const edit = (next: string) => {
    setText(next);
    setAnswer(null);
    forgive();
  };
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title={`Produce to ${topic.name}`}
      description="Stored when the server has answered: durable, and in SQL at once."
      footer={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button
            type="submit"
            form={formId}
            variant="primary"
            busy={busy}
            disabled={fault !== null || text.trim() === ""}
          >
            Send
          </Button>
        </>
      }
    >
      <form id={formId} className="flex flex-col gap-3" onSubmit={submit}>
        <div className="flex flex-wrap items-end gap-2">
          <Field label="Format">
            <Select value={format} options={FORMATS} onChange={setFormat} />
          </Field>
          <Field label="Key field" className="w-44">
            <Input
              value={key}
              placeholder="no key"
              className="font-mono"
              onChange={(e) => setKey(e.target.value)}
            />
          </Field>
          <Samples
            topic={topic}
            onSample={(value) => {
              setFormat("json");
              edit(formatJson(value));
            }}
          />
        </div>
        <Field
          label="Events"
          error={
            fault === null
              ? undefined
              : `Line ${fault.place.line}, column ${fault.place.column}: ${fault.message}`
          }
          hint={
            format === "json"
              ? "Valid JSON. The key field's value becomes the event's key."
              : undefined
          }
        >
          <Textarea
            data-autofocus
            rows={12}
            value={text}
            onChange={(e) => edit(e.target.value)}
            onKeyDown={(e) => {
              if (e.key === "Enter" && (e.ctrlKey || e.metaKey))
                e.currentTarget.form?.requestSubmit();
            }}
          />
        </Field>
        <Refusal reason={reason} />
        {answer === null ? null : <Outcome answer={answer} text={text} onClose={onClose} />}
        <ApiCall plan={plan} />
      </form>
    </Dialog>
  );
}

interface SamplesProps {
  topic: Topic;
  onSample: (value: unknown) => void;
}

function Samples({ topic, onSample }: SamplesProps) {
  const schema = useQuery({
    queryKey: ["topics", topic.name, "schema", topic.schema_version],
    queryFn: ({ signal }) => api.get<unknown>(path`api/v1/topics/${topic.name}/schema`, { signal }),
    enabled: Boolean(topic.schema_version),
  });
  const newest = async () => {
    try {
      const page = await api.get<Records>(path`api/v1/topics/${topic.name}/records`, {
        query: { order: "desc", limit: 1 },
      });
      const value = page.records[0]?.value;
      if (value === undefined) toastError("The log is empty");
      else onSample(value);
    } catch (error) {
      toastError("The newest record could not be read", error);
    }
  };
  return (
    <span className="flex flex-wrap gap-2">
      {schema.data === undefined ? null : (
        <Button icon={FileJson} onClick={() => onSample(sampleOf(schema.data))}>
          From the schema
        </Button>
      )}
      {topic.events ? (
        <Button icon={History} onClick={() => void newest()}>
          From the newest record
        </Button>
      ) : null}
    </span>
  );
}

interface OutcomeProps {
  answer: Answer;
  text: string;
  onClose: () => void;
}

function Outcome({ answer, text, onClose }: OutcomeProps) {
  const navigate = useNavigate({ from: "/topics/$name" });
  const at = answer.offsets[0];
  return (
    <div role="status" className="flex flex-col gap-2 text-sm">
      {answer.accepted > 0 && at !== undefined ? (
        <p className="flex flex-wrap items-center gap-2 rounded-md bg-ok-soft px-3 py-2">
          <CircleCheck aria-hidden="true" className="size-4 text-ok" />
          {count(answer.accepted, "event")} stored: partition {at.partition}, offset{" "}
          {grouped(at.first)}
          {at.next - at.first > 1 ? ` to ${grouped(at.next - 1)}` : ""}
          {answer.offsets.length > 1 ? ` and ${answer.offsets.length - 1} more partitions` : ""}
          <Button
            size="sm"
            onClick={() => {
              onClose();
              void navigate({ search: { tab: "records", open: `${at.partition}:${at.first}` } });
            }}
          >
            Open record
          </Button>
        </p>
      ) : null}
      {answer.rejected_count > 0 ? (
        <div className="rounded-md bg-error-soft px-3 py-2">
          <p className="flex items-center gap-2 font-medium">
            <CircleAlert aria-hidden="true" className="size-4 text-error" />
            {count(answer.rejected_count, "event")} refused
            {answer.dead > 0 ? `, ${grouped(answer.dead)} kept as dead letters` : ""}
          </p>
          <ul className="mt-1 max-h-40 overflow-y-auto">
            {answer.rejected.map((reject) => (
              <li key={reject.index} className="break-words">
                <span className="text-muted">{whereOf(reject, text)}</span> {reject.detail}{" "}
                <code className="font-mono text-xs text-muted">{reject.code}</code>
              </li>
            ))}
          </ul>
        </div>
      ) : null}
    </div>
  );
}

/** Where in the typed text a refused event, or what is wrong in it, is. */
function whereOf({ index, line, pointer }: Reject, text: string): string {
  if (pointer === undefined) return `Line ${line}:`;
  const single = placeOfPointer(
    text,
    text.trimStart().startsWith("[") ? `/${index}${pointer}` : pointer,
  );
  return `Line ${single?.line ?? line}:`;
}
