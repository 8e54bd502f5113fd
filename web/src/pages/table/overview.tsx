// overview.tsx - how much is in a table, how fresh it is, how it grew, and where it comes from.
import { Link } from "@tanstack/react-router";
import { ArrowDownToLine } from "lucide-react";
import { type ReactNode, useState } from "react";
import { type RequestPlan, request } from "@/api/client";
import { invalidate } from "@/api/queries";
import { useZone } from "@/app/range";
import { bytes, compact, count, duration, grouped } from "@/lib/numbers";
import { formatTime } from "@/lib/zone";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card, Stat } from "@/ui/card";
import { CodeBlock, CopyAsCurl } from "@/ui/copy";
import { Instant } from "@/ui/instant";
import { KeyValue } from "@/ui/keyvalue";
import { ErrorCard, Skeleton } from "@/ui/states";
import { useSubmit } from "@/ui/submit";
import { TimeChart } from "@/ui/time-chart";
import { storageOf } from "./storage";
import { detailPlan, type TableProps, useHistory } from "./table-queries";

export function Overview(props: TableProps) {
  const { schema, table } = props;
  return (
    <div className="flex flex-col gap-4">
      <Figures {...props} />
      {schema === "bronze" && table.topic ? <Freshness {...props} topic={table.topic} /> : null}
      {schema === "files" ? <FileNote {...props} /> : <StorageCharts {...props} />}
      <Properties {...props} />
    </div>
  );
}

function Figures({ table }: TableProps) {
  const zone = useZone();
  const { rows, files, bytes: size } = table;
  const commitMs = Date.parse(table.timestamp ?? "");
  const isEmpty = (table.version ?? 0) < 0;
  return (
    <div className="grid grid-cols-2 gap-2 sm:grid-cols-3 lg:grid-cols-6">
      <Stat label="Rows" value={grouped(rows)} note="in the table" />
      <Stat
        label="Size"
        value={bytes(size)}
        note={size === undefined ? null : count(size, "byte")}
      />
      <Stat
        label="Files"
        value={grouped(files)}
        note={files === undefined ? "not counted" : "of Parquet"}
      />
      <Stat
        label="Average file"
        value={size !== undefined && files ? bytes(size / files) : "–"}
        note={rows !== undefined && files ? `${compact(rows / files)} rows each` : null}
      />
      <Stat
        label="Delta version"
        value={table.version === undefined ? "–" : isEmpty ? "none yet" : grouped(table.version)}
        note={isEmpty ? "before the first commit" : "newest"}
      />
      <Stat
        label="Last commit"
        value={Number.isNaN(commitMs) ? "–" : formatTime(commitMs, zone, "time")}
        note={Number.isNaN(commitMs) ? null : <Instant at={commitMs} zone={zone} form="date" />}
      />
    </div>
  );
}

interface Landed {
  version: number;
  dead_version: number | null;
}

/** What is acknowledged and not in the table yet, and landing it now. */
function Freshness({ schema, name, table, topic }: TableProps & { topic: string }) {
  const [said, setSaid] = useState<ReactNode>(null);
  const isDead = name.endsWith("__dead") && topic !== name;
  const plan: RequestPlan = {
    method: "POST",
    path: `${detailPlan(schema, isDead ? name.slice(0, -"__dead".length) : name).path}/flush`,
    timeoutMs: 120_000,
  };
  const { busy, failure, submit } = useSubmit(async () => {
    const startMs = performance.now();
    const { version, dead_version } = await request<Landed>(plan);
    const took = duration(performance.now() - startMs);
    setSaid(
      `Version ${grouped(version)} holds everything acknowledged until then` +
        `${dead_version === null ? "" : `, dead letters version ${grouped(dead_version)}`}; it took ${took}.`,
    );
    await invalidate("tables");
  });
  const lag = table.lag_events ?? 0;
  return (
    <Card>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2 text-sm">
        <p className="min-w-0 flex-1 basis-64">
          <strong className="font-semibold">{count(lag, "event")}</strong> acknowledged and not in
          the table yet. <span className="text-muted">Fresh rows are included in SQL.</span>
        </p>
        <span className="flex flex-wrap items-center gap-2">
          <Link to="/topics/$name" params={{ name: topic }} className="text-accent hover:underline">
            Topic {topic}
          </Link>
          <DeadLink name={name} table={table} isDead={isDead} topic={topic} />
          <CopyAsCurl plan={plan} />
          <Button icon={ArrowDownToLine} busy={busy} onClick={submit}>
            Flush now
          </Button>
        </span>
      </div>
      <p role="status" className="mt-1 text-sm text-ok empty:hidden">
        {failure === null ? said : null}
      </p>
      {failure === null ? null : (
        <ErrorCard
          className="mt-2"
          what="It could not be landed; the events are safe in the log."
          error={failure}
          retry={submit}
        />
      )}
    </Card>
  );
}

function DeadLink({
  name,
  table,
  isDead,
  topic,
}: Omit<TableProps, "schema"> & { isDead: boolean; topic: string }) {
  if (isDead) {
    return (
      <Link
        to="/topics/$name"
        params={{ name: topic }}
        search={{ tab: "dead" }}
        className="text-accent hover:underline"
      >
        Re-drive dead letters
      </Link>
    );
  }
  const dead = table.dead_rows ?? 0;
  if (dead === 0) return <span className="text-muted">No dead letters</span>;
  return (
    <Link
      to="/tables/$schema/$name"
      params={{ schema: "bronze", name: `${name}__dead` }}
      className="text-accent hover:underline"
    >
      {count(dead, "dead letter")}
    </Link>
  );
}

function FileNote({ table }: TableProps) {
  return (
    <Card title="A file that stays where it is">
      <p className="text-sm">
        <code className="font-mono text-xs break-all">{table.path}</code> in the data folder is read
        when it is asked; when it changes, columns and types are found out again. Write a new file
        beside it and rename it over the old one, so that no query sees half of it.
      </p>
      <div className="mt-3">
        <CodeBlock
          label="To keep it as a Delta table"
          text={`tarn import ${JSON.stringify(table.path ?? "FILE")} --table ${table.name}`}
        />
      </div>
    </Card>
  );
}

const HEIGHT = 160;

function StorageCharts(props: TableProps) {
  const { table } = props;
  const zone = useZone();
  const history = useHistory(props);
  const { commits } = history;
  if (history.error !== null && commits === undefined) {
    return (
      <ErrorCard
        what="The history could not be loaded, and so not how the table grew."
        error={history.error}
        retry={history.retry}
      />
    );
  }
  if (commits === undefined) return <Skeleton lines={4} />;
  const past = storageOf(commits, table.bytes ?? 0, table.rows ?? null);
  const cut = commits.length > 0 && (commits.at(-1)?.version ?? 0) > 0;
  const note = cut
    ? `the newest ${count(commits.length, "commit")}`
    : count(commits.length, "commit");
  if (commits.length < 2) {
    return (
      <p className="text-sm text-muted">
        {commits.length === 0
          ? "Nothing has been committed yet: all rows are still in the log, and in SQL."
          : "One commit so far; how the table grows is drawn from the second on."}
      </p>
    );
  }
  const removes = past.bytesRemoved.some((n) => n > 0);
  return (
    <div className="grid gap-3 lg:grid-cols-2">
      <Card title="Size over time" note={note} flush>
        <TimeChart
          label="Size over time"
          time={past.t}
          zone={zone}
          kind="area"
          stepped
          height={HEIGHT}
          format={bytes}
          base={1024}
          series={[{ label: "bytes", values: past.bytes }]}
          bare
          syncKey="table"
        />
      </Card>
      <Card title="Rows over time" note={note} flush>
        <TimeChart
          label="Rows over time"
          time={past.t}
          zone={zone}
          kind="area"
          stepped
          height={HEIGHT}
          series={[{ label: "rows", values: past.rows, color: 2 }]}
          bare
          syncKey="table"
        />
      </Card>
      <Card title="Bytes per commit" note="added and removed" flush>
        <TimeChart
          label="Bytes per commit"
          time={past.t}
          zone={zone}
          kind="bars"
          height={HEIGHT}
          format={bytes}
          base={1024}
          series={[
            { label: "added", values: past.bytesAdded },
            ...(removes ? [{ label: "removed", values: past.bytesRemoved, color: 1 }] : []),
          ]}
          syncKey="table"
        />
      </Card>
      <Card title="Rows added per commit" flush>
        <TimeChart
          label="Rows added per commit"
          time={past.t}
          zone={zone}
          kind="bars"
          height={HEIGHT}
          series={[{ label: "added", values: past.rowsAdded, color: 2 }]}
          bare
          syncKey="table"
        />
      </Card>
    </div>
  );
}

function Properties({ schema, name, table }: TableProps) {
  const zone = useZone();
  const createdMs = Date.parse(table.created ?? "");
  const partitions = table.partition_columns ?? [];
  const features = [
    ...(table.protocol?.reader_features ?? []),
    ...(table.protocol?.writer_features ?? []),
  ];
  return (
    <Card title="Details">
      <KeyValue
        items={[
          [
            "Name in SQL",
            <code key="sql" className="font-mono text-xs">{`${schema}.${name}`}</code>,
          ],
          table.path !== undefined && [
            "Folder",
            <code key="path" className="font-mono text-xs break-all">
              {table.path}
            </code>,
          ],
          [
            "Partitioned by",
            partitions.length === 0 ? (
              <span key="none" className="text-muted">
                nothing
              </span>
            ) : (
              partitions.join(", ")
            ),
          ],
          !Number.isNaN(createdMs) && [
            "Created",
            <Instant key="created" at={createdMs} zone={zone} />,
          ],
          table.protocol !== undefined && [
            "Delta protocol",
            <span key="protocol" className="flex flex-wrap items-center gap-1.5">
              reader {table.protocol.reader_version}, writer {table.protocol.writer_version}
              {[...new Set(features)].map((feature) => (
                <Badge key={feature}>{feature}</Badge>
              ))}
            </span>,
          ],
          table.checkpoint_version !== undefined && [
            "Checkpoint",
            table.checkpoint_version === null
              ? "none yet"
              : `of version ${grouped(table.checkpoint_version)}`,
          ],
          (table.tombstones ?? 0) > 0 && [
            "Removed files kept",
            `${grouped(table.tombstones)} for readers of older versions`,
          ],
          ...Object.entries(table.properties ?? {}).map(
            ([key, value]) =>
              [
                <span key={key} className="break-all">
                  {key}
                </span>,
                value,
              ] as const,
          ),
          table.id !== undefined && [
            "Table id",
            <code key="id" className="font-mono text-xs break-all">
              {table.id}
            </code>,
          ],
        ]}
      />
    </Card>
  );
}
