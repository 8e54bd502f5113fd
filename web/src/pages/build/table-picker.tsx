// table-picker.tsx - one of any number of tables, found by typing.
import { useState } from "react";
import type { CatalogTable } from "@/api/types";
import { rowsOf } from "@/lib/catalog";
import { count } from "@/lib/numbers";
import { SearchInput } from "@/ui/search-field";

const SHOWN_MAX = 200;

interface TablePickerProps {
  tables: readonly CatalogTable[];
  onChoose: (table: CatalogTable) => void;
}

export function TablePicker({ tables, onChoose }: TablePickerProps) {
  const [filter, setFilter] = useState("");
  const wanted = filter.trim().toLowerCase();
  const found = tables.filter((t) => `${t.schema}.${t.name}`.toLowerCase().includes(wanted));
  return (
    <div className="flex min-h-0 flex-1 flex-col gap-2">
      <SearchInput
        label="Find a table"
        value={filter}
        onChange={setFilter}
        onEnter={() => {
          if (found[0] !== undefined) onChoose(found[0]);
        }}
      />
      <ul className="max-h-[60vh] min-h-0 flex-1 overflow-auto rounded-md border border-line bg-panel">
        {found.slice(0, SHOWN_MAX).map((table) => (
          <li
            key={`${table.schema}.${table.name}`}
            className="border-b border-line last:border-b-0"
          >
            <button
              type="button"
              onClick={() => onChoose(table)}
              className="flex w-full items-baseline gap-2 px-3 py-1.5 text-left text-sm -outline-offset-2 hover:bg-hover"
            >
              <span className="text-muted">{table.schema}</span>
              <span className="min-w-0 flex-1 truncate font-medium">{table.name}</span>
              <span className="shrink-0 text-xs text-muted">
                {table.columns.length === 0
                  ? "no columns yet"
                  : count(table.columns.length, "column")}
                {rowText(table)}
              </span>
            </button>
          </li>
        ))}
        {found.length === 0 ? (
          <li className="px-3 py-2 text-sm text-muted">No table is called so.</li>
        ) : null}
      </ul>
      {found.length > SHOWN_MAX ? (
        <p className="text-xs text-muted">
          The first {SHOWN_MAX} of {count(found.length, "table")}; type to find others.
        </p>
      ) : null}
    </div>
  );
}

function rowText(table: CatalogTable): string {
  const rows = rowsOf(table);
  return rows === undefined ? "" : ` · ${count(rows, "row")}`;
}
