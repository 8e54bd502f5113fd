// The page Tables: every table that SQL can ask, what it is and how much lies in it; files come in
// here, and what became of those that came.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Upload } from "lucide-react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { q } from "@/api/queries";
import { useKeys } from "@/app/keys";
import { Page } from "@/app/page";
import { usePause, useZone } from "@/app/range";
import { bytes, compact, count, grouped } from "@/lib/numbers";
import type { Zone } from "@/lib/zone";
import { StateBadge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { CopyAsCurl } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { type GridColumn, type GridSort, VirtualGrid } from "@/ui/grid";
import { Instant } from "@/ui/instant";
import { SearchField } from "@/ui/search-field";
import { EmptyState, ErrorCard, Skeleton } from "@/ui/states";
import { Tabs } from "@/ui/tabs";
import { ImportsList, useImports } from "./imports";
import {
  findRows,
  KIND_WORDS,
  KINDS,
  SORTS,
  type SortColumn,
  sortRows,
  type TableKind,
  type TableRow,
  tableRows,
} from "./rows";
import { UploadDialog } from "./upload";

const RENEW_MS = 5000;
/** Long lists are several requests. */
const RENEW_LONG_MS = 30_000;
const LONG = 1000;

export default function TablesPage() {
  const search = useSearch({ from: "/tables" });
  const navigate = useNavigate({ from: "/tables" });
  const paused = usePause((s) => s.paused);
  const tables = useQuery({
    ...q.tables,
    refetchInterval: ({ state }) => {
      if (paused) return false;
      return (state.data?.length ?? 0) > LONG ? RENEW_LONG_MS : RENEW_MS;
    },
  });
  const imports = useImports();
  const rows = useMemo(() => tableRows(tables.data ?? []), [tables.data]);
  const openUpload = useCallback(() => {
    void navigate({ search: (old) => ({ ...old, upload: "1" }) });
  }, [navigate]);
  const closeUpload = useCallback(() => {
    void navigate({ search: (old) => ({ ...old, upload: undefined, into: undefined }) });
  }, [navigate]);
  const dropped = useDrop(openUpload);
  useKeys([{ keys: "u", label: "Upload a file", group: "Tables", run: openUpload }]);
  const running = imports.filter((one) => one.isUnderWay).length;
  return (
    <Page
      title="Tables"
      fill
      ready={tables.data !== undefined}
      subtitle={tables.data === undefined ? undefined : <Summary rows={rows} />}
      actions={
        <>
          <CopyAsCurl plan={{ method: "GET", path: "api/v1/tables" }} />
          <Button icon={Upload} variant="primary" onClick={openUpload}>
            Upload a file
          </Button>
        </>
      }
    >
      <Tabs
        label="Tables and imports"
        value={search.tab ?? "tables"}
        onChange={(tab) => {
          const next = tab === "imports" ? tab : undefined;
          void navigate({ search: (old) => ({ ...old, tab: next }) });
        }}
        items={[
          { value: "tables", label: "Tables" },
          {
            value: "imports",
            label: "Imports",
            badge: running > 0 ? <StateBadge state="running" label={`${running}`} /> : null,
          },
        ]}
        className="flex-1"
      >
        {search.tab === "imports" ? (
          <ImportsList imports={imports} onUpload={openUpload} />
        ) : tables.data !== undefined ? (
          <>
            {tables.error === null ? null : (
              <ErrorCard
                what="The list is of before: it could not be renewed."
                error={tables.error}
                retry={() => void tables.refetch()}
              />
            )}
            <List rows={rows} onUpload={openUpload} />
          </>
        ) : tables.error !== null ? (
          <ErrorCard
            what="The tables could not be listed."
            error={tables.error}
            retry={() => void tables.refetch()}
          />
        ) : (
          <Skeleton lines={8} />
        )}
      </Tabs>
      <UploadDialog
        open={search.upload === "1"}
        into={search.into}
        dropped={dropped}
        onClose={closeUpload}
      />
    </Page>
  );
}

/** A file may be dropped anywhere on the page. */
function useDrop(onDrop: () => void): File | null {
  const [file, setFile] = useState<File | null>(null);
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      const dropped = event.dataTransfer?.files[0];
      if (dropped === undefined || event.defaultPrevented) return;
      event.preventDefault();
      setFile(dropped);
      onDrop();
    };
    window.addEventListener("dragover", over);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragover", over);
      window.removeEventListener("drop", drop);
    };
  }, [onDrop]);
  return file;
}

function Summary({ rows }: { rows: readonly TableRow[] }) {
  const sum = (of: (row: TableRow) => number | null) => rows.reduce((n, r) => n + (of(r) ?? 0), 0);
  const ill = rows.filter((row) => row.state !== "ok" && row.state !== "starting").length;
  return (
    <>
      {count(rows.length, "table")} · {compact(sum((r) => r.rows))} rows ·{" "}
      {bytes(sum((r) => r.bytes))}
      {ill > 0 ? <span className="text-error"> · {grouped(ill)} not well</span> : null}
    </>
  );
}

function List({ rows, onUpload }: { rows: readonly TableRow[]; onUpload: () => void }) {
  const search = useSearch({ from: "/tables" });
  const navigate = useNavigate({ from: "/tables" });
  const zone = useZone();
  const sort = sortOf(search.sort);
  const { find = "", kind } = search;
  const shown = useMemo(
    () => sortRows(findRows(rows, find, kind), sort.column, sort.descending),
    [rows, find, kind, sort.column, sort.descending],
  );
  const columns = useMemo(() => columnsOf(zone), [zone]);
  const setSort = (next: GridSort | null) => {
    const text = next === null ? undefined : `${next.descending ? "-" : ""}${next.column}`;
    void navigate({ search: (old) => ({ ...old, sort: text }) });
  };
  const clear = () => {
    void navigate({ search: (old) => ({ ...old, find: undefined, kind: undefined }) });
  };
  const open = (row: TableRow) => {
    void navigate({
      to: "/tables/$schema/$name",
      params: { schema: row.schema, name: row.name },
    });
  };
  if (rows.length === 0) {
    return (
      <EmptyState
        title="No tables yet"
        reason="A topic becomes a table with its first event; a file that is uploaded, or put into the files folder of the data folder, is one at once."
        action={
          <Button variant="primary" icon={Upload} onClick={onUpload}>
            Upload CSV, Parquet or NDJSON
          </Button>
        }
        command="tarn sample samples && tarn import samples/sales.parquet --table sales"
      />
    );
  }
  return (
    <>
      <FilterLine rows={rows} />
      <VirtualGrid
        label="Tables"
        columns={columns}
        rows={shown}
        rowHeight={32}
        sort={search.sort === undefined ? null : sort}
        onSort={setSort}
        openOnClick
        onOpen={open}
        className="min-h-72 flex-1"
        empty={
          <EmptyState
            title="No table is called so"
            reason={`${count(rows.length, "table")} hidden by what is looked for.`}
            action={<Button onClick={clear}>Clear filters</Button>}
          />
        }
      />
    </>
  );
}

function sortOf(text: string | undefined): { column: SortColumn; descending: boolean } {
  const name = text?.replace(/^-/, "");
  const column = SORTS.find((one) => one === name) ?? "name";
  return { column, descending: text?.startsWith("-") ?? false };
}

function FilterLine({ rows }: { rows: readonly TableRow[] }) {
  const { find = "", kind } = useSearch({ from: "/tables" });
  const navigate = useNavigate({ from: "/tables" });
  const input = useRef<HTMLInputElement>(null);
  useKeys([
    { keys: "/", label: "Find a table", group: "Tables", run: () => input.current?.focus() },
  ]);
  const counts = new Map<TableKind, number>();
  for (const row of rows) counts.set(row.kind, (counts.get(row.kind) ?? 0) + 1);
  const choose = (next: TableKind | undefined) => {
    void navigate({ search: (old) => ({ ...old, kind: next }) });
  };
  return (
    <search className="flex flex-wrap items-center gap-2" aria-label="Find tables">
      <SearchField
        label="Find a table"
        placeholder="Find a table  ( / )"
        className="min-w-48 flex-1 sm:max-w-72"
        value={find}
        onChange={(text) => {
          void navigate({ search: (old) => ({ ...old, find: text || undefined }), replace: true });
        }}
        inputRef={input}
      />
      <fieldset aria-label="Kind of table" className="flex flex-wrap gap-1">
        <KindButton label="All" number={rows.length} on={!kind} onClick={() => choose(undefined)} />
        {KINDS.filter((one) => counts.has(one) || one === kind).map((one) => (
          <KindButton
            key={one}
            label={KIND_WORDS[one]}
            number={counts.get(one) ?? 0}
            on={kind === one}
            onClick={() => choose(kind === one ? undefined : one)}
          />
        ))}
      </fieldset>
    </search>
  );
}

interface KindButtonProps {
  label: string;
  number: number;
  on: boolean;
  onClick: () => void;
}

function KindButton({ label, number, on, onClick }: KindButtonProps) {
  return (
    <Button
      aria-pressed={on}
      onClick={onClick}
      className={cx("px-2.5", on && "border-accent text-accent")}
    >
      {label} <span className="text-xs text-muted">{grouped(number)}</span>
    </Button>
  );
}

function figures(
  id: SortColumn & ("rows" | "files" | "lag"),
  header: string,
  width: number,
): GridColumn<TableRow> {
  return {
    id,
    header,
    width,
    align: "right",
    value: (row) => row[id],
    cell: (row) =>
      row[id] === null ? <Unknown /> : <span title={grouped(row[id])}>{grouped(row[id])}</span>,
  };
}

function Unknown() {
  return <span className="text-muted">–</span>;
}

function columnsOf(zone: Zone): GridColumn<TableRow>[] {
  return [
    {
      id: "name",
      header: "Table",
      width: 240,
      value: (row) => `${row.schema}.${row.name}`,
      cell: (row) => (
        <Link
          to="/tables/$schema/$name"
          params={{ schema: row.schema, name: row.name }}
          tabIndex={-1}
          className="hover:underline"
          title={`${row.schema}.${row.name}`}
        >
          <span className="text-muted">{row.schema}.</span>
          <span className="font-medium text-accent">{row.name}</span>
        </Link>
      ),
    },
    {
      id: "state",
      header: "State",
      width: 100,
      value: (row) => row.state,
      cell: (row) => <StateBadge state={row.state} reason={row.reason} />,
    },
    figures("rows", "Rows", 110),
    {
      id: "bytes",
      header: "Size",
      width: 90,
      align: "right",
      value: (row) => row.bytes,
      cell: (row) =>
        row.bytes === null ? (
          <Unknown />
        ) : (
          <span title={count(row.bytes, "byte")}>{bytes(row.bytes)}</span>
        ),
    },
    figures("files", "Files", 64),
    figures("lag", "Waiting to land", 118),
    {
      id: "changed",
      header: "Last commit",
      width: 160,
      value: (row) => (row.changedMs === null ? null : new Date(row.changedMs).toISOString()),
      cell: (row) => <Instant at={row.changedMs} zone={zone} />,
    },
    {
      id: "kind",
      header: "From",
      width: 150,
      grow: true,
      value: (row) => row.origin,
      cell: (row) => (
        <span title={row.reason ?? row.origin}>
          <bdi>{row.origin}</bdi>
          {row.reason === undefined ? null : <span className="text-error"> · {row.reason}</span>}
        </span>
      ),
    },
  ];
}
