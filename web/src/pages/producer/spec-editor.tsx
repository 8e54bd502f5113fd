// spec-editor.tsx - the templates, the end, the seed and the topic of a producer: edited together,
// and in force from the next event on.
import { useState } from "react";
import { api, path, type RequestPlan } from "@/api/client";
import { queryClient } from "@/api/queries";
import type { Producer, ProducerSpec } from "@/api/types";
import { shortJson } from "@/lib/json-short";
import { type LimitDraft, LimitFields, limitsFrom, limitsTo } from "@/stream/limit-fields";
import { faultOf, readTypes, TemplateEditor } from "@/stream/template-editor";
import { ApiCall } from "@/ui/api-call";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Field, Input } from "@/ui/field";
import { Refusal, useSubmit } from "@/ui/submit";
import { toast } from "@/ui/toast";

function textOf(spec: ProducerSpec): string {
  return shortJson(spec.types ?? spec.template ?? []);
}

/** What differs; a number that was taken away is null. */
function changeOf(before: ProducerSpec, text: string, limits: LimitDraft): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  if (text !== textOf(before)) {
    const isOne = !text.trimStart().startsWith("[");
    const types = readTypes(text);
    if (isOne && types !== null) out.template = JSON.parse(text) as unknown;
    else out.types = types;
  }
  const now = limitsTo(limits);
  for (const name of ["count", "duration_s", "seed"] as const) {
    if (now[name] !== before[name]) out[name] = now[name] ?? null;
  }
  return out;
}

export function SpecEditor({ producer }: { producer: Producer }) {
  const spec = producer.spec ?? {};
  const [text, setText] = useState<string | null>(null);
  const [limits, setLimits] = useState<LimitDraft | null>(null);
  const [topic, setTopic] = useState<string | null>(null);
  const shown = text ?? textOf(spec);
  const change = changeOf(spec, shown, limits ?? limitsFrom(spec));
  const newTopic = topic !== null && topic.trim() !== producer.topic ? topic.trim() : undefined;
  const isChanged = Object.keys(change).length > 0 || newTopic !== undefined;
  const plan: RequestPlan = {
    method: "PATCH",
    path: path`api/v1/producers/${producer.name}`,
    body: {
      ...(newTopic === undefined ? {} : { topic: newTopic }),
      ...(Object.keys(change).length === 0 ? {} : { spec: change }),
    },
  };
  const clear = () => {
    setText(null);
    setLimits(null);
    setTopic(null);
  };
  const { busy, failure, reason, forgive, submit } = useSubmit(async () => {
    const now = await api.patch<Producer>(plan.path, plan.body);
    queryClient.setQueryData(["producers", producer.name], now);
    clear();
    toast("Changed: in force from the next event on");
  });
  const undo = () => {
    clear();
    forgive();
  };
  const fault = faultOf(shown, failure);
  return (
    <Card title="Specification">
      <form className="flex flex-col gap-4" onSubmit={submit}>
        <TemplateEditor
          text={shown}
          error={fault}
          onChange={(next) => {
            setText(next);
            forgive();
          }}
        />
        <Field label="Topic" hint="Made when it is not there." className="max-w-sm">
          <Input
            value={topic ?? producer.topic}
            className="font-mono"
            onChange={(e) => setTopic(e.target.value)}
          />
        </Field>
        <LimitFields draft={limits ?? limitsFrom(spec)} onChange={setLimits} />
        {fault === null ? <Refusal reason={reason} /> : null}
        {isChanged ? <ApiCall plan={plan} /> : null}
        <div className="flex gap-2">
          <Button
            type="submit"
            variant="primary"
            busy={busy}
            disabled={!isChanged || readTypes(shown) === null}
          >
            Save
          </Button>
          {isChanged ? (
            <Button variant="ghost" onClick={undo}>
              Undo
            </Button>
          ) : null}
        </div>
      </form>
    </Card>
  );
}
