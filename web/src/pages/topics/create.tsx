// create.tsx - the dialog that makes a topic. A name is enough; what is left empty takes the
// server's defaults. The server judges: its refusal is shown beside the field that it names.
import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";
import { api, type RequestPlan } from "@/api/client";
import { isProblem } from "@/api/problem";
import { invalidate } from "@/api/queries";
import { SettingFields } from "@/stream/setting-fields";
import { type Draft, fieldOf, memberOf, SETTINGS } from "@/stream/topic-settings";
import { ApiCall } from "@/ui/api-call";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Checkbox, Field, Input } from "@/ui/field";
import { useSubmit } from "@/ui/submit";
import { toast } from "@/ui/toast";

function planOf(name: string, draft: Draft, adopt: boolean): RequestPlan {
  const body: Record<string, unknown> = { name };
  for (const setting of SETTINGS) {
    const text = draft[setting.name];
    if (text !== undefined && text.trim() !== "") body[setting.name] = memberOf(setting, text);
  }
  return { method: "POST", path: "api/v1/topics", query: { adopt: adopt || undefined }, body };
}

export function CreateTopic({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [draft, setDraft] = useState<Draft>({});
  const [adopt, setAdopt] = useState(false);
  const formId = useId();
  const plan = planOf(name.trim(), draft, adopt);
  const { busy, failure, reason, forgive, submit } = useSubmit(async () => {
    await api.post("api/v1/topics", plan.body, { query: plan.query ?? {} });
    await invalidate("topics");
    toast(`Topic ${name.trim()} made`);
    await navigate({ to: "/topics/$name", params: { name: name.trim() } });
  });
  const field = fieldOf(failure);
  const isThere = isProblem(failure, "exists") && failure.message.includes("adopt");
  return (
    <Dialog
      open
      wide
      onClose={onClose}
      title="New topic"
      description="A log of events with a table that follows it. Most of it can be changed later."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            form={formId}
            variant="primary"
            busy={busy}
            disabled={name.trim() === ""}
          >
            Make topic
          </Button>
        </>
      }
    >
      <form id={formId} className="flex flex-col gap-5" onSubmit={submit}>
        <Field
          label="Name"
          hint="Letters, digits, dots, dashes and underscores; at most 249."
          error={field === null ? reason : undefined}
        >
          <Input
            value={name}
            className="font-mono"
            onChange={(e) => {
              setName(e.target.value);
              if (field === null) forgive();
            }}
          />
        </Field>
        {isThere || adopt ? (
          <Checkbox
            label="Go on with the tables that are there already"
            checked={adopt}
            onChange={setAdopt}
          />
        ) : null}
        <SettingFields
          draft={draft}
          placeholder="default"
          refused={field === null ? null : { name: field, text: reason ?? "" }}
          onChange={(setting, text) => {
            setDraft((old) => ({ ...old, [setting]: text }));
            if (setting === field) forgive();
          }}
        />
        <ApiCall plan={plan} />
      </form>
    </Dialog>
  );
}
