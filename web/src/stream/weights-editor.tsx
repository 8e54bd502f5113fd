// weights-editor.tsx - how often each type of event comes, as sliders with the share they make.
import { percent } from "@/lib/numbers";
import { Slider } from "@/ui/field";
import type { TypeWeight } from "./producer-spec";

interface WeightsEditorProps {
  types: readonly TypeWeight[];
  onChange: (name: string, weight: number) => void;
}

const MOST = 100;

export function WeightsEditor({ types, onChange }: WeightsEditorProps) {
  const sum = types.reduce((total, type) => total + type.weight, 0);
  const most = Math.max(MOST, ...types.map((type) => type.weight));
  return (
    <ul className="flex flex-col gap-1">
      {types.map(({ name, weight }) => (
        <li
          key={name}
          className="grid grid-cols-[minmax(4rem,9rem)_minmax(0,1fr)] items-center gap-3 text-sm"
        >
          <span className="truncate" title={name}>
            {name}
          </span>
          <Slider
            aria-label={`Weight of ${name}`}
            min={0}
            max={most}
            step={1}
            value={weight}
            text={sum > 0 ? percent(weight / sum) : "–"}
            onChange={(next) => onChange(name, next)}
          />
        </li>
      ))}
    </ul>
  );
}
