// pie-figure.tsx - shares of a whole, which Plot does not draw. Each slice has its words beside it in
// the legend, with figures; more than a dozen slices are cut by the server to one rest.
import { useState } from "react";
import { compact, percent } from "@/lib/numbers";
import { seriesColor } from "@/lib/palette";
import { cx } from "@/ui/cx";
import type { ChartData } from "./chart-data";

export interface Slice {
  label: string;
  value: number;
  share: number;
  path: string;
}

/** Positive values as slices, clockwise from the top. */
export function slices(values: readonly { label: string; value: number }[]): Slice[] {
  const shown = values.filter(({ value }) => value > 0);
  const total = shown.reduce((sum, { value }) => sum + value, 0);
  let from = 0;
  return shown.map(({ label, value }) => {
    const share = value / total;
    const path = slicePath(from, from + share);
    from += share;
    return { label, value, share, path };
  });
}

function at(share: number): string {
  const angle = 2 * Math.PI * share - Math.PI / 2;
  return `${(100 * Math.cos(angle)).toFixed(3)} ${(100 * Math.sin(angle)).toFixed(3)}`;
}

function slicePath(from: number, to: number): string {
  // A full circle has no two ends: two halves.
  if (to - from > 0.9999) return "M0 -100A100 100 0 1 1 0 100A100 100 0 1 1 0 -100Z";
  return `M0 0L${at(from)}A100 100 0 ${to - from > 0.5 ? 1 : 0} 1 ${at(to)}Z`;
}

export function PieFigure({ data, label }: { data: ChartData; label: string }) {
  const [active, setActive] = useState<number | null>(null);
  const list = slices(data.points.map(({ x, y }) => ({ label: String(x), value: y })));
  const left = data.points.length - list.length;
  return (
    <div className="flex min-h-56 flex-1 flex-wrap items-center justify-center gap-6 p-2">
      <svg viewBox="-104 -104 208 208" role="img" aria-label={label} className="size-60 shrink-0">
        {list.map((slice, i) => (
          <path
            key={slice.label}
            d={slice.path}
            fill={`var(${seriesColor(i)})`}
            fillOpacity={i >= 8 ? 0.55 : active === null || active === i ? 1 : 0.5}
            stroke="var(--panel)"
            strokeWidth="1.5"
            onPointerEnter={() => setActive(i)}
            onPointerLeave={() => setActive(null)}
          >
            <title>{`${slice.label}: ${slice.value} (${percent(slice.share)})`}</title>
          </path>
        ))}
      </svg>
      <ul className="min-w-48 text-sm">
        {list.map((slice, i) => (
          <li
            key={slice.label}
            onPointerEnter={() => setActive(i)}
            onPointerLeave={() => setActive(null)}
            className={cx(
              "grid grid-cols-[auto_minmax(0,14rem)_auto_4rem] items-center gap-2 rounded px-1",
              active === i && "bg-hover",
            )}
          >
            <span
              aria-hidden="true"
              className="size-3 rounded-sm"
              style={{ background: `var(${seriesColor(i)})`, opacity: i >= 8 ? 0.55 : 1 }}
            />
            <span className="truncate" title={slice.label}>
              {slice.label}
            </span>
            <span className="text-right">{compact(slice.value)}</span>
            <span className="text-right text-muted">{percent(slice.share)}</span>
          </li>
        ))}
        {left > 0 ? (
          <li className="px-1 text-xs text-muted">{left} without a positive value left out</li>
        ) : null}
      </ul>
    </div>
  );
}
