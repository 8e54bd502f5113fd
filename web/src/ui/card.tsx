// card.tsx - Card frames one thing; Stat is a tile with one figure, its change and its recent past.
import { ArrowDownRight, ArrowRight, ArrowUpRight } from "lucide-react";
import { type ReactNode, useId } from "react";
import { cx } from "./cx";

interface CardProps {
  title?: ReactNode;
  /** Beside the title: a badge, a note. */
  note?: ReactNode;
  /** At the right of the title. */
  actions?: ReactNode;
  /** No padding around the content (tables, charts). */
  flush?: boolean;
  className?: string;
  children: ReactNode;
}

export function Card({ title, note, actions, flush, className, children }: CardProps) {
  const id = useId();
  return (
    <section
      aria-labelledby={title ? id : undefined}
      className={cx(
        "flex min-w-0 flex-col rounded-lg border border-line bg-panel shadow-card",
        className,
      )}
    >
      {title ? (
        <header className="flex min-h-11 flex-wrap items-center gap-x-2 gap-y-1 px-3 py-1.5">
          <h2 id={id} className="text-sm font-semibold">
            {title}
          </h2>
          {note ? <span className="text-xs text-muted">{note}</span> : null}
          {actions ? <div className="ml-auto flex items-center gap-1">{actions}</div> : null}
        </header>
      ) : null}
      <div className={cx("min-h-0 min-w-0 flex-1", !flush && (title ? "px-3 pb-3" : "p-3"))}>
        {children}
      </div>
    </section>
  );
}

interface StatProps {
  label: string;
  /** Already formatted; "–" when unknown. */
  value: string;
  unit?: string;
  /** The change against before, e.g. "+12 %", and whether that is good news. */
  delta?: { text: string; direction: "up" | "down" | "flat"; good?: boolean } | undefined;
  /** Recent values for the sparkline; gaps are null. */
  points?: readonly (number | null)[] | undefined;
  /** Marks the figure: the live connection is lost, or it is older than it should be. */
  stale?: string | undefined;
  /** Under the figure: what it means, a limit, a link. */
  note?: ReactNode;
  tone?: "neutral" | "warn" | "error";
  className?: string;
}

export function Stat(props: StatProps) {
  const { label, value, unit, delta, points, stale, note, tone = "neutral", className } = props;
  return (
    <section
      aria-label={label}
      className={cx(
        "relative flex min-w-0 flex-col rounded-lg border border-line bg-panel px-3 pt-2.5 pb-2 shadow-card",
        tone === "warn" && "border-warn",
        tone === "error" && "border-error",
        className,
      )}
    >
      <div className="flex min-h-5 items-center justify-between gap-2 text-xs text-muted">
        <span className="truncate">{label}</span>
        {delta ? <Delta {...delta} /> : null}
      </div>
      <div className={cx("mt-0.5 flex items-baseline gap-1", stale && "text-muted")}>
        <span className="truncate text-xl font-semibold">{value}</span>
        {unit ? <span className="text-xs text-muted">{unit}</span> : null}
      </div>
      {points ? <Sparkline points={points} className="my-1 h-6" /> : null}
      {stale ? <div className="text-xs text-warn">{stale}</div> : null}
      {note && !stale ? <div className="truncate text-xs text-muted">{note}</div> : null}
    </section>
  );
}

function Delta({ text, direction, good }: NonNullable<StatProps["delta"]>) {
  const Icon =
    direction === "up" ? ArrowUpRight : direction === "down" ? ArrowDownRight : ArrowRight;
  const tone = good === undefined ? "text-muted" : good ? "text-ok" : "text-error";
  return (
    <span className={cx("inline-flex items-center whitespace-nowrap", tone)}>
      <Icon aria-hidden="true" className="size-3.5" />
      {text}
    </span>
  );
}

interface SparklineProps {
  points: readonly (number | null)[];
  /** A colour variable's name, e.g. "--chart-2"; default the accent. */
  color?: string;
  className?: string;
}

const WIDTH = 120;
const HEIGHT = 24;

/** A line without axes, from zero to its highest value. Decoration: the figure says it in words. */
export function Sparkline({ points, color = "--accent", className }: SparklineProps) {
  const top = points.reduce<number>((max, p) => Math.max(max, p ?? 0), 0) || 1;
  const step = WIDTH / Math.max(points.length - 1, 1);
  let line = "";
  let pen = "M";
  points.forEach((point, i) => {
    if (point === null || !Number.isFinite(point)) {
      pen = "M";
      return;
    }
    const y = HEIGHT - 1 - (Math.max(point, 0) / top) * (HEIGHT - 3);
    line += `${pen}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  });
  return (
    <svg
      aria-hidden="true"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      className={cx("block w-full", className)}
    >
      <path
        d={line || "M0 0"}
        fill="none"
        stroke={`var(${color})`}
        strokeWidth="1.5"
        strokeLinejoin="round"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
