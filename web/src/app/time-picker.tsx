// time-picker.tsx - range, zone and Live/Pause in the top bar.
import { ChevronDown, Clock, Globe, Pause, Play } from "lucide-react";
import { type FormEvent, useId, useMemo, useState } from "react";
import {
  absolute,
  parsePoint,
  pointText,
  QUICK_RANGES,
  type Range,
  rangeFrom,
  rangeLabel,
  resolveRange,
} from "@/lib/range";
import { browserZone, formatTime, offsetLabel, type Zone, zoneLabel, zoneNames } from "@/lib/zone";
import { Button, IconButton } from "@/ui/button";
import { cx } from "@/ui/cx";
import { Field, Input } from "@/ui/field";
import { Popover } from "@/ui/popover";
import { useChooseZone, useHasRange, usePause, useRange, useZone } from "./range";

/** Each page has what acts on it: the range, the zone of its times, a stop to what moves. */
export function TimePicker({ canPause }: { canPause: boolean }) {
  const zone = useZone();
  const hasRange = useHasRange();
  const { live } = useRange();
  return (
    <div className="flex min-w-0 items-center gap-1">
      {hasRange ? <RangePicker /> : null}
      <ZonePicker zone={zone} />
      {canPause ? <PauseButton live={live || !hasRange} /> : null}
    </div>
  );
}

function RangePicker() {
  const { range, zone, setRange } = useRange();
  const [open, setOpen] = useState(false);
  const label = rangeLabel(range, zone);
  const choose = (next: Range) => {
    setRange(next);
    setOpen(false);
  };
  return (
    <Popover
      label="Time range"
      open={open}
      onOpenChange={setOpen}
      className="w-[22rem]"
      trigger={
        <Button icon={Clock} aria-label={`Time range: ${label}`} className="min-w-0 shrink">
          <span className="hidden truncate sm:inline">{label}</span>
          <ChevronDown aria-hidden="true" className="size-3.5 shrink-0 opacity-60" />
        </Button>
      }
    >
      <RangeForm range={range} zone={zone} onChoose={choose} />
    </Popover>
  );
}

interface RangeFormProps {
  range: Range;
  zone: Zone;
  onChoose: (range: Range) => void;
}

function shownText(range: Range, end: "from" | "to", zone: Zone): string {
  const point = range[end];
  return point.kind === "relative" ? pointText(point) : formatTime(point.ms, zone, "full");
}

function RangeForm({ range, zone, onChoose }: RangeFormProps) {
  const [from, setFrom] = useState(() => shownText(range, "from", zone));
  const [to, setTo] = useState(() => shownText(range, "to", zone));
  const [failed, setFailed] = useState<{ from?: boolean; to?: boolean }>({});
  const current = pointText(range.from);
  const apply = (event: FormEvent) => {
    event.preventDefault();
    const start = parsePoint(from, zone);
    const end = parsePoint(to, zone);
    setFailed({ from: start === null, to: end === null });
    if (start === null || end === null) return;
    const next: Range = { from: start, to: end };
    // Given the wrong way round it is put in order.
    const span = resolveRange(next, Date.now());
    const swapped = start.kind === "absolute" && end.kind === "absolute" && start.ms > end.ms;
    onChoose(swapped ? absolute(span) : next);
  };
  const wrong = "Not a time: try now-2h, 2026-11-21 10:00:05 or an epoch.";
  return (
    <div className="flex flex-col gap-3">
      <div className="grid grid-cols-2 gap-1">
        {QUICK_RANGES.map((quick) => (
          <button
            key={quick.from}
            type="button"
            aria-pressed={current === quick.from && range.to.kind === "relative"}
            onClick={() => onChoose(rangeFrom(quick.from, "now"))}
            className="rounded px-2 py-1 text-left text-sm hover:bg-hover aria-pressed:bg-accent-soft aria-pressed:text-accent"
          >
            {quick.label}
          </button>
        ))}
      </div>
      <form onSubmit={apply} className="flex flex-col gap-2 border-t border-line pt-3">
        <Field label="From" error={failed.from ? wrong : undefined}>
          <Input value={from} onChange={(e) => setFrom(e.target.value)} />
        </Field>
        <Field label="To" error={failed.to ? wrong : undefined}>
          <Input value={to} onChange={(e) => setTo(e.target.value)} />
        </Field>
        <div className="flex items-center justify-between gap-2">
          <span className="text-xs text-muted">Times are in {zoneLabel(zone)}.</span>
          <Button type="submit" variant="primary">
            Apply
          </Button>
        </div>
      </form>
    </div>
  );
}

const ZONES_SHOWN = 60;

function ZonePicker({ zone }: { zone: Zone }) {
  const [open, setOpen] = useState(false);
  const label = zone === "utc" ? "UTC" : offsetLabel(Date.now(), zone);
  return (
    <Popover
      label="Time zone"
      open={open}
      onOpenChange={setOpen}
      className="w-72"
      trigger={
        <Button
          variant="ghost"
          icon={Globe}
          aria-label={`Time zone: ${zoneLabel(zone)}`}
          className="hidden px-2 lg:inline-flex"
        >
          {label}
        </Button>
      }
    >
      <ZoneList zone={zone} onDone={() => setOpen(false)} />
    </Popover>
  );
}

export function ZoneList({ zone, onDone }: { zone: Zone; onDone?: () => void }) {
  const setZone = useChooseZone();
  const [find, setFind] = useState("");
  const id = useId();
  const names = useMemo(() => zoneNames(), []);
  const wanted = find.trim().toLowerCase().replaceAll(" ", "_");
  const found = names.filter((n) => n.toLowerCase().includes(wanted)).slice(0, ZONES_SHOWN);
  const choose = (next: Zone) => {
    setZone(next);
    onDone?.();
  };
  const fixed: [Zone, string][] = [
    ["local", `This browser: ${browserZone.replaceAll("_", " ")}`],
    ["utc", "UTC"],
  ];
  const row = (value: Zone, text: string) => (
    <button
      key={value}
      type="button"
      aria-pressed={zone === value}
      onClick={() => choose(value)}
      className={cx(
        "flex w-full justify-between gap-2 rounded px-2 py-1 text-left text-sm hover:bg-hover",
        "aria-pressed:bg-accent-soft aria-pressed:text-accent",
      )}
    >
      <span className="truncate">{text}</span>
      <span className="text-xs text-muted">{offsetLabel(Date.now(), value)}</span>
    </button>
  );
  return (
    <div className="flex flex-col gap-2">
      <div>{fixed.map(([value, text]) => row(value, text))}</div>
      <label htmlFor={id} className="sr-only">
        Find a zone
      </label>
      <Input
        id={id}
        placeholder="Find a zone, e.g. Paris"
        value={find}
        onChange={(e) => setFind(e.target.value)}
      />
      <div className="max-h-56 overflow-y-auto">
        {found.map((name) => row(name, name.replaceAll("_", " ")))}
      </div>
    </div>
  );
}

function PauseButton({ live }: { live: boolean }) {
  const paused = usePause((s) => s.paused);
  const toggle = usePause((s) => s.toggle);
  return (
    <IconButton
      icon={paused ? Play : Pause}
      label={live ? (paused ? "Resume live views" : "Pause live views") : "A past range is shown"}
      keys="P"
      pressed={paused}
      disabled={!live}
      onClick={toggle}
    />
  );
}
