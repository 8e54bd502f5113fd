// use-sources.ts - which tables are asked: those of the chosen topics, else of the largest ones, with
// the columns that they have now.
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, path } from "@/api/client";
import { isProblem } from "@/api/problem";
import { useTopics } from "@/api/queries";
import type { TableSchema, Topic } from "@/api/types";
import type { Source } from "./sql";

/** Asked at once where none is chosen: each is a part of every question. */
export const TOPICS_MAX = 10;

export interface Sources {
  /** Undefined while it is not known. */
  sources: readonly Source[] | undefined;
  error: Error | null;
  retry: () => void;
  /** All topics of the server. */
  topicCount: number;
  /** Not all are asked: only the largest. */
  isCut: boolean;
  /** Chosen, but not there. */
  missing: readonly string[];
}

function chosenTopics(topics: readonly Topic[], names: readonly string[]): readonly Topic[] {
  if (names.length > 0) return topics.filter((topic) => names.includes(topic.name));
  const bySize = [...topics].sort(
    (a, b) => (b.events ?? 0) - (a.events ?? 0) || a.name.localeCompare(b.name),
  );
  return bySize.slice(0, TOPICS_MAX);
}

const RENEW_MS = 60_000;

export function useSources(names: readonly string[]): Sources {
  const topics = useTopics();
  // The order of sizes changes with each event: only another set of topics is another question.
  const asked = useMemo(() => {
    const found = chosenTopics(topics.data ?? [], names);
    return found
      .map(({ name, table }) => ({ name, table }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }, [topics.data, names]);
  const schemas = useQueries({
    queries: asked.map(({ table }) => ({
      queryKey: ["tables", `bronze.${table}`, "schema"],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<TableSchema | null> => {
        try {
          return await api.get<TableSchema>(path`api/v1/tables/${`bronze.${table}`}/schema`, {
            signal,
          });
        } catch (error) {
          if (isProblem(error, "table_not_found")) return null;
          throw error;
        }
      },
      staleTime: RENEW_MS,
      refetchInterval: RENEW_MS,
    })),
  });
  const isReady = topics.data !== undefined && schemas.every((one) => one.data !== undefined);
  const text = isReady
    ? JSON.stringify(
        asked.flatMap(({ name, table }, i): Source[] => {
          const columns = schemas[i]?.data?.columns ?? [];
          const plain = columns.map((column) => ({ name: column.name, type: column.type }));
          return plain.length === 0 ? [] : [{ topic: name, table, columns: plain }];
        }),
      )
    : undefined;
  const sources = useMemo(
    () => (text === undefined ? undefined : (JSON.parse(text) as Source[])),
    [text],
  );
  const known = new Set((topics.data ?? []).map((topic) => topic.name));
  return {
    sources,
    error: topics.error ?? schemas.find((one) => one.error !== null)?.error ?? null,
    retry: () => {
      void topics.refetch();
      for (const one of schemas) if (one.error !== null) void one.refetch();
    },
    topicCount: known.size,
    isCut: names.length === 0 && known.size > TOPICS_MAX,
    missing: topics.data === undefined ? [] : names.filter((name) => !known.has(name)),
  };
}
