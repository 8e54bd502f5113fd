// The page Topic: one topic from its log to its table. The head says how it is; the tabs hold its
// records, its schema, its dead letters, its partitions and its settings.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Send, SquareTerminal, Table2 } from "lucide-react";
import { useState } from "react";
import { isProblem } from "@/api/problem";
import { q } from "@/api/queries";
import { useStats } from "@/api/stats";
import type { Topic } from "@/api/types";
import { Page } from "@/app/page";
import { usePause } from "@/app/range";
import { bytes, compact, count, grouped } from "@/lib/numbers";
import { quotePath } from "@/lib/sql";
import { rateOf } from "@/stream/rates";
import { TopicState } from "@/stream/topic-state";
import { Badge } from "@/ui/badge";
import { Button, ButtonLike } from "@/ui/button";
import { Sparkline } from "@/ui/card";
import { EmptyState, Loaded } from "@/ui/states";
import { Tabs } from "@/ui/tabs";
import { DeadTab } from "./dead";
import { PartitionsTab } from "./partitions";
import { ProduceDialog } from "./produce";
import { RecordsTab } from "./records";
import { SchemaTab } from "./schema";
import type { TopicTab } from "./search";
import { SettingsTab } from "./settings";

const RENEW_MS = 3000;

export default function TopicPage() {
  const { name } = useParams({ from: "/topics/$name" });
  const { tab = "records" } = useSearch({ from: "/topics/$name" });
  const navigate = useNavigate({ from: "/topics/$name" });
  const paused = usePause((s) => s.paused);
  const [produce, setProduce] = useState(false);
  const topic = useQuery({ ...q.topic(name), refetchInterval: paused ? false : RENEW_MS });
  const isGone = isProblem(topic.error) && topic.error.status === 404;
  // Each tab has filters of its own: they do not go along.
  const setTab = (next: TopicTab) => void navigate({ search: { tab: next } });
  return (
    <Page
      title={name}
      fill={tab === "records" || tab === "dead"}
      ready={topic.data !== undefined || topic.error !== null}
      crumb={
        <Link to="/topics" className="hover:text-text hover:underline">
          Topics
        </Link>
      }
      badge={topic.data === undefined || isGone ? null : <TopicState topic={topic.data} />}
      subtitle={topic.data === undefined || isGone ? null : <Figures topic={topic.data} />}
      actions={
        topic.data === undefined || isGone ? null : (
          <>
            <Link
              to="/sql"
              search={{ q: `SELECT *\nFROM ${quotePath("bronze", topic.data.table)}\nLIMIT 100` }}
              className={ButtonLike({})}
            >
              <SquareTerminal aria-hidden="true" className="size-4" /> Query
            </Link>
            <Link
              to="/tables/$schema/$name"
              params={{ schema: "bronze", name: topic.data.table }}
              className={ButtonLike({})}
            >
              <Table2 aria-hidden="true" className="size-4" /> Table
            </Link>
            <Button variant="primary" icon={Send} onClick={() => setProduce(true)}>
              Produce
            </Button>
          </>
        )
      }
    >
      {isGone ? (
        <EmptyState
          title="There is no such topic"
          reason="It was deleted, or it was never made. The first event makes it."
          command={`curl ${new URL(`api/v1/topics/${encodeURIComponent(name)}/events`, document.baseURI).href} -H 'Content-Type: application/json' -d '{"type": "view"}'`}
          action={
            <Link to="/topics" className={ButtonLike({})}>
              All topics
            </Link>
          }
        />
      ) : (
        <Loaded query={topic} what="The topic could not be loaded.">
          {(data) => (
            <>
              <Tabs
                label="Parts of the topic"
                value={tab}
                onChange={setTab}
                className="min-h-0 flex-1"
                items={[
                  { value: "records", label: "Records" },
                  {
                    value: "schema",
                    label: "Schema",
                    badge: data.schema_version ? <Badge>{data.schema_version}</Badge> : null,
                  },
                  { value: "dead", label: "Dead letters" },
                  {
                    value: "partitions",
                    label: "Partitions",
                    badge: data.partitions_not_ok ? (
                      <Badge tone="error">{data.partitions_not_ok}</Badge>
                    ) : null,
                  },
                  { value: "settings", label: "Settings" },
                ]}
              >
                {tab === "records" ? <RecordsTab topic={data} /> : null}
                {tab === "schema" ? <SchemaTab topic={data} /> : null}
                {tab === "dead" ? <DeadTab topic={data} /> : null}
                {tab === "partitions" ? <PartitionsTab topic={data} /> : null}
                {tab === "settings" ? <SettingsTab key={data.uuid} topic={data} /> : null}
              </Tabs>
              {produce ? <ProduceDialog topic={data} onClose={() => setProduce(false)} /> : null}
            </>
          )}
        </Loaded>
      )}
    </Page>
  );
}

function Figures({ topic }: { topic: Topic }) {
  const paused = usePause((s) => s.paused);
  const stats = useStats(paused);
  const rate = rateOf(stats, topic.name);
  return (
    <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <span className="inline-flex items-center gap-2">
        {compact(rate.now ?? (stats.t.length > 0 ? 0 : null))} events/s
        {rate.points.length > 1 ? <Sparkline points={rate.points} className="h-4 w-24" /> : null}
      </span>
      <span>
        {count(topic.events ?? 0, "event")}, {bytes(topic.bytes)} in the log
      </span>
      <span>{count(topic.partitions, "partition")}</span>
      <span>{topic.lag_events ? `${grouped(topic.lag_events)} not landed yet` : "all landed"}</span>
    </span>
  );
}
