// tiles.tsx - the period in figures, each against the period before.
import { change, compact, count, grouped, percent } from "@/lib/numbers";
import { Stat } from "@/ui/card";
import { ErrorCard } from "@/ui/states";
import { type Totals, totalsOf } from "./figures";
import { SqlButton } from "./panel";
import { type Question, totalsSql } from "./sql";
import { type Asked, useAsk } from "./use-ask";

export function useTotals(
  question: Question,
  about: string,
): Asked<Totals> & { sql: string | null } {
  const sql = totalsSql(question);
  return { sql, ...useAsk(sql, `totals ${about}`, totalsOf) };
}

function trend(now: number, before: number, moreIs?: "bad") {
  const text = change(now, before);
  if (text === null) return undefined;
  const direction = now > before ? "up" : now < before ? "down" : "flat";
  const good = moreIs === undefined || direction === "flat" ? undefined : direction === "down";
  return { text, direction, ...(good === undefined ? {} : { good }) } as const;
}

interface TilesProps {
  totals: ReturnType<typeof useTotals>;
  lengthMs: number;
}

export function Tiles({ totals, lengthMs }: TilesProps) {
  const { data, error, isStale, sql } = totals;
  if (error !== null) {
    return (
      <ErrorCard
        what="The period's figures: the tables gave no answer."
        error={error}
        retry={totals.retry}
      />
    );
  }
  const minutes = lengthMs / 60_000;
  const stale = isStale ? "of the filters before" : undefined;
  const figure = (value: number | undefined) => (value === undefined ? "–" : compact(value));
  const points = (value: number, before: number) => {
    const shift = (value - before) * 100;
    return `${shift < 0 ? "−" : "+"}${Math.abs(shift).toFixed(1)} points`;
  };
  return (
    <div className="grid grid-cols-2 gap-2 lg:grid-cols-4">
      <Stat
        label="Events"
        value={figure(data?.events)}
        delta={data && trend(data.events, data.eventsBefore)}
        stale={stale}
        note={
          data === undefined ? (
            "counting"
          ) : (
            <span className="flex items-center justify-between gap-1">
              <span className="truncate" title={`${grouped(data.eventsBefore)} before`}>
                {count(data.events, "event")}
              </span>
              {sql === null ? null : <SqlButton title="these figures" sql={sql} />}
            </span>
          )
        }
      />
      <Stat
        label="Per minute"
        value={figure(data && data.events / minutes)}
        delta={data && trend(data.events, data.eventsBefore)}
        stale={stale}
        note={data && `${compact(data.eventsBefore / minutes)} before`}
      />
      <Stat
        label="Sources"
        value={data?.sources === 0 ? "–" : figure(data?.sources)}
        delta={data && trend(data.sources, data.sourcesBefore)}
        stale={stale}
        note={
          data?.sources === 0
            ? "no field tells the source"
            : data && `estimated; ${compact(data.sourcesBefore)} before`
        }
      />
      <Stat
        label="Share of errors"
        value={data === undefined ? "–" : percent(data.failed)}
        delta={
          data && Number.isFinite(data.failed) && Number.isFinite(data.failedBefore)
            ? {
                text: points(data.failed, data.failedBefore),
                direction:
                  data.failed > data.failedBefore
                    ? "up"
                    : data.failed < data.failedBefore
                      ? "down"
                      : "flat",
                good: data.failed <= data.failedBefore,
              }
            : undefined
        }
        stale={stale}
        note={
          data !== undefined && Number.isNaN(data.failed)
            ? "no level, no status"
            : "level error, or status 5xx"
        }
      />
    </div>
  );
}
