// table-queries.ts - what the tabs of one table ask for.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef } from "react";
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

/** Entries that come at once; the rest with "load more". */
export const PAGE = 1000;

export type ListName = "history" | "files";

export function listPlan(
  schema: string,
  name: string,
  list: ListName,
  after: string | null,
): RequestPlan {
  return {
    method: "GET",
    path: `${detailPlan(schema, name).path}/${list}`,
    query: { limit: PAGE, after },
  };
}

interface Paged {
  next?: string | null;
}

/** Page after page as it is asked for; what is loaded is loaded anew when the table has another
 * version. */
function usePages<A extends Paged>({ schema, name, table }: TableProps, list: ListName) {
  const query = useInfiniteQuery({
    queryKey: ["tables", `${schema}.${name}`, list],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      request<A>({ ...listPlan(schema, name, list, pageParam), signal }),
    getNextPageParam: (last: A) => last.next ?? null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 30_000,
  });
  const { refetch } = query;
  const seen = useRef(table.version);
  useEffect(() => {
    if (seen.current === table.version) return;
    seen.current = table.version;
    void refetch();
  }, [table.version, refetch]);
  return {
    pages: query.data?.pages,
    error: query.error,
    isPending: query.isPending,
    retry: () => void refetch(),
    /** Null when all is there. */
    more: query.hasNextPage ? () => void query.fetchNextPage() : null,
    isLoadingMore: query.isFetchingNextPage,
  };
}

export function useHistory(props: TableProps) {
  const { pages, ...rest } = usePages<{ commits: Commit[] } & Paged>(props, "history");
  const commits = useMemo(() => pages?.flatMap((page) => page.commits), [pages]);
  return { ...rest, commits };
}

export function useFiles(props: TableProps) {
  const { pages, ...rest } = usePages<{ file_count: number; files: DataFile[] } & Paged>(
    props,
    "files",
  );
  const files = useMemo(() => pages?.flatMap((page) => page.files), [pages]);
  return { ...rest, files, fileCount: pages?.at(-1)?.file_count ?? 0 };
}
