// tiles.tsx - the grid of figures: what flows in and out, how far the tables are behind, what
// fails. Each tile keeps its last value and says when that was, should the connection be lost.

import { useHealth, useTopics } from "@/api/queries";
import type { StatName, Stats } from "@/api/stats";
import { useLiveStatus } from "@/api/use-live";
import { useZone } from "@/app/range";
import { bytes, compact, count, duration, percent } from "@/lib/numbers";
import { formatTime } from "@/lib/zone";
import { Stat } from "@/ui/card";

const POINTS = 60;

/** Of the last minute, for the sparkline. */
function recent(stats: Stats, names: readonly StatName[]): number[] {
  const columns = names.map((name) => stats.column(name));
  const from = Math.max(0, stats.t.length - POINTS);
  const out: number[] = [];
  for (let i = from; i < stats.t.length; i++) {
    out.push(columns.reduce((sum, column) => sum + (column[i] ?? Number.NaN), 0));
  }
  return out;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : value), 0);
}

/** The mean of the last seconds: a figure that can be read. */
function steady(values: readonly number[]): number {
  const last = values.slice(-5).filter((value) => !Number.isNaN(value));
  return last.length === 0 ? Number.NaN : sumOf(last) / last.length;
}

/** The newest value of the last minute: latencies are known only in seconds with requests. */
function lastKnown(values: readonly number[]): number {
  return values.findLast((value) => !Number.isNaN(value)) ?? Number.NaN;
}

/** What the sum consists of: "12 events, 1 query". */
function refusals(stats: Stats): string {
  const parts: [StatName, string, string][] = [
    ["rejected", "event", "events"],
    ["errors", "request", "requests"],
    ["queries_failed", "query", "queries"],
  ];
  const said = parts.flatMap(([name, one, many]) => {
    const sum = sumOf(recent(stats, [name]));
    return sum > 0 ? [count(sum, one, many)] : [];
  });
  return said.length === 0 ? "events, requests, queries" : said.join(", ");
}

export function Tiles({ stats }: { stats: Stats }) {
  const health = useHealth();
  const topics = useTopics();
  const zone = useZone();
  const { state } = useLiveStatus();
  const asOf = stats.t.at(-1);
  const lost = state === "lost" || state === "stale";
  const stale = lost && asOf !== undefined ? `as of ${formatTime(asOf, zone, "time")}` : undefined;
  const rate = (names: StatName[]) => {
    const points = recent(stats, names);
    return { points, value: compact(steady(points)), stale };
  };
  const failed = recent(stats, ["rejected", "errors", "queries_failed"]);
  const acknowledgedPoints = recent(stats, ["ack_p99_ms"]);
  const acknowledged = lastKnown(acknowledgedPoints);
  const memory = stats.last("memory_bytes");
  const bound = health.data?.memory_bound_bytes;
  const stored = topics.data?.reduce((sum, t) => sum + (t.events ?? 0), 0);
  return (
    <div className="grid grid-cols-2 gap-2 sm:grid-cols-3 lg:grid-cols-5">
      <Stat
        label="Events in"
        unit="/s"
        {...rate(["events_in"])}
        note={stored === undefined ? undefined : `${compact(stored)} in the log`}
      />
      <Stat label="Landed in tables" unit="/s" {...rate(["events_landed"])} note="in batches" />
      <Stat
        label="Waiting to land"
        value={compact(stats.last("lag_events"))}
        unit="events"
        points={recent(stats, ["lag_events"])}
        stale={stale}
        note={`oldest ${duration(stats.last("lag_ms"))} · already in SQL`}
      />
      <Stat
        label="Bytes in"
        value={bytes(steady(recent(stats, ["bytes_in"])))}
        unit="/s"
        points={recent(stats, ["bytes_in"])}
        stale={stale}
      />
      <Stat
        label="Acknowledged within"
        value={duration(acknowledged)}
        unit="p99"
        points={acknowledgedPoints}
        stale={stale}
        note={
          Number.isNaN(acknowledged)
            ? "nobody sends over HTTP"
            : `p50 ${duration(lastKnown(recent(stats, ["ack_p50_ms"])))}, on disk`
        }
      />
      <Stat
        label="Queries"
        unit="/s"
        {...rate(["queries"])}
        note={`p95 ${duration(lastKnown(recent(stats, ["query_p95_ms"])))}`}
      />
      <Stat
        label="Refused or failed"
        value={compact(sumOf(failed))}
        unit="in 60 s"
        points={failed}
        stale={stale}
        tone={sumOf(failed) > 0 ? "warn" : "neutral"}
        note={refusals(stats)}
      />
      <Stat
        label="Dead letters"
        value={compact(sumOf(recent(stats, ["dead"])))}
        unit="in 60 s"
        points={recent(stats, ["dead"])}
        stale={stale}
        note="kept, can be sent again"
      />
      <Stat
        label="Memory"
        value={bytes(memory)}
        points={recent(stats, ["memory_bytes"])}
        stale={stale}
        tone={bound !== undefined && memory > bound ? "warn" : "neutral"}
        note={bound === undefined ? undefined : `${percent(memory / bound)} of ${bytes(bound)}`}
      />
      <Stat
        label="Disk free"
        value={bytes(stats.last("disk_free_bytes"))}
        points={recent(stats, ["disk_free_bytes"])}
        stale={stale}
        note={count(Math.max(0, stats.last("connections") || 0), "connection")}
      />
    </div>
  );
}
