// sql.ts - names and values as SQL text. Whatever the page puts into a statement goes through here.

const PLAIN = /^[a-z_][a-z0-9_]*$/;

// Words that need quotes although they look plain: those of the common clauses. Quoting too much
// is harmless, so the list may be generous.
const RESERVED = new Set(
  (
    "all analyse analyze and any array as asc asymmetric both case cast check collate column " +
    "constraint create default deferrable desc describe distinct do else end except false fetch " +
    "for foreign from group having in initially intersect into lambda lateral leading limit not " +
    "null offset on only or order pivot pivot_longer pivot_wider placing primary qualify " +
    "references returning select show some summarize symmetric table then to trailing true union " +
    "unique unpivot using variadic when where window with"
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
