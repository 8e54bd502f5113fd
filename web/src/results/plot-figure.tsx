// plot-figure.tsx - draws chart data with Plot: bars, lines, areas, points. Colours are the theme's
// variables, so that a change of theme needs no new drawing; series differ by dash or place too.
import * as Plot from "@observablehq/plot";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { compact, grouped } from "@/lib/numbers";
import { seriesColor, seriesDash } from "@/lib/palette";
import { formatTime, offsetMs, type Zone } from "@/lib/zone";
import type { ChartData, ChartPoint } from "./chart-data";

interface PlotFigureProps {
  data: ChartData;
  zone: Zone;
  label: string;
}

const HEIGHT_MIN = 220;
const BAR_PX = 22;
const DOTS_MAX = 80;
const LABEL_MAX = 28;

export function PlotFigure({ data, zone, label }: PlotFigureProps) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    const measure = () =>
      setSize({ width: element.clientWidth, height: Math.max(HEIGHT_MIN, element.clientHeight) });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const element = box.current;
    if (element === null || size.width === 0) return;
    const figure = Plot.plot(options(data, zone, size.width, size.height));
    figure.setAttribute("aria-hidden", "true");
    element.replaceChildren(figure);
    return () => figure.remove();
  }, [data, zone, size]);
  return (
    <div
      role="img"
      aria-label={label}
      className="min-h-56 min-w-0 flex-1 overflow-x-hidden overflow-y-auto"
    >
      <div ref={box} className="h-full" />
    </div>
  );
}

/** Plot draws instants in UTC: moved so that it shows the zone's clock. */
function wall(ms: number, zone: Zone): Date {
  return new Date(ms + offsetMs(ms, zone));
}

/** Ticks by the length of the axis: clock, day or month; 24 hours, ISO order. */
function timeTicks(points: readonly ChartPoint[]): (date: Date) => string {
  const times = points.map((p) => p.x as number);
  const span =
    times.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY) -
    times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return (date) => {
    const text = date.toISOString();
    if (span > 400 * 86_400_000) return text.slice(0, 7);
    if (span > 3 * 86_400_000) return text.slice(5, 10);
    if (span <= 120_000) return text.slice(11, 19);
    const clock = text.slice(11, 16);
    return clock === "00:00" ? text.slice(5, 10) : clock;
  };
}

/** Bars of single values: as wide as the closest two of them allow. */
function barWidth(points: readonly ChartPoint[], width: number): number {
  const places = new Set(points.map((p) => p.x)).size;
  return Math.max(1, Math.min(40, (0.7 * width) / Math.max(1, places)));
}

function short(text: string): string {
  return text.length > LABEL_MAX ? `${text.slice(0, LABEL_MAX - 1)}…` : text;
}

function options(data: ChartData, zone: Zone, width: number, height: number): Plot.PlotOptions {
  const { spec, points, series, plan } = data;
  const isTime = plan.x === "time";
  // A line that does not begin at nothing exaggerates; a cloud of points has no bottom.
  const zero = spec.type !== "scatter" && points.every((p) => p.y >= 0);
  const x = (p: ChartPoint) => (isTime ? wall(p.x as number, zone) : p.x);
  const common: Plot.PlotOptions = {
    width,
    height,
    marginLeft: 56,
    style: { background: "transparent", color: "var(--text)", fontSize: "11px" },
    color: { domain: series, range: series.map((_, i) => `var(${seriesColor(i)})`) },
    y: { grid: true, label: null, tickFormat: (v: number) => compact(v), nice: true, zero },
    x: isTime
      ? { type: "utc", label: null, tickFormat: timeTicks(points) }
      : { label: null, tickFormat: (v: number) => compact(v) },
  };
  const tip = { fill: "var(--raised)", stroke: "var(--line-strong)" };
  if (plan.x === "category") return categoryOptions(common, data, width, height, tip);
  const color = (p: ChartPoint) => p.series;
  const title = (p: ChartPoint) => {
    const at = isTime ? formatTime(p.x as number, zone) : String(p.x);
    return `${at}\n${p.series}\n${grouped(String(p.y))}`;
  };
  switch (spec.type) {
    case "scatter":
      return {
        ...common,
        x: { ...common.x, grid: true, label: spec.x },
        marks: [
          Plot.dot(points, {
            x,
            y: "y",
            stroke: color,
            r: 2.5,
            strokeOpacity: 0.75,
            tip,
            title,
          }),
        ],
      };
    case "area":
      return {
        ...common,
        marks: [
          Plot.areaY(points, {
            x,
            y: "y",
            fill: color,
            fillOpacity: 0.75,
            order: series,
            tip,
            title,
          }),
          Plot.ruleY([0], { stroke: "var(--line-strong)" }),
        ],
      };
    case "bar":
      return {
        ...common,
        x: { ...common.x, inset: plan.step === undefined ? barWidth(points, width) / 2 + 2 : 0 },
        marks: [
          plan.step === undefined
            ? Plot.ruleX(
                points,
                Plot.stackY(
                  { order: series },
                  { x, y: "y", stroke: color, strokeWidth: barWidth(points, width), tip, title },
                ),
              )
            : Plot.rectY(
                points,
                Plot.stackY(
                  { order: series },
                  {
                    x1: x,
                    x2: (p: ChartPoint) => {
                      const end = (p.x as number) + (plan.step ?? 0);
                      return isTime ? wall(end, zone) : end;
                    },
                    y: "y",
                    fill: color,
                    insetLeft: 0.5,
                    insetRight: 0.5,
                    tip,
                    title,
                  },
                ),
              ),
          Plot.ruleY([0], { stroke: "var(--line-strong)" }),
        ],
      };
    default:
      return {
        ...common,
        marks: [
          ...series.map((name, i) =>
            Plot.lineY(
              points.filter((p) => p.series === name),
              {
                x,
                y: "y",
                stroke: `var(${seriesColor(i)})`,
                strokeWidth: 1.75,
                strokeDasharray: seriesDash(i).join(" "),
              },
            ),
          ),
          points.length <= DOTS_MAX
            ? Plot.dot(points, { x, y: "y", fill: color, r: 2.5, tip, title })
            : Plot.tip(points, Plot.pointer({ x, y: "y", ...tip, title })),
        ],
      };
  }
}

/** Names down the side when they are many or long, else along the foot. */
function categoryOptions(
  common: Plot.PlotOptions,
  { spec, points, series, categories }: ChartData,
  width: number,
  height: number,
  tip: { fill: string; stroke: string },
): Plot.PlotOptions {
  const longest = Math.min(LABEL_MAX, Math.max(...categories.map((c) => c.length), 1));
  const lying = spec.type === "bar" && (categories.length > 10 || longest * 7 > width / 12);
  const title = (p: ChartPoint) => `${p.x}\n${p.series}\n${grouped(String(p.y))}`;
  const domain = categories;
  const tickFormat = (text: string) => short(text);
  if (lying) {
    return {
      ...common,
      height: Math.max(height, categories.length * BAR_PX + 40),
      marginLeft: Math.min(width / 2.5, longest * 6.6 + 16),
      x: { grid: true, label: null, tickFormat: (v: number) => compact(v), axis: "top" },
      y: { domain, label: null, tickFormat },
      marks: [
        Plot.barX(points, {
          x: "y",
          y: "x",
          fill: "series",
          order: series,
          tip,
          title,
          insetTop: 1,
          insetBottom: 1,
        }),
        Plot.ruleX([0], { stroke: "var(--line-strong)" }),
      ],
    };
  }
  const x: Plot.ScaleOptions = { domain, label: null, tickFormat };
  if (spec.type === "line" || spec.type === "scatter" || spec.type === "area") {
    return {
      ...common,
      x: { ...x, type: "point" },
      marks: [
        ...(spec.type === "area"
          ? [Plot.areaY(points, { x: "x", y: "y", fill: "series", order: series })]
          : []),
        ...(spec.type === "line" ? [Plot.lineY(points, { x: "x", y: "y", stroke: "series" })] : []),
        Plot.dot(points, { x: "x", y: "y", fill: "series", r: 3, tip, title }),
      ],
    };
  }
  return {
    ...common,
    x,
    marks: [
      Plot.barY(points, {
        x: "x",
        y: "y",
        fill: "series",
        order: series,
        tip,
        title,
        insetLeft: 1,
        insetRight: 1,
      }),
      Plot.ruleY([0], { stroke: "var(--line-strong)" }),
    ],
  };
}
