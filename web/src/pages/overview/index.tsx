// The page Overview: is it well, what flows, how far are the tables, what fails: in that order.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { q, useTopics } from "@/api/queries";
import { type Stats, useStats } from "@/api/stats";
import { Page } from "@/app/page";
import { useRange } from "@/app/range";
import { bytes, compact, grouped } from "@/lib/numbers";
import { StateBadge } from "@/ui/badge";
import { Card, Sparkline } from "@/ui/card";
import { busiest } from "./busiest";
import { Charts } from "./charts";
import { FirstSteps } from "./first-steps";
import { Flow } from "./flow";
import { HealthStrip } from "./health";
import { Tiles } from "./tiles";

const RENEW_MS = 10_000;
const RENEW_MANY_MS = 60_000;
const MANY = 1000;

function renewAfter({ state }: { state: { data?: readonly unknown[] } }): number {
  return (state.data?.length ?? 0) > MANY ? RENEW_MANY_MS : RENEW_MS;
}

export default function OverviewPage() {
  const { paused, live } = useRange();
  const stats = useStats(paused || !live);
  useQuery({ ...q.topics, refetchInterval: renewAfter });
  useQuery({ ...q.tables, refetchInterval: renewAfter });
  return (
    <Page title="Overview" ready={stats.t.length > 0}>
      <FirstSteps stats={stats} />
      <Flow stats={stats} />
      <HealthStrip />
      <Tiles stats={stats} />
      <Charts stats={stats} paused={paused} />
      <BusyTopics stats={stats} />
    </Page>
  );
}

function BusyTopics({ stats }: { stats: Stats }) {
  const topics = useTopics();
  if (topics.data === undefined || topics.data.length === 0) return null;
  const rows = busiest(topics.data, stats);
  return (
    <Card
      title="Busiest topics"
      note="last minute"
      actions={
        <Link to="/topics" className="text-sm text-accent hover:underline">
          All {grouped(topics.data.length)}
        </Link>
      }
      flush
    >
      <div className="overflow-x-auto">
        <table className="w-full text-sm">
          <thead className="text-left text-xs text-muted">
            <tr className="border-y border-line">
              <th className="px-3 py-1.5 font-medium">Topic</th>
              <th className="px-3 py-1.5 text-right font-medium">Events/s</th>
              <th className="hidden px-3 py-1.5 font-medium sm:table-cell">Last minute</th>
              <th className="px-3 py-1.5 text-right font-medium">Waiting</th>
              <th className="hidden px-3 py-1.5 text-right font-medium md:table-cell">
                In the log
              </th>
              <th className="hidden px-3 py-1.5 font-medium md:table-cell">Table</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ topic, recent, rate }) => (
              <tr key={topic.name} className="border-b border-line last:border-0">
                <td className="max-w-64 px-3 py-1.5">
                  <Link
                    to="/topics/$name"
                    params={{ name: topic.name }}
                    className="block truncate text-accent hover:underline"
                    title={topic.name}
                  >
                    {topic.name}
                  </Link>
                </td>
                <td className="px-3 py-1.5 text-right tabular-nums">{compact(rate)}</td>
                <td className="hidden w-40 px-3 py-1.5 sm:table-cell">
                  <Sparkline points={recent} className="h-5" />
                </td>
                <td className="px-3 py-1.5 text-right tabular-nums">
                  {compact(topic.lag_events)}
                  {topic.slowed ? <StateBadge state="slowed" className="ml-2" /> : null}
                </td>
                <td className="hidden px-3 py-1.5 text-right tabular-nums md:table-cell">
                  {compact(topic.events)} · {bytes(topic.bytes)}
                </td>
                <td className="hidden max-w-64 px-3 py-1.5 md:table-cell">
                  <Link
                    to="/tables/$schema/$name"
                    params={{ schema: "bronze", name: topic.table }}
                    className="block truncate text-accent hover:underline"
                  >
                    {topic.table}
                  </Link>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
