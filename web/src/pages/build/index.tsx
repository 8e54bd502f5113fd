// The page "Builder": questions for people who don't write SQL. Every part is a step, the SQL that
// they mean is always shown, the answer follows each change. "Continue in SQL" is one way: what is
// typed there cannot be taken apart again.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Play, Square, SquareTerminal } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { useCatalog } from "@/api/queries";
import type { CatalogTable } from "@/api/types";
import { useKeys } from "@/app/keys";
import { Page } from "@/app/page";
import { readStored, writeStored } from "@/lib/stored";
import { isBusy, run as runStatements, stop, useRuns } from "@/results/run";
import { RunPane } from "@/results/run-pane";
import { type ResultView, viewFrom, viewSearch, viewTo } from "@/results/shown";
import { Button } from "@/ui/button";
import { CodeBlock } from "@/ui/copy";
import { Switch } from "@/ui/field";
import { EmptyState, ErrorCard, Skeleton } from "@/ui/states";
import { type BuildQuery, emptyQuery, queryFrom, queryTo, toSql } from "./model";
import type { BuilderSearch } from "./search";
import { Steps } from "./steps";
import { TablePicker } from "./table-picker";

const SLOT = "builder";
const AUTO_KEY = "tarn.build.auto";
const SETTLE_MS = 450;

const NO_SEARCH: BuilderSearch = {
  table: undefined,
  cols: undefined,
  where: undefined,
  group: undefined,
  measure: undefined,
  order: undefined,
  limit: undefined,
  view: undefined,
  sort: undefined,
  filter: undefined,
  chart: undefined,
};

function find(tables: readonly CatalogTable[], query: BuildQuery): CatalogTable | undefined {
  return tables.find(
    (t) => t.name === query.table && (query.schema === "" || t.schema === query.schema),
  );
}

export default function BuilderPage() {
  const search = useSearch({ from: "/build" });
  const navigate = useNavigate();
  const catalog = useCatalog();
  const query = queryFrom(search);
  const table = catalog.data === undefined ? undefined : find(catalog.data, query);
  const columns = useMemo(() => table?.columns ?? [], [table]);
  const sql = query.table === "" ? "" : toSql(query, columns);
  const run = useRuns((s) => s.runs[SLOT]);
  const [auto, setAuto] = useState(() => readStored(AUTO_KEY) !== "off");
  const ready = table !== undefined;
  useAutoRun(ready && auto ? sql : "");

  const go = (next: BuilderSearch, isStep: boolean) =>
    void navigate({
      to: "/build",
      search: (old) => ({ ...old, ...NO_SEARCH, ...next }),
      replace: !isStep,
    });
  /** Typing replaces the address, choosing is a step. The result's own sort and filters go. */
  const setQuery = (next: BuildQuery, typing = false) =>
    go({ ...queryTo(next), view: search.view, chart: search.chart }, !typing);
  const setView = (view: ResultView) => go({ ...queryTo(query), ...viewTo(view) }, true);
  const start = () => {
    if (sql !== "") void runStatements(SLOT, [{ sql, from: 0 }]);
  };
  const busy = isBusy(run);
  const shownSql = run?.outcomes[0]?.sql;
  useKeys([{ keys: "ctrl+Enter", label: "Run the question", group: "Builder", run: start }]);
  return (
    <Page
      title="Builder"
      fill
      actions={
        sql === "" ? undefined : (
          <>
            <Switch
              label="Run on each change"
              checked={auto}
              onChange={(on) => {
                setAuto(on);
                writeStored(AUTO_KEY, on ? null : "off");
              }}
            />
            {busy ? (
              <Button icon={Square} onClick={() => stop(SLOT)}>
                Cancel
              </Button>
            ) : (
              <Button variant="primary" icon={Play} disabled={!ready} onClick={start}>
                Run
              </Button>
            )}
            <Button
              icon={SquareTerminal}
              onClick={() => {
                const view = viewSearch({ ...search });
                void navigate({ to: "/sql", search: { q: sql, run: "1", ...view } });
              }}
            >
              Continue in SQL
            </Button>
          </>
        )
      }
    >
      {catalog.error !== null && catalog.data === undefined ? (
        <ErrorCard
          what="The tables could not be listed."
          error={catalog.error}
          retry={() => void catalog.refetch()}
        />
      ) : catalog.data === undefined ? (
        <Skeleton lines={8} />
      ) : query.table === "" ? (
        <ChooseTable
          tables={catalog.data}
          onChoose={(t) => setQuery(emptyQuery(t.schema, t.name))}
        />
      ) : (
        <div className="flex min-h-0 flex-1 flex-col gap-3 lg:flex-row">
          <div className="flex min-h-0 shrink-0 flex-col gap-3 lg:w-84 lg:overflow-y-auto lg:pr-1 xl:w-96">
            <Steps
              query={query}
              table={table}
              tables={catalog.data}
              onChange={setQuery}
              onTable={(t) => setQuery(emptyQuery(t.schema, t.name))}
            />
            <CodeBlock label="The same as SQL" text={sql} wrap />
          </div>
          <div className="flex min-h-96 min-w-0 flex-1 flex-col overflow-hidden rounded-lg border border-line bg-panel lg:min-h-0">
            {table === undefined ? (
              <EmptyState
                title={`There is no table ${query.schema ? `${query.schema}.` : ""}${query.table}`}
                reason="It may have been deleted, or the link is of another server. Choose another one."
              />
            ) : (
              <RunPane
                slot={SLOT}
                run={run}
                view={viewFrom(search)}
                onView={setView}
                onRerun={start}
                empty={
                  <EmptyState
                    title="Not run yet"
                    reason="Run asks the question as it stands; with “Run on each change” the answer follows by itself."
                    action={<Button onClick={start}>Run</Button>}
                  />
                }
              />
            )}
            {shownSql !== undefined && shownSql !== sql && !auto && !busy ? (
              <p role="status" className="border-t border-line bg-warn-soft px-3 py-1 text-xs">
                The question has changed since it was run.
              </p>
            ) : null}
          </div>
        </div>
      )}
    </Page>
  );
}

/** Asks when the question has settled; one that is still running for an older question is stopped,
 * and the next is only sent when the server has said that it ended. */
function useAutoRun(sql: string): void {
  const busy = useRuns((s) => isBusy(s.runs[SLOT]));
  const asked = useRuns((s) => s.runs[SLOT]?.outcomes[0]?.sql);
  useEffect(() => {
    if (sql === "" || asked === sql) return;
    const timer = window.setTimeout(() => {
      if (busy) stop(SLOT);
      else void runStatements(SLOT, [{ sql, from: 0 }]);
    }, SETTLE_MS);
    return () => window.clearTimeout(timer);
  }, [sql, busy, asked]);
}

function ChooseTable({
  tables,
  onChoose,
}: {
  tables: readonly CatalogTable[];
  onChoose: (table: CatalogTable) => void;
}) {
  if (tables.length === 0) {
    return (
      <EmptyState
        title="No tables yet"
        reason="A topic becomes a table with its first event; a file in the files folder is one at once."
        command="tarn produce --preset web_logs --rate 100 --seconds 60"
      />
    );
  }
  return (
    <div className="flex min-h-0 max-w-2xl flex-1 flex-col gap-2">
      <h2 className="text-sm font-semibold">What is the question about?</h2>
      <TablePicker tables={tables} onChoose={onChoose} />
    </div>
  );
}
