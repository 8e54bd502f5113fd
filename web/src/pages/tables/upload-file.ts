// upload-file.ts - what a file is, by its name and its first bytes: format, compression, the table's
// name, its first rows as the server will read them (docs/files.md). Pure, and never more than the
// first 64 KiB: types are the server's to find out.

export const PEEK_BYTES = 65_536;
export const FORMATS = ["csv", "ndjson", "parquet"] as const;
export type FileFormat = (typeof FORMATS)[number];
export type Coding = "gzip" | "zstd" | null;

const ENDINGS: readonly (readonly [string, FileFormat])[] = [
  [".csv", "csv"],
  [".tsv", "csv"],
  [".txt", "csv"],
  [".parquet", "parquet"],
  [".ndjson", "ndjson"],
  [".jsonl", "ndjson"],
];

export interface UploadName {
  format: FileFormat | null;
  coding: Coding;
  /** Without endings. */
  stem: string;
}

/** "Sales 2026.csv.gz" -> csv, gzip, "Sales 2026". */
export function readName(name: string): UploadName {
  const lower = name.toLowerCase();
  const coding: Coding = lower.endsWith(".gz") ? "gzip" : lower.endsWith(".zst") ? "zstd" : null;
  const plain = name.slice(0, name.length - (coding === "gzip" ? 3 : coding === "zstd" ? 4 : 0));
  for (const [ending, format] of ENDINGS) {
    if (plain.toLowerCase().endsWith(ending)) {
      return { format, coding, stem: plain.slice(0, plain.length - ending.length) };
    }
  }
  return { format: null, coding, stem: plain };
}

const NAME_MAX = 128;

/** As the server names a table after a file. */
export function tableNameOf(stem: string): string {
  const name = stem.toLowerCase().replace(/[^a-z0-9]/g, "_");
  return (/^\d/.test(name) ? `_${name}` : name).slice(0, NAME_MAX);
}

export function tableNameProblem(name: string): string | null {
  if (name === "") return "A table needs a name.";
  if (!/^[a-z_][a-z0-9_]*$/.test(name)) {
    return "Names are a-z, 0-9 and _, and do not begin with a digit.";
  }
  if (name.endsWith("__dead")) return "Names that end in __dead are those of dead letters.";
  return name.length > NAME_MAX ? `At most ${NAME_MAX} characters.` : null;
}

/** Text of the first bytes; a character that the cut went through is left out. */
export function decode(bytes: Uint8Array): { text: string; problem: string | null } {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    return { text: "", problem: "The file is UTF-16; save it as UTF-8." };
  }
  try {
    return {
      text: new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true }),
      problem: null,
    };
  } catch {
    const text = new TextDecoder("utf-8").decode(bytes);
    return { text, problem: "Some bytes are not UTF-8; the server will refuse the file." };
  }
}

const DELIMITERS = [",", ";", "\t", "|"] as const;

/** Records with their fields, RFC 4180; the last one may be cut. */
export function* csvRecords(text: string, delimiter: string, quote: string): Generator<string[]> {
  let fields: string[] = [];
  let field = "";
  let quoted = false;
  let atStart = true;
  for (let i = 0; i < text.length; i++) {
    const c = text[i] as string;
    if (quoted) {
      if (c !== quote) field += c;
      else if (text[i + 1] === quote) {
        field += c;
        i++;
      } else quoted = false;
      continue;
    }
    if (c === quote && atStart) {
      quoted = true;
      atStart = false;
    } else if (c === delimiter) {
      fields.push(field);
      field = "";
      atStart = true;
    } else if (c === "\n" || c === "\r") {
      if (c === "\r" && text[i + 1] === "\n") i++;
      fields.push(field);
      yield fields;
      fields = [];
      field = "";
      atStart = true;
    } else {
      field += c;
      atStart = false;
    }
  }
  if (field !== "" || fields.length > 0) yield [...fields, field];
}

/** The one that gives the first line the most fields. */
export function findDelimiter(text: string, quote = '"'): string {
  let best = ",";
  let most = 0;
  for (const delimiter of DELIMITERS) {
    const first = csvRecords(text, delimiter, quote).next().value;
    const fields = Array.isArray(first) ? first.length : 0;
    if (fields > most) {
      best = delimiter;
      most = fields;
    }
  }
  return best;
}

export interface Preview {
  columns: readonly string[];
  rows: readonly (readonly (string | null)[])[];
  /** More columns than are shown. */
  moreColumns: number;
  /** What will make the server refuse the file, as far as the first bytes tell. */
  problem: string | null;
}

export const ROWS_SHOWN = 20;
export const COLUMNS_SHOWN = 200;

export interface CsvOptions {
  /** "" lets it be found out. */
  delimiter: string;
  quote: string;
  header: boolean;
}

/** `isWhole`: the text is the whole file, not its beginning. */
export function previewCsv(text: string, options: CsvOptions, isWhole: boolean): Preview {
  const quote = options.quote === "" ? '"' : options.quote;
  const body = text.replace(/^\uFEFF/, "");
  const delimiter = options.delimiter === "" ? findDelimiter(body, quote) : options.delimiter;
  const records: string[][] = [];
  for (const record of csvRecords(body, delimiter, quote)) {
    records.push(record);
    if (records.length > ROWS_SHOWN + 1) break;
  }
  // The last record of a beginning may be cut off.
  if (!isWhole && records.length <= ROWS_SHOWN + 1 && records.length > 1) records.pop();
  const [first = []] = records;
  if (body.trim() === "") {
    return { columns: [], rows: [], moreColumns: 0, problem: "The file is empty." };
  }
  const names = options.header ? first : first.map((_, i) => `column${i}`);
  const rows = records.slice(options.header ? 1 : 0, ROWS_SHOWN + (options.header ? 1 : 0));
  const odd = rows.findIndex((row) => row.length !== names.length);
  const problem =
    odd < 0
      ? null
      : `Row ${odd + 1} has ${rows[odd]?.length} fields, the first line has ${names.length}.`;
  return {
    columns: names.slice(0, COLUMNS_SHOWN),
    rows: rows.map((row) => row.slice(0, COLUMNS_SHOWN)),
    moreColumns: Math.max(0, names.length - COLUMNS_SHOWN),
    problem,
  };
}

function cellOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function previewNdjson(text: string, isWhole: boolean): Preview {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  if (!isWhole) lines.pop();
  const names: string[] = [];
  const seen = new Set<string>();
  const objects: Record<string, unknown>[] = [];
  let problem: string | null = null;
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    if (objects.length >= ROWS_SHOWN) break;
    let value: unknown;
    try {
      // Digits stay as they are written.
      value = JSON.parse(line, (_key, v: unknown, context?: { source?: string }) =>
        typeof v === "number" && !Number.isSafeInteger(v) ? (context?.source ?? v) : v,
      );
    } catch {
      value = undefined;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      problem = `Line ${i + 1} is no JSON object.`;
      break;
    }
    objects.push(value as Record<string, unknown>);
    for (const name of Object.keys(value)) {
      if (!seen.has(name)) names.push(name);
      seen.add(name);
    }
  }
  if (objects.length === 0) problem ??= "The file is empty.";
  const columns = names.slice(0, COLUMNS_SHOWN);
  return {
    columns,
    rows: objects.map((object) => columns.map((name) => cellOf(object[name]))),
    moreColumns: names.length - columns.length,
    problem,
  };
}

/** Delta Lake has no such characters in names; the server makes them _ when asked to. */
export function needsCleanNames(columns: readonly string[]): boolean {
  return columns.some((name) => /[ ,;{}()=\n\t]/.test(name));
}

/** Which of the columns can be named in `types`: the name ends at the last colon, declarations at a
 * comma. */
export function canDeclare(name: string): boolean {
  return name !== "" && !/[,()]/.test(name) && name.trim() === name;
}

/** The parameter `types`; undefined when no column has one. */
export function typesParam(types: Readonly<Record<string, string>>): string | undefined {
  const parts = Object.entries(types)
    .filter(([, type]) => type.trim() !== "")
    .map(([name, type]) => `${name}:${type.trim()}`);
  return parts.length === 0 ? undefined : parts.join(",");
}
