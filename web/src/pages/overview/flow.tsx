// flow.tsx - the way of an event in one line, for someone who sees this for the first time: it comes
// in, is kept in the log, lands in tables, is asked for. Each step has its figures and its page.
import { Link } from "@tanstack/react-router";
import {
  Activity,
  ChevronRight,
  Database,
  type LucideIcon,
  Radio,
  SquareTerminal,
} from "lucide-react";
import type { ReactNode } from "react";
import { useHealth, useTables, useTopics } from "@/api/queries";
import type { Stats } from "@/api/stats";
import { bytes, compact, count } from "@/lib/numbers";

const MEAN_OF = 5;

/** Of the last seconds; null before the first. */
function rate(values: Float64Array): number | null {
  const last = Array.from(values.slice(-MEAN_OF)).filter((value) => !Number.isNaN(value));
  return last.length === 0 ? null : last.reduce((sum, value) => sum + value, 0) / last.length;
}

const total = <T,>(list: readonly T[] | undefined, of: (one: T) => number | undefined) =>
  list?.reduce((sum, one) => sum + (of(one) ?? 0), 0);

export function Flow({ stats }: { stats: Stats }) {
  const topics = useTopics().data;
  const tables = useTables().data;
  const health = useHealth().data;
  const running = health?.components.find((one) => one.component === "producers")?.running ?? 0;
  const perSecond = `${bytes(rate(stats.column("bytes_in")))}/s`;
  return (
    <nav aria-label="The way of an event">
      <ol className="grid grid-cols-2 gap-2 lg:grid-cols-4">
        <Step
          to="/live"
          icon={Radio}
          title="Comes in"
          figure={`${compact(rate(stats.column("events_in")))} events/s`}
          note={running > 0 ? `${perSecond} · ${count(running, "producer")}` : perSecond}
        />
        <Step
          to="/topics"
          icon={Activity}
          title="Is kept in the log"
          figure={topics === undefined ? "–" : count(topics.length, "topic")}
          note={`${compact(total(topics, (t) => t.events))} events · ${bytes(total(topics, (t) => t.bytes))}`}
        />
        <Step
          to="/tables"
          icon={Database}
          title="Lands in tables"
          figure={tables === undefined ? "–" : count(tables.length, "table")}
          note={`${compact(total(tables, (t) => t.rows))} rows · ${bytes(total(tables, (t) => t.bytes))}`}
        />
        <Step
          to="/sql"
          icon={SquareTerminal}
          title="Is asked in"
          figure="SQL"
          note="fresh and landed as one"
          isLast
        />
      </ol>
    </nav>
  );
}

interface StepProps {
  to: "/live" | "/topics" | "/tables" | "/sql";
  icon: LucideIcon;
  title: string;
  figure: string;
  note: ReactNode;
  isLast?: boolean;
}

function Step({ to, icon: Icon, title, figure, note, isLast }: StepProps) {
  return (
    <li className="relative min-w-0">
      <Link
        to={to}
        className="flex h-full min-w-0 items-center gap-3 rounded-lg border border-line bg-panel px-3 py-2.5 shadow-card hover:border-accent"
      >
        <span className="hidden size-9 shrink-0 items-center justify-center rounded-md bg-accent-soft text-accent sm:flex">
          <Icon aria-hidden="true" className="size-5" />
        </span>
        <span className="flex min-w-0 flex-col">
          <span className="text-xs text-muted">{title}</span>
          <span className="truncate text-base font-semibold">{figure}</span>
          <span className="truncate text-xs text-muted">{note}</span>
        </span>
      </Link>
      {isLast ? null : (
        <ChevronRight
          aria-hidden="true"
          className="absolute top-1/2 -right-[13px] z-10 hidden size-4 -translate-y-1/2 text-muted lg:block"
        />
      )}
    </li>
  );
}
