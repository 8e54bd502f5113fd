// storage.ts - how a table grew, from what each commit did: the size now, taken back commit by
// commit. Pure.
import type { Commit, DataFile } from "@/api/types";

export interface Storage {
  /** Epoch ms, rising: one per commit. */
  t: number[];
  /** After the commit. Rows are null before one that took files away: how many is not recorded. */
  bytes: number[];
  rows: (number | null)[];
  bytesAdded: number[];
  bytesRemoved: number[];
  rowsAdded: (number | null)[];
}

/** `commits` newest first, as the server lists them; `bytes` and `rows` of the newest. */
export function storageOf(commits: readonly Commit[], bytes: number, rows: number | null): Storage {
  const out: Storage = {
    t: [],
    bytes: [],
    rows: [],
    bytesAdded: [],
    bytesRemoved: [],
    rowsAdded: [],
  };
  let sizeNow = bytes;
  let rowsNow = rows;
  for (const commit of commits) {
    out.t.push(Date.parse(commit.timestamp));
    out.bytes.push(sizeNow);
    out.rows.push(rowsNow);
    out.bytesAdded.push(commit.bytes_added);
    out.bytesRemoved.push(commit.bytes_removed);
    out.rowsAdded.push(commit.rows_added ?? null);
    sizeNow = Math.max(0, sizeNow - commit.bytes_added + commit.bytes_removed);
    const added = commit.files_removed > 0 ? null : (commit.rows_added ?? null);
    rowsNow = rowsNow === null || added === null ? null : Math.max(0, rowsNow - added);
  }
  for (const list of Object.values(out)) list.reverse();
  return out;
}

export interface PartitionSum {
  key: string;
  values: Readonly<Record<string, string | null>>;
  files: number;
  bytes: number;
  rows: number | null;
}

/** Files of the same partition values together, the newest values first. */
export function partitionSums(files: readonly DataFile[]): PartitionSum[] {
  const sums = new Map<string, PartitionSum>();
  for (const file of files) {
    const key = partitionText(file.partition);
    const sum = sums.get(key) ?? { key, values: file.partition, files: 0, bytes: 0, rows: 0 };
    sum.files++;
    sum.bytes += file.bytes;
    sum.rows = sum.rows === null || typeof file.rows !== "number" ? null : sum.rows + file.rows;
    sums.set(key, sum);
  }
  return [...sums.values()].sort((a, b) => (a.key < b.key ? 1 : a.key > b.key ? -1 : 0));
}

/** "_date=2026-11-21"; the empty text where a table has no partitions. */
export function partitionText(values: Readonly<Record<string, string | null>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value ?? "NULL"}`)
    .join(", ");
}
