// health.tsx - the parts of the server in one line, each with its state and, when it is not well,
// the reason in words and where to look.
import { Link } from "@tanstack/react-router";
import { useHealth } from "@/api/queries";
import { useZone } from "@/app/range";
import { bytes, duration } from "@/lib/numbers";
import { formatTime } from "@/lib/zone";
import { StateBadge } from "@/ui/badge";
import { Card } from "@/ui/card";
import { KeyValue } from "@/ui/keyvalue";
import { Popover } from "@/ui/popover";
import { ErrorCard, Skeleton } from "@/ui/states";

const WHERE: Readonly<
  Record<string, { to: "/topics" | "/tables" | "/producers" | "/sql"; text: string }>
> = {
  log: { to: "/topics", text: "Topics" },
  ingest: { to: "/topics", text: "Topics" },
  writer: { to: "/tables", text: "Tables" },
  landing: { to: "/tables", text: "Tables" },
  query: { to: "/sql", text: "SQL" },
  producers: { to: "/producers", text: "Producers" },
  imports: { to: "/tables", text: "Tables" },
};

const WHAT: Readonly<Record<string, string>> = {
  ingest: "takes events in over HTTP",
  log: "keeps them on disk before they are acknowledged",
  writer: "lands them in Delta tables",
  landing: "lands them in Delta tables",
  query: "answers SQL over tables and fresh events",
  meta: "keeps saved queries and producers",
  producers: "make up events",
  imports: "read files into tables",
  disk: "has room for log and tables",
  memory: "stays within its bound",
};

export function HealthStrip() {
  const health = useHealth();
  if (health.data === undefined) {
    return health.error === null ? (
      <Card title="Health" note="…">
        <Skeleton lines={1} label="Loading health" className="h-6 justify-center" />
      </Card>
    ) : (
      <ErrorCard what="Health could not be loaded." error={health.error} />
    );
  }
  const { components, processes = [], state, uptime_seconds: uptime } = health.data;
  const ill = components.filter((one) => one.state !== "ok" && one.reason !== "");
  return (
    <Card
      title="Health"
      note={
        <>
          {state === "ok" ? "all parts are well" : "needs a look"}
          {uptime === undefined ? null : ` · up ${duration(uptime * 1000)}`}
        </>
      }
      actions={<Processes list={processes} />}
    >
      <ul className="flex flex-wrap gap-x-4 gap-y-2">
        {components.map((one) => (
          <li key={one.component}>
            <Component {...one} />
          </li>
        ))}
      </ul>
      {ill.length > 0 ? (
        <ul className="mt-2 flex flex-col gap-1 text-sm">
          {ill.map((one) => (
            <li key={one.component}>
              <strong className="font-medium">{one.component}</strong>: {one.reason}
            </li>
          ))}
        </ul>
      ) : null}
    </Card>
  );
}

interface ComponentProps {
  component: string;
  state: string;
  reason: string;
  since?: string | undefined;
  last_error?: string | null | undefined;
}

function Component(props: ComponentProps) {
  const { component, state, reason, since, last_error: lastError } = props;
  const zone = useZone();
  const where = WHERE[component];
  return (
    <Popover
      label={component}
      align="start"
      className="w-80"
      trigger={
        <button
          type="button"
          className="flex min-h-6 items-center gap-1.5 rounded text-sm hover:underline"
        >
          <span>{component}</span>
          <StateBadge state={state} />
        </button>
      }
    >
      <div className="flex flex-col gap-2 text-sm">
        <p className="text-muted">
          {component} {WHAT[component] ?? ""}
        </p>
        <KeyValue
          items={[
            ["State", state],
            reason === "" ? null : ["Reason", reason],
            since ? ["Since", formatTime(Date.parse(since), zone)] : null,
            lastError ? ["Last error", lastError] : null,
          ]}
        />
        {where ? (
          <Link to={where.to} className="text-accent hover:underline">
            Open {where.text}
          </Link>
        ) : null}
      </div>
    </Popover>
  );
}

type Process = { role?: string; pid?: number; restarts?: number; pss_bytes?: number };

function Processes({ list }: { list: readonly Process[] }) {
  if (list.length === 0) return null;
  const restarts = list.reduce((sum, one) => sum + (one.restarts ?? 0), 0);
  return (
    <Popover
      label="Processes"
      className="w-72"
      trigger={
        <button type="button" className="min-h-6 rounded px-1 text-xs text-muted hover:underline">
          {list.length} processes{restarts > 0 ? ` · ${restarts} restarts` : ""}
        </button>
      }
    >
      <KeyValue
        items={list.map((one) => [
          one.role,
          `${bytes(one.pss_bytes)} · pid ${one.pid}${one.restarts ? ` · ${one.restarts} restarts` : ""}`,
        ])}
      />
    </Popover>
  );
}
