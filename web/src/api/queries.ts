// queries.ts - what the pages ask again and again, as TanStack Query options and hooks. A page's own
// requests stay in the page; what two pages share is here. Keys open with the noun, so that
// `invalidate("topics")` renews everything about topics.
import { QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { api, path } from "./client";
import { isPassing } from "./problem";
import type {
  CatalogTable,
  Health,
  Import,
  Info,
  Producer,
  ProducerPreset,
  RunningQuery,
  SavedQuery,
  SessionInfo,
  Table,
  TableDetail,
  Topic,
} from "./types";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      retry: (failures, error) => failures < 2 && isPassing(error),
      retryDelay: (failures) => Math.min(500 * 2 ** failures, 4000),
    },
    mutations: { retry: false },
  },
});

/** Renews all that hangs under these words, e.g. invalidate("topics", name). */
export function invalidate(...key: string[]): Promise<void> {
  return queryClient.invalidateQueries({ queryKey: key });
}

const PAGES_MAX = 50;
const MANY = 1000;

/** A list of thousands is megabytes: it is not read again with each page that needs it. */
function staleAfter({ state }: { state: { data?: readonly unknown[] } }): number {
  return (state.data?.length ?? 0) > MANY ? 60_000 : 2000;
}

interface Paged {
  next: string | null;
}

/** Walks a paged list to its end (bounded: 50 pages of 1,000). */
async function all<A extends Paged, T>(
  to: string,
  items: (answer: A) => T[],
  signal: AbortSignal,
): Promise<T[]> {
  const out: T[] = [];
  let after: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer: A = await api.get<A>(to, { query: { limit: 1000, after }, signal });
    out.push(...items(answer));
    after = answer.next ?? null;
    if (after === null) break;
  }
  return out;
}

export const q = {
  info: queryOptions({
    queryKey: ["info"],
    queryFn: ({ signal }) => api.get<Info>("info", { signal }),
    staleTime: 60_000,
  }),
  session: queryOptions({
    queryKey: ["session"],
    queryFn: ({ signal }) => api.get<SessionInfo>("api/v1/session", { signal }),
    staleTime: 60_000,
  }),
  health: queryOptions({
    queryKey: ["health"],
    queryFn: ({ signal }) => api.get<Health>("api/v1/health", { signal }),
    refetchInterval: 10_000,
  }),
  topics: queryOptions({
    queryKey: ["topics"],
    queryFn: ({ signal }) =>
      all<{ topics: Topic[] } & Paged, Topic>("api/v1/topics", (a) => a.topics, signal),
    staleTime: staleAfter,
  }),
  topic: (name: string) =>
    queryOptions({
      queryKey: ["topics", name],
      queryFn: ({ signal }) => api.get<Topic>(path`api/v1/topics/${name}`, { signal }),
    }),
  tables: queryOptions({
    queryKey: ["tables"],
    queryFn: ({ signal }) =>
      all<{ tables: Table[] } & Paged, Table>("api/v1/tables", (a) => a.tables, signal),
    staleTime: staleAfter,
  }),
  /** By "schema.name". */
  table: (name: string) =>
    queryOptions({
      queryKey: ["tables", name],
      queryFn: ({ signal }) => api.get<TableDetail>(path`api/v1/tables/${name}`, { signal }),
    }),
  catalog: queryOptions({
    queryKey: ["catalog"],
    queryFn: ({ signal }) =>
      all<{ tables: CatalogTable[] } & Paged, CatalogTable>(
        "api/v1/catalog",
        (a) => a.tables,
        signal,
      ),
    staleTime: 30_000,
  }),
  producers: queryOptions({
    queryKey: ["producers"],
    queryFn: ({ signal }) =>
      all<{ producers: Producer[] } & Paged, Producer>(
        "api/v1/producers",
        (a) => a.producers,
        signal,
      ),
  }),
  presets: queryOptions({
    queryKey: ["producer-presets"],
    queryFn: ({ signal }) =>
      api
        .get<{ presets: ProducerPreset[] }>("api/v1/producers/presets", { signal })
        .then((a) => a.presets),
    staleTime: Number.POSITIVE_INFINITY, // built in
  }),
  producer: (name: string) =>
    queryOptions({
      queryKey: ["producers", name],
      queryFn: ({ signal }) => api.get<Producer>(path`api/v1/producers/${name}`, { signal }),
    }),
  savedQueries: queryOptions({
    queryKey: ["saved-queries"],
    queryFn: ({ signal }) =>
      all<{ saved_queries: SavedQuery[] } & Paged, SavedQuery>(
        "api/v1/saved-queries",
        (a) => a.saved_queries,
        signal,
      ),
  }),
  runningQueries: queryOptions({
    queryKey: ["queries"],
    queryFn: ({ signal }) =>
      api.get<{ queries: RunningQuery[] }>("api/v1/queries", { signal }).then((a) => a.queries),
  }),
  imports: queryOptions({
    queryKey: ["imports"],
    queryFn: ({ signal }) =>
      api.get<{ imports?: Import[] }>("api/v1/imports", { signal }).then((a) => a.imports ?? []),
  }),
};

export const useInfo = () => useQuery(q.info);
export const useHealth = () => useQuery(q.health);
export const useTopics = () => useQuery(q.topics);
export const useTopic = (name: string) => useQuery(q.topic(name));
export const useTables = () => useQuery(q.tables);
export const useTable = (name: string) => useQuery(q.table(name));
export const useCatalog = () => useQuery(q.catalog);
export const useProducers = () => useQuery(q.producers);
export const useProducer = (name: string) => useQuery(q.producer(name));
export const useSavedQueries = () => useQuery(q.savedQueries);
