// The page of one table: what is in it, of what it is made, some of its rows, its files, and what
// each commit did.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Blocks, SquareTerminal, Upload } from "lucide-react";
import { isProblem } from "@/api/problem";
import { q } from "@/api/queries";
import type { TableDetail } from "@/api/types";
import { Page } from "@/app/page";
import { usePause } from "@/app/range";
import { compact, grouped } from "@/lib/numbers";
import { quotePath } from "@/lib/sql";
import { Badge, StateBadge } from "@/ui/badge";
import { ButtonLike } from "@/ui/button";
import { CopyAsCurl } from "@/ui/copy";
import { EmptyState, ErrorCard, Skeleton } from "@/ui/states";
import { Tabs } from "@/ui/tabs";
import { Columns } from "./columns";
import { Files } from "./files";
import { History } from "./history";
import { Overview } from "./overview";
import { Sample } from "./sample";
import { TABS, type TableTab } from "./search";
import { detailPlan } from "./table-queries";

const RENEW_MS = 5000;

export default function TablePage() {
  const { schema, name } = useParams({ from: "/tables/$schema/$name" });
  const key = `${schema}.${name}`;
  const paused = usePause((s) => s.paused);
  const table = useQuery({
    ...q.table(key),
    refetchInterval: (query) => (paused || query.state.error !== null ? false : RENEW_MS),
  });
  return (
    <Page
      title={key}
      fill
      ready={!table.isPending}
      crumb={
        <Link to="/tables" className="hover:underline">
          Tables
        </Link>
      }
      badge={<Badges schema={schema} table={table.data} />}
      actions={<Actions schema={schema} name={name} />}
    >
      {table.data !== undefined ? (
        <Content key={key} schema={schema} name={name} table={table.data} />
      ) : isProblem(table.error, "table_not_found") ? (
        <EmptyState
          title={`There is no table ${key}`}
          reason="It may have gone with its topic or file, or has not had its first event yet."
          action={
            <Link to="/tables" className={ButtonLike({})}>
              All tables
            </Link>
          }
        />
      ) : table.error !== null ? (
        <ErrorCard
          what={
            schema === "files"
              ? "The file cannot be read; other tables do not care. Mend it and it is a table again."
              : "The table could not be loaded."
          }
          error={table.error}
          retry={() => void table.refetch()}
        />
      ) : (
        <Skeleton lines={8} />
      )}
    </Page>
  );
}

function Badges({ schema, table }: { schema: string; table: TableDetail | undefined }) {
  const kind = schema === "files" ? "file" : schema === "bronze" ? "topic's table" : "imported";
  return (
    <>
      <Badge>{kind}</Badge>
      {table?.state ? <StateBadge state={table.state} reason={table.reason} /> : null}
    </>
  );
}

function Actions({ schema, name }: { schema: string; name: string }) {
  const sql = `SELECT *\nFROM ${quotePath(schema, name)}\nLIMIT 100`;
  return (
    <>
      <CopyAsCurl plan={detailPlan(schema, name)} />
      {schema === "main" ? (
        <Link to="/tables" search={{ upload: "1", into: name }} className={ButtonLike({})}>
          <Upload aria-hidden="true" className="size-4" /> Add a file
        </Link>
      ) : null}
      <Link to="/build" search={{ table: `${schema}.${name}` }} className={ButtonLike({})}>
        <Blocks aria-hidden="true" className="size-4" /> Explore
      </Link>
      <Link to="/sql" search={{ q: sql }} className={ButtonLike({})}>
        <SquareTerminal aria-hidden="true" className="size-4" /> SQL
      </Link>
    </>
  );
}

const LABELS: Readonly<Record<TableTab, string>> = {
  overview: "Overview",
  columns: "Columns",
  sample: "Sample",
  files: "Files",
  history: "History",
};

interface ContentProps {
  schema: string;
  name: string;
  table: TableDetail;
}

function Content({ schema, name, table }: ContentProps) {
  const search = useSearch({ from: "/tables/$schema/$name" });
  const navigate = useNavigate({ from: "/tables/$schema/$name" });
  const isFile = schema === "files";
  const tabs = TABS.filter((tab) => !isFile || (tab !== "files" && tab !== "history"));
  const tab = tabs.find((one) => one === search.tab) ?? "overview";
  const counts: Partial<Record<TableTab, number>> = {
    columns: table.columns.length,
    ...(isFile ? {} : { files: table.files ?? 0, history: (table.version ?? -1) + 1 }),
  };
  return (
    <Tabs
      label={`Parts of ${schema}.${name}`}
      value={tab}
      onChange={(next) => {
        void navigate({ search: { tab: next === "overview" ? undefined : next } });
      }}
      items={tabs.map((value) => ({
        value,
        label: LABELS[value],
        badge:
          counts[value] === undefined ? null : (
            <span className="text-xs text-muted" title={grouped(counts[value])}>
              {compact(counts[value])}
            </span>
          ),
      }))}
      className="flex-1"
    >
      {tab === "overview" ? <Overview schema={schema} name={name} table={table} /> : null}
      {tab === "columns" ? <Columns schema={schema} name={name} table={table} /> : null}
      {tab === "sample" ? <Sample schema={schema} name={name} table={table} /> : null}
      {tab === "files" ? <Files schema={schema} name={name} table={table} /> : null}
      {tab === "history" ? <History schema={schema} name={name} table={table} /> : null}
    </Tabs>
  );
}
