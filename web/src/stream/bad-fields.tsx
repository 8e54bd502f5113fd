// bad-fields.tsx - the share of deliberately bad events, and of which kinds.
import { Checkbox, Field, Slider } from "@/ui/field";
import { BAD_KINDS } from "./producer-spec";

export interface BadDraft {
  percent: number;
  /** Empty: all kinds. */
  kinds: readonly string[];
}

export function badFrom(bad: { share?: number; kinds?: string[] } | undefined): BadDraft {
  return {
    percent: Math.round((bad?.share ?? 0) * 1000) / 10,
    kinds: bad?.kinds ?? [],
  };
}

export function badTo({ percent, kinds }: BadDraft): { bad?: Record<string, unknown> } {
  if (percent === 0) return {};
  return { bad: { share: percent / 100, ...(kinds.length > 0 ? { kinds } : {}) } };
}

interface BadFieldsProps {
  draft: BadDraft;
  onChange: (draft: BadDraft) => void;
}

export function BadFields({ draft, onChange }: BadFieldsProps) {
  return (
    <div className="flex flex-col gap-2">
      <Field label="Share" className="max-w-md">
        <Slider
          min={0}
          max={100}
          step={0.5}
          value={draft.percent}
          text={`${draft.percent} %`}
          onChange={(percent) => onChange({ ...draft, percent })}
        />
      </Field>
      {draft.percent > 0 ? (
        <fieldset className="flex flex-wrap gap-x-4 gap-y-1">
          <legend className="mb-1 text-xs text-muted">
            {draft.kinds.length === 0 ? "Of all kinds, or only of these:" : "Only of these:"}
          </legend>
          {BAD_KINDS.map(({ value, label }) => (
            <Checkbox
              key={value}
              label={label}
              checked={draft.kinds.includes(value)}
              onChange={(on) =>
                onChange({
                  ...draft,
                  kinds: on ? [...draft.kinds, value] : draft.kinds.filter((k) => k !== value),
                })
              }
            />
          ))}
        </fieldset>
      ) : null}
    </div>
  );
}
