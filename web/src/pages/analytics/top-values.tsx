// top-values.tsx - the most frequent values of a field: how many, what share, and against the period
// before. A value leads to the events that have it.
import { ArrowDownRight, ArrowUpRight, Filter } from "lucide-react";
import { useState } from "react";
import { change, compact, count, grouped, percent } from "@/lib/numbers";
import { cx } from "@/ui/cx";
import type { TopRow } from "./figures";
import { More, Panel } from "./panel";
import type { Split } from "./split";
import type { Asked } from "./use-ask";

const SHOWN = 10;
export const TOP_MAX = 50;

interface TopValuesProps {
  title: string;
  split: Split;
  sql: string | null;
  asked: Asked<TopRow[]>;
  /** Values that the filters already ask for. */
  chosen: readonly string[];
  onChoose: (value: string) => void;
}

export function TopValues({ title, split, sql, asked, chosen, onChoose }: TopValuesProps) {
  const [all, setAll] = useState(false);
  return (
    <Panel
      title={title}
      sql={sql}
      asked={asked}
      isEmpty={(rows) => rows.length === 0 || rows.every((row) => row.value === null)}
      empty={`No event of this period has a ${split}.`}
      lines={8}
      flush
    >
      {(rows) => (
        <>
          <TopTable
            rows={all ? rows : rows.slice(0, SHOWN)}
            title={title}
            split={split}
            chosen={chosen}
            onChoose={onChoose}
          />
          {rows.length > SHOWN ? (
            <div className="border-t border-line px-2 py-1">
              <More
                onClick={() => setAll(!all)}
                label={
                  all
                    ? `The first ${SHOWN}`
                    : `${rows.length - SHOWN}${rows.length === TOP_MAX ? " and more" : ""} further`
                }
              />
            </div>
          ) : null}
        </>
      )}
    </Panel>
  );
}

interface TopTableProps {
  rows: readonly TopRow[];
  title: string;
  split: Split;
  chosen: readonly string[];
  onChoose: (value: string) => void;
}

function TopTable({ rows, title, split, chosen, onChoose }: TopTableProps) {
  return (
    <table className="w-full table-fixed text-sm" aria-label={title}>
      <thead className="text-left text-xs text-muted">
        <tr className="border-y border-line">
          <th className="px-3 py-1.5 font-medium capitalize">{split}</th>
          <th className="w-20 px-2 py-1.5 text-right font-medium">Events</th>
          <th className="w-18 px-2 py-1.5 text-right font-medium">Share</th>
          <th className="w-24 px-3 py-1.5 text-right font-medium">
            <abbr title="against the period before" className="no-underline">
              Change
            </abbr>
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.value ?? "\u0000"} className="border-b border-line last:border-0">
            <td className="relative px-3 py-0">
              <span
                aria-hidden="true"
                className="absolute inset-y-1 left-1 rounded-sm bg-accent-soft"
                style={{ width: `calc(${row.share * 100}% - 0.25rem)` }}
              />
              <Value row={row} split={split} chosen={chosen} onChoose={onChoose} />
            </td>
            <td className="px-2 py-1.5 text-right" title={count(row.events, "event")}>
              {compact(row.events)}
            </td>
            <td className="px-2 py-1.5 text-right text-muted">{percent(row.share)}</td>
            <td className="px-3 py-1.5 text-right">
              <Trend now={row.events} before={row.before} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface ValueProps {
  row: TopRow;
  split: Split;
  chosen: readonly string[];
  onChoose: (value: string) => void;
}

function Value({ row, split, chosen, onChoose }: ValueProps) {
  const { value } = row;
  if (value === null) return <em className="relative block py-1.5 text-muted">no {split}</em>;
  const text = value === "" ? <em className="text-muted">empty</em> : <bdi>{value}</bdi>;
  if (chosen.includes(value)) {
    return (
      <span className="relative flex items-center gap-1 py-1.5 font-medium" title={value}>
        <Filter aria-hidden="true" className="size-3.5 shrink-0 text-accent" />
        <span className="truncate">{text}</span>
      </span>
    );
  }
  return (
    <button
      type="button"
      onClick={() => onChoose(value)}
      title={`${value.slice(0, 1000)}\nOnly this ${split}`}
      className="relative block w-full truncate py-1.5 text-left hover:underline"
    >
      {text}
    </button>
  );
}

function Trend({ now, before }: { now: number; before: number }) {
  const text = change(now, before);
  if (text === null) return <span className="text-xs text-muted">new</span>;
  const Icon = now > before ? ArrowUpRight : now < before ? ArrowDownRight : null;
  return (
    <span
      className={cx(
        "inline-flex items-center justify-end gap-0.5 text-xs whitespace-nowrap text-muted",
      )}
      title={`${grouped(before)} in the period before`}
    >
      {Icon === null ? null : <Icon aria-hidden="true" className="size-3.5" />}
      {text}
    </span>
  );
}
