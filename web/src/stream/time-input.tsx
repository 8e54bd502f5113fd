// time-input.tsx - an instant typed in the page's zone, or back from now ("15m"); it counts when
// Enter is pressed or the input is left. What goes out and comes in is the form of the address.
import { type FormEvent, useEffect, useState } from "react";
import { useZone } from "@/app/range";
import { parsePoint, pointText } from "@/lib/range";
import { formatTime, zoneLabel } from "@/lib/zone";
import { Field, Input } from "@/ui/field";

interface TimeInputProps {
  label: string;
  /** "2026-11-20T10:00:00Z"; relative ones are fixed when they are typed. */
  value: string | undefined;
  onChange: (value: string | undefined) => void;
  disabled?: boolean;
  className?: string;
}

export function TimeInput({ label, value, onChange, disabled, className }: TimeInputProps) {
  const zone = useZone();
  const point = value === undefined ? null : parsePoint(value, "utc");
  const shown =
    point === null || point.kind === "relative"
      ? (value ?? "")
      : formatTime(point.ms, zone, point.ms % 1000 === 0 ? "full" : "millis");
  const [text, setText] = useState(shown);
  const [wrong, setWrong] = useState(false);
  useEffect(() => {
    setText(shown);
    setWrong(false);
  }, [shown]);
  const commit = () => {
    if (text.trim() === shown) return;
    if (text.trim() === "") {
      onChange(undefined);
      return;
    }
    const read = parsePoint(text, zone);
    setWrong(read === null);
    if (read === null) return;
    const ms = read.kind === "relative" ? Date.now() - read.beforeMs : read.ms;
    onChange(pointText({ kind: "absolute", ms: Math.floor(ms) }));
  };
  return (
    <form
      className={className ?? "w-44"}
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        commit();
      }}
    >
      <Field label={<span title={zoneLabel(zone)}>{label}</span>}>
        <Input
          value={text}
          disabled={disabled}
          placeholder="like 15m or 2026-11-21"
          title={wrong ? "A time like 2026-11-21 10:04:05, or 15m for 15 minutes ago" : undefined}
          aria-invalid={wrong || undefined}
          onBlur={commit}
          onChange={(e) => setText(e.target.value)}
        />
      </Field>
    </form>
  );
}
