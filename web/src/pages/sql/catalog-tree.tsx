// catalog-tree.tsx - schemas, tables and columns beside an editor. Ten thousand tables are fine: only
// what can be seen is drawn. One tab stop: arrows move and unfold, Enter inserts the name, S shows a
// sample, E opens the table in the builder.
import { useVirtualizer } from "@tanstack/react-virtual";
import { Blocks, ChevronRight, Eye } from "lucide-react";
import { type KeyboardEvent, useId, useMemo, useRef, useState } from "react";
import { useCatalog } from "@/api/queries";
import type { CatalogTable } from "@/api/types";
import { rowsOf } from "@/lib/catalog";
import { compact, count, grouped } from "@/lib/numbers";
import { quoteName } from "@/lib/sql";
import { IconButton } from "@/ui/button";
import { cx } from "@/ui/cx";
import { SearchInput } from "@/ui/search-field";
import { EmptyState, Loaded } from "@/ui/states";
import { type CatalogIndex, tableText } from "./complete";

interface CatalogTreeProps {
  index: CatalogIndex | undefined;
  onInsert: (text: string) => void;
  onSample: (table: CatalogTable) => void;
  onExplore: (table: CatalogTable) => void;
}

type Node =
  | { kind: "schema"; key: string; name: string; tables: number; open: boolean }
  | { kind: "table"; key: string; table: CatalogTable; open: boolean }
  | { kind: "column"; key: string; table: CatalogTable; name: string; type: string };

const ROW_PX = 26;

export function CatalogTree(props: CatalogTreeProps) {
  const catalog = useCatalog();
  const [filter, setFilter] = useState("");
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <SearchInput label="Find a table or column" value={filter} onChange={setFilter} />
      <Loaded query={catalog} what="The tables could not be listed.">
        {(tables) =>
          tables.length === 0 ? (
            <EmptyState
              title="No tables yet"
              reason="A topic becomes a table with its first event; a file in the files folder is one at once."
              command="tarn produce --preset web_logs --rate 100 --seconds 60"
              className="px-1 py-4"
            />
          ) : (
            <Tree {...props} tables={tables} filter={filter.trim().toLowerCase()} />
          )
        }
      </Loaded>
    </div>
  );
}

function matches(table: CatalogTable, filter: string): boolean {
  return `${table.schema}.${table.name}`.toLowerCase().includes(filter);
}

/** Each topic has a table of dead letters; most are empty and only looked for by name. */
function isIdle(table: CatalogTable): boolean {
  return table.kind === "dead" && rowsOf(table) === 0;
}

/** The visible lines in order. With a filter: tables that match, and those whose columns do. */
function flatten(
  tables: readonly CatalogTable[],
  filter: string,
  toggled: ReadonlySet<string>,
): Node[] {
  const schemas = new Map<string, CatalogTable[]>();
  for (const table of tables) {
    const hit =
      filter === ""
        ? !isIdle(table)
        : matches(table, filter) || columnsOf(table, filter).length > 0;
    if (!hit) continue;
    const list = schemas.get(table.schema);
    if (list) list.push(table);
    else schemas.set(table.schema, [table]);
  }
  const out: Node[] = [];
  for (const [name, list] of schemas) {
    const key = `s:${name}`;
    const open = !toggled.has(key);
    out.push({ kind: "schema", key, name, tables: list.length, open });
    if (!open) continue;
    for (const table of list) {
      const tableKey = `t:${table.schema}.${table.name}`;
      const byColumn = filter !== "" && !matches(table, filter);
      const tableOpen = toggled.has(tableKey) !== byColumn;
      out.push({ kind: "table", key: tableKey, table, open: tableOpen });
      if (!tableOpen) continue;
      for (const column of byColumn ? columnsOf(table, filter) : table.columns) {
        out.push({ kind: "column", key: `${tableKey}:${column.name}`, table, ...column });
      }
    }
  }
  return out;
}

function columnsOf(table: CatalogTable, filter: string) {
  return table.columns.filter((c) => c.name.toLowerCase().includes(filter));
}

function Tree(props: CatalogTreeProps & { tables: readonly CatalogTable[]; filter: string }) {
  const { tables, filter, index, onInsert, onSample, onExplore } = props;
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [active, setActive] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const nodes = useMemo(() => flatten(tables, filter, toggled), [tables, filter, toggled]);
  const virtual = useVirtualizer({
    count: nodes.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const at = Math.min(active, nodes.length - 1);
  const toggle = (key: string) => {
    setToggled((old) => {
      const next = new Set(old);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  };
  const insert = (node: Node) => {
    if (node.kind === "schema") toggle(node.key);
    else if (node.kind === "column") onInsert(quoteName(node.name));
    else onInsert(index ? tableText(index, node.table) : quoteName(node.table.name));
  };
  const moveTo = (to: number) => {
    const next = Math.max(0, Math.min(nodes.length - 1, to));
    setActive(next);
    virtual.scrollToIndex(next);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const node = nodes[at];
    if (node === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const isOpen = node.kind !== "column" && node.open;
    const canOpen = node.kind !== "column" && !node.open;
    if (event.key === "ArrowDown") moveTo(at + 1);
    else if (event.key === "ArrowUp") moveTo(at - 1);
    else if (event.key === "Home") moveTo(0);
    else if (event.key === "End") moveTo(nodes.length - 1);
    else if (event.key === "PageDown") moveTo(at + 15);
    else if (event.key === "PageUp") moveTo(at - 15);
    else if (event.key === "ArrowRight") canOpen ? toggle(node.key) : moveTo(at + 1);
    else if (event.key === "ArrowLeft") isOpen ? toggle(node.key) : moveTo(parentOf(nodes, at));
    else if (event.key === " " && node.kind !== "column") toggle(node.key);
    else if (event.key === "Enter") insert(node);
    else if (event.key === "s" && node.kind !== "schema") onSample(node.table);
    else if (event.key === "e" && node.kind !== "schema") onExplore(node.table);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  if (nodes.length === 0) {
    return <p className="px-1 py-4 text-sm text-muted">No table or column is called so.</p>;
  }
  return (
    <div
      ref={box}
      role="tree"
      aria-label="Tables"
      tabIndex={0}
      aria-activedescendant={`${id}-${at}`}
      onKeyDown={onKeyDown}
      className="group/tree min-h-0 flex-1 overflow-auto rounded -outline-offset-2"
    >
      <div role="presentation" style={{ height: virtual.getTotalSize(), position: "relative" }}>
        {virtual.getVirtualItems().map(({ index: i, start }) => {
          const node = nodes[i];
          if (node === undefined) return null;
          return (
            // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus for its lines.
            // biome-ignore lint/a11y/useKeyWithClickEvents: the tree has the keys for its lines.
            <div
              key={node.key}
              id={`${id}-${i}`}
              role="treeitem"
              aria-level={node.kind === "schema" ? 1 : node.kind === "table" ? 2 : 3}
              aria-expanded={node.kind === "column" ? undefined : node.open}
              aria-selected={i === at}
              aria-label={labelOf(node)}
              onClick={() => {
                setActive(i);
                insert(node);
              }}
              style={{ top: start, height: ROW_PX }}
              className={cx(
                "group/row absolute inset-x-0 flex cursor-pointer items-center gap-1 rounded pr-1 text-sm hover:bg-hover",
                node.kind === "table" && "pl-3",
                node.kind === "column" && "pl-9",
                i === at &&
                  "-outline-offset-2 group-focus-visible/tree:outline-2 group-focus-visible/tree:outline-focus",
              )}
            >
              <Line
                node={node}
                onToggle={() => toggle(node.key)}
                onSample={onSample}
                onExplore={onExplore}
              />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function parentOf(nodes: readonly Node[], at: number): number {
  const kind = nodes[at]?.kind;
  const wanted = kind === "column" ? "table" : "schema";
  for (let i = at - 1; i >= 0; i--) if (nodes[i]?.kind === wanted) return i;
  return at;
}

function labelOf(node: Node): string {
  if (node.kind === "schema") return `${node.name}, ${count(node.tables, "table")}`;
  if (node.kind === "column") return `${node.name}, ${node.type}`;
  return `${node.table.name}, ${node.table.kind}`;
}

interface LineProps {
  node: Node;
  onToggle: () => void;
  onSample: (table: CatalogTable) => void;
  onExplore: (table: CatalogTable) => void;
}

function Line({ node, onToggle, onSample, onExplore }: LineProps) {
  if (node.kind === "column") {
    return (
      <>
        <span className="min-w-0 flex-1 truncate" title={node.name}>
          {node.name}
        </span>
        <span className="max-w-[45%] truncate text-xs text-muted" title={node.type}>
          {node.type.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")}
        </span>
      </>
    );
  }
  const chevron = (
    <button
      type="button"
      tabIndex={-1}
      aria-label={node.open ? "Fold" : "Unfold"}
      onClick={(event) => {
        event.stopPropagation();
        onToggle();
      }}
      className="flex size-5 shrink-0 items-center justify-center rounded text-muted hover:bg-sunken"
    >
      <ChevronRight aria-hidden="true" className={cx("size-3.5", node.open && "rotate-90")} />
    </button>
  );
  if (node.kind === "schema") {
    return (
      <>
        {chevron}
        <span className="truncate text-xs font-semibold text-muted uppercase">{node.name}</span>
        <span className="text-xs text-muted">{grouped(node.tables)}</span>
      </>
    );
  }
  const { table } = node;
  // What queries see: the table's rows and those of the log that follow them.
  const rows = rowsOf(table);
  return (
    <>
      {chevron}
      <span className="min-w-0 flex-1 truncate" title={`Insert ${table.schema}.${table.name}`}>
        {table.name}
      </span>
      {rows !== undefined ? (
        <span className="text-xs text-muted group-hover/row:hidden" title={`${grouped(rows)} rows`}>
          {compact(rows)}
        </span>
      ) : null}
      <span className="hidden items-center group-hover/row:flex pointer-coarse:flex">
        <IconButton
          icon={Eye}
          label="Show sample"
          keys="S"
          size="sm"
          className="size-6"
          tabIndex={-1}
          onClick={(event) => {
            event.stopPropagation();
            onSample(table);
          }}
        />
        <IconButton
          icon={Blocks}
          label="Explore in the builder"
          keys="E"
          size="sm"
          className="size-6"
          tabIndex={-1}
          onClick={(event) => {
            event.stopPropagation();
            onExplore(table);
          }}
        />
      </span>
    </>
  );
}
