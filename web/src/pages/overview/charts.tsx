// charts.tsx - the charts of the overview under one cursor and one time range. Within the last hour
// they move, second by second; a range that reaches further back is drawn from the history.
import { useTopics } from "@/api/queries";
import type { Stats } from "@/api/stats";
import { PageChart } from "@/app/page-chart";
import { useRange } from "@/app/range";
import { compact, count, duration, percent } from "@/lib/numbers";
import { resolveRange, type Span } from "@/lib/range";
import { formatTime, type Zone } from "@/lib/zone";
import { Card } from "@/ui/card";
import { ErrorCard } from "@/ui/states";
import type { ChartSeries } from "@/ui/time-chart";
import { type HistoryMetric, useHistory, useTopicHistory } from "./history";
import { type TypesView, useTypes } from "./types-feed";

const HOUR_MS = 3_600_000;
const BUSIEST = 8;

export function Charts({ stats, paused }: { stats: Stats; paused: boolean }) {
  const { range } = useRange();
  const nowMs = stats.t.at(-1) ?? Date.now();
  const span = resolveRange(range, nowMs);
  return (
    <div className="grid grid-cols-1 gap-3 lg:grid-cols-2">
      {nowMs - span.fromMs > HOUR_MS + 60_000 ? (
        <PastCharts span={span} />
      ) : (
        <LiveCharts stats={stats} span={span} paused={paused} />
      )}
    </div>
  );
}

/** The busiest topics by their own name, all others together. */
function byTopic(stats: Stats, span: Span): ChartSeries[] {
  const from = stats.t.findIndex((ms) => ms >= span.fromMs);
  const known = stats.topics.map((topic) => {
    const values = stats.topic(topic, "events_in");
    let sum = 0;
    for (let i = Math.max(from, 0); i < values.length; i++) sum += values[i] || 0;
    return { topic, values, sum };
  });
  known.sort((a, b) => b.sum - a.sum);
  const own = known.filter((one) => one.sum > 0).slice(0, BUSIEST - 1);
  const rest = known.filter((one) => one.sum > 0).slice(BUSIEST - 1);
  const out: ChartSeries[] = own.map(({ topic, values }) => ({ label: topic, values }));
  if (rest.length > 0) {
    const sums = Float64Array.from(stats.t, (_, i) =>
      rest.reduce((sum, one) => sum + (one.values[i] || 0), 0),
    );
    out.push({ label: count(rest.length, "other"), values: sums });
  }
  return out;
}

/** The server counts types while somebody looks: what is left of the chart says why it is empty. */
function typesNote({ t, sampled }: TypesView, span: Span, zone: Zone): string | null {
  const since = t[0];
  const said = [
    sampled < 1 ? `counted in ${percent(sampled)} of the events` : "",
    since !== undefined && since > span.fromMs + 5000
      ? `counted since ${formatTime(since, zone, "time")}, when somebody first looked`
      : "",
  ].filter((text) => text !== "");
  return said.length === 0 ? null : said.join(", ");
}

function LiveCharts({ stats, span, paused }: { stats: Stats; span: Span; paused: boolean }) {
  const types = useTypes(paused);
  const { zone } = useRange();
  const common = { time: stats.t, span, height: 168 };
  const gap = stats.gap ? "began with the server's start" : null;
  const line = (label: string, name: Parameters<Stats["column"]>[0], colorName?: string) => ({
    label,
    values: stats.column(name),
    ...(colorName === undefined ? {} : { colorName }),
  });
  return (
    <>
      <Card title="Events by topic" note="per second" flush>
        <PageChart
          {...common}
          label="Events per second by topic"
          kind="area"
          stacked
          series={byTopic(stats, span)}
          note={gap}
        />
      </Card>
      <Card title="Events by type" note="per second" flush>
        <PageChart
          label="Events per second by type"
          time={types.t}
          span={span}
          height={168}
          kind="area"
          stacked
          series={types.series}
          note={typesNote(types, span, zone)}
        />
      </Card>
      <Card title="In and landed" note="events per second" flush>
        <PageChart
          {...common}
          label="Events in and landed per second"
          series={[line("in", "events_in"), line("landed", "events_landed")]}
        />
      </Card>
      <Card title="Waiting to land" note="events in the log that the table has not" flush>
        <PageChart
          {...common}
          label="Events waiting to land"
          kind="area"
          series={[line("waiting", "lag_events")]}
          bare
        />
      </Card>
      <Card title="Acknowledgement" note="from arrival to on disk" flush>
        <PageChart
          {...common}
          label="Acknowledgement latency"
          format={duration}
          series={[line("p50", "ack_p50_ms"), line("p95", "ack_p95_ms"), line("p99", "ack_p99_ms")]}
        />
      </Card>
      <Card title="Query time" flush>
        <PageChart
          {...common}
          label="Query time"
          format={duration}
          series={[line("p50", "query_p50_ms"), line("p95", "query_p95_ms")]}
        />
      </Card>
      <Card title="Refused and failed" note="per second" flush>
        <PageChart
          {...common}
          label="Refused and failed per second"
          series={[
            line("events rejected", "rejected"),
            line("dead letters", "dead"),
            line("requests failed", "errors"),
            line("queries failed", "queries_failed"),
          ]}
        />
      </Card>
      <Card title="Requests and queries" note="per second" flush>
        <PageChart
          {...common}
          label="Requests and queries per second"
          series={[line("requests", "requests"), line("queries", "queries")]}
        />
      </Card>
    </>
  );
}

interface PastProps {
  title: string;
  metric: HistoryMetric;
  span: Span;
  format?: (value: number) => string;
}

function PastChart({ title, metric, span, format = compact }: PastProps) {
  const history = useHistory(metric, title, span);
  const step = history.data?.bucketSeconds;
  return (
    <Card title={title} note={step === undefined ? null : `per ${bucket(step)}`} flush>
      {history.error !== null && history.data === undefined ? (
        <ErrorCard
          className="m-3"
          what={`${title}: the history could not be loaded.`}
          error={history.error}
          retry={() => void history.refetch()}
        />
      ) : (
        <PageChart
          label={title}
          time={history.data?.t ?? []}
          series={history.data?.series ?? []}
          span={span}
          height={168}
          format={format}
          bare
        />
      )}
    </Card>
  );
}

function PastTopics({ span }: { span: Span }) {
  const topics = useTopics().data ?? [];
  const busiest = topics
    .filter((topic) => (topic.events ?? 0) > 0)
    .sort((a, b) => (b.events ?? 0) - (a.events ?? 0))
    .slice(0, BUSIEST - 1);
  const history = useTopicHistory(
    busiest.map((topic) => topic.name),
    span,
  );
  const step = history.data?.bucketSeconds;
  return (
    <Card
      title="Events in"
      note={step === undefined ? "by topic" : `by topic, per ${bucket(step)}`}
      flush
    >
      {history.error !== null && history.data === undefined ? (
        <ErrorCard
          className="m-3"
          what="Events in: the history could not be loaded."
          error={history.error}
          retry={() => void history.refetch()}
        />
      ) : (
        <PageChart
          label="Events in by topic"
          time={history.data?.t ?? []}
          series={history.data?.series ?? []}
          span={span}
          height={168}
          kind="area"
          stacked
        />
      )}
    </Card>
  );
}

function bucket(seconds: number): string {
  if (seconds % 86_400 === 0) return seconds === 86_400 ? "day" : `${seconds / 86_400} days`;
  if (seconds % 3600 === 0) return seconds === 3600 ? "hour" : `${seconds / 3600} hours`;
  if (seconds % 60 === 0) return seconds === 60 ? "minute" : `${seconds / 60} minutes`;
  return `${seconds} s`;
}

function PastCharts({ span }: { span: Span }) {
  return (
    <>
      <PastTopics span={span} />
      <PastChart title="Queries" metric="queries" span={span} />
      <PastChart title="Landed in tables" metric="landed" span={span} />
      <PastChart title="Waiting to land" metric="lag_events" span={span} />
      <PastChart title="Acknowledged, p99" metric="ack_p99_ms" span={span} format={duration} />
      <PastChart title="Query time, p95" metric="query_p95_ms" span={span} format={duration} />
      <PastChart title="Dead letters" metric="dead" span={span} />
      <PastChart title="Failed requests" metric="errors" span={span} />
    </>
  );
}
