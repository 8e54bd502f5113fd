// The page Producers: what makes up events on the server, each with what it is to send and what it
// does send. The channel tells each second while any runs.
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Factory, Play, Plus, Square } from "lucide-react";
import { useMemo } from "react";
import { useProducers } from "@/api/queries";
import type { Producer } from "@/api/types";
import { useKeys } from "@/app/keys";
import { Page } from "@/app/page";
import { usePause } from "@/app/range";
import { compact, count, grouped } from "@/lib/numbers";
import { type ProducerHistory, useProducersLive } from "@/stream/producers-live";
import { isRunning, useRunProducer } from "@/stream/run-producer";
import { sorted, sortFrom, sortTo } from "@/stream/sort";
import { StateBadge } from "@/ui/badge";
import { Button, IconButton } from "@/ui/button";
import { Sparkline } from "@/ui/card";
import { CopyAsCurl } from "@/ui/copy";
import { type GridColumn, VirtualGrid } from "@/ui/grid";
import { EmptyState, Loaded } from "@/ui/states";
import { CreateProducer } from "./create";

interface Row {
  producer: Producer;
  history: ProducerHistory;
}

const SPARK_POINTS = 60;

function points({ now }: ProducerHistory): (number | null)[] {
  const known = Array.from(now.slice(-SPARK_POINTS), (value) =>
    Number.isNaN(value) ? null : value,
  );
  // What was not seen yet is a gap: two points do not make a minute.
  return [...Array<null>(SPARK_POINTS - known.length).fill(null), ...known];
}

const COLUMNS: readonly GridColumn<Row>[] = [
  {
    id: "name",
    header: "Producer",
    width: 160,
    value: ({ producer }) => producer.name,
    cell: ({ producer }) => (
      <Link
        to="/producers/$name"
        params={{ name: producer.name }}
        title={producer.name}
        className="font-medium hover:text-accent hover:underline"
      >
        {producer.name}
      </Link>
    ),
  },
  {
    id: "state",
    header: "State",
    width: 104,
    value: ({ producer }) => producer.state,
    cell: ({ producer }) => (
      <StateBadge state={producer.state} reason={producer.last_error ?? undefined} />
    ),
  },
  {
    id: "run",
    header: "Run",
    width: 52,
    sortable: false,
    value: () => "",
    cell: ({ producer }) => <RunButton producer={producer} />,
  },
  {
    id: "topic",
    header: "Topic",
    width: 150,
    value: ({ producer }) => producer.topic,
    cell: ({ producer }) => (
      <Link
        to="/topics/$name"
        params={{ name: producer.topic }}
        className="hover:text-accent hover:underline"
      >
        {producer.topic}
      </Link>
    ),
  },
  {
    id: "now",
    header: "Events/s",
    width: 76,
    align: "right",
    value: ({ producer }) => producer.rate_now,
    cell: ({ producer }) => compact(producer.rate_now),
  },
  {
    id: "wanted",
    header: "Wanted/s",
    width: 80,
    align: "right",
    value: ({ producer }) => producer.rate_wanted,
    cell: ({ producer }) => compact(producer.rate_wanted),
  },
  {
    id: "minute",
    header: "Last minute",
    width: 110,
    sortable: false,
    value: ({ history }) => points(history).join(" "),
    cell: ({ history }) => (
      <Sparkline points={points(history)} className="inline-block h-5 align-middle" />
    ),
  },
  {
    id: "sent",
    header: "Sent",
    width: 96,
    align: "right",
    value: ({ producer }) => producer.sent,
    cell: ({ producer }) => grouped(producer.sent),
  },
  {
    id: "rejected",
    header: "Refused",
    width: 76,
    align: "right",
    value: ({ producer }) => producer.rejected,
    cell: ({ producer }) => grouped(producer.rejected),
  },
  {
    id: "error",
    header: "Last error",
    width: 220,
    grow: true,
    value: ({ producer }) => producer.last_error ?? null,
    cell: ({ producer }) =>
      producer.last_error ? (
        <span title={producer.last_error}>{producer.last_error}</span>
      ) : (
        <span className="text-muted">none</span>
      ),
  },
];
const NAMES = COLUMNS.map((column) => column.id);

function RunButton({ producer }: { producer: Producer }) {
  const { running, busy, run } = useRunProducer(producer);
  return (
    <IconButton
      icon={running ? Square : Play}
      label={`${running ? "Stop" : "Start"} ${producer.name}`}
      size="sm"
      disabled={busy}
      className="-my-1 size-6 align-middle"
      onClick={run}
    />
  );
}

export default function ProducersPage() {
  const search = useSearch({ from: "/producers" });
  const navigate = useNavigate({ from: "/producers" });
  const paused = usePause((s) => s.paused);
  const producers = useProducers();
  const seen = useProducersLive(paused);
  const list = seen.list ?? producers.data;
  const sort = sortFrom(search.sort, NAMES);
  const rows = useMemo(() => {
    const all = (list ?? []).map((producer) => ({
      producer,
      history: seen.history(producer.name),
    }));
    return sorted(all, COLUMNS, sort);
  }, [list, seen, sort]);
  const create = (kind: "preset" | "template" | undefined) =>
    void navigate({ search: (old) => ({ ...old, create: kind }) });
  useKeys([{ keys: "n", label: "New producer", group: "Producers", run: () => create("preset") }]);
  const running = (list ?? []).filter(isRunning);
  const button = (
    <Button variant="primary" icon={Plus} onClick={() => create("preset")}>
      New producer
    </Button>
  );
  return (
    <Page
      title="Producers"
      fill
      ready={list !== undefined || producers.error !== null}
      subtitle={
        list === undefined || list.length === 0
          ? null
          : `${count(list.length, "producer")}, ${grouped(running.length)} running · ${compact(
              running.reduce((sum, one) => sum + (one.rate_now ?? 0), 0),
            )} events/s`
      }
      actions={
        <>
          <CopyAsCurl plan={{ method: "GET", path: "api/v1/producers" }} />
          {button}
        </>
      }
    >
      <Loaded query={{ ...producers, data: list }} what="The producers could not be loaded.">
        {(all) =>
          all.length === 0 ? (
            <EmptyState
              icon={Factory}
              title="No producers yet"
              reason="A producer makes up events on the server, at a rate: to try things out, to show them, to put them under load."
              action={button}
              command={command()}
            />
          ) : (
            <VirtualGrid
              label="Producers"
              columns={COLUMNS}
              rows={rows}
              sort={sort}
              onSort={(next) =>
                void navigate({ search: (old) => ({ ...old, sort: sortTo(next) }) })
              }
              openOnClick
              onOpen={({ producer }) =>
                void navigate({ to: "/producers/$name", params: { name: producer.name } })
              }
              className="min-h-0 flex-1"
            />
          )
        }
      </Loaded>
      {search.create ? (
        <CreateProducer
          kind={search.create}
          onKind={(kind) =>
            void navigate({ search: (old) => ({ ...old, create: kind }), replace: true })
          }
          taken={(list ?? []).map((one) => one.name)}
          onClose={() => create(undefined)}
        />
      ) : null}
    </Page>
  );
}

function command(): string {
  const to = new URL("api/v1/producers", document.baseURI).href;
  return `curl ${to} \\\n     -H 'Content-Type: application/json' -d '{"name": "shop", "preset": "web_logs", "spec": {"rate": 50}}'`;
}
