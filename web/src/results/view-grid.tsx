// view-grid.tsx - the rows of a result in a grid: windows from the server, sorted and filtered
// there. Here are also what is chosen in it and how that is copied.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ArrowDown, ArrowUp, ChartColumnBig, Copy, ListFilter } from "lucide-react";
import { useCallback, useMemo } from "react";
import { isProblem } from "@/api/problem";
import { useZone } from "@/app/range";
import { copyText } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { type GridArea, type GridColumn, VirtualGrid } from "@/ui/grid";
import { EmptyState, ErrorCard } from "@/ui/states";
import { toast, toastError } from "@/ui/toast";
import { columnIds, guessWidth, kept, rowsText, shortType, shown } from "./cells";
import { loadWindow, type ResultRow, type StoredResult, WINDOW_ROWS } from "./result";
import { type ResultSort, type ResultView, sortParam } from "./shown";

export const COPY_ROWS_MAX = 20_000;

/** All rows of a span; a window that the server cut short is asked on. */
export async function fetchRows(
  result: StoredResult,
  view: ResultView,
  offset: number,
  limit: number,
  signal?: AbortSignal,
): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  while (rows.length < limit) {
    const asked = Math.min(limit - rows.length, 10_000);
    const answer = await loadWindow(result.id, view, offset + rows.length, asked, signal);
    rows.push(...answer.rows);
    if (answer.rows.length === 0 || offset + rows.length >= answer.row_count) break;
  }
  return rows;
}

function isPlain(view: ResultView): boolean {
  return view.sort === null && view.filters.length === 0;
}

export interface ShownRows {
  rowCount: number;
  first: readonly ResultRow[];
  /** Another order or filter is on its way; the rows are still those before. */
  isStale: boolean;
  error: unknown;
  retry: () => void;
}

/** How many rows pass the filters, and the first of them. */
export function useShownRows(result: StoredResult, view: ResultView): ShownRows {
  const plain = isPlain(view);
  const { sort, filters } = view;
  const query = useQuery({
    queryKey: ["result", result.id, sort, filters],
    queryFn: ({ signal }) => loadWindow(result.id, { sort, filters }, 0, WINDOW_ROWS, signal),
    enabled: !plain,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 10_000,
    retry: false,
    placeholderData: keepPreviousData,
  });
  const retry = () => void query.refetch();
  if (plain) {
    return { rowCount: result.rowCount, first: result.first, isStale: false, error: null, retry };
  }
  return {
    rowCount: query.data?.row_count ?? result.rowCount,
    first: query.data?.rows ?? result.first,
    isStale: query.isPending || query.isPlaceholderData,
    error: query.error,
    retry,
  };
}

export interface OpenCell {
  row: ResultRow;
  index: number;
  /** Place of its column. */
  column: number;
}

interface ViewGridProps {
  result: StoredResult;
  view: ResultView;
  rows: ShownRows;
  open: OpenCell | null;
  onOpen: (cell: OpenCell) => void;
  onSort: (sort: ResultSort | null) => void;
  onFilter: (column: string) => void;
  onClearFilters: () => void;
  onProfile: (column: number) => void;
  onArea: (area: GridArea) => void;
  onGone: () => void;
}

export function copyArea(
  result: StoredResult,
  view: ResultView,
  area: GridArea,
  format: "tsv" | "json" | "markdown",
  head: boolean,
): void {
  const count = Math.min(area.bottom - area.top + 1, COPY_ROWS_MAX);
  const columns = result.columns.slice(area.left, area.right + 1);
  const work = async () => {
    const rows = await fetchRows(result, view, Math.max(0, area.top), count);
    const cut = rows.map((row) => row.slice(area.left, area.right + 1));
    await copyText(rowsText(columns, cut, format, head));
    const more = area.bottom - area.top + 1 - count;
    const cells = rows.length * columns.length;
    if (more > 0) toast(`Copied the first ${count} rows; download the result for all of them`);
    else toast(cells === 1 ? "Copied the cell" : `Copied ${rows.length} × ${columns.length} cells`);
  };
  work().catch((error: unknown) => toastError("Could not copy", error));
}

export function ViewGrid(props: ViewGridProps) {
  const { result, view, rows, onGone } = props;
  const zone = useZone();
  const ids = useMemo(() => columnIds(result.columns), [result]);
  const columns = useMemo(() => {
    const nowMs = Date.now();
    return result.columns.map(({ name, type }, i): GridColumn<ResultRow> => {
      const provisional = result.provisional.includes(name) ? ", provisional" : "";
      const label = shortType(type, zone, nowMs) + provisional;
      const texts = result.first.map((row) => shown(row[i], type, zone).slice(0, 80));
      return {
        id: ids[i] ?? name,
        header: name,
        type: label,
        align: /^(?!.*\[).*(INT|INTEGER|FLOAT|DOUBLE|DECIMAL|BIGNUM)/i.test(type)
          ? "right"
          : "left",
        width: guessWidth(name, label, texts),
        value: (row) => row[i],
        cell: (row) => <Cell text={shown(row[i], type, zone)} value={row[i]} />,
      };
    });
  }, [result, ids, zone]);
  const { sort, filters } = view;
  const { first, rowCount } = rows;
  // Rows so long that the server cut the first window: as many in each.
  const windowRows =
    first.length > 0 && first.length < Math.min(WINDOW_ROWS, rowCount) ? first.length : WINDOW_ROWS;
  const load = useCallback(
    async (offset: number, limit: number, signal: AbortSignal) => {
      if (offset === 0 && first.length >= Math.min(limit, rowCount)) {
        return first.slice(0, limit).map(kept);
      }
      try {
        const shownAs = { mode: "table" as const, sort, filters, chart: null };
        const loaded = await fetchRows(result, shownAs, offset, limit, signal);
        return loaded.map(kept);
      } catch (error) {
        if (isProblem(error, "result_gone")) onGone();
        throw error;
      }
    },
    [result, sort, filters, first, rowCount, onGone],
  );
  if (rows.error !== null) {
    return (
      <ErrorCard
        what="The result cannot be shown so."
        error={rows.error}
        retry={rows.retry}
        className="m-2"
      />
    );
  }
  const headMenu = (column: GridColumn<ResultRow>) => {
    const at = ids.indexOf(column.id);
    const sorted = sort !== null && sort.column === column.id ? sortParam(sort) : "";
    return [
      {
        label: "Sort ascending",
        icon: ArrowUp,
        checked: sorted === column.id,
        onSelect: () => props.onSort({ column: column.id, descending: false }),
      },
      {
        label: "Sort descending",
        icon: ArrowDown,
        checked: sorted === `-${column.id}`,
        onSelect: () => props.onSort({ column: column.id, descending: true }),
      },
      { label: "Filter…", icon: ListFilter, onSelect: () => props.onFilter(column.id) },
      {
        label: "Profile",
        icon: ChartColumnBig,
        separated: true,
        onSelect: () => props.onProfile(at),
      },
      {
        label: "Copy name",
        icon: Copy,
        onSelect: () => {
          copyText(column.header).then(
            () => toast("Copied"),
            (error: unknown) => toastError("Could not copy", error),
          );
        },
      },
    ];
  };
  return (
    <VirtualGrid
      label="Result"
      columns={columns}
      rowCount={rows.rowCount}
      loadWindow={load}
      windowRows={windowRows}
      rowHeight={28}
      sort={sort}
      onSort={props.onSort}
      headMenu={headMenu}
      onArea={props.onArea}
      onCopy={(area) => copyArea(result, view, area, "tsv", false)}
      openIndex={props.open?.index ?? null}
      onOpen={(row, index, column) =>
        props.onOpen({ row, index, column: Math.max(0, ids.indexOf(column.id)) })
      }
      className={cx("min-h-0 flex-1 rounded-none border-0", rows.isStale && "opacity-60")}
      empty={
        filters.length > 0 ? (
          <EmptyState
            title="No row passes the filters"
            reason={`All ${result.rowCount} rows are hidden by ${filters.length === 1 ? "a filter" : "filters"}.`}
            action={
              <button
                type="button"
                className="text-sm font-medium text-accent hover:underline"
                onClick={props.onClearFilters}
              >
                Clear filters
              </button>
            }
          />
        ) : (
          <EmptyState
            title="No rows"
            reason="The statement ran and its answer has no rows."
            className="py-6"
          />
        )
      }
    />
  );
}

function Cell({ value, text }: { value: unknown; text: string }) {
  if (value === null || value === undefined) {
    return <span className="text-xs text-muted italic">NULL</span>;
  }
  if (text === "") return <span className="text-xs text-muted italic">empty</span>;
  // A line break is a mark here; the drawer shows the text as it is.
  return <bdi>{text.slice(0, 500).replace(/\r?\n/g, " ⏎ ")}</bdi>;
}
