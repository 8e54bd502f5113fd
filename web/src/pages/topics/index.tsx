// The page Topics: every topic with what flows through it and how far its table is behind. All are
// in memory (the list is small text), drawn virtually; search and order live in the address.

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Activity, Plus } from "lucide-react";
import { useMemo, useRef } from "react";
import { q as queries } from "@/api/queries";
import { type Stats, useStats } from "@/api/stats";
import type { Topic } from "@/api/types";
import { useKeys } from "@/app/keys";
import { Page } from "@/app/page";
import { usePause } from "@/app/range";
import { bytes, compact, count, duration, grouped } from "@/lib/numbers";
import { type Rate, rateOf } from "@/stream/rates";
import { sorted, sortFrom, sortTo } from "@/stream/sort";
import { TopicState } from "@/stream/topic-state";
import { Button } from "@/ui/button";
import { Sparkline } from "@/ui/card";
import { CopyAsCurl } from "@/ui/copy";
import { type GridColumn, VirtualGrid } from "@/ui/grid";
import { SearchField } from "@/ui/search-field";
import { EmptyState, Loaded } from "@/ui/states";
import { CreateTopic } from "./create";

const RENEW_MS = 5000;
const RENEW_MANY_MS = 30_000;
const MANY = 1000;

interface Row {
  topic: Topic;
  rate: Rate;
}

const COLUMNS: readonly GridColumn<Row>[] = [
  {
    id: "name",
    header: "Topic",
    width: 220,
    value: ({ topic }) => topic.name,
    cell: ({ topic }) => (
      <Link
        to="/topics/$name"
        params={{ name: topic.name }}
        title={topic.name}
        className="text-accent hover:underline"
      >
        <bdi>{topic.name}</bdi>
      </Link>
    ),
  },
  {
    id: "state",
    header: "State",
    width: 100,
    value: ({ topic }) => (topic.partitions_not_ok ? 2 : topic.slowed ? 1 : 0),
    cell: ({ topic }) => <TopicState topic={topic} />,
  },
  {
    id: "rate",
    header: "Events/s",
    width: 84,
    align: "right",
    value: ({ rate }) => rate.now,
    cell: ({ rate }) => compact(rate.now),
  },
  {
    id: "minute",
    header: "Last minute",
    width: 110,
    sortable: false,
    value: ({ rate }) => rate.points.join(" "),
    cell: ({ rate }) =>
      rate.points.length === 0 ? (
        <span className="text-muted">–</span>
      ) : (
        <Sparkline points={rate.points} className="inline-block h-5 align-middle" />
      ),
  },
  {
    id: "lag",
    header: "Waiting to land",
    width: 116,
    align: "right",
    value: ({ topic }) => topic.lag_events,
    cell: ({ topic }) => grouped(topic.lag_events),
  },
  {
    id: "events",
    header: "Events in log",
    width: 110,
    align: "right",
    value: ({ topic }) => topic.events,
    cell: ({ topic }) => grouped(topic.events),
  },
  {
    id: "bytes",
    header: "Size",
    width: 88,
    align: "right",
    value: ({ topic }) => topic.bytes,
    cell: ({ topic }) => bytes(topic.bytes),
  },
  {
    id: "partitions",
    header: "Partitions",
    width: 82,
    align: "right",
    value: ({ topic }) => topic.partitions,
  },
  {
    id: "retention",
    header: "Kept for",
    width: 84,
    align: "right",
    value: ({ topic }) => ((topic.retention_ms ?? -1) < 0 ? Infinity : topic.retention_ms),
    cell: ({ topic }) =>
      (topic.retention_ms ?? -1) < 0 ? "no limit" : duration(topic.retention_ms),
  },
  {
    id: "schema",
    header: "Schema",
    width: 84,
    value: ({ topic }) => topic.schema_version ?? null,
    cell: ({ topic }) =>
      topic.schema_version ? (
        `version ${topic.schema_version}`
      ) : (
        <span className="text-muted">inferred</span>
      ),
  },
];
const NAMES = COLUMNS.map((column) => column.id);

function useRows(topics: readonly Topic[] | undefined, stats: Stats, q: string) {
  return useMemo(() => {
    const wanted = q.toLowerCase();
    return (topics ?? [])
      .filter((topic) => topic.name.toLowerCase().includes(wanted))
      .map((topic) => ({ topic, rate: rateOf(stats, topic.name) }));
  }, [topics, stats, q]);
}

export default function TopicsPage() {
  const search = useSearch({ from: "/topics" });
  const navigate = useNavigate({ from: "/topics" });
  const { q = "", create } = search;
  const paused = usePause((s) => s.paused);
  const stats = useStats(paused);
  const topics = useQuery({
    ...queries.topics,
    refetchInterval: ({ state }) =>
      paused ? false : (state.data?.length ?? 0) > MANY ? RENEW_MANY_MS : RENEW_MS,
  });
  const found = useRows(topics.data, stats, q);
  const sort = sortFrom(search.sort, NAMES);
  const rows = useMemo(() => sorted(found, COLUMNS, sort), [found, sort]);
  const input = useRef<HTMLInputElement>(null);
  const setText = (text: string) =>
    void navigate({ search: (old) => ({ ...old, q: text || undefined }), replace: true });
  const setCreate = (open: boolean) =>
    void navigate({ search: (old) => ({ ...old, create: open ? "yes" : undefined }) });
  useKeys([
    { keys: "/", label: "Find a topic", group: "Topics", run: () => input.current?.focus() },
    { keys: "n", label: "New topic", group: "Topics", run: () => setCreate(true) },
  ]);
  return (
    <Page
      title="Topics"
      fill
      ready={topics.data !== undefined || topics.error !== null}
      subtitle={<Summary topics={topics.data} shown={rows.length} q={q} />}
      actions={
        <>
          <CopyAsCurl plan={{ method: "GET", path: "api/v1/topics" }} />
          <Button variant="primary" icon={Plus} onClick={() => setCreate(true)}>
            New topic
          </Button>
        </>
      }
    >
      <Loaded query={topics} what="The topics could not be loaded.">
        {(all) =>
          all.length === 0 ? (
            <EmptyState
              icon={Activity}
              title="No topics yet"
              reason="The first event makes its topic; or make one with settings of your own."
              command={firstEvent()}
              action={
                <Button variant="primary" icon={Plus} onClick={() => setCreate(true)}>
                  New topic
                </Button>
              }
            />
          ) : (
            <>
              <search>
                <SearchField
                  label="Find a topic"
                  placeholder="Find a topic  ( / )"
                  className="sm:max-w-80"
                  value={q}
                  onChange={setText}
                  inputRef={input}
                />
              </search>
              <VirtualGrid
                label="Topics"
                columns={COLUMNS}
                rows={rows}
                sort={sort}
                onSort={(next) =>
                  void navigate({ search: (old) => ({ ...old, sort: sortTo(next) }) })
                }
                onOpen={({ topic }) =>
                  void navigate({ to: "/topics/$name", params: { name: topic.name } })
                }
                openOnClick
                empty={
                  <EmptyState
                    title={`No topic's name holds “${q}”`}
                    reason={`${count(all.length, "topic")} hidden by the search.`}
                    action={<Button onClick={() => setText("")}>Clear search</Button>}
                  />
                }
                className="min-h-0 flex-1"
              />
            </>
          )
        }
      </Loaded>
      {create ? <CreateTopic onClose={() => setCreate(false)} /> : null}
    </Page>
  );
}

interface SummaryProps {
  topics: readonly Topic[] | undefined;
  shown: number;
  q: string;
}

function Summary({ topics, shown, q }: SummaryProps) {
  if (topics === undefined || topics.length === 0) return null;
  const sum = (of: (t: Topic) => number | undefined) =>
    topics.reduce((total, topic) => total + (of(topic) ?? 0), 0);
  return (
    <>
      {q === "" ? "" : `${grouped(shown)} of `}
      {count(topics.length, "topic")} · {compact(sum((t) => t.events))} events,{" "}
      {bytes(sum((t) => t.bytes))} in the log
    </>
  );
}

function firstEvent(): string {
  const to = new URL("api/v1/topics/visits/events", document.baseURI).href;
  return `curl ${to} \\\n     -H 'Content-Type: application/json' -d '{"type": "view", "who": "ada", "page": "/"}'`;
}
