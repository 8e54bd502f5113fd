// sample-sql.ts - the statement of the sample. Pure text.

export const SAMPLE_ROWS = 1000;

export function sampleSql(table: string, newest: boolean): string {
  const order = newest ? "\nORDER BY _timestamp DESC, _partition, _offset DESC" : "";
  return `SELECT *\nFROM ${table}${order}\nLIMIT ${SAMPLE_ROWS}`;
}
