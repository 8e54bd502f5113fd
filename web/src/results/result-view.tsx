// result-view.tsx - a finished result: its bar (how much there is, how long it took, until when it
// stays), filters, table or chart, and what can be taken along. What is seen is the caller's
// `view`, which lives in the address.
import { ChartColumn, Copy, RotateCw, Table2, X } from "lucide-react";
import { lazy, Suspense, useCallback, useState } from "react";
import { curlOf } from "@/api/client";
import { messageOf } from "@/api/problem";
import { useZone } from "@/app/range";
import { bytes, count, duration, grouped } from "@/lib/numbers";
import { formatTime, offsetLabel } from "@/lib/zone";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { copyText } from "@/ui/copy";
import type { GridArea } from "@/ui/grid";
import { KeyValue } from "@/ui/keyvalue";
import { Menu, type MenuItem } from "@/ui/menu";
import { Popover } from "@/ui/popover";
import { EmptyState, Skeleton } from "@/ui/states";
import { Segments } from "@/ui/tabs";
import { toast, toastError } from "@/ui/toast";
import { CellDrawer } from "./cell-drawer";
import { isCut } from "./cells";
import { DownloadPopover } from "./download";
import { FilterPopover } from "./filter-popover";
import { ProfileDrawer } from "./profile-drawer";
import { queryPlan, type StoredResult, windowPlan } from "./result";
import { filterText, type ResultFilter, type ResultView } from "./shown";
import {
  COPY_ROWS_MAX,
  copyArea,
  fetchRows,
  type OpenCell,
  useShownRows,
  ViewGrid,
} from "./view-grid";

const ChartView = lazy(() => import("./chart-view"));

interface ResultPaneProps {
  result: StoredResult;
  sql: string;
  view: ResultView;
  onView: (view: ResultView) => void;
  /** The result is gone, or should be newer. */
  onRerun: () => void;
}

export function ResultPane({ result, sql, view, onView, onRerun }: ResultPaneProps) {
  const [isGone, setGone] = useState(false);
  const onGone = useCallback(() => setGone(true), []);
  if (isGone) return <Gone onRerun={onRerun} />;
  return (
    <ShownResult
      key={result.id}
      result={result}
      sql={sql}
      view={view}
      onView={onView}
      onRerun={onRerun}
      onGone={onGone}
    />
  );
}

export function Gone({ onRerun }: { onRerun: () => void }) {
  return (
    <EmptyState
      title="This result is gone from the server"
      reason="Results are kept for a while after their last use (result_age) and make way for newer ones. The statement is still here."
      action={
        <Button variant="primary" icon={RotateCw} onClick={onRerun}>
          Run again
        </Button>
      }
    />
  );
}

function ShownResult(props: ResultPaneProps & { onGone: () => void }) {
  const { result, sql, view, onView, onGone } = props;
  const [open, setOpen] = useState<OpenCell | null>(null);
  const [profile, setProfile] = useState<number | null>(null);
  const [filterOn, setFilterOn] = useState<string | null>(null);
  const [area, setArea] = useState<GridArea | null>(null);
  const rows = useShownRows(result, view);
  const setFilters = (filters: readonly ResultFilter[]) => {
    setOpen(null);
    onView({ ...view, filters });
  };
  const goToRow = (index: number, column: number) => {
    fetchRows(result, view, index, 1).then(
      ([row]) => {
        if (row !== undefined) setOpen({ row, index, column });
      },
      (error: unknown) => toastError("Could not load the row", messageOf(error)),
    );
  };
  return (
    <section aria-label="Result" className="@container flex min-h-0 min-w-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1.5 border-b border-line px-2 py-1.5">
        <Segments
          label="Show as"
          value={view.mode}
          onChange={(mode) => onView({ ...view, mode })}
          items={[
            {
              value: "table",
              label: (
                <>
                  <Table2 aria-hidden="true" className="size-3.5" /> Table
                </>
              ),
            },
            {
              value: "chart",
              label: (
                <>
                  <ChartColumn aria-hidden="true" className="size-3.5" /> Chart
                </>
              ),
            },
          ]}
        />
        <Facts result={result} shownRows={rows.rowCount} isStale={rows.isStale} view={view} />
        <div className="ml-auto flex items-center gap-1">
          <FilterPopover
            result={result}
            column={filterOn}
            onColumn={setFilterOn}
            onAdd={(filter) => setFilters([...view.filters, filter])}
          />
          <CopyMenu result={result} sql={sql} view={view} area={area} rowCount={rows.rowCount} />
          <DownloadPopover result={result} view={view} rowCount={rows.rowCount} onGone={onGone} />
        </div>
      </div>
      <FilterChips filters={view.filters} onFilters={setFilters} />
      {view.mode === "chart" ? (
        <Suspense fallback={<Skeleton className="m-4" lines={8} label="Loading the chart" />}>
          <ChartView
            result={result}
            view={view}
            onChart={(chart) => onView({ ...view, chart })}
            onGone={onGone}
          />
        </Suspense>
      ) : (
        <ViewGrid
          result={result}
          view={view}
          rows={rows}
          open={open}
          onOpen={(cell) => (isCut(cell.row) ? goToRow(cell.index, cell.column) : setOpen(cell))}
          onSort={(sort) => onView({ ...view, sort })}
          onFilter={setFilterOn}
          onClearFilters={() => setFilters([])}
          onProfile={setProfile}
          onArea={setArea}
          onGone={onGone}
        />
      )}
      {open ? (
        <CellDrawer
          columns={result.columns}
          cell={open}
          rowCount={rows.rowCount}
          onClose={() => setOpen(null)}
          onColumn={(column) => setOpen({ ...open, column })}
          onRow={(index) => goToRow(index, open.column)}
        />
      ) : null}
      {profile === null ? null : (
        <ProfileDrawer
          result={result}
          column={profile}
          filters={view.filters}
          onClose={() => setProfile(null)}
          onFilter={(filter) => setFilters([...view.filters, filter])}
        />
      )}
    </section>
  );
}

interface FactsProps {
  result: StoredResult;
  shownRows: number;
  isStale: boolean;
  view: ResultView;
}

/** How much there is, said without rounding. */
function Facts({ result, shownRows, isStale, view }: FactsProps) {
  const zone = useZone();
  const all = count(result.rowCount, "row");
  const filtered = view.filters.length > 0;
  const until = result.expiresAt === undefined ? null : Date.parse(result.expiresAt);
  const topics = Object.keys(result.asOf).length;
  return (
    <p role="status" className="flex flex-wrap items-center gap-x-1.5 text-xs text-muted">
      <span className="font-medium text-text">
        {filtered && !isStale ? `${grouped(shownRows)} of ${all}` : all}
      </span>
      <span aria-hidden="true">·</span>
      <span>{count(result.columns.length, "column")}</span>
      {result.elapsedMs === undefined ? null : (
        <>
          <span aria-hidden="true">·</span>
          <span title="As the server measured it">{duration(result.elapsedMs)}</span>
        </>
      )}
      {isStale ? <Badge tone="info">sorting and filtering</Badge> : null}
      {result.provisional.length > 0 ? (
        <Badge tone="info" title={`Not committed yet: ${result.provisional.join(", ")}`}>
          {count(result.provisional.length, "provisional type")}
        </Badge>
      ) : null}
      <Popover
        label="About this result"
        align="start"
        trigger={
          <button
            type="button"
            className="rounded px-1 underline decoration-dotted hover:text-text"
          >
            {topics > 0 ? "as of" : "more"}
          </button>
        }
      >
        <div className="max-h-[60vh] max-w-md overflow-auto">
          <KeyValue
            items={[
              ["Rows", grouped(result.rowCount)],
              result.elapsedMs !== undefined && ["Took", `${result.elapsedMs} ms`],
              result.bytes !== undefined && ["On the server's disk", bytes(result.bytes)],
              until !== null && [
                "Kept until",
                `${formatTime(until, zone)} ${offsetLabel(until, zone)}, longer while it is used`,
              ],
              ["Result", <code key="id">{result.id}</code>],
              ...Object.entries(result.asOf).map(
                ([topic, at]) => [`As of ${topic}`, <AsOf key={topic} at={at} />] as const,
              ),
            ]}
          />
        </div>
      </Popover>
    </p>
  );
}

function AsOf({ at }: { at: unknown }) {
  return <code className="text-xs break-all">{JSON.stringify(at)}</code>;
}

function FilterChips({
  filters,
  onFilters,
}: {
  filters: readonly ResultFilter[];
  onFilters: (filters: readonly ResultFilter[]) => void;
}) {
  if (filters.length === 0) return null;
  return (
    <ul
      aria-label="Filters"
      className="flex flex-wrap items-center gap-1.5 border-b border-line px-2 py-1.5 text-xs"
    >
      {filters.map((filter, i) => {
        const label = filterText(filter);
        return (
          <li
            // biome-ignore lint/suspicious/noArrayIndexKey: the same filter may be there twice.
            key={i}
            className="flex max-w-full items-center rounded bg-accent-soft pl-2 text-text"
          >
            <span className="truncate">{label}</span>
            <button
              type="button"
              aria-label={`Remove the filter ${label}`}
              onClick={() => onFilters(filters.filter((_, j) => j !== i))}
              className="flex size-6 items-center justify-center rounded hover:bg-hover"
            >
              <X aria-hidden="true" className="size-3.5" />
            </button>
          </li>
        );
      })}
      <li>
        <button
          type="button"
          className="px-1 text-accent hover:underline"
          onClick={() => onFilters([])}
        >
          Clear filters
        </button>
      </li>
    </ul>
  );
}

interface CopyMenuProps {
  result: StoredResult;
  sql: string;
  view: ResultView;
  area: GridArea | null;
  rowCount: number;
}

function CopyMenu({ result, sql, view, area, rowCount }: CopyMenuProps) {
  const whole: GridArea = {
    top: 0,
    bottom: Math.max(0, rowCount - 1),
    left: 0,
    right: result.columns.length - 1,
  };
  const chosen = area === null || area.top < 0 || rowCount === 0 ? null : area;
  const cells = chosen ? (chosen.bottom - chosen.top + 1) * (chosen.right - chosen.left + 1) : 0;
  const what = cells === 1 ? "cell" : "selection";
  const all = rowCount > COPY_ROWS_MAX ? `first ${grouped(COPY_ROWS_MAX)} rows` : "all rows";
  const put = (text: string) =>
    copyText(text).then(
      () => toast("Copied"),
      (error: unknown) => toastError("Could not copy", error),
    );
  const formats = ["tsv", "json", "markdown"] as const;
  const words = { tsv: "TSV", json: "JSON", markdown: "Markdown" };
  const items: MenuItem[] = [
    ...formats.map((format) => ({
      label: `Copy ${what} as ${words[format]}`,
      disabled: chosen === null,
      ...(format === "tsv" ? { keys: "Ctrl C" } : {}),
      onSelect: () => chosen && copyArea(result, view, chosen, format, cells > 1),
    })),
    ...formats.map((format, i) => ({
      label: `Copy ${all} as ${words[format]}`,
      separated: i === 0,
      disabled: rowCount === 0,
      onSelect: () => copyArea(result, view, whole, format, true),
    })),
    { label: "Copy query as curl", separated: true, onSelect: () => put(curlOf(queryPlan(sql))) },
    {
      label: "Copy these rows as curl",
      onSelect: () => put(curlOf(windowPlan(result.id, view, 0, 500))),
    },
    { label: "Copy link to this view", onSelect: () => put(window.location.href) },
  ];
  return (
    <Menu
      items={items}
      trigger={
        <Button size="sm" icon={Copy} aria-label="Copy">
          <span className="hidden @3xl:inline">Copy</span>
        </Button>
      }
    />
  );
}
