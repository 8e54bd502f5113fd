// history.tsx - what each Delta commit did, newest first; one opens with all that it recorded.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Commit } from "@/api/types";
import { useZone } from "@/app/range";
import { cellText } from "@/lib/cell";
import { formatJson } from "@/lib/json";
import { bytes, count, grouped } from "@/lib/numbers";
import type { Zone } from "@/lib/zone";
import { Button } from "@/ui/button";
import { CopyAsCurl, CopyButton } from "@/ui/copy";
import { Drawer } from "@/ui/dialog";
import { type GridColumn, VirtualGrid } from "@/ui/grid";
import { Instant } from "@/ui/instant";
import { KeyValue } from "@/ui/keyvalue";
import { EmptyState, ErrorCard, Skeleton } from "@/ui/states";
import { listPlan, type TableProps, useHistory } from "./table-queries";

export function History(props: TableProps) {
  const { commits, error, retry, ...rest } = useHistory(props);
  if (commits !== undefined) return <Listed {...props} {...rest} commits={commits} />;
  if (error === null) return <Skeleton lines={8} />;
  return <ErrorCard what="The history could not be loaded." error={error} retry={retry} />;
}

type ListedProps = TableProps & {
  commits: readonly Commit[];
  more: (() => void) | null;
  isLoadingMore: boolean;
};

function Listed(props: ListedProps) {
  const { schema, name, table, commits, more, isLoadingMore } = props;
  const zone = useZone();
  const search = useSearch({ from: "/tables/$schema/$name" });
  const navigate = useNavigate({ from: "/tables/$schema/$name" });
  const columns = useMemo(() => columnsOf(zone), [zone]);
  const open = (commit: Commit | null) => {
    const version = commit === null ? undefined : String(commit.version);
    void navigate({ search: (old) => ({ ...old, commit: version }), replace: true });
  };
  const openAt = commits.findIndex((commit) => String(commit.version) === search.commit);
  const total = (table.version ?? -1) + 1;
  return (
    <>
      <div className="flex flex-wrap items-center gap-2 text-sm text-muted">
        <span>
          {more === null
            ? count(commits.length, "version")
            : `The newest ${grouped(commits.length)} of ${count(total, "version")}`}
        </span>
        {more === null ? null : (
          <Button size="sm" busy={isLoadingMore} onClick={more}>
            Load older
          </Button>
        )}
        <CopyAsCurl plan={listPlan(schema, name, "history", null)} />
      </div>
      <VirtualGrid
        label="Commits, newest first"
        columns={columns}
        rows={commits}
        openOnClick
        onOpen={open}
        openIndex={openAt < 0 ? null : openAt}
        className="min-h-72 flex-1"
        empty={
          <EmptyState
            title="No commits yet"
            reason="The first one comes when events have waited for the topic's flush_age, or are flushed."
          />
        }
      />
      <CommitDrawer
        commit={commits[openAt] ?? null}
        onClose={() => open(null)}
        schema={schema}
        name={name}
      />
    </>
  );
}

function signed(added: string, removed: string | null): string {
  return removed === null ? `+${added}` : `+${added} −${removed}`;
}

function columnsOf(zone: Zone): GridColumn<Commit>[] {
  return [
    {
      id: "version",
      header: "Version",
      width: 84,
      align: "right",
      value: (commit) => commit.version,
      cell: (commit) => grouped(commit.version),
    },
    {
      id: "time",
      header: "Time",
      width: 196,
      value: (commit) => commit.timestamp,
      cell: (commit) => <Instant at={commit.timestamp} zone={zone} form="millis" />,
    },
    { id: "operation", header: "Operation", width: 200, value: (commit) => commit.operation },
    {
      id: "rows",
      header: "Rows added",
      width: 120,
      align: "right",
      value: (commit) => commit.rows_added,
      cell: (commit) => grouped(commit.rows_added),
    },
    {
      id: "files",
      header: "Files",
      width: 100,
      align: "right",
      value: (commit) => commit.files_added - commit.files_removed,
      cell: ({ files_added, files_removed }) =>
        signed(grouped(files_added), files_removed > 0 ? grouped(files_removed) : null),
    },
    {
      id: "bytes",
      header: "Size",
      width: 180,
      align: "right",
      value: (commit) => commit.bytes_added - commit.bytes_removed,
      cell: ({ bytes_added, bytes_removed }) =>
        signed(bytes(bytes_added), bytes_removed > 0 ? bytes(bytes_removed) : null),
    },
    {
      id: "by",
      header: "Written by",
      width: 200,
      grow: true,
      value: (commit) => [commit.engine, commit.user].filter(Boolean).join(", "),
    },
  ];
}

interface CommitDrawerProps {
  commit: Commit | null;
  schema: string;
  name: string;
  onClose: () => void;
}

function CommitDrawer({ commit, schema, name, onClose }: CommitDrawerProps) {
  const zone = useZone();
  return (
    <Drawer
      open={commit !== null}
      onClose={onClose}
      title={`Version ${grouped(commit?.version)}`}
      description={commit === null ? undefined : `${commit.operation} of ${schema}.${name}`}
      footer={
        commit === null ? null : (
          <CopyButton text={() => formatJson(commit)} label="Copy as JSON" showLabel />
        )
      }
    >
      {commit === null ? null : (
        <div className="flex flex-col gap-5">
          <KeyValue
            items={[
              ["Committed", <Instant key="time" at={commit.timestamp} zone={zone} form="millis" />],
              ["Rows added", grouped(commit.rows_added)],
              ["Files added", grouped(commit.files_added)],
              ["Files removed", grouped(commit.files_removed)],
              ["Bytes added", `${bytes(commit.bytes_added)} (${grouped(commit.bytes_added)})`],
              [
                "Bytes removed",
                `${bytes(commit.bytes_removed)} (${grouped(commit.bytes_removed)})`,
              ],
              ["Only adds", commit.is_blind_append ? "yes" : "no"],
              !!commit.engine && ["Written by", commit.engine],
              !!commit.user && ["User", commit.user],
              !!commit.txn_id && [
                "Transaction",
                <code key="txn" className="font-mono text-xs break-all">
                  {commit.txn_id}
                </code>,
              ],
            ]}
          />
          <Recorded title="Parameters" values={commit.parameters} />
          <Recorded title="Metrics" values={commit.metrics} />
        </div>
      )}
    </Drawer>
  );
}

/** As the commit has them: texts, digits grouped. */
function Recorded({
  title,
  values,
}: {
  title: string;
  values: Record<string, unknown> | undefined;
}) {
  const entries = Object.entries(values ?? {});
  if (entries.length === 0) return null;
  return (
    <section>
      <h3 className="mb-1 text-xs font-medium text-muted">{title}</h3>
      <KeyValue
        items={entries.map(([name, value]) => {
          const text = cellText(value);
          return [name, /^\d+$/.test(text) ? grouped(text) : text] as const;
        })}
      />
    </section>
  );
}
