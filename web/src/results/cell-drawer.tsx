// cell-drawer.tsx - one row of a result in full, with the chosen cell on top: nested values and JSON
// as a tree, long texts whole. The grid stays visible beside it.
import { ChevronDown, ChevronUp } from "lucide-react";
import { useState } from "react";
import { useZone } from "@/app/range";
import { cellText } from "@/lib/cell";
import { grouped } from "@/lib/numbers";
import { Button, IconButton } from "@/ui/button";
import { CopyButton } from "@/ui/copy";
import { cx } from "@/ui/cx";
import { Drawer } from "@/ui/dialog";
import { JsonTree } from "@/ui/json-tree";
import { columnIds, rowsText, shown, treeOf } from "./cells";
import type { ResultColumn } from "./result";
import type { OpenCell } from "./view-grid";

interface CellDrawerProps {
  columns: readonly ResultColumn[];
  cell: OpenCell;
  rowCount: number;
  onClose: () => void;
  onColumn: (column: number) => void;
  /** Another row, by its place. */
  onRow: (index: number) => void;
}

export function CellDrawer({ columns, cell, rowCount, onClose, onColumn, onRow }: CellDrawerProps) {
  const zone = useZone();
  const chosen = columns[cell.column];
  const ids = columnIds(columns);
  return (
    <Drawer
      open
      onClose={onClose}
      title={`Row ${grouped(cell.index + 1)} of ${grouped(rowCount)}`}
      footer={
        <>
          <CopyButton
            showLabel
            label="Copy row as JSON"
            text={() => rowsText(columns, [cell.row], "json")}
          />
          <span className="flex-1" />
          <IconButton
            icon={ChevronUp}
            label="Previous row"
            variant="secondary"
            disabled={cell.index === 0}
            onClick={() => onRow(cell.index - 1)}
          />
          <IconButton
            icon={ChevronDown}
            label="Next row"
            variant="secondary"
            disabled={cell.index >= rowCount - 1}
            onClick={() => onRow(cell.index + 1)}
          />
        </>
      }
    >
      {chosen ? (
        <section aria-label={`Cell ${chosen.name}`} className="mb-4">
          <div className="mb-1 flex items-baseline gap-2">
            <h3 className="min-w-0 text-sm font-semibold break-all">{chosen.name}</h3>
            <span className="min-w-0 flex-1 truncate text-xs text-muted" title={chosen.type}>
              {chosen.type}
            </span>
            <CopyButton text={() => cellText(cell.row[cell.column])} label="Copy value" />
          </div>
          <WholeValue
            key={`${cell.index},${cell.column}`}
            value={cell.row[cell.column]}
            text={shown(cell.row[cell.column], chosen.type, zone)}
          />
        </section>
      ) : null}
      <h3 className="mb-1 text-sm font-semibold">Row</h3>
      <ul className="divide-y divide-line rounded-md border border-line">
        {columns.map((column, i) => (
          <li key={ids[i]}>
            <button
              type="button"
              aria-pressed={i === cell.column}
              onClick={() => onColumn(i)}
              className={cx(
                "grid w-full grid-cols-[9rem_minmax(0,1fr)] gap-3 px-2.5 py-1 text-left text-sm hover:bg-hover",
                i === cell.column && "bg-accent-soft",
              )}
            >
              <span className="truncate text-muted" title={`${column.name} ${column.type}`}>
                {column.name}
              </span>
              <Short value={cell.row[i]} text={shown(cell.row[i], column.type, zone)} />
            </button>
          </li>
        ))}
      </ul>
    </Drawer>
  );
}

function Short({ value, text }: { value: unknown; text: string }) {
  if (value === null || value === undefined) {
    return <span className="text-xs text-muted italic">NULL</span>;
  }
  if (text === "") return <span className="text-xs text-muted italic">empty text</span>;
  return <span className="truncate">{text.slice(0, 300)}</span>;
}

const TEXT_SHOWN = 20_000;

function WholeValue({ value, text }: { value: unknown; text: string }) {
  const [whole, setWhole] = useState(false);
  if (value === null || value === undefined) {
    return <p className="text-sm text-muted italic">NULL: there is no value.</p>;
  }
  if (text === "") return <p className="text-sm text-muted italic">An empty text, not NULL.</p>;
  const tree = treeOf(value);
  if (tree !== undefined) return <JsonTree value={tree} depth={3} />;
  const cut = !whole && text.length > TEXT_SHOWN;
  return (
    <div>
      <pre
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by key.
        tabIndex={0}
        className="max-h-[45vh] overflow-auto rounded-md border border-line bg-sunken px-3 py-2 font-mono text-xs leading-5 break-words whitespace-pre-wrap"
      >
        {cut ? text.slice(0, TEXT_SHOWN) : text}
      </pre>
      {text.length > 80 ? (
        <p className="mt-1 flex items-center gap-2 text-xs text-muted">
          {cut
            ? `${grouped(TEXT_SHOWN)} of ${grouped(text.length)} characters`
            : `${grouped(text.length)} characters`}
          {cut ? (
            <Button size="sm" variant="ghost" onClick={() => setWhole(true)}>
              Show all
            </Button>
          ) : null}
        </p>
      ) : null}
    </div>
  );
}
