// time-chart.tsx - TimeChart: lines, areas or bars over time on a canvas (uPlot). Redrawn at most
// ten times a second in the shared frame (lib/frame.ts), in the colours of the theme. What a canvas
// cannot tell is told beside it: a name, a summary in words, and all values as a table.
// Pages use <PageChart> (app/page-chart.tsx), which adds the page's range, zone and brush.
import { ChartLine, Table2 } from "lucide-react";
import { lazy, type ReactNode, Suspense, useEffect, useId, useRef, useState } from "react";
import uPlot from "uplot";
import { useTheme } from "@/app/theme";
import { cancelDraw, scheduleDraw } from "@/lib/frame";
import { compact, finite } from "@/lib/numbers";
import { colorValue, seriesColor, seriesDash } from "@/lib/palette";
import { dataSpan, type Span } from "@/lib/range";
import { formatTime, offsetMs, type Zone } from "@/lib/zone";
import { IconButton } from "./button";
import { cx } from "./cx";

export interface ChartSeries {
  /** Its name; must be unique in the chart. */
  label: string;
  /** One value per time; null or NaN is a gap. */
  values: ArrayLike<number | null>;
  /** Place in the palette; default its place in the list. */
  color?: number;
  /** A variable of its own instead, e.g. "--error". */
  colorName?: string;
}

export interface TimeChartProps {
  /** The chart's name. */
  label: string;
  /** Epoch ms, rising. */
  time: ArrayLike<number>;
  series: readonly ChartSeries[];
  /** What is shown of the time axis; default: all. */
  span?: Span | undefined;
  zone?: Zone;
  /** A value as text on axis, legend and table. */
  format?: (value: number) => string;
  /** Ticks stand at round numbers of this base: 1024 for bytes. */
  base?: 10 | 1024;
  kind?: "line" | "area" | "bars";
  /** A value holds until the next one: what changes by commits does not grow between them. */
  stepped?: boolean;
  /** Areas or bars on top of each other. */
  stacked?: boolean;
  height?: number;
  /** Charts with the same key show one cursor. */
  syncKey?: string;
  /** A span was brushed. */
  onSpan?: ((span: Span) => void) | undefined;
  /** Double click. */
  onReset?: (() => void) | undefined;
  /** No legend: for one series whose name is the title. */
  bare?: boolean;
  /** Beside the legend: "sampled 10 %", "stale since …". */
  note?: ReactNode;
  className?: string;
}

// The grid is loaded when someone asks for a table.
const ChartTable = lazy(() => import("./chart-table"));

type Columns = (number | null)[][];

function columnsOf(series: readonly ChartSeries[], hidden: ReadonlySet<string>): Columns {
  return series.map((one) =>
    hidden.has(one.label) ? [] : Array.from(one.values, (value) => finite(value)),
  );
}

/** Running sums over the series: what a stack draws. Where none has a value there is a gap. */
function stackedOf(columns: Columns, length: number): Columns {
  const sums = new Array<number>(length).fill(0);
  const known = sums.map((_, i) => columns.some((column) => typeof column[i] === "number"));
  return columns.map((column) =>
    sums.map((sum, i) => {
      const next = sum + (column[i] ?? 0);
      sums[i] = next;
      return known[i] ? next : null;
    }),
  );
}

const NO_FORMAT = (value: number) => compact(value);

export function TimeChart(props: TimeChartProps) {
  const { label, series, height = 180, bare, note, className } = props;
  const format = props.format ?? NO_FORMAT;
  const zone = props.zone ?? "local";
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [asTable, setAsTable] = useState(false);
  const id = useId();
  const toggle = (name: string) => {
    setHidden((old) => {
      const next = new Set(old);
      if (!next.delete(name)) next.add(name);
      return next;
    });
  };
  return (
    <figure aria-labelledby={id} className={cx("relative min-w-0", className)}>
      <figcaption id={id} className="sr-only">
        {summary(props, format)}
      </figcaption>
      {asTable ? (
        <Suspense fallback={<div style={{ height }} />}>
          <ChartTable {...props} zone={zone} format={format} height={height} />
        </Suspense>
      ) : (
        <Plot {...props} zone={zone} format={format} height={height} hidden={hidden} />
      )}
      <div className="flex min-h-7 flex-wrap items-center gap-x-3 gap-y-0.5 pl-2 text-xs">
        {bare ? null : <Legend series={series} hidden={hidden} onToggle={toggle} />}
        {note ? <span className="text-muted">{note}</span> : null}
        <IconButton
          icon={asTable ? ChartLine : Table2}
          label={asTable ? `${label}: show as chart` : `${label}: show as table`}
          size="sm"
          pressed={asTable}
          className="ml-auto opacity-70"
          onClick={() => setAsTable(!asTable)}
        />
      </div>
    </figure>
  );
}

function summary({ label, time, series }: TimeChartProps, format: (v: number) => string): string {
  if (time.length === 0) return `${label}: no data.`;
  const parts = series.slice(0, 12).map(({ label: name, values }) => {
    let last: number | null = null;
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < values.length; i++) {
      const value = finite(values[i]);
      if (value === null) continue;
      last = value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (last === null) return `${name}: no values`;
    return `${name}: last ${format(last)}, least ${format(min)}, most ${format(max)}`;
  });
  return `${label}. ${parts.join("; ")}.`;
}

interface LegendProps {
  series: readonly ChartSeries[];
  hidden: ReadonlySet<string>;
  onToggle: (label: string) => void;
}

function Legend({ series, hidden, onToggle }: LegendProps) {
  return (
    <ul className="flex min-w-0 flex-wrap gap-x-3 gap-y-0.5">
      {series.map((one, i) => (
        <li key={one.label} className="max-w-48 min-w-0">
          <button
            type="button"
            aria-pressed={!hidden.has(one.label)}
            onClick={() => onToggle(one.label)}
            className="flex min-h-6 max-w-full items-center gap-1.5 rounded hover:text-text aria-[pressed=false]:line-through aria-[pressed=false]:opacity-60"
          >
            <Swatch series={one} index={i} />
            <span className="truncate" title={one.label}>
              {one.label}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

function Swatch({ series, index }: { series: ChartSeries; index: number }) {
  const place = series.color ?? index;
  return (
    <svg aria-hidden="true" viewBox="0 0 18 8" className="h-2 w-4.5 shrink-0">
      <line
        x1="0"
        y1="4"
        x2="18"
        y2="4"
        stroke={`var(${series.colorName ?? seriesColor(place)})`}
        strokeWidth="2.5"
        strokeDasharray={seriesDash(place).join(" ")}
      />
    </svg>
  );
}

interface InnerProps extends TimeChartProps {
  zone: Zone;
  format: (value: number) => string;
  height: number;
}

/** What makes another plot necessary; new data and spans only need a redraw. */
function shapeKey(props: InnerProps): string {
  const names = props.series.map((s) => `${s.label}\u0001${s.color ?? ""}${s.colorName ?? ""}`);
  return [props.kind, props.stacked, props.syncKey, props.zone, ...names].join("\u0000");
}

function Plot(props: InnerProps & { hidden: ReadonlySet<string> }) {
  const { time, series, span, height, hidden, stacked } = props;
  const theme = useTheme((s) => s.theme);
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const key = shapeKey(props);

  // biome-ignore lint/correctness/useExhaustiveDependencies: key and theme stand for what is read.
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const empty: uPlot.AlignedData = [[], ...latest.current.series.map(() => [])];
    const made = new uPlot(options(latest, element.clientWidth), empty, element);
    plot.current = made;
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== made.width) {
        made.setSize({ width: element.clientWidth, height: latest.current.height });
      }
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [key, theme]);

  useEffect(() => {
    plot.current?.setSize({ width: plot.current.width, height });
  }, [height]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new plot needs its data, too.
  useEffect(() => {
    const draw = () => {
      const target = plot.current;
      if (target === null) return;
      const raw = columnsOf(series, hidden);
      const shown = stacked ? stackedOf(raw, time.length) : raw;
      target.batch(() => {
        const { kind, stepped } = latest.current;
        const axis = span ?? dataSpan(time, kind === "bars" || stepped === true);
        const columns = [Array.from(time), ...shown];
        if (stepped && axis !== null) extend(columns, axis.toMs);
        target.setData(columns as uPlot.AlignedData, false);
        if (axis !== null) {
          target.setScale("x", { min: axis.fromMs, max: Math.max(axis.toMs, axis.fromMs + 1) });
        }
      });
    };
    scheduleDraw(draw);
    return () => cancelDraw(draw);
  }, [time, series, span?.fromMs, span?.toMs, hidden, stacked, key, theme]);

  return (
    <div className="relative">
      <div ref={box} aria-hidden="true" className="relative w-full" style={{ height }} />
      {time.length === 0 ? (
        <p className="absolute inset-x-0 top-[40%] text-center text-sm text-muted">No data yet</p>
      ) : null}
    </div>
  );
}

/** The last step holds to the end of the axis. */
function extend([time = [], ...values]: Columns, toMs: number): void {
  time.push(toMs);
  for (const column of values) column.push(column.at(-1) ?? null);
}

type Latest = { current: InnerProps & { hidden: ReadonlySet<string> } };

/** A date whose local fields show the zone's clock: what uPlot places its ticks by. */
function zonedDate(ms: number, zone: Zone): Date {
  const shown = new Date(ms);
  const shift = offsetMs(ms, zone) + shown.getTimezoneOffset() * 60_000;
  return shift === 0 ? shown : new Date(ms + shift);
}

/** Of a colour variable, which is always written #rrggbb. */
function withAlpha(color: string, share: number): string {
  return (
    color +
    Math.round(share * 255)
      .toString(16)
      .padStart(2, "0")
  );
}

/** The share of the place that a bar takes; at most and at least so many pixels. */
const BAR_WIDTHS: [number, number, number] = [0.8, 40, 2];

/** Up to 1 PiB by powers of two: ticks at 128 KiB, not at 97.7 KiB. */
const POWERS_OF_TWO = Array.from({ length: 50 }, (_, i) => 2 ** i);

/** Values with a gap on both sides, which a line does not reach, are points. */
function alone(u: uPlot, index: number): number[] | null {
  const values = u.data[index] ?? [];
  const out: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const isAlone = (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null;
    if (isAlone && (values[i] ?? null) !== null) out.push(i);
  }
  return out.length === 0 ? null : out;
}

function seriesOptions(props: InnerProps): uPlot.Series[] {
  const { kind = "line", stacked, stepped } = props;
  return props.series.map((one, i) => {
    const place = one.color ?? i;
    const color = colorValue(one.colorName ?? seriesColor(place));
    const filled = kind === "bars" || kind === "area" || stacked;
    return {
      label: one.label,
      stroke: color,
      width: kind === "bars" ? 0 : 1.5,
      dash: filled ? [] : [...seriesDash(place)],
      fill: filled ? withAlpha(color, kind === "bars" ? 0.85 : 0.35) : undefined,
      paths:
        kind === "bars"
          ? uPlot.paths.bars?.({ size: BAR_WIDTHS, align: 1 })
          : stepped
            ? uPlot.paths.stepped?.({ align: 1 })
            : undefined,
      points:
        kind === "bars" || stacked
          ? { show: false }
          : { show: false, filter: alone, size: 4, width: 0, fill: color },
      spanGaps: false,
    } satisfies uPlot.Series;
  });
}

function timeTick(ms: number, stepMs: number, zone: Zone): string {
  if (stepMs >= 86_400_000) return formatTime(ms, zone, "date").slice(5);
  const text = formatTime(ms, zone, stepMs < 60_000 ? "time" : "minute");
  const clock = stepMs < 60_000 ? text : text.slice(11);
  return clock === "00:00" ? formatTime(ms, zone, "date").slice(5) : clock;
}

function options(latest: Latest, width: number): uPlot.Options {
  const props = latest.current;
  const ink = colorValue("--muted");
  const line = colorValue("--line");
  const font = `11px ${getComputedStyle(document.body).fontFamily}`;
  const axis = {
    stroke: ink,
    font,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1, size: 4 },
  };
  const count = props.series.length;
  return {
    width: Math.max(width, 50),
    height: props.height,
    ms: 1,
    tzDate: (ms) => zonedDate(ms, latest.current.zone),
    padding: [8, 26, 0, 0], // half of a time below the end of the axis
    legend: { show: false },
    scales: {
      x: { time: true, auto: false },
      y: { range: (_u, min, max) => yRange(min, max) },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 70,
        values: (_u, splits) => {
          const step = (splits[1] ?? 0) - (splits[0] ?? 0);
          return splits.map((ms) => timeTick(ms, step, latest.current.zone));
        },
      },
      {
        ...axis,
        size: (u, values) => axisSize(u, values, font),
        space: 28,
        ...(props.base === 1024 ? { incrs: POWERS_OF_TWO } : {}),
        values: (_u, splits) => splits.map((v) => latest.current.format(v)),
      },
    ],
    series: [{}, ...seriesOptions(props)],
    bands: props.stacked
      ? Array.from({ length: Math.max(0, count - 1) }, (_, i) => ({ series: [i + 2, i + 1] }))
      : [],
    cursor: {
      y: false,
      points: { size: 6 },
      drag: { x: props.onSpan !== undefined, y: false, setScale: false },
      sync: props.syncKey === undefined ? undefined : { key: props.syncKey, setSeries: false },
      bind: {
        dblclick: () => () => {
          latest.current.onReset?.();
          return null;
        },
      },
    },
    plugins: [tooltip(latest)],
    hooks: {
      setSelect: [
        (u) => {
          const { left, width: size } = u.select;
          if (size < 4) return;
          const span = { fromMs: u.posToVal(left, "x"), toMs: u.posToVal(left + size, "x") };
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          latest.current.onSpan?.(span);
        },
      ],
    },
  };
}

/** From zero, unless there is something below it; never without height. */
function yRange(min: number | null, max: number | null): [number, number] {
  const low = Math.min(0, min ?? 0);
  const high = Math.max(0, max ?? 0);
  if (low === high) return [low, low + 1];
  const room = (high - low) * 0.06;
  return [low < 0 ? low - room : 0, high > 0 ? high + room : 0];
}

function axisSize(u: uPlot, values: string[] | null, font: string): number {
  if (values === null || values.length === 0) return 40;
  u.ctx.save();
  u.ctx.font = font;
  const widest = Math.max(...values.map((value) => u.ctx.measureText(value ?? "").width));
  u.ctx.restore();
  return Math.ceil(widest) + 14;
}

const TOOLTIP_ROWS = 10;

/** Time and values under the cursor, written past React: it moves with every mouse event. */
function tooltip(latest: Latest): uPlot.Plugin {
  const box = document.createElement("div");
  box.className =
    "pointer-events-none absolute z-20 hidden rounded-md border border-line bg-raised px-2 py-1 text-xs text-text shadow-raised whitespace-nowrap";
  return {
    hooks: {
      init: (u) => u.over.append(box),
      setCursor: (u) => {
        const { idx, left = -1, top = 0 } = u.cursor;
        const own = u.cursor.event !== undefined && u.over.matches(":hover");
        if (idx === null || idx === undefined || left < 0 || !own) {
          box.style.display = "none";
          return;
        }
        fillTooltip(box, latest.current, Math.min(idx, latest.current.time.length - 1));
        box.style.display = "block";
        const right = left > u.over.clientWidth / 2;
        box.style.left = right ? "" : `${left + 12}px`;
        box.style.right = right ? `${u.over.clientWidth - left + 12}px` : "";
        box.style.top = `${Math.max(0, Math.min(top, u.over.clientHeight - box.clientHeight))}px`;
      },
    },
  };
}

function fillTooltip(box: HTMLElement, props: Latest["current"], index: number): void {
  const rows = props.series
    .map((one, i) => ({ one, place: one.color ?? i, value: finite(one.values[index]) }))
    .filter(({ one, value }) => value !== null && !props.hidden.has(one.label))
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const head = document.createElement("div");
  head.className = "text-muted";
  head.textContent = formatTime(props.time[index] ?? null, props.zone, "full");
  const lines = rows.slice(0, TOOLTIP_ROWS).map(({ one, place, value }) => {
    const line = document.createElement("div");
    line.className = "flex items-center gap-2";
    const dot = document.createElement("span");
    dot.className = "h-0.5 w-3 shrink-0";
    dot.style.background = `var(${one.colorName ?? seriesColor(place)})`;
    const name = document.createElement("span");
    name.className = "max-w-52 flex-1 truncate";
    name.textContent = one.label;
    const figure = document.createElement("span");
    figure.className = "font-medium";
    figure.textContent = props.format(value ?? 0);
    line.append(dot, name, figure);
    return line;
  });
  if (rows.length > TOOLTIP_ROWS) {
    const more = document.createElement("div");
    more.className = "text-muted";
    more.textContent = `${rows.length - TOOLTIP_ROWS} more`;
    lines.push(more);
  }
  box.replaceChildren(head, ...lines);
}
