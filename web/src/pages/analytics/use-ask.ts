// use-ask.ts - a panel's question on its way. Another question ends the one before, here and on the
// server (which stops what nobody waits for); leaving the page ends all. While the range moves, all
// panels ask anew together, at a calm rate: not while the page is hidden, never before the last
// answers are there.
import { keepPreviousData, useIsFetching, useQuery } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useState } from "react";
import { type RequestPlan, request } from "@/api/client";
import { useRange } from "@/app/range";
import { type Range, resolveRange, type Span } from "@/lib/range";
import type { Answer } from "./figures";

const KEY = "analytics";
const TIMEOUT_MS = 45_000;

export function askPlan(sql: string): RequestPlan {
  return {
    method: "POST",
    path: "api/v1/query",
    body: { sql, int64: "string", timeout_ms: TIMEOUT_MS, tag: "console-analytics" },
    timeoutMs: 0,
  };
}

export interface Asked<T> {
  data: T | undefined;
  error: Error | null;
  /** The answer is still that of other filters or another range. */
  isStale: boolean;
  isPending: boolean;
  retry: () => void;
}

/** `about` names what is asked without its moment: what is drawn for the same is not stale. Null SQL
 * is not asked. */
export function useAsk<T>(
  sql: string | null,
  about: string,
  read: (answer: Answer) => T,
): Asked<T> {
  const query = useQuery({
    queryKey: [KEY, about, sql],
    enabled: sql !== null,
    queryFn: async ({ signal }) => {
      const answer = await request<Answer>({ ...askPlan(sql ?? ""), signal });
      return { about, value: read(answer) };
    },
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 2000,
    retry: false,
  });
  return {
    data: sql === null ? undefined : query.data?.value,
    error: query.error,
    isStale: query.data !== undefined && query.data.about !== about,
    isPending: query.isPending && sql !== null,
    retry: () => void query.refetch(),
  };
}

/** How often a moving range is asked anew: the longer it is, the less changes. */
export function renewMs(range: Range): number {
  const { fromMs, toMs } = resolveRange(range, 0);
  const length = toMs - fromMs;
  if (length <= 900_000) return 10_000;
  return length <= 21_600_000 ? 30_000 : 120_000;
}

const LOOK_MS = 1000;

/** The page's range as instants, the same for all panels; with the way to ask now. */
export function useSpan(): { span: Span; asOfMs: number; renew: () => void; isAsking: boolean } {
  const { range, moving } = useRange();
  const [nowMs, setNowMs] = useState(() => Date.now());
  const isAsking = useIsFetching({ queryKey: [KEY] }) > 0;
  const look = useEffectEvent(() => {
    if (document.hidden || isAsking || Date.now() - nowMs < renewMs(range)) return;
    setNowMs(Date.now());
  });
  useEffect(() => {
    if (!moving) return;
    const timer = window.setInterval(() => look(), LOOK_MS);
    return () => window.clearInterval(timer);
  }, [moving]);
  const span = resolveRange(range, nowMs);
  return { span, asOfMs: nowMs, renew: () => setNowMs(Date.now()), isAsking };
}
