// upload-run.ts - one file on its way: it goes on while the dialog is closed and other pages are
// open. The server tells how far it is in the list of imports; its last word is the answer to the
// request itself.
import { create } from "zustand";
import { api, path, type RequestPlan } from "@/api/client";
import { isProblem, Problem } from "@/api/problem";
import { invalidate } from "@/api/queries";
import type { Column, Import } from "@/api/types";
import { type Sending, sendFile } from "@/api/upload";
import type { Coding, FileFormat } from "./upload-file";

export interface UploadPlan {
  file: File;
  table: string;
  mode: "create" | "append" | "replace";
  format: FileFormat;
  coding: Coding;
  /** CSV only; "" lets the server find out. */
  delimiter: string;
  quote: string;
  header: boolean;
  types: string | undefined;
  cleanNames: boolean;
}

/** What was chosen for a file, as far as it differs from what the file itself says. */
export interface UploadSettings {
  table: string;
  mode: UploadPlan["mode"];
  format: FileFormat | null;
  delimiter: string;
  header: boolean;
  types: Readonly<Record<string, string>>;
  /** Null: as the names need it. */
  cleanNames: boolean | null;
}

export interface ImportAnswer {
  id: string;
  table: string;
  schema: string;
  mode: string;
  version: number;
  rows: number;
  bytes: number;
  table_rows: number | null;
  columns: Column[];
  elapsed_ms: number;
}

export interface UploadJob {
  plan: UploadPlan;
  state: "sending" | "stopping" | "done" | "failed" | "cancelled";
  sentBytes: number;
  /** Imports that were there before, to tell this one from them. */
  before: ReadonlySet<string>;
  answer?: ImportAnswer;
  error?: unknown;
}

interface UploadState {
  job: UploadJob | null;
  /** The file that is looked at and what was chosen for it: still there after a refusal. */
  draft: { file: File; settings: UploadSettings } | null;
}

export const useUpload = create<UploadState>()(() => ({ job: null, draft: null }));

let sending: Sending<ImportAnswer> | null = null;

const MEDIA: Readonly<Record<FileFormat, string>> = {
  csv: "text/csv",
  ndjson: "application/x-ndjson",
  parquet: "application/vnd.apache.parquet",
};

export function uploadPlan(plan: UploadPlan): RequestPlan {
  const { file, table, mode, format, coding, delimiter, quote, header, types } = plan;
  const csv = format === "csv";
  return {
    method: "POST",
    path: path`api/v1/tables/${table}`,
    query: {
      mode,
      file: file.name,
      delimiter: csv && delimiter !== "" ? (delimiter === "\t" ? "tab" : delimiter) : undefined,
      quote: csv && quote !== "" ? quote : undefined,
      header: csv && !header ? "false" : undefined,
      types: format === "parquet" || mode === "append" ? undefined : types,
      names: plan.cleanNames ? "clean" : undefined,
    },
    headers: {
      "content-type": MEDIA[format],
      ...(coding === null ? {} : { "content-encoding": coding }),
    },
    body: file,
  };
}

function change(next: Partial<UploadJob>): void {
  useUpload.setState(({ job }) => ({ job: job === null ? null : { ...job, ...next } }));
}

/** Its line in the list of imports, once the server has begun. */
export function importOf(job: UploadJob, imports: readonly Import[]): Import | undefined {
  return imports.find(
    (one) =>
      one.table === job.plan.table &&
      one.file === job.plan.file.name &&
      one.id !== undefined &&
      !job.before.has(one.id),
  );
}

async function listImports(): Promise<Import[]> {
  const answer = await api.get<{ imports?: Import[] }>("api/v1/imports", { timeoutMs: 5000 });
  return answer.imports ?? [];
}

/** A refusal that came while the file was still being sent may be lost with the connection: the
 * list of imports has kept it. */
async function whyLost(job: UploadJob, error: unknown): Promise<unknown> {
  if (!isProblem(error, "offline")) return error;
  const mine = importOf(job, await listImports().catch(() => []));
  if (mine?.error?.detail === undefined) return error;
  return new Problem({ ...mine.error, title: "Refused" });
}

export async function startUpload(plan: UploadPlan): Promise<void> {
  const before = new Set(
    (await listImports().catch(() => [])).map((one) => one.id).filter((id) => id !== undefined),
  );
  const job: UploadJob = { plan, state: "sending", sentBytes: 0, before };
  useUpload.setState({ job });
  sending = sendFile<ImportAnswer>(uploadPlan(plan), plan.file, (sentBytes) =>
    change({ sentBytes }),
  );
  try {
    change({ state: "done", answer: await sending.answer, sentBytes: plan.file.size });
  } catch (error) {
    const reason = await whyLost(job, error);
    const cancelled = isProblem(reason, "aborted") || isProblem(reason, "import_cancelled");
    change({ state: cancelled ? "cancelled" : "failed", error: reason });
  } finally {
    sending = null;
    await invalidate("tables");
    await invalidate("catalog");
    await invalidate("imports");
  }
}

/** The server is told to end the import; where it does not know of it yet, the connection is given
 * up, which ends it too. */
export async function cancelUpload(): Promise<void> {
  const { job } = useUpload.getState();
  if (job?.state !== "sending") return;
  change({ state: "stopping" });
  try {
    const mine = importOf(job, await listImports());
    if (mine?.id === undefined) sending?.abort();
    else await api.delete(path`api/v1/imports/${mine.id}`, { timeoutMs: 5000 });
  } catch (error) {
    // It has ended meanwhile, or is being committed: its answer is on the way.
    if (isProblem(error, "import_ended")) change({ state: "sending" });
    else sending?.abort();
  }
}

export function forgetUpload(): void {
  useUpload.setState({ job: null });
}
