// limit-fields.tsx - when a producer ends by itself, and the seed of its dice. Empty is none.

import type { ProducerSpec } from "@/api/types";
import { Field, Input } from "@/ui/field";

export interface LimitDraft {
  count: string;
  /** Seconds. */
  duration: string;
  seed: string;
}

export function limitsFrom(spec: ProducerSpec | undefined): LimitDraft {
  const text = (value: number | undefined) => (value === undefined ? "" : String(value));
  return { count: text(spec?.count), duration: text(spec?.duration_s), seed: text(spec?.seed) };
}

/** A field that is no number stays out; `wrong` says which. */
export function limitsTo(draft: LimitDraft): {
  count?: number;
  duration_s?: number;
  seed?: number;
} {
  const { count, duration, seed } = draft;
  return {
    ...(isWhole(count) ? { count: Number(count) } : {}),
    ...(isSeconds(duration) ? { duration_s: Number(duration) } : {}),
    ...(isWhole(seed) ? { seed: Number(seed) } : {}),
  };
}

function isWhole(text: string): boolean {
  return /^\d{1,15}$/.test(text.trim());
}

function isSeconds(text: string): boolean {
  return /^\d{1,9}(\.\d{1,3})?$/.test(text.trim());
}

interface LimitFieldsProps {
  draft: LimitDraft;
  onChange: (draft: LimitDraft) => void;
}

export function LimitFields({ draft, onChange }: LimitFieldsProps) {
  const wrong = (text: string, good: (text: string) => boolean, what: string) =>
    text.trim() === "" || good(text) ? undefined : what;
  return (
    <div className="grid gap-4 sm:grid-cols-3">
      <Field
        label="Stop after events"
        hint="Empty: never"
        error={wrong(draft.count, isWhole, "A whole number")}
      >
        <Input
          value={draft.count}
          inputMode="numeric"
          placeholder="never"
          onChange={(e) => onChange({ ...draft, count: e.target.value })}
        />
      </Field>
      <Field
        label="Stop after seconds"
        hint="Empty: never"
        error={wrong(draft.duration, isSeconds, "A number of seconds")}
      >
        <Input
          value={draft.duration}
          inputMode="decimal"
          placeholder="never"
          onChange={(e) => onChange({ ...draft, duration: e.target.value })}
        />
      </Field>
      <Field
        label="Seed"
        hint="The same seed makes the same events"
        error={wrong(draft.seed, isWhole, "A whole number")}
      >
        <Input
          value={draft.seed}
          inputMode="numeric"
          placeholder="random"
          onChange={(e) => onChange({ ...draft, seed: e.target.value })}
        />
      </Field>
    </div>
  );
}
