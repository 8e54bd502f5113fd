// history.ts - the past beyond the ring of the last hour, as the server kept it per minute: what the
// charts show when the time range reaches further back.
import { useQuery } from "@tanstack/react-query";
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

interface HistoryAnswer {
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

/** Not asked while `span` is null. Times outside of the span are for the chart to leave out. */
export function useHistory(metric: HistoryMetric, label: string, span: Span | null) {
  const days =
    span === null ? 1 : Math.min(DAYS_MAX, Math.ceil((Date.now() - span.fromMs) / DAY_MS));
  return useQuery({
    queryKey: ["historical", metric, Math.max(1, days)],
    enabled: span !== null,
    refetchInterval: RENEW_MS,
    staleTime: RENEW_MS / 2,
    queryFn: async ({ signal }): Promise<History> => {
      const answer = await api.get<HistoryAnswer>("api/v1/analytics/historical", {
        query: { metric, days: Math.max(1, days) },
        signal,
      });
      const { t, values, bucket_seconds: bucketSeconds } = answer;
      return { t, series: [{ label, values }], bucketSeconds };
    },
  });
}
