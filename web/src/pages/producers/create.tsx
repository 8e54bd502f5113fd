// create.tsx - the dialog that makes a producer: of a preset, or of templates of one's own. The
// server compiles the specification; what it refuses is shown at its place.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";
import { api, type RequestPlan } from "@/api/client";
import { invalidate, q } from "@/api/queries";
import type { ProducerPreset } from "@/api/types";
import { url } from "@/lib/base";
import { shortJson } from "@/lib/json-short";
import { type BadDraft, BadFields, badTo } from "@/stream/bad-fields";
import { type LimitDraft, LimitFields, limitsTo } from "@/stream/limit-fields";
import {
  produceCommand,
  RATE_START,
  type RateDraft,
  rateTo,
  TEMPLATES,
  weightsOf,
} from "@/stream/producer-spec";
import { RateEditor } from "@/stream/rate-editor";
import { faultOf, readTypes, TemplateEditor } from "@/stream/template-editor";
import { WeightsEditor } from "@/stream/weights-editor";
import { ApiCall } from "@/ui/api-call";
import { Button } from "@/ui/button";
import { CopyButton } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { Dialog } from "@/ui/dialog";
import { Checkbox, Field, Input } from "@/ui/field";
import { Loaded } from "@/ui/states";
import { useSubmit } from "@/ui/submit";
import { Segments } from "@/ui/tabs";
import { toast } from "@/ui/toast";

interface CreateProps {
  kind: "preset" | "template";
  onKind: (kind: "preset" | "template") => void;
  /** Names that are there already. */
  taken: readonly string[];
  onClose: () => void;
}

const FIRST_TEMPLATE = TEMPLATES[0] as (typeof TEMPLATES)[number];

function freeName(wanted: string, taken: readonly string[]): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    if (!taken.includes(name)) return name;
  }
}

export function CreateProducer({ kind, onKind, taken, onClose }: CreateProps) {
  const navigate = useNavigate();
  const presets = useQuery(q.presets);
  const [chosen, setChosen] = useState<string | null>(null);
  const [name, setName] = useState<string | null>(null);
  const [topic, setTopic] = useState("");
  const [rate, setRate] = useState<RateDraft>(RATE_START);
  const [weights, setWeights] = useState<Record<string, number>>({});
  const [text, setText] = useState(() => shortJson(FIRST_TEMPLATE.types));
  const [sampleTopic, setSampleTopic] = useState(FIRST_TEMPLATE.topic);
  const [bad, setBad] = useState<BadDraft>({ percent: 0, kinds: [] });
  const [limits, setLimits] = useState<LimitDraft>({ count: "", duration: "", seed: "" });
  const [start, setStart] = useState(true);
  const formId = useId();
  const isPreset = kind === "preset";
  const preset = presets.data?.find((one) => one.name === chosen) ?? presets.data?.[0];
  const proposed = freeName((isPreset ? preset?.name : sampleTopic) ?? "", taken);
  const finalName = (name ?? proposed).trim();
  const finalTopic = topic.trim() || (isPreset ? "" : sampleTopic);
  const types = isPreset
    ? weightsOf(preset?.spec).map((type) => ({
        ...type,
        weight: weights[type.name] ?? type.weight,
      }))
    : [];
  const spec: Record<string, unknown> = {
    rate: rateTo(rate),
    ...(isPreset
      ? Object.keys(weights).length > 0
        ? { weights }
        : {}
      : { types: readTypes(text) ?? [] }),
    ...badTo(bad),
    ...limitsTo(limits),
  };
  const body = {
    name: finalName,
    ...(finalTopic === "" ? {} : { topic: finalTopic }),
    ...(isPreset ? { preset: preset?.name } : {}),
    spec,
    ...(start ? {} : { start }),
  };
  const plan: RequestPlan = { method: "POST", path: "api/v1/producers", body };
  const { busy, failure, reason, forgive, submit } = useSubmit(async () => {
    await api.post(plan.path, body);
    await invalidate("producers");
    toast(`Producer ${finalName} made`);
    await navigate({ to: "/producers/$name", params: { name: finalName } });
  });
  const fault = isPreset ? null : faultOf(text, failure);
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title="New producer"
      description="It makes up events on this server, as a client would send them."
      footer={
        <>
          <CopyButton
            showLabel
            label="Copy as tarn produce"
            text={() =>
              produceCommand(
                {
                  preset: isPreset ? preset?.name : undefined,
                  topic: finalTopic,
                  spec,
                },
                url("").replace(/\/$/, ""),
              )
            }
            className="mr-auto"
          />
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            form={formId}
            variant="primary"
            busy={busy}
            disabled={finalName === "" || (!isPreset && readTypes(text) === null)}
          >
            {start ? "Make and start" : "Make"}
          </Button>
        </>
      }
    >
      <form id={formId} className="flex flex-col gap-5" onSubmit={submit}>
        <Segments
          label="Made of"
          value={kind}
          onChange={(next) => {
            forgive();
            onKind(next);
          }}
          items={[
            { value: "preset", label: "A preset" },
            { value: "template", label: "My own template" },
          ]}
        />
        {isPreset ? (
          <Loaded query={presets} what="The presets">
            {(list) => (
              <Presets
                list={list}
                chosen={preset?.name}
                onChoose={(one) => {
                  setChosen(one);
                  setWeights({});
                }}
              />
            )}
          </Loaded>
        ) : (
          <TemplateEditor
            text={text}
            error={fault}
            onChange={(next) => {
              setText(next);
              forgive();
            }}
            onSample={(sample) => {
              setText(shortJson(sample.types));
              setSampleTopic(sample.topic);
              forgive();
            }}
          />
        )}
        <div className="grid gap-4 sm:grid-cols-2">
          <Field
            label="Name"
            hint="Letters, digits, dots, dashes, underscores."
            error={fault === null ? reason : undefined}
          >
            <Input
              value={name ?? proposed}
              className="font-mono"
              onChange={(e) => setName(e.target.value)}
            />
          </Field>
          <Field label="Topic" hint="Made when it is not there.">
            <Input
              value={topic}
              placeholder={isPreset ? preset?.topic : sampleTopic}
              className="font-mono"
              onChange={(e) => setTopic(e.target.value)}
            />
          </Field>
        </div>
        <section aria-label="Rate">
          <h3 className="mb-2 text-sm font-semibold">Rate</h3>
          <RateEditor draft={rate} onChange={setRate} />
        </section>
        {types.length > 1 ? (
          <section aria-label="Mix of events">
            <h3 className="mb-2 text-sm font-semibold">Mix of events</h3>
            <WeightsEditor
              types={types}
              onChange={(type, weight) => setWeights((old) => ({ ...old, [type]: weight }))}
            />
          </section>
        ) : null}
        <section aria-label="Bad events">
          <h3 className="mb-2 text-sm font-semibold">Bad events</h3>
          <BadFields draft={bad} onChange={setBad} />
        </section>
        <section aria-label="End and seed">
          <h3 className="mb-2 text-sm font-semibold">End and seed</h3>
          <LimitFields draft={limits} onChange={setLimits} />
        </section>
        <Checkbox label="Start at once" checked={start} onChange={setStart} />
        <ApiCall plan={plan} />
      </form>
    </Dialog>
  );
}

interface PresetsProps {
  list: readonly ProducerPreset[];
  chosen: string | undefined;
  onChoose: (name: string) => void;
}

function Presets({ list, chosen, onChoose }: PresetsProps) {
  return (
    <fieldset className="grid min-w-0 gap-2 sm:grid-cols-2">
      <legend className="sr-only">Preset</legend>
      {list.map((one) => (
        <label
          key={one.name}
          className={cx(
            "flex cursor-pointer gap-2.5 rounded-md border p-2.5 text-sm",
            one.name === chosen ? "border-accent bg-accent-soft" : "border-line hover:bg-hover",
          )}
        >
          <input
            type="radio"
            name="preset"
            className="mt-0.5 size-4 shrink-0 accent-accent"
            checked={one.name === chosen}
            onChange={() => onChoose(one.name)}
          />
          <span>
            <span className="font-medium">{one.label}</span>
            <span className="block text-muted">{one.about}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
