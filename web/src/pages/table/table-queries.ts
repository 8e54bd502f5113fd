// table-queries.ts - what the tabs of one table ask for.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { path, type RequestPlan, request } from "@/api/client";
import type { Commit, DataFile, TableDetail } from "@/api/types";

export interface TableProps {
  schema: string;
  name: string;
  table: TableDetail;
}

export function detailPlan(schema: string, name: string): RequestPlan {
  return { method: "GET", path: path`api/v1/tables/${`${schema}.${name}`}` };
}

export function historyPlan(schema: string, name: string, limit: number): RequestPlan {
  return {
    method: "GET",
    path: `${detailPlan(schema, name).path}/history`,
    query: { limit },
  };
}

export function filesPlan(schema: string, name: string, limit: number): RequestPlan {
  return { method: "GET", path: `${detailPlan(schema, name).path}/files`, query: { limit } };
}

/** The server gives no more at once. */
export const LIST_MAX = 10_000;
export const LIST_FIRST = 1000;

/** Renewed when the table has another version. */
export function useHistory({ schema, name, table }: TableProps, limit: number) {
  return useQuery<Commit[]>({
    queryKey: ["tables", `${schema}.${name}`, "history", table.version ?? -1, limit],
    queryFn: ({ signal }) =>
      request<{ commits: Commit[] }>({ ...historyPlan(schema, name, limit), signal }).then(
        (answer) => answer.commits,
      ),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
    placeholderData: keepPreviousData,
  });
}

export interface FileList {
  file_count: number;
  files: DataFile[];
}

export function useFiles({ schema, name, table }: TableProps, limit: number) {
  return useQuery<FileList>({
    queryKey: ["tables", `${schema}.${name}`, "files", table.version ?? -1, limit],
    queryFn: ({ signal }) => request<FileList>({ ...filesPlan(schema, name, limit), signal }),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
    placeholderData: keepPreviousData,
  });
}
