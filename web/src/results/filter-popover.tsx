// filter-popover.tsx - a condition on one column of a result. It is checked and applied by the
// server; what it offers as values are the column's most frequent ones.
import { useQuery } from "@tanstack/react-query";
import { ListFilter } from "lucide-react";
import { useId, useState } from "react";
import { cellText } from "@/lib/cell";
import { Button } from "@/ui/button";
import { Field, Input, Select } from "@/ui/field";
import { Popover } from "@/ui/popover";
import { columnIds } from "./cells";
import { topValuesSql } from "./profile-sql";
import { askResult, type StoredResult } from "./result";
import { type FilterOp, OP_WORDS, opsFor, type ResultFilter, takesValue } from "./shown";

interface FilterPopoverProps {
  result: StoredResult;
  /** The column whose filter is being made; null: closed. */
  column: string | null;
  onColumn: (column: string | null) => void;
  onAdd: (filter: ResultFilter) => void;
}

export function FilterPopover({ result, column, onColumn, onAdd }: FilterPopoverProps) {
  const first = result.columns[0]?.name ?? "";
  return (
    <Popover
      label="Filter"
      open={column !== null}
      onOpenChange={(open) => onColumn(open ? first : null)}
      className="w-80"
      trigger={
        <Button size="sm" icon={ListFilter} aria-label="Filter">
          <span className="hidden @3xl:inline">Filter</span>
        </Button>
      }
    >
      {column === null ? null : (
        <FilterForm
          key={column}
          result={result}
          column={column}
          onColumn={onColumn}
          onAdd={(filter) => {
            onAdd(filter);
            onColumn(null);
          }}
        />
      )}
    </Popover>
  );
}

interface FilterFormProps {
  result: StoredResult;
  column: string;
  onColumn: (column: string) => void;
  onAdd: (filter: ResultFilter) => void;
}

function FilterForm({ result, column, onColumn, onAdd }: FilterFormProps) {
  const ids = columnIds(result.columns);
  const type = result.columns[ids.indexOf(column)]?.type ?? "VARCHAR";
  const ops = opsFor(type);
  const [op, setOp] = useState<FilterOp>(ops[0] ?? "eq");
  const [value, setValue] = useState("");
  const listId = useId();
  const top = useQuery({
    queryKey: ["result", result.id, "top", column],
    queryFn: ({ signal }) =>
      askResult(result.id, topValuesSql(column, "", 30), signal).then((a) =>
        a.rows.map((row) => cellText(row[0])),
      ),
    enabled: !column.startsWith("#"),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
    retry: false,
  });
  return (
    <form
      className="flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        onAdd({ column, op, value });
      }}
    >
      <Field label="Column">
        <Select
          value={column}
          onChange={onColumn}
          className="w-full"
          options={ids.map((id, i) => ({
            value: id,
            label: id === result.columns[i]?.name ? id : `${result.columns[i]?.name} (${id})`,
          }))}
        />
      </Field>
      <div className="grid grid-cols-[8.5rem_minmax(0,1fr)] gap-2">
        <Select
          aria-label="Condition"
          value={op}
          onChange={setOp}
          className="w-full"
          options={ops.map((one) => ({ value: one, label: OP_WORDS[one] }))}
        />
        {takesValue(op) ? (
          <Input
            aria-label="Value"
            value={value}
            list={listId}
            autoFocus
            onChange={(event) => setValue(event.target.value)}
          />
        ) : null}
      </div>
      <datalist id={listId}>
        {top.data?.map((text) => (
          <option key={text} value={text.slice(0, 200)} />
        ))}
      </datalist>
      <div className="flex items-center justify-between">
        <span className="truncate text-xs text-muted">{type}</span>
        <Button type="submit" variant="primary" size="sm">
          Add filter
        </Button>
      </div>
    </form>
  );
}
