// catalog.ts - how many rows a query of a table finds: those landed and, of a topic's own table, those
// that are still in the log. What waits for a table of dead letters is events, few of them dead.

interface Counted {
  kind?: string | undefined;
  rows?: number | null | undefined;
  lag_events?: number | null | undefined;
}

export function rowsOf(table: Counted): number | undefined {
  if (typeof table.rows !== "number") return undefined;
  return table.rows + (table.kind === "dead" ? 0 : (table.lag_events ?? 0));
}
