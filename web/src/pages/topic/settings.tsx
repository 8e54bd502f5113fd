// settings.tsx - the tab Settings: everything of a topic that can change, and deleting it. Only
// what differs is sent; nothing is saved when the server refuses one of them.
import { useNavigate } from "@tanstack/react-router";
import { Trash2 } from "lucide-react";
import { useState } from "react";
import { api, path, type RequestPlan } from "@/api/client";
import { invalidate, queryClient } from "@/api/queries";
import type { Topic } from "@/api/types";
import { bytes, count, grouped } from "@/lib/numbers";
import { SettingFields } from "@/stream/setting-fields";
import { changesOf, type Draft, draftOf, fieldOf } from "@/stream/topic-settings";
import { ApiCall } from "@/ui/api-call";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ConfirmDialog } from "@/ui/dialog";
import { ErrorCard } from "@/ui/states";
import { useSubmit } from "@/ui/submit";
import { Segments } from "@/ui/tabs";
import { toast } from "@/ui/toast";

export function SettingsTab({ topic }: { topic: Topic }) {
  const [edits, setEdits] = useState<Draft>({});
  const [deleting, setDeleting] = useState(false);
  const before = draftOf(topic);
  const draft = { ...before, ...edits };
  const changes = changesOf(before, draft);
  const changed = Object.keys(changes).length;
  const plan: RequestPlan = {
    method: "PATCH",
    path: path`api/v1/topics/${topic.name}`,
    body: changes,
  };
  const { busy, failure, reason, forgive, submit } = useSubmit(async () => {
    if (changed === 0) return;
    const now = await api.patch<Topic>(plan.path, changes);
    queryClient.setQueryData(["topics", topic.name], now);
    setEdits({});
    toast(`Saved: ${Object.keys(changes).join(", ")}`);
    await invalidate("topics");
  });
  const field = fieldOf(failure);
  return (
    <div className="flex max-w-4xl flex-col gap-4">
      <Card>
        <form onSubmit={submit} className="flex flex-col gap-4">
          <SettingFields
            draft={draft}
            refused={field === null ? null : { name: field, text: reason ?? "" }}
            onChange={(name, text) => {
              setEdits((old) => ({ ...old, [name]: text }));
              if (name === field) forgive();
            }}
          />
          {failure !== null && field === null ? (
            <ErrorCard what="Nothing was saved." error={failure} />
          ) : null}
          {changed > 0 ? <ApiCall plan={plan} /> : null}
          <div className="flex flex-wrap items-center gap-2">
            <Button type="submit" variant="primary" busy={busy} disabled={changed === 0}>
              Save {changed > 0 ? count(changed, "change") : "changes"}
            </Button>
            {changed > 0 ? (
              <Button
                variant="ghost"
                onClick={() => {
                  setEdits({});
                  forgive();
                }}
              >
                Undo
              </Button>
            ) : null}
          </div>
        </form>
      </Card>
      <Card title="Delete the topic" className="border-error/50">
        <div className="flex flex-wrap items-center justify-between gap-3 text-sm">
          <p>
            {grouped(topic.events)} events, {bytes(topic.bytes)} in the log; the table can stay.
          </p>
          <Button variant="danger" icon={Trash2} onClick={() => setDeleting(true)}>
            Delete topic…
          </Button>
        </div>
      </Card>
      {deleting ? <DeleteTopic topic={topic} onClose={() => setDeleting(false)} /> : null}
    </div>
  );
}

/** Landing what is there may take its time. */
const DELETE_MS = 10 * 60_000;

function DeleteTopic({ topic, onClose }: { topic: Topic; onClose: () => void }) {
  const [drop, setDrop] = useState<"keep" | "drop">("keep");
  const navigate = useNavigate();
  const waiting = topic.lag_events ?? 0;
  const plan: RequestPlan = {
    method: "DELETE",
    path: path`api/v1/topics/${topic.name}`,
    query: { drop: drop === "drop" ? true : undefined },
  };
  return (
    <ConfirmDialog
      open
      onClose={onClose}
      title="Delete topic"
      action={drop === "drop" ? "Delete topic and tables" : "Delete topic"}
      typedName={topic.name}
      onConfirm={async () => {
        await api.delete(plan.path, { query: plan.query ?? {}, timeoutMs: DELETE_MS });
        toast(`Topic ${topic.name} deleted`);
        await navigate({ to: "/topics" });
        queryClient.removeQueries({ queryKey: ["topics", topic.name] });
        await Promise.all([invalidate("topics"), invalidate("tables"), invalidate("catalog")]);
      }}
    >
      <div className="flex flex-col gap-3">
        <Segments
          label="What becomes of the table"
          value={drop}
          onChange={setDrop}
          items={[
            { value: "keep", label: "Keep the table" },
            { value: "drop", label: "Drop the tables too" },
          ]}
        />
        <ul className="list-disc pl-5">
          <li>
            The log goes: {grouped(topic.events)} events, {bytes(topic.bytes)}.
          </li>
          {drop === "keep" ? (
            <>
              <li>
                {waiting > 0
                  ? `${count(waiting, "event")} that wait are landed first; then`
                  : "All has landed;"}{" "}
                the table <code className="font-mono">bronze.{topic.table}</code> stays as it is.
              </li>
              <li>A topic of this name can go on with it later (adopt).</li>
            </>
          ) : (
            <>
              <li>
                The tables <code className="font-mono">bronze.{topic.table}</code> and{" "}
                <code className="font-mono">bronze.{topic.table}__dead</code> go with all their
                rows.
              </li>
              <li>
                {waiting > 0 ? `${count(waiting, "event")} that have not landed are lost. ` : ""}
                This cannot be undone.
              </li>
            </>
          )}
        </ul>
        <ApiCall plan={plan} />
      </div>
    </ConfirmDialog>
  );
}
