// rate-editor.tsx - how many events a second: of one kind of three, with sliders that reach from
// one to a million, inputs for exact numbers, and a drawing of what it comes to over time.
import { compact } from "@/lib/numbers";
import { Field, Input, Slider } from "@/ui/field";
import { Segments } from "@/ui/tabs";
import { RATE_KINDS, RATE_MAX, type RateDraft, rateAt, rateSpanS } from "./producer-spec";

interface RateEditorProps {
  draft: RateDraft;
  onChange: (draft: RateDraft) => void;
}

const LABELS = { constant: "Constant", sine: "Sine", bursts: "Bursts" } as const;

export function RateEditor({ draft, onChange }: RateEditorProps) {
  const set = (change: Partial<RateDraft>) => onChange({ ...draft, ...change });
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <Segments
        label="Kind of rate"
        value={draft.kind}
        onChange={(kind) => set({ kind })}
        items={RATE_KINDS.map((kind) => ({ value: kind, label: LABELS[kind] }))}
      />
      <div className="grid min-w-0 gap-4 md:grid-cols-[minmax(0,1fr)_16rem]">
        <div className="flex min-w-0 flex-col gap-3">
          {draft.kind === "constant" ? (
            <RateField label="Rate" value={draft.rate} onChange={(rate) => set({ rate })} />
          ) : null}
          {draft.kind === "sine" ? (
            <>
              <RateField label="Mean" value={draft.mean} onChange={(mean) => set({ mean })} />
              <RateField
                label="Swing up and down"
                value={Math.min(draft.amplitude, draft.mean)}
                max={draft.mean}
                onChange={(amplitude) => set({ amplitude })}
              />
              <SecondsField
                label="Period"
                value={draft.period_s}
                onChange={(period_s) => set({ period_s })}
              />
            </>
          ) : null}
          {draft.kind === "bursts" ? (
            <>
              <RateField
                label="Between bursts"
                value={draft.base}
                onChange={(base) => set({ base })}
              />
              <RateField
                label="In a burst"
                value={draft.burst}
                onChange={(burst) => set({ burst })}
              />
              <SecondsField
                label="A burst every"
                value={draft.every_s}
                onChange={(every_s) => set({ every_s })}
              />
              <SecondsField
                label="Its length"
                value={Math.min(draft.length_s, draft.every_s)}
                onChange={(length_s) => set({ length_s })}
              />
            </>
          ) : null}
        </div>
        <RatePreview draft={draft} />
      </div>
    </div>
  );
}

/** The slider's way: 0, then 1 to RATE_MAX in equal ratios. */
const STEPS = 600;

function toStep(rate: number): number {
  if (rate < 1) return 0;
  return Math.round((Math.log10(rate) / Math.log10(RATE_MAX)) * STEPS) || 1;
}

function fromStep(step: number): number {
  if (step <= 0) return 0;
  const rate = 10 ** ((step / STEPS) * Math.log10(RATE_MAX));
  const size = 10 ** Math.max(0, Math.floor(Math.log10(rate)) - 1);
  return Math.round(rate / size) * size;
}

interface NumberFieldProps {
  label: string;
  value: number;
  max?: number;
  onChange: (value: number) => void;
}

function RateField({ label, value, max = RATE_MAX, onChange }: NumberFieldProps) {
  const clamp = (next: number) => onChange(Math.min(Math.max(next, 0), max));
  return (
    <Field label={`${label}, events/s`}>
      <span className="flex items-center gap-2">
        <Slider
          min={0}
          max={Math.max(1, toStep(max))}
          step={1}
          value={toStep(value)}
          aria-valuetext={`${value} events a second`}
          onChange={(step) => clamp(fromStep(step))}
          className="min-w-0 flex-1"
        />
        <Input
          id={undefined}
          type="number"
          aria-label={`${label} in events a second`}
          min={0}
          max={max}
          value={value}
          className="w-28 text-right"
          onChange={(e) => {
            if (Number.isFinite(e.target.valueAsNumber)) clamp(e.target.valueAsNumber);
          }}
        />
      </span>
    </Field>
  );
}

function SecondsField({ label, value, onChange }: NumberFieldProps) {
  return (
    <Field label={`${label}, seconds`}>
      <Input
        type="number"
        min={0.1}
        step="any"
        value={value}
        className="w-28 text-right"
        onChange={(e) => {
          const seconds = e.target.valueAsNumber;
          if (Number.isFinite(seconds) && seconds > 0) onChange(seconds);
        }}
      />
    </Field>
  );
}

const WIDTH = 240;
const HEIGHT = 88;
const POINTS = 240;

function RatePreview({ draft }: { draft: RateDraft }) {
  const span = rateSpanS(draft);
  const values = Array.from({ length: POINTS + 1 }, (_, i) => rateAt(draft, (i / POINTS) * span));
  const top = Math.max(...values) || 1;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const line = values
    .map((value, i) => {
      const x = (i / POINTS) * WIDTH;
      const y = HEIGHT - 2 - (value / top) * (HEIGHT - 6);
      return `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join("");
  const least = Math.min(...values);
  return (
    <figure className="min-w-0 self-start rounded-md border border-line bg-sunken p-2">
      <svg
        role="img"
        aria-label={`From ${compact(least)} to ${compact(top)} events a second, ${compact(mean)} in the mean`}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="block h-22 w-full"
      >
        <path d={`${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`} fill="var(--accent-soft)" />
        <path
          d={line}
          fill="none"
          stroke="var(--accent)"
          strokeWidth="1.5"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
      <figcaption className="mt-1 flex justify-between text-xs text-muted">
        <span>mean {compact(mean)} /s</span>
        <span>{compact(span)} s</span>
      </figcaption>
    </figure>
  );
}
