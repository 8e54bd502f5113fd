// sql.ts - names and values as SQL text. Whatever the page puts into a statement goes through here.

const PLAIN = /^[a-z_][a-z0-9_]*$/;

// Words that need quotes although they look plain: those of the common clauses. Quoting too much
// is harmless, so the list may be generous.
const RESERVED = new Set(
  (
    "all analyse analyze and anti any array as asc asof asymmetric at authorization binary " +
    "both by case cast check collate collation column concurrently constraint create cross " +
    "default deferrable desc describe distinct do else end except false fetch for foreign " +
    "freeze from full glob group having ilike in initially inner intersect into is isnull " +
    "join lambda lateral leading left like limit natural not notnull null offset on only or " +
    "order outer overlaps pivot pivot_longer pivot_wider placing positional primary qualify " +
    "references returning right select semi show similar some summarize symmetric table " +
    "tablesample then to trailing true union unique unpack unpivot using variadic verbose " +
    "when where window with"
  ).split(" "),
);

/** A name, quoted when it must be. */
export function quoteName(name: string): string {
  return PLAIN.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** A dotted path of a struct or of schema.table. */
export function quotePath(...names: string[]): string {
  return names.map(quoteName).join(".");
}

export function quoteText(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** An instant as a literal in UTC. */
export function quoteTime(ms: number): string {
  return `TIMESTAMPTZ '${new Date(ms).toISOString()}'`;
}
