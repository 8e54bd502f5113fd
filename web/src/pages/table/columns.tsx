// columns.tsx - the columns with their types, nested ones unfolded; a column opens with what is in
// it, counted by SQL when it is asked for.
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { Badge } from "@/ui/badge";
import { cx } from "@/ui/cx";
import { Checkbox } from "@/ui/field";
import { type GridColumn, VirtualGrid } from "@/ui/grid";
import { SearchInput } from "@/ui/search-field";
import { EmptyState } from "@/ui/states";
import { ColumnProfile } from "./column-profile";
import type { TableProps } from "./table-queries";
import { typeNodes } from "./type-tree";

export interface ColumnLine {
  /** What names it in the address. */
  key: string;
  name: string;
  type: string;
  depth: number;
  /** Column and fields, for SQL; null where no name reaches it. */
  path: readonly string[] | null;
  provisional: boolean;
  partition: boolean;
  /** Made by tarn for each row of a topic. */
  own: boolean;
}

function linesOf({ table, schema }: TableProps): ColumnLine[] {
  const partitions = new Set(table.partition_columns ?? []);
  return table.columns.flatMap((column, i) =>
    typeNodes(column.name, column.type).map((node, j) => ({
      key: node.path === null ? `${i}.${j}` : [column.name, ...node.path].join("."),
      name: node.name,
      type: node.type,
      depth: node.depth,
      path: node.path === null ? null : [column.name, ...node.path],
      provisional: node.depth === 0 && column.provisional === true,
      partition: node.depth === 0 && partitions.has(column.name),
      own: schema === "bronze" && column.name.startsWith("_"),
    })),
  );
}

const INDENT_PX = 16;

export function Columns(props: TableProps) {
  const { table } = props;
  const search = useSearch({ from: "/tables/$schema/$name" });
  const navigate = useNavigate({ from: "/tables/$schema/$name" });
  const [find, setFind] = useState("");
  const [withOwn, setWithOwn] = useState(true);
  const lines = useMemo(() => linesOf(props), [props]);
  const shown = lines.filter(
    (line) =>
      (withOwn || !line.own) &&
      `${line.path?.join(".") ?? line.name} ${line.type}`
        .toLowerCase()
        .includes(find.toLowerCase()),
  );
  const openAt = shown.findIndex((line) => line.key === search.column);
  const open = (line: ColumnLine | null) => {
    void navigate({ search: (old) => ({ ...old, column: line?.key }), replace: true });
  };
  const hasOwn = lines.some((line) => line.own);
  const provisional = table.columns.filter((column) => column.provisional).length;
  if (table.columns.length === 0) {
    return (
      <EmptyState
        title="No columns yet"
        reason="Columns are those of the events: they come with the first one."
      />
    );
  }
  return (
    <>
      <div className="flex flex-wrap items-center gap-3">
        <SearchInput
          label="Find a column"
          placeholder="Find a column or type"
          className="w-full sm:max-w-72"
          value={find}
          onChange={setFind}
        />
        {hasOwn ? (
          <Checkbox label="tarn's own columns" checked={withOwn} onChange={setWithOwn} />
        ) : null}
        <span className="text-sm text-muted">
          {provisional > 0
            ? `${provisional} provisional: seen in events, not committed yet; the type may still widen.`
            : "A column opens with a profile of its values."}
        </span>
      </div>
      <VirtualGrid
        label="Columns"
        columns={COLUMNS}
        rows={shown}
        openOnClick
        onOpen={(line) => open(line)}
        openIndex={openAt < 0 ? null : openAt}
        className="min-h-72 flex-1"
        empty={<EmptyState title="No column is called so" className="py-6" />}
      />
      <ColumnProfile {...props} line={shown[openAt] ?? null} onClose={() => open(null)} />
    </>
  );
}

const COLUMNS: readonly GridColumn<ColumnLine>[] = [
  {
    id: "name",
    header: "Column",
    width: 340,
    value: (line) => line.name,
    cell: (line) => (
      <span
        style={{ paddingLeft: line.depth * INDENT_PX }}
        className={cx(line.own && "text-muted")}
        title={line.path?.join(".") ?? line.name}
      >
        <bdi>{line.name}</bdi>
      </span>
    ),
  },
  {
    id: "type",
    header: "SQL type",
    width: 300,
    value: (line) => line.type,
    cell: (line) => (
      <span className="font-mono text-xs" title={line.type}>
        {line.type}
      </span>
    ),
  },
  {
    id: "marks",
    header: "",
    width: 240,
    value: (line) =>
      [line.provisional && "provisional", line.partition && "partition"].filter(Boolean).join(" "),
    cell: (line) => (
      <span className="inline-flex gap-1.5 align-middle">
        {line.provisional ? <Badge tone="info">provisional</Badge> : null}
        {line.partition ? <Badge>partition</Badge> : null}
      </span>
    ),
  },
];
