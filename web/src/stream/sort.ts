// sort.ts - the order of a list that is all in memory, and how it is written in the address.
import type { GridColumn, GridSort } from "@/ui/grid";

/** "-events" -> descending by events; unknown columns are passed over. */
export function sortFrom(text: string | undefined, columns: readonly string[]): GridSort | null {
  if (text === undefined) return null;
  const descending = text.startsWith("-");
  const column = descending ? text.slice(1) : text;
  return columns.includes(column) ? { column, descending } : null;
}

export function sortTo(sort: GridSort | null): string | undefined {
  return sort === null ? undefined : `${sort.descending ? "-" : ""}${sort.column}`;
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "bigint" || typeof b === "bigint") return Number(a) - Number(b);
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

/** A sorted copy; what has no value comes last, whichever the order. */
export function sorted<R>(
  rows: readonly R[],
  columns: readonly GridColumn<R>[],
  sort: GridSort | null,
): readonly R[] {
  const column = sort === null ? undefined : columns.find((c) => c.id === sort.column);
  if (sort === null || column === undefined) return rows;
  const keyed = rows.map((row) => ({ row, value: column.value(row) }));
  const sign = sort.descending ? -1 : 1;
  const missing = (value: unknown) => value === null || value === undefined;
  keyed.sort((a, b) => {
    if (missing(a.value) || missing(b.value)) {
      return Number(missing(a.value)) - Number(missing(b.value));
    }
    return sign * compare(a.value, b.value);
  });
  return keyed.map((one) => one.row);
}
