// sample.tsx - a thousand rows of the table, as a result that stays on the server: sorted, filtered,
// charted and downloaded like any other.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { RotateCw, SquareTerminal } from "lucide-react";
import { useCallback } from "react";
import { quotePath } from "@/lib/sql";
import { runStored } from "@/results/result";
import { ResultPane } from "@/results/result-view";
import { type ResultView, viewFrom, viewTo } from "@/results/shown";
import { Button, ButtonLike } from "@/ui/button";
import { ErrorCard, Skeleton } from "@/ui/states";
import { Segments } from "@/ui/tabs";
import { sampleSql } from "./sample-sql";
import type { TableProps } from "./table-queries";

let serial = 0;

export function Sample({ schema, name, table }: TableProps) {
  const search = useSearch({ from: "/tables/$schema/$name" });
  const navigate = useNavigate({ from: "/tables/$schema/$name" });
  const hasTime = table.columns.some((column) => column.name === "_timestamp");
  const newest = hasTime && search.rows === "newest";
  const sql = sampleSql(quotePath(schema, name), newest);
  const result = useQuery({
    queryKey: ["sample", sql],
    queryFn: ({ signal }) => runStored(sql, `console-sample-${++serial}`, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
  });
  const onView = useCallback(
    (view: ResultView) => {
      void navigate({ search: (old) => ({ ...old, ...viewTo(view) }), replace: true });
    },
    [navigate],
  );
  const rerun = () => void result.refetch();
  return (
    <div className="flex min-h-96 min-w-0 flex-1 flex-col gap-2">
      <div className="flex flex-wrap items-center gap-2">
        {hasTime ? (
          <Segments
            label="Which rows"
            value={newest ? "newest" : "any"}
            onChange={(which) => {
              const rows = which === "newest" ? ("newest" as const) : undefined;
              void navigate({ search: (old) => ({ ...old, rows }) });
            }}
            items={[
              { value: "any", label: "Any 1,000 rows" },
              { value: "newest", label: "Newest 1,000 rows" },
            ]}
          />
        ) : null}
        <Button size="sm" icon={RotateCw} busy={result.isFetching} onClick={rerun}>
          Again
        </Button>
        <Link to="/sql" search={{ q: sql }} className={ButtonLike({ size: "sm" })}>
          <SquareTerminal aria-hidden="true" className="size-4" /> Open in SQL
        </Link>
      </div>
      {result.data !== undefined ? (
        <div className="flex min-h-0 flex-1 flex-col overflow-hidden rounded-lg border border-line bg-panel">
          <ResultPane
            result={result.data}
            sql={sql}
            view={viewFrom(search)}
            onView={onView}
            onRerun={rerun}
          />
        </div>
      ) : result.error !== null ? (
        <ErrorCard what="The rows could not be read." error={result.error} retry={rerun} />
      ) : (
        <Skeleton lines={10} label="Reading rows" />
      )}
    </div>
  );
}
