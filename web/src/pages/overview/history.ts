// history.ts - the past beyond the ring of the last hour, as the server kept it per minute: what the
// charts show when the time range reaches further back.
import { queryOptions, useQueries, useQuery } from "@tanstack/react-query";
import { api } from "@/api/client";
import type { Span } from "@/lib/range";

export type HistoryMetric =
  | "events"
  | "landed"
  | "rejected"
  | "errors"
  | "dead"
  | "queries"
  | "ack_p99_ms"
  | "query_p95_ms"
  | "lag_events";

export interface HistoryAnswer {
  bucket_seconds: number;
  t: number[];
  values: (number | null)[];
}

export interface History {
  t: number[];
  series: { label: string; values: (number | null)[] }[];
  bucketSeconds: number;
}

const DAY_MS = 86_400_000;
const DAYS_MAX = 35;
const RENEW_MS = 30_000;

function daysOf(span: Span): number {
  return Math.max(1, Math.min(DAYS_MAX, Math.ceil((Date.now() - span.fromMs) / DAY_MS)));
}

function optionsOf(metric: HistoryMetric, days: number, topic?: string) {
  return queryOptions({
    queryKey: ["historical", metric, days, topic ?? null],
    refetchInterval: RENEW_MS,
    staleTime: RENEW_MS / 2,
    queryFn: ({ signal }) =>
      api.get<HistoryAnswer>("api/v1/analytics/historical", {
        query: { metric, days, topic },
        signal,
      }),
  });
}

function historyOf(answer: HistoryAnswer, series: History["series"]): History {
  return { t: answer.t, series, bucketSeconds: answer.bucket_seconds };
}

/** Times outside of the span are for the chart to leave out. */
export function useHistory(metric: HistoryMetric, label: string, span: Span) {
  return useQuery({
    ...optionsOf(metric, daysOf(span)),
    select: (answer) => historyOf(answer, [{ label, values: answer.values }]),
  });
}

/** Events of these topics, and what is left of the sum of all. Topics that fail are in the rest. */
export function useTopicHistory(topics: readonly string[], span: Span) {
  const days = daysOf(span);
  const sum = useQuery(optionsOf("events", days));
  const own = useQueries({
    queries: topics.map((topic) => optionsOf("events", days, topic)),
    combine: (results) => results.map((one) => one.data),
  });
  const data =
    sum.data === undefined ? undefined : historyOf(sum.data, seriesByTopic(sum.data, topics, own));
  return { data, error: sum.error, refetch: sum.refetch };
}

/** A series for each topic, and one for what is left of the sum. */
export function seriesByTopic(
  sum: HistoryAnswer,
  topics: readonly string[],
  own: readonly (HistoryAnswer | undefined)[],
): History["series"] {
  const rest = sum.values.slice();
  const series = topics.flatMap((label, k) => {
    const found = own[k];
    if (found === undefined) return [];
    const at = new Map(found.t.map((ms, i) => [ms, found.values[i] ?? null]));
    const values = sum.t.map((ms) => at.get(ms) ?? null);
    values.forEach((value, i) => {
      const left = rest[i];
      if (typeof left === "number") rest[i] = Math.max(0, left - (value ?? 0));
    });
    return [{ label, values }];
  });
  const hasRest = rest.some((value) => (value ?? 0) > 0);
  return hasRest || series.length === 0
    ? [...series, { label: series.length === 0 ? "all topics" : "others", values: rest }]
    : series;
}
