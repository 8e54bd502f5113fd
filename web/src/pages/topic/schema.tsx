// schema.tsx - the tab Schema: what is in force, what was before and how they differ, and declaring
// another. The server's answer about compatibility is shown at the line that it is about.
import { useQuery } from "@tanstack/react-query";
import { FilePlus2, Pencil } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { api, path, type RequestPlan } from "@/api/client";
import { isProblem } from "@/api/problem";
import { invalidate } from "@/api/queries";
import type { TableSchema, Topic } from "@/api/types";
import { formatJson } from "@/lib/json";
import { jsonFault, placeOfPointer } from "@/lib/json-place";
import { type DiffLine, lineDiff } from "@/lib/line-diff";
import { grouped } from "@/lib/numbers";
import { ApiCall } from "@/ui/api-call";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { CodeBlock, CopyAsCurl } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { ConfirmDialog } from "@/ui/dialog";
import { Field, Select, Textarea } from "@/ui/field";
import { VirtualGrid } from "@/ui/grid";
import { EmptyState, Loaded } from "@/ui/states";
import { useSubmit } from "@/ui/submit";
import { toast } from "@/ui/toast";

interface SchemaVersion {
  version: number;
  start_offsets?: number[];
  is_declared: boolean;
  schema?: Record<string, unknown> | null;
}

async function allVersions(topic: string, signal: AbortSignal): Promise<SchemaVersion[]> {
  const out: SchemaVersion[] = [];
  let after: string | null = null;
  do {
    const page: { versions: SchemaVersion[]; next: string | null } = await api.get(
      path`api/v1/topics/${topic}/schema/versions`,
      { query: { limit: 1000, after }, signal },
    );
    out.push(...page.versions);
    after = page.next;
  } while (after !== null && out.length < 10_000);
  return out;
}

function useVersions(topic: Topic) {
  return useQuery({
    queryKey: ["topics", topic.name, "schema-versions", topic.schema_version],
    queryFn: ({ signal }) => allVersions(topic.name, signal),
  });
}

/** The document of a version as text; the empty text where columns were inferred. */
function useVersionText(topic: Topic, version: number | null) {
  return useQuery({
    queryKey: ["topics", topic.name, "schema-version", version],
    queryFn: async ({ signal }) => {
      const to = path`api/v1/topics/${topic.name}/schema/versions/${version ?? 0}`;
      const { schema } = await api.get<SchemaVersion>(to, { signal });
      return schema ? formatJson(schema) : "";
    },
    enabled: version !== null,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function SchemaTab({ topic }: { topic: Topic }) {
  const [editing, setEditing] = useState<string | null>(null);
  const [removing, setRemoving] = useState(false);
  const current = topic.schema_version ?? null;
  const text = useVersionText(topic, current);
  const versions = useVersions(topic);
  const plan: RequestPlan = { method: "GET", path: path`api/v1/topics/${topic.name}/schema` };
  return (
    <div className="grid min-w-0 grid-cols-1 items-start gap-4 xl:grid-cols-2">
      {editing !== null ? (
        <Editor topic={topic} first={editing} onClose={() => setEditing(null)} />
      ) : current === null ? (
        <Card>
          <EmptyState
            icon={FilePlus2}
            title="No schema declared"
            reason="Every JSON object is an event, and columns are inferred. A schema refuses events that break it, with the place and the reason."
            action={
              <Button variant="primary" onClick={() => setEditing(startOf(topic))}>
                Declare a schema
              </Button>
            }
            command={`curl -X PUT ${new URL(plan.path, document.baseURI).href} -H 'Content-Type: application/json' \\\n     -d '{"type": "object"}'`}
          />
        </Card>
      ) : (
        <Card
          title="In force"
          note={`version ${current}`}
          actions={
            <>
              <CopyAsCurl plan={plan} />
              <Button size="sm" variant="ghost" onClick={() => setRemoving(true)}>
                Remove…
              </Button>
              <Button size="sm" icon={Pencil} onClick={() => setEditing(text.data ?? "")}>
                Change
              </Button>
            </>
          }
        >
          <Loaded query={text} what="The schema could not be loaded.">
            {(data) => (
              <CodeBlock text={data} className="[&_pre]:max-h-[60vh] [&_pre]:overflow-y-auto" />
            )}
          </Loaded>
        </Card>
      )}
      <div className="flex min-w-0 flex-col gap-4">
        <InferredColumns topic={topic} />
        <Loaded query={versions} what="The versions could not be loaded." lines={3}>
          {(list) => <Versions topic={topic} versions={list} />}
        </Loaded>
      </div>
      <ConfirmDialog
        open={removing}
        onClose={() => setRemoving(false)}
        title="Remove the schema"
        action="Remove schema"
        onConfirm={async () => {
          await api.delete(path`api/v1/topics/${topic.name}/schema`);
          await invalidate("topics");
          toast("From now on columns are inferred");
        }}
      >
        <p>
          From now on events are not checked: every JSON object is taken. Columns keep their types,
          and a schema declared later must still be able to follow version {current}.
        </p>
      </ConfirmDialog>
    </div>
  );
}

function startOf(topic: Topic): string {
  const properties: Record<string, unknown> = {};
  if (topic.key) properties[topic.key] = { type: "string" };
  return formatJson({ type: "object", properties, required: topic.key ? [topic.key] : [] });
}

interface EditorProps {
  topic: Topic;
  first: string;
  onClose: () => void;
}

function Editor({ topic, first, onClose }: EditorProps) {
  const [text, setText] = useState(first);
  const area = useRef<HTMLTextAreaElement>(null);
  const fault = jsonFault(text);
  const plan: RequestPlan = {
    method: "PUT",
    path: path`api/v1/topics/${topic.name}/schema`,
    headers: { "content-type": "application/schema+json" },
    body: text,
  };
  const { busy, failure, reason, forgive, submit } = useSubmit(async () => {
    try {
      const answer = await api.put<SchemaVersion>(plan.path, text, { headers: plan.headers ?? {} });
      toast(`Version ${answer.version} is in force`);
      await invalidate("topics");
      onClose();
    } catch (error) {
      const place = isProblem(error) && error.pointer !== undefined ? error.pointer : null;
      const found = place === null ? null : placeOfPointer(text, place);
      if (found !== null) showAt(area.current, text, found.at);
      throw error;
    }
  });
  const pointer = isProblem(failure) ? failure.pointer : undefined;
  const place = pointer === undefined ? null : placeOfPointer(text, pointer);
  const error =
    fault !== null
      ? `Line ${fault.place.line}: ${fault.message}`
      : place !== null
        ? `Line ${place.line}: ${reason}`
        : reason;
  return (
    <Card title={topic.schema_version ? "Change the schema" : "Declare a schema"}>
      <form className="flex flex-col gap-3" onSubmit={submit}>
        <Field
          label="JSON Schema (2020-12)"
          hint="A new version may add fields that are not required, and relax. What may not follow the last one is refused with its place."
          error={error}
        >
          <Textarea
            ref={area}
            rows={22}
            value={text}
            onChange={(e) => {
              setText(e.target.value);
              forgive();
            }}
          />
        </Field>
        {isProblem(failure, "schema_incompatible") ? (
          <p className="text-sm text-muted">
            Ways out: a new field beside the old one, or a new topic for the new kind of events.
          </p>
        ) : null}
        {text === first || fault !== null ? null : <Difference before={first} after={text} />}
        <ApiCall plan={plan} />
        <div className="flex gap-2">
          <Button type="submit" variant="primary" busy={busy} disabled={fault !== null}>
            Declare
          </Button>
          <Button variant="ghost" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Card>
  );
}

/** Selects the line and brings it into view. */
function showAt(area: HTMLTextAreaElement | null, text: string, at: number): void {
  if (area === null) return;
  const end = text.indexOf("\n", at);
  area.focus();
  area.setSelectionRange(at, end < 0 ? text.length : end);
  const line = text.slice(0, at).split("\n").length;
  const height = area.scrollHeight / text.split("\n").length;
  area.scrollTop = Math.max(0, (line - 4) * height);
}

function InferredColumns({ topic }: { topic: Topic }) {
  const schema = useQuery({
    queryKey: ["tables", topic.table, "schema", topic.schema_version],
    queryFn: ({ signal }) =>
      api.get<TableSchema>(path`api/v1/tables/${topic.table}/schema`, { signal }),
    retry: false,
  });
  const missing = isProblem(schema.error) && schema.error.status === 404;
  return (
    <Card
      title="Columns of the table"
      note={topic.schema_version ? "declared and those of tarn" : "inferred from the events"}
      flush
    >
      {missing ? (
        <p className="px-3 pb-3 text-sm text-muted">
          There is no table yet: it is made when the first events land.
        </p>
      ) : (
        <div className="px-3 pb-3">
          <Loaded query={schema} what="The columns could not be loaded." lines={4}>
            {(data) => (
              <VirtualGrid
                label={`Columns of ${data.name}`}
                className="max-h-80"
                rows={data.columns}
                columns={[
                  { id: "name", header: "Column", width: 220, value: (c) => c.name },
                  {
                    id: "type",
                    header: "Type",
                    width: 320,
                    value: (c) => c.type,
                    cell: (c) => (
                      <span className="font-mono text-xs">
                        {c.type}
                        {c.provisional ? (
                          <Badge tone="info" className="ml-2 font-sans">
                            provisional
                          </Badge>
                        ) : null}
                      </span>
                    ),
                  },
                ]}
              />
            )}
          </Loaded>
        </div>
      )}
    </Card>
  );
}

function Versions({ topic, versions }: { topic: Topic; versions: readonly SchemaVersion[] }) {
  const newest = versions.at(-1)?.version ?? null;
  const [chosen, setChosen] = useState<number | null>(null);
  const [against, setAgainst] = useState<number | null>(null);
  if (newest === null) return null;
  const after = chosen ?? newest;
  const index = versions.findIndex((v) => v.version === after);
  const before = against ?? versions[index - 1]?.version ?? null;
  const options = versions.map((v) => ({
    value: String(v.version),
    label: `${v.version}${v.is_declared ? "" : " (inferred)"}`,
  }));
  return (
    <Card title="Versions" note={grouped(versions.length)}>
      <ol className="mb-3 max-h-40 overflow-y-auto text-sm">
        {versions.toReversed().map((v) => (
          <li key={v.version} className="flex flex-wrap gap-x-3 py-0.5">
            <span className="font-medium">Version {v.version}</span>
            <span className="text-muted">
              {v.is_declared ? "declared" : "back to inferred columns"}
            </span>
            <span className="text-muted">from offsets {offsetsText(v.start_offsets ?? [])}</span>
          </li>
        ))}
      </ol>
      {versions.length > 1 ? (
        <div className="flex flex-col gap-2">
          <div className="flex flex-wrap items-end gap-2">
            <Field label="From version">
              <Select
                value={String(before ?? "")}
                options={options}
                onChange={(value) => setAgainst(Number(value))}
              />
            </Field>
            <Field label="to version">
              <Select
                value={String(after)}
                options={options}
                onChange={(value) => {
                  setChosen(Number(value));
                  setAgainst(null);
                }}
              />
            </Field>
          </div>
          <VersionDifference topic={topic} before={before} after={after} />
        </div>
      ) : null}
    </Card>
  );
}

const OFFSETS_SHOWN = 8;

function offsetsText(offsets: readonly number[]): string {
  const shown = offsets.slice(0, OFFSETS_SHOWN).map((offset) => grouped(offset));
  return `${shown.join(" · ")}${offsets.length > OFFSETS_SHOWN ? " …" : ""}`;
}

interface VersionDifferenceProps {
  topic: Topic;
  before: number | null;
  after: number;
}

function VersionDifference({ topic, before, after }: VersionDifferenceProps): ReactNode {
  const old = useVersionText(topic, before);
  const now = useVersionText(topic, after);
  if (before === null) return <p className="text-sm text-muted">The first version.</p>;
  return (
    <Loaded query={old} what={`Version ${before} could not be loaded.`} lines={3}>
      {(a) => (
        <Loaded query={now} what={`Version ${after} could not be loaded.`} lines={3}>
          {(b) => <Difference before={a} after={b} />}
        </Loaded>
      )}
    </Loaded>
  );
}

const CONTEXT = 2;

/** Changed lines with a little around them; the rest is folded. */
function folded(lines: readonly DiffLine[]): (DiffLine | number)[] {
  const near = lines.map((_, i) =>
    lines.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some((line) => line.kind !== "same"),
  );
  const out: (DiffLine | number)[] = [];
  let hidden = 0;
  lines.forEach((line, i) => {
    if (!near[i]) {
      hidden++;
      return;
    }
    if (hidden > 0) out.push(hidden);
    hidden = 0;
    out.push(line);
  });
  if (hidden > 0) out.push(hidden);
  return out;
}

const MARKS = { same: " ", added: "+", removed: "−" } as const;
const WORDS = { same: "", added: "added: ", removed: "removed: " } as const;

function Difference({ before, after }: { before: string; after: string }) {
  const lines = lineDiff(before, after);
  if (lines === null) {
    return <p className="text-sm text-muted">The documents are too large to compare here.</p>;
  }
  if (lines.every((line) => line.kind === "same")) {
    return <p className="text-sm text-muted">No difference.</p>;
  }
  return (
    <section
      aria-label="Differences"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by key.
      tabIndex={0}
      className="max-h-96 overflow-auto rounded-md border border-line bg-sunken py-1 font-mono text-xs leading-5"
    >
      {folded(lines).map((line, i) =>
        typeof line === "number" ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: lines are fixed by their place.
          <div key={i} className="px-3 text-muted">
            … {grouped(line)} unchanged
          </div>
        ) : (
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: lines are fixed by their place.
            key={i}
            className={cx(
              "px-3 whitespace-pre",
              line.kind === "added" && "bg-ok-soft text-ok",
              line.kind === "removed" && "bg-error-soft text-error",
            )}
          >
            <span aria-hidden="true">{MARKS[line.kind]} </span>
            <span className="sr-only">{WORDS[line.kind]}</span>
            {line.text}
          </div>
        ),
      )}
    </section>
  );
}
