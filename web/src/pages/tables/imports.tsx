// imports.tsx - what became of files: those that wait and run, and the last hundred that ended.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Ban, Upload } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { api, path } from "@/api/client";
import { invalidate, q, queryClient } from "@/api/queries";
import type { Import } from "@/api/types";
import { useChannel, useLiveStatus } from "@/api/use-live";
import { useZone } from "@/app/range";
import { bytes, count, duration, grouped } from "@/lib/numbers";
import type { Zone } from "@/lib/zone";
import { StateBadge } from "@/ui/badge";
import { Button, IconButton } from "@/ui/button";
import { CopyAsCurl } from "@/ui/copy";
import { Drawer } from "@/ui/dialog";
import { type GridColumn, VirtualGrid } from "@/ui/grid";
import { Instant } from "@/ui/instant";
import { KeyValue } from "@/ui/keyvalue";
import { EmptyState } from "@/ui/states";
import { toast, toastError } from "@/ui/toast";

export interface ImportRow extends Import {
  isUnderWay: boolean;
}

const ENDED = new Set(["done", "failed", "cancelled"]);
const POLL_MS = 2000;

/** Newest first; from the live channel, else by asking. */
export function useImports(): readonly ImportRow[] {
  const { state } = useLiveStatus();
  const query = useQuery({ ...q.imports, refetchInterval: state === "open" ? false : POLL_MS });
  useChannel<{ imports?: Import[] }>(
    "imports",
    {},
    {
      onData: ({ imports }) => {
        if (imports !== undefined) queryClient.setQueryData(["imports"], imports);
      },
      onResumed: () => void invalidate("imports"),
    },
  );
  const rows = useMemo(
    () => (query.data ?? []).map((one) => ({ ...one, isUnderWay: !ENDED.has(one.state ?? "") })),
    [query.data],
  );
  // A table appears or grows when one is done.
  const done = rows.filter((row) => row.state === "done").map((row) => row.id ?? "");
  const doneText = done.join(" ");
  const before = useRef(doneText);
  useEffect(() => {
    if (before.current === doneText) return;
    before.current = doneText;
    void invalidate("tables");
    void invalidate("catalog");
  }, [doneText]);
  return rows;
}

export async function cancelImport(id: string): Promise<void> {
  try {
    await api.delete(path`api/v1/imports/${id}`);
    toast("The import is being cancelled; the table stays as it was");
  } catch (error) {
    toastError("Could not cancel", error);
  }
}

interface ImportsListProps {
  imports: readonly ImportRow[];
  onUpload: () => void;
}

export function ImportsList({ imports, onUpload }: ImportsListProps) {
  const zone = useZone();
  const [openId, setOpenId] = useState<string | null>(null);
  const columns = useMemo(() => columnsOf(zone), [zone]);
  const openAt = imports.findIndex((one) => one.id === openId);
  return (
    <>
      <VirtualGrid
        label="Imports, newest first"
        columns={columns}
        rows={imports}
        rowHeight={32}
        openOnClick
        onOpen={(row) => setOpenId(row.id ?? null)}
        openIndex={openAt < 0 ? null : openAt}
        className="min-h-72 flex-1"
        empty={
          <EmptyState
            title="Nothing was imported yet"
            reason="Since the server started. Imported files become tables of the schema main, in one commit or not at all."
            action={
              <Button icon={Upload} onClick={onUpload}>
                Upload a file
              </Button>
            }
            command="tarn sample samples && tarn import samples/sales.parquet --table sales"
          />
        }
      />
      <ImportDrawer row={imports[openAt] ?? null} onClose={() => setOpenId(null)} />
    </>
  );
}

function columnsOf(zone: Zone): GridColumn<ImportRow>[] {
  return [
    {
      id: "started",
      header: "Started",
      width: 160,
      value: (row) => row.started,
      cell: (row) => <Instant at={row.started} zone={zone} />,
    },
    {
      id: "state",
      header: "State",
      width: 140,
      value: (row) => row.state,
      cell: (row) => <ImportState row={row} />,
    },
    {
      id: "table",
      header: "Table",
      width: 170,
      value: (row) => row.table,
      cell: (row) => (
        <Link
          to="/tables/$schema/$name"
          params={{ schema: "main", name: row.table ?? "" }}
          tabIndex={-1}
          className="text-accent hover:underline"
        >
          {row.table}
        </Link>
      ),
    },
    {
      id: "file",
      header: "File",
      width: 180,
      value: (row) => row.file,
      cell: (row) => (row.file ? <bdi title={row.file}>{row.file}</bdi> : <Unknown />),
    },
    { id: "mode", header: "Mode", width: 76, value: (row) => row.mode },
    {
      id: "rows",
      header: "Rows",
      width: 96,
      align: "right",
      value: (row) => row.rows,
      cell: (row) => grouped(row.rows),
    },
    {
      id: "bytes",
      header: "Received",
      width: 90,
      align: "right",
      value: (row) => row.bytes,
      cell: (row) => <span title={count(row.bytes ?? 0, "byte")}>{bytes(row.bytes)}</span>,
    },
    {
      id: "took",
      header: "Took",
      width: 80,
      align: "right",
      value: (row) => row.elapsed_ms,
      cell: (row) => duration(row.elapsed_ms),
    },
    {
      id: "error",
      header: "What went wrong",
      width: 130,
      grow: true,
      value: (row) => row.error?.detail ?? "",
      cell: (row) => (
        <span className="text-error" title={row.error?.detail}>
          {row.error?.detail}
        </span>
      ),
    },
  ];
}

function Unknown() {
  return <span className="text-muted">–</span>;
}

/** While it runs: its state and how far it is; with a way to end it. */
function ImportState({ row }: { row: ImportRow }) {
  const { id, state = "waiting", percent } = row;
  if (!row.isUnderWay || id === undefined) return <StateBadge state={state} />;
  const far = typeof percent === "number" ? ` ${Math.floor(percent)} %` : "";
  return (
    <span className="inline-flex items-center gap-1">
      <StateBadge state={state === "waiting" ? "waiting" : "running"} label={`${state}${far}`} />
      <IconButton
        icon={Ban}
        size="sm"
        tabIndex={-1}
        label={`Cancel the import into ${row.table}`}
        onClick={() => void cancelImport(id)}
      />
    </span>
  );
}

function ImportDrawer({ row, onClose }: { row: ImportRow | null; onClose: () => void }) {
  const zone = useZone();
  const id = row?.id;
  return (
    <Drawer
      open={row !== null}
      onClose={onClose}
      title="Import"
      description={row === null ? undefined : `into main.${row.table}`}
      footer={
        id === undefined ? null : (
          <>
            <CopyAsCurl plan={{ method: "GET", path: path`api/v1/imports/${id}` }} showLabel />
            {row?.isUnderWay ? (
              <Button size="sm" icon={Ban} variant="danger" onClick={() => void cancelImport(id)}>
                Cancel the import
              </Button>
            ) : null}
          </>
        )
      }
    >
      {row === null ? null : (
        <div className="flex flex-col gap-4">
          {row.error ? (
            <p role="alert" className="rounded-md bg-error-soft px-3 py-2 text-sm text-error">
              {row.error.detail}
              <span className="mt-1 block font-mono text-xs">{row.error.code}</span>
            </p>
          ) : null}
          <KeyValue
            items={[
              ["State", <StateBadge key="state" state={row.state ?? "waiting"} />],
              ["File", row.file || <span className="text-muted">not named</span>],
              ["Format", row.format],
              ["Mode", row.mode],
              ["Started", <Instant key="started" at={row.started} zone={zone} />],
              ["Took", duration(row.elapsed_ms)],
              ["Received", `${bytes(row.bytes)} (${count(row.bytes ?? 0, "byte")})`],
              ["Rows", grouped(row.rows)],
              typeof row.version === "number" && ["Delta version", grouped(row.version)],
              [
                "Id",
                <span key="id" className="font-mono text-xs">
                  {id}
                </span>,
              ],
            ]}
          />
          {row.state === "done" ? (
            <Link
              to="/tables/$schema/$name"
              params={{ schema: "main", name: row.table ?? "" }}
              className="text-accent hover:underline"
            >
              Open main.{row.table}
            </Link>
          ) : null}
        </div>
      )}
    </Drawer>
  );
}
