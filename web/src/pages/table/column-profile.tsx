// column-profile.tsx - what is in one column: filled and empty, distinct values, extremes, the most
// frequent values. Counted over the whole table with its fresh rows, when it is opened; closing it
// ends the count.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { SquareTerminal } from "lucide-react";
import { type RequestPlan, request } from "@/api/client";
import { useZone } from "@/app/range";
import { count, grouped, percent } from "@/lib/numbers";
import { quotePath } from "@/lib/sql";
import { shown } from "@/results/cells";
import { ButtonLike } from "@/ui/button";
import { CopyAsCurl } from "@/ui/copy";
import { Drawer } from "@/ui/dialog";
import { KeyValue } from "@/ui/keyvalue";
import { ErrorCard, Skeleton } from "@/ui/states";
import type { ColumnLine } from "./columns";
import { factsSql, TOP_VALUES, topSql } from "./profile";
import type { TableProps } from "./table-queries";

interface Answer {
  columns: { name: string; type: string }[];
  rows: unknown[][];
}

function askPlan(sql: string): RequestPlan {
  return { method: "POST", path: "api/v1/query", body: { sql, int64: "string" }, timeoutMs: 0 };
}

function useAnswer(sql: string) {
  return useQuery({
    queryKey: ["column", sql],
    queryFn: ({ signal }) => request<Answer>({ ...askPlan(sql), signal }),
    staleTime: 10_000,
    gcTime: 10_000,
    retry: false,
  });
}

type ColumnProfileProps = TableProps & { line: ColumnLine | null; onClose: () => void };

export function ColumnProfile({ schema, name, line, onClose }: ColumnProfileProps) {
  const path = line?.path ?? null;
  const table = quotePath(schema, name);
  const sql = path === null ? null : topSql(table, path);
  return (
    <Drawer
      open={line !== null}
      onClose={onClose}
      title={<bdi>{path?.join(".") ?? line?.name}</bdi>}
      description={line?.type}
      footer={
        sql === null ? null : (
          <>
            <CopyAsCurl plan={askPlan(sql)} showLabel />
            <Link to="/sql" search={{ q: sql }} className={ButtonLike({ size: "sm" })}>
              <SquareTerminal aria-hidden="true" className="size-4" /> Open in SQL
            </Link>
          </>
        )
      }
    >
      {line === null ? null : path === null ? (
        <p className="text-sm text-muted">
          It lies inside a list or map: unnest it in SQL to count its values.
        </p>
      ) : (
        <div className="flex flex-col gap-5">
          <Facts table={table} path={path} type={line.type} />
          <TopValues sql={topSql(table, path)} />
        </div>
      )}
    </Drawer>
  );
}

interface FactsProps {
  table: string;
  path: readonly string[];
  type: string;
}

const WORDS: Readonly<Record<string, string>> = {
  lowest: "Lowest",
  highest: "Highest",
  mean: "Mean",
  middle: "Median",
  longest: "Longest, characters",
  empty: "Empty texts",
};

function Facts({ table, path, type }: FactsProps) {
  const zone = useZone();
  const answer = useAnswer(factsSql(table, path, type));
  if (answer.error !== null) {
    return (
      <ErrorCard
        what="The column could not be counted."
        error={answer.error}
        retry={() => void answer.refetch()}
      />
    );
  }
  if (answer.data === undefined) return <Skeleton lines={5} label="Counting" />;
  const { columns, rows } = answer.data;
  const at = (name: string) => rows[0]?.[columns.findIndex((column) => column.name === name)];
  const total = Number(at("row_count"));
  const filled = Number(at("filled"));
  const share = total > 0 ? ` (${percent((total - filled) / total)})` : "";
  return (
    <KeyValue
      items={[
        ["Rows", grouped(total)],
        ["NULL", `${grouped(total - filled)}${share}`],
        ["Distinct", `about ${grouped(at("different") as string)}`],
        ...columns
          .filter(({ name }) => WORDS[name] !== undefined)
          .map(({ name, type: of }) => {
            const value = at(name);
            return [
              WORDS[name],
              value === null || value === undefined ? (
                <em key={name} className="text-muted">
                  none
                </em>
              ) : (
                <bdi key={name}>{shown(value, of, zone).slice(0, 300)}</bdi>
              ),
            ] as const;
          }),
      ]}
    />
  );
}

function TopValues({ sql }: { sql: string }) {
  const zone = useZone();
  const answer = useAnswer(sql);
  if (answer.error !== null) {
    return (
      <ErrorCard
        what="The most frequent values could not be counted."
        error={answer.error}
        retry={() => void answer.refetch()}
      />
    );
  }
  if (answer.data === undefined) return <Skeleton lines={6} label="Counting values" />;
  const { columns, rows } = answer.data;
  const most = Number(rows[0]?.[1] ?? 0);
  if (rows.length === 0) return <p className="text-sm text-muted">Every value is NULL.</p>;
  return (
    <section aria-label="Most frequent values">
      <h3 className="mb-1 text-xs font-medium text-muted">
        {rows.length < TOP_VALUES
          ? `All ${count(rows.length, "value")}`
          : `The ${TOP_VALUES} most frequent values`}
      </h3>
      <ol className="flex flex-col">
        {rows.map((row) => {
          const text = shown(row[0], columns[0]?.type ?? "", zone);
          return (
            <li key={text} className="relative flex gap-3 px-2 py-1 text-sm">
              <span
                aria-hidden="true"
                className="absolute inset-y-0.5 left-0 rounded bg-accent-soft"
                style={{ width: `${(Number(row[1]) / most) * 100}%` }}
              />
              <span className="relative min-w-0 flex-1 truncate" title={text.slice(0, 1000)}>
                {text === "" ? (
                  <em className="text-muted">empty text</em>
                ) : (
                  <bdi>{text.slice(0, 300)}</bdi>
                )}
              </span>
              <span className="relative tabular-nums">{grouped(row[1] as string)}</span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
