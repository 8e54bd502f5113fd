// grid.tsx - VirtualGrid: a table of any length. Only what can be seen is drawn, rows and columns;
// rows come from memory or in windows from the server; beyond 15 million px the bar is scaled, so
// that the ten-millionth row can be reached. One tab stop: arrows, PgUp/PgDn, Home/End move, Shift
// extends, Ctrl-C copies as TSV, Enter opens the row; on a header Enter sorts, Alt-arrows resize.
// (biome.json lifts three rules for this file: a <table> cannot be virtual in both directions, and
// the keys of all cells are the grid's.)
import { ArrowDown, ArrowUp, ChevronDown } from "lucide-react";
import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactNode,
  useCallback,
  useEffect,
  useEffectEvent,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { cellShown, cellText, isNumericType } from "@/lib/cell";
import { columnLefts } from "@/lib/columns";
import { toTsv } from "@/lib/csv";
import { positionOf, type ScrollMap, scrollMap, scrollTopOf } from "@/lib/scroll";
import { type LoadWindow, WindowCache } from "@/lib/windows";
import { copyText } from "./copy";
import { cx } from "./cx";
import { Menu, type MenuItem } from "./menu";
import { ErrorCard } from "./states";
import { toast, toastError } from "./toast";

export interface GridColumn<R> {
  id: string;
  header: string;
  /** Under the header, e.g. the type; also decides alignment when `align` is missing. */
  type?: string;
  /** The cell's value: what is sorted, copied and, without `cell`, shown. */
  value: (row: R) => unknown;
  /** How it is shown; must fit one line. */
  cell?: (row: R, index: number) => ReactNode;
  align?: "left" | "right";
  /** In px; can be dragged. */
  width?: number;
  /** It takes what the others leave of the grid, at least its width; for one column. */
  grow?: boolean;
  sortable?: boolean;
}

export interface GridSort {
  column: string;
  descending: boolean;
}

export interface VirtualGridProps<R> {
  /** Its name for screen readers. */
  label: string;
  columns: readonly GridColumn<R>[];
  /** All rows in memory … */
  rows?: readonly R[];
  /** … or their number, and how to get a window of them. Another function (keep it with
   * useCallback) forgets what was loaded: after a sort, a filter, a new result. */
  rowCount?: number;
  loadWindow?: LoadWindow<R>;
  /** Rows per window; fewer where rows are long. Default 500. */
  windowRows?: number;
  sort?: GridSort | null;
  /** A header was chosen: ascending, descending, then unsorted (null). */
  onSort?: (sort: GridSort | null) => void;
  /** Enter or double click (a click with `openOnClick`), and in which column. */
  onOpen?: (row: R, index: number, column: GridColumn<R>) => void;
  openOnClick?: boolean;
  /** Commands of a column, in a menu at its header; Alt-ArrowDown on the header opens it. */
  headMenu?: (column: GridColumn<R>) => readonly MenuItem[];
  /** Hears which cells are chosen. */
  onArea?: (area: GridArea) => void;
  /** Takes Ctrl-C over, e.g. to fetch the rows that are not loaded. */
  onCopy?: (area: GridArea) => void;
  /** The row whose details are shown elsewhere. */
  openIndex?: number | null;
  rowHeight?: number;
  /** Shown when there are no rows. */
  empty?: ReactNode;
  /** Its height: by a class such as "h-96" or "min-h-0 flex-1"; without one it grows with its rows
   * up to 70 % of the window. */
  className?: string;
}

/** Chosen cells, both ends included; a top of -1 is the header. */
export interface GridArea {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

interface Cell {
  /** -1 is the header. */
  row: number;
  column: number;
}

const OVERSCAN = 6;
const WIDTH_DEFAULT = 160;
const WIDTH_MIN = 48;
const WIDTH_MAX = 2000;
const COPY_ROWS_MAX = 20_000;

export function VirtualGrid<R>(props: VirtualGridProps<R>) {
  const { label, columns, rowHeight = 30, className, empty, openIndex } = props;
  const source = useRows(props);
  const { rowCount } = source;
  const [widths, setWidths] = useState<Record<string, number>>({});
  const headHeight = columns.some((column) => column.type) ? 42 : 32;
  const view = useViewport(rowCount, rowHeight, headHeight);
  const { first, last } = view;
  const lefts = useMemo(() => {
    const asked = columns.map(({ id, width = WIDTH_DEFAULT }) => widths[id] ?? width);
    const growing = columns.findIndex((column) => column.grow && widths[column.id] === undefined);
    return columnLefts(asked, growing, view.width);
  }, [columns, widths, view.width]);
  const totalWidth = lefts.at(-1) ?? 0;
  const widthAt = (i: number) => (lefts[i + 1] ?? 0) - (lefts[i] ?? 0);
  const shownColumns = visibleColumns(lefts, view.left, view.width);
  const { need } = source;
  useEffect(() => need(first, last), [need, first, last]);
  const [active, setActive] = useState<Cell>({ row: 0, column: 0 });
  const [anchor, setAnchor] = useState<Cell | null>(null);
  const [menuAt, setMenuAt] = useState<number | null>(null);
  const id = useId();
  const chosen = selection(active, anchor);
  const chosenText = `${chosen.top},${chosen.bottom},${chosen.left},${chosen.right}`;
  const onArea = useEffectEvent(() => props.onArea?.(chosen));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text stands for the area.
  useEffect(() => onArea(), [chosenText]);

  const move = (cell: Cell, extend: boolean) => {
    const next = {
      row: Math.max(-1, Math.min(rowCount - 1, cell.row)),
      column: Math.max(0, Math.min(columns.length - 1, cell.column)),
    };
    setAnchor(extend && next.row >= 0 ? (anchor ?? active) : null);
    setActive(next);
    if (next.row >= 0) view.showRow(next.row);
    view.showColumn(lefts[next.column] ?? 0, lefts[next.column + 1] ?? 0);
  };
  const resize = (column: GridColumn<R>, to: number) => {
    const size = Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, Math.round(to)));
    setWidths((old) => ({ ...old, [column.id]: size }));
  };
  const sortBy = (column: GridColumn<R>) => {
    if (column.sortable === false || !props.onSort) return;
    const { sort } = props;
    if (sort?.column !== column.id) props.onSort({ column: column.id, descending: false });
    else props.onSort(sort.descending ? null : { column: column.id, descending: true });
  };
  const open = (index: number, column: number) => {
    const row = source.row(index);
    const at = columns[column] ?? columns[0];
    if (row !== undefined && at !== undefined) props.onOpen?.(row, index, at);
  };
  const copy = () => {
    const area = selection(active, anchor);
    if (props.onCopy) {
      props.onCopy(area);
      return;
    }
    const to = Math.min(area.bottom, area.top + COPY_ROWS_MAX - 1);
    const chosen = columns.slice(area.left, area.right + 1);
    const lines: string[][] = [];
    let missing = area.bottom - to;
    for (let index = area.top; index <= to; index++) {
      const row = source.row(index);
      if (row === undefined) missing++;
      else lines.push(chosen.map((column) => cellText(column.value(row))));
    }
    copyText(toTsv(lines)).then(
      () => toast(missing > 0 ? `Copied; ${missing} rows were not loaded` : "Copied"),
      (error: unknown) => toastError("Could not copy", error),
    );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === "c" && (event.ctrlKey || event.metaKey)) {
      if (window.getSelection()?.isCollapsed === false || active.row < 0) return;
      copy();
    } else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
      setAnchor({ row: 0, column: 0 });
      setActive({ row: rowCount - 1, column: columns.length - 1 });
    } else if (event.key === "Enter" || (event.key === " " && active.row < 0)) {
      const column = columns[active.column];
      if (active.row >= 0) open(active.row, active.column);
      else if (column) sortBy(column);
    } else if (event.key === "Escape" && anchor !== null) {
      setAnchor(null);
    } else if (active.row < 0 && event.altKey && event.key === "ArrowDown") {
      setMenuAt(active.column);
    } else if (active.row < 0 && event.altKey && /^Arrow(Left|Right)$/.test(event.key)) {
      const column = columns[active.column];
      if (column) resize(column, widthAt(active.column) + (event.key === "ArrowLeft" ? -16 : 16));
    } else {
      const next = moved(active, event, view.rowsPerPage, rowCount, columns.length);
      if (next === null) return;
      move(next, event.shiftKey);
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const cellId = (row: number, column: number) => `${id}-${row}-${column}`;
  const activeSeen =
    (active.row === -1 || (active.row >= first && active.row <= last && active.row < rowCount)) &&
    active.column >= shownColumns.from &&
    active.column <= shownColumns.to;
  const area = anchor === null ? null : selection(active, anchor);
  const rows: ReactNode[] = [];
  for (let index = first; index <= last && index < rowCount; index++) {
    rows.push(
      <GridRow
        key={index}
        index={index}
        row={source.row(index)}
        columns={columns}
        from={shownColumns.from}
        to={shownColumns.to}
        lefts={lefts}
        height={rowHeight}
        top={(index - first) * rowHeight}
        activeColumn={active.row === index ? active.column : -1}
        area={area !== null && index >= area.top && index <= area.bottom ? area : null}
        isOpen={openIndex === index}
        cellId={cellId}
      />,
    );
  }
  const pick = (event: PointerEvent) => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>("[data-cell]");
    const [row, column] = (cell?.dataset.cell ?? "").split(",").map(Number);
    if (cell === null || row === undefined || column === undefined) return;
    if (row >= 0) move({ row, column }, event.shiftKey);
  };
  const cellUnder = (target: EventTarget): Cell | null => {
    if (!(target instanceof HTMLElement) || target.closest("a,button,input,select")) return null;
    const cell = target.closest<HTMLElement>("[data-cell]");
    const [row = -1, column = 0] = (cell?.dataset.cell ?? "-1").split(",").map(Number);
    return row >= 0 ? { row, column } : null;
  };
  return (
    <div
      className={cx(
        "relative flex min-w-0 flex-col overflow-hidden rounded-lg border border-line bg-panel",
        !className && "max-h-[70vh]",
        className,
      )}
    >
      <div
        ref={view.ref}
        role="grid"
        aria-label={label}
        aria-rowcount={rowCount + 1}
        aria-colcount={columns.length}
        aria-multiselectable="true"
        aria-activedescendant={activeSeen ? cellId(active.row, active.column) : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onPointerDown={pick}
        onClick={(event) => {
          const cell = props.openOnClick ? cellUnder(event.target) : null;
          if (cell !== null && !event.shiftKey && window.getSelection()?.isCollapsed !== false) {
            open(cell.row, cell.column);
          }
        }}
        onDoubleClick={(event) => {
          const cell = props.openOnClick ? null : cellUnder(event.target);
          if (cell !== null) open(cell.row, cell.column);
        }}
        className={cx(
          "group/grid overflow-auto -outline-offset-2 [overflow-anchor:none]",
          rowCount === 0 && empty ? "shrink-0" : "min-h-0 flex-1",
        )}
      >
        <div
          style={{
            height: headHeight + view.map.height,
            width: totalWidth,
            minWidth: "100%",
            position: "relative",
          }}
        >
          <div
            role="row"
            aria-rowindex={1}
            className="sticky top-0 z-10 border-b border-line bg-sunken"
            style={{ height: headHeight }}
          >
            {columns.slice(shownColumns.from, shownColumns.to + 1).map((column, i) => (
              <HeadCell
                key={column.id}
                id={cellId(-1, shownColumns.from + i)}
                column={column}
                index={shownColumns.from + i}
                left={lefts[shownColumns.from + i] ?? 0}
                width={widthAt(shownColumns.from + i)}
                atEdge={column.grow === true && shownColumns.from + i === columns.length - 1}
                sort={props.sort?.column === column.id ? props.sort : null}
                canSort={props.onSort !== undefined && column.sortable !== false}
                isActive={active.row === -1 && active.column === shownColumns.from + i}
                onSort={() => sortBy(column)}
                onResize={(to) => resize(column, to)}
                menu={props.headMenu?.(column)}
                menuOpen={menuAt === shownColumns.from + i}
                onMenu={(open) => setMenuAt(open ? shownColumns.from + i : null)}
              />
            ))}
          </div>
          <div
            role="rowgroup"
            style={{ position: "absolute", top: headHeight + view.layerTop, left: 0, right: 0 }}
          >
            {rows}
          </div>
        </div>
      </div>
      {rowCount === 0 && empty ? <div className="min-h-0 flex-1 overflow-auto">{empty}</div> : null}
      {source.error === null ? null : (
        <ErrorCard
          className="absolute right-2 bottom-2 left-2 z-20"
          what="Some rows could not be loaded."
          error={source.error}
          retry={() => source.need(first, last)}
        />
      )}
    </div>
  );
}

interface HeadCellProps<R> {
  id: string;
  column: GridColumn<R>;
  index: number;
  left: number;
  width: number;
  /** It ends where the grid's frame is. */
  atEdge: boolean;
  sort: GridSort | null;
  canSort: boolean;
  isActive: boolean;
  onSort: () => void;
  onResize: (width: number) => void;
  menu: readonly MenuItem[] | undefined;
  menuOpen: boolean;
  onMenu: (open: boolean) => void;
}

function HeadCell<R>(props: HeadCellProps<R>) {
  const { id, column, index, left, width, sort, canSort, isActive, onSort, onResize } = props;
  const { atEdge, menu, menuOpen, onMenu } = props;
  const drag = (event: PointerEvent<HTMLElement>) => {
    event.preventDefault();
    event.stopPropagation();
    const handle = event.currentTarget;
    const start = event.clientX;
    handle.setPointerCapture(event.pointerId);
    const onMove = (e: globalThis.PointerEvent) => onResize(width + e.clientX - start);
    const onUp = () => handle.removeEventListener("pointermove", onMove);
    handle.addEventListener("pointermove", onMove);
    handle.addEventListener("lostpointercapture", onUp, { once: true });
  };
  const direction = sort === null ? "none" : sort.descending ? "descending" : "ascending";
  return (
    <div
      id={id}
      role="columnheader"
      aria-colindex={index + 1}
      aria-sort={canSort ? direction : undefined}
      onClick={(event) => {
        // Not for clicks in the menu, which is elsewhere in the document.
        const target = event.target as HTMLElement;
        if (event.currentTarget.contains(target) && !target.closest("button")) onSort();
      }}
      style={{ left, width }}
      className={cx(
        "group/head absolute inset-y-0 flex flex-col justify-center px-2.5 text-xs select-none",
        isRight(column) && "items-end text-right",
        canSort && "cursor-pointer hover:bg-hover",
        isActive &&
          "group-focus-visible/grid:outline-2 group-focus-visible/grid:outline-focus -outline-offset-2",
      )}
    >
      <span className="flex max-w-full items-center gap-1 font-medium">
        <span className="truncate" title={column.header}>
          {column.header}
        </span>
        {sort === null ? null : sort.descending ? (
          <ArrowDown aria-hidden="true" className="size-3 shrink-0" />
        ) : (
          <ArrowUp aria-hidden="true" className="size-3 shrink-0" />
        )}
      </span>
      {column.type ? (
        <span className="max-w-full truncate text-[0.6875rem] text-muted" title={column.type}>
          {column.type}
        </span>
      ) : null}
      {menu ? (
        <Menu
          open={menuOpen}
          onOpenChange={onMenu}
          label={<span className="block max-w-64 truncate">{column.header}</span>}
          items={menu}
          trigger={
            <button
              type="button"
              tabIndex={-1}
              aria-label={`Commands of column ${column.header}`}
              className="absolute top-1/2 right-1.5 flex size-6 -translate-y-1/2 items-center justify-center rounded border border-line bg-panel text-muted opacity-0 group-hover/head:opacity-100 hover:text-text focus-visible:opacity-100 data-[state=open]:opacity-100 pointer-coarse:opacity-100"
            >
              <ChevronDown aria-hidden="true" className="size-3.5" />
            </button>
          }
        />
      ) : null}
      <span
        aria-hidden="true"
        onPointerDown={drag}
        onClick={(event) => event.stopPropagation()}
        className={cx(
          "absolute inset-y-0 right-0 w-1.5 cursor-col-resize touch-none hover:border-r-2 hover:border-accent",
          !atEdge && "border-r border-line",
        )}
      />
    </div>
  );
}

interface GridRowProps<R> {
  index: number;
  row: R | undefined;
  columns: readonly GridColumn<R>[];
  from: number;
  to: number;
  lefts: readonly number[];
  height: number;
  top: number;
  activeColumn: number;
  area: GridArea | null;
  isOpen: boolean;
  cellId: (row: number, column: number) => string;
}

function GridRow<R>(props: GridRowProps<R>) {
  const { index, row, columns, from, to, lefts, height, top, activeColumn, area, isOpen } = props;
  const cells: ReactNode[] = [];
  for (let i = from; i <= to && i < columns.length; i++) {
    const column = columns[i] as GridColumn<R>;
    const left = lefts[i] ?? 0;
    const chosen = area !== null && i >= area.left && i <= area.right;
    cells.push(
      <div
        key={column.id}
        id={props.cellId(index, i)}
        role="gridcell"
        aria-colindex={i + 1}
        aria-selected={chosen || activeColumn === i}
        data-cell={`${index},${i}`}
        style={{ left, width: (lefts[i + 1] ?? 0) - left, lineHeight: `${height - 1}px` }}
        className={cx(
          "absolute inset-y-0 truncate px-2.5",
          isRight(column) && "text-right",
          chosen && "bg-accent-soft",
          activeColumn === i &&
            "-outline-offset-2 group-focus-visible/grid:outline-2 group-focus-visible/grid:outline-focus",
        )}
      >
        {row === undefined ? (
          <span className="inline-block h-3 w-3/5 rounded bg-hover align-middle" />
        ) : (
          <CellContent column={column} row={row} index={index} />
        )}
      </div>,
    );
  }
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      style={{ top, height }}
      className={cx(
        "absolute inset-x-0 border-b border-line text-sm hover:bg-hover",
        isOpen && "bg-accent-soft hover:bg-accent-soft",
      )}
    >
      {cells}
    </div>
  );
}

interface CellContentProps<R> {
  column: GridColumn<R>;
  row: R;
  index: number;
}

function CellContent<R>({ column, row, index }: CellContentProps<R>) {
  if (column.cell) return <>{column.cell(row, index)}</>;
  const value = column.value(row);
  if (value === null || value === undefined) {
    return <span className="text-xs text-muted italic">NULL</span>;
  }
  return <>{cellShown(value, column.type).slice(0, 500)}</>;
}

function isRight<R>(column: GridColumn<R>): boolean {
  return (column.align ?? (isNumericType(column.type) ? "right" : "left")) === "right";
}

function selection(active: Cell, anchor: Cell | null): GridArea {
  const other = anchor ?? active;
  return {
    top: Math.min(active.row, other.row),
    bottom: Math.max(active.row, other.row),
    left: Math.min(active.column, other.column),
    right: Math.max(active.column, other.column),
  };
}

function moved(
  { row, column }: Cell,
  event: KeyboardEvent,
  page: number,
  rowCount: number,
  columnCount: number,
): Cell | null {
  const far = event.ctrlKey || event.metaKey;
  switch (event.key) {
    case "ArrowUp":
      return { row: far ? 0 : row - 1, column };
    case "ArrowDown":
      return { row: far ? rowCount - 1 : row + 1, column };
    case "ArrowLeft":
      return { row, column: column - 1 };
    case "ArrowRight":
      return { row, column: column + 1 };
    case "PageUp":
      return { row: Math.max(0, row - page), column };
    case "PageDown":
      return { row: row + page, column };
    case "Home":
      return far ? { row: 0, column: 0 } : { row, column: 0 };
    case "End":
      return far
        ? { row: rowCount - 1, column: columnCount - 1 }
        : { row, column: columnCount - 1 };
    default:
      return null;
  }
}

function visibleColumns(lefts: readonly number[], left: number, width: number) {
  const count = lefts.length - 1;
  let from = 0;
  while (from < count - 1 && (lefts[from + 1] ?? 0) < left - 200) from++;
  let to = from;
  while (to < count - 1 && (lefts[to + 1] ?? 0) < left + width + 200) to++;
  return { from, to };
}

interface RowSource<R> {
  rowCount: number;
  row: (index: number) => R | undefined;
  need: (first: number, last: number) => void;
  error: unknown;
}

const NOTHING = () => {};

function useRows<R>({
  rows,
  rowCount = 0,
  loadWindow,
  windowRows = 500,
}: VirtualGridProps<R>): RowSource<R> {
  const [, redraw] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const cache = useMemo(
    () =>
      loadWindow === undefined
        ? null
        : new WindowCache<R>(
            loadWindow,
            (failure) => {
              setError(failure);
              redraw((n) => n + 1);
            },
            windowRows,
          ),
    [loadWindow, windowRows],
  );
  useEffect(() => {
    setError(null);
    cache?.open();
    return () => cache?.close();
  }, [cache]);
  const need = useCallback((first: number, last: number) => cache?.need(first, last), [cache]);
  if (rows !== undefined || cache === null) {
    const list = rows ?? [];
    return { rowCount: list.length, row: (i) => list[i], need: NOTHING, error: null };
  }
  return { rowCount, row: (i) => cache.row(i), need, error };
}

interface Place {
  position: number;
  scrollTop: number;
  left: number;
  width: number;
  height: number;
}

/** What part of the grid can be seen, and moving it there. */
function useViewport(rowCount: number, rowHeight: number, headHeight: number) {
  const ref = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState<Place>({
    position: 0,
    scrollTop: 0,
    left: 0,
    width: 800,
    height: 400,
  });
  const viewHeight = Math.max(0, place.height - headHeight);
  const map = scrollMap(rowCount, rowHeight, viewHeight);
  const mapRef = useRef<ScrollMap>(map);
  mapRef.current = map;
  const expected = useRef(-1);

  const goTo = useCallback((position: number) => {
    const element = ref.current;
    if (element === null) return;
    const to = Math.max(0, Math.min(mapRef.current.positionMax, position));
    element.scrollTop = scrollTopOf(mapRef.current, to);
    expected.current = element.scrollTop;
    setPlace((old) => ({ ...old, position: to, scrollTop: element.scrollTop }));
  }, []);

  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const measure = () => {
      // Never more than the window shows, should the grid's own height fail to be bounded.
      const height = Math.min(element.clientHeight, window.innerHeight);
      setPlace((old) => ({ ...old, width: element.clientWidth, height }));
    };
    const onScroll = () => {
      const { scrollTop, scrollLeft } = element;
      const own = mapRef.current.scaled && Math.abs(scrollTop - expected.current) < 1.5;
      setPlace((old) => ({
        ...old,
        left: scrollLeft,
        scrollTop,
        position: own ? old.position : positionOf(mapRef.current, scrollTop),
      }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", onScroll);
    };
  }, []);

  // With a scaled bar the wheel must still move by what it says.
  const positionRef = useRef(place.position);
  positionRef.current = place.position;
  useEffect(() => {
    const element = ref.current;
    if (element === null || !map.scaled) return;
    const onWheel = (event: WheelEvent) => {
      if (event.ctrlKey || event.deltaY === 0 || event.shiftKey) return;
      event.preventDefault();
      const unit = event.deltaMode === 1 ? rowHeight : event.deltaMode === 2 ? viewHeight : 1;
      positionRef.current += event.deltaY * unit;
      goTo(positionRef.current);
    };
    element.addEventListener("wheel", onWheel, { passive: false });
    return () => element.removeEventListener("wheel", onWheel);
  }, [map.scaled, rowHeight, viewHeight, goTo]);

  const position = Math.min(place.position, map.positionMax);
  const first = Math.max(0, Math.floor(position / rowHeight) - OVERSCAN);
  const last = Math.min(
    Math.max(rowCount - 1, 0),
    Math.ceil((position + viewHeight) / rowHeight) + OVERSCAN,
  );
  const showRow = (row: number) => {
    const top = row * rowHeight;
    if (top < position) goTo(top);
    else if (top + rowHeight > position + viewHeight) goTo(top + rowHeight - viewHeight);
  };
  const showColumn = (left: number, right: number) => {
    const element = ref.current;
    if (element === null) return;
    if (left < element.scrollLeft) element.scrollLeft = left;
    else if (right > element.scrollLeft + element.clientWidth) {
      element.scrollLeft = Math.min(left, right - element.clientWidth);
    }
  };
  return {
    ref,
    map,
    first,
    last,
    left: place.left,
    width: place.width,
    layerTop: first * rowHeight - position + (map.scaled ? place.scrollTop : position),
    rowsPerPage: Math.max(1, Math.floor(viewHeight / rowHeight) - 1),
    showRow,
    showColumn,
  };
}
