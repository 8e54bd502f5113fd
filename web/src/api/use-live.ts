// use-live.ts - React's side of the live connection: its status, and a subscription that lives as
// long as a component. `onData` may do anything but set state per frame: push into a ring and
// notify at a calm rate (lib/store.ts).
import { useEffect, useEffectEvent, useRef, useSyncExternalStore } from "react";
import { api } from "./client";
import { type Channel, type LiveStatus, live, type Params, type Subscription } from "./live";
import { signInNeeded, useSession } from "./session";
import type { SessionInfo } from "./types";

export function useLiveStatus(): LiveStatus {
  return useSyncExternalStore(live.onStatus, live.status);
}

interface ChannelHandlers<T> {
  onData: (data: T) => void;
  onDropped?: (count: number, reason: string) => void;
  onError?: (code: string, detail: string) => void;
  /** The connection was lost and is back: fill the gap or say that it cannot be filled. */
  onResumed?: () => void;
}

/** Subscribes while mounted; other params (by value) replace the subscription. Null params: not
 * subscribed. */
export function useChannel<T>(
  channel: Channel,
  params: Params | null,
  handlers: ChannelHandlers<T>,
): void {
  const text = params === null ? null : JSON.stringify(params);
  const latest = useRef(params);
  latest.current = params;
  const subscription = useRef<Subscription | null>(null);
  const active = text !== null;
  const onData = useEffectEvent((data: unknown) => handlers.onData(data as T));
  const onDropped = useEffectEvent((n: number, why: string) => handlers.onDropped?.(n, why));
  const onError = useEffectEvent((code: string, why: string) => handlers.onError?.(code, why));
  const onResumed = useEffectEvent(() => handlers.onResumed?.());

  useEffect(() => {
    if (!active) return;
    subscription.current = live.subscribe({
      channel,
      params: () => latest.current ?? {},
      onData: (data) => onData(data),
      onDropped: (n, why) => onDropped(n, why),
      onError: (code, why) => onError(code, why),
      onResumed: () => onResumed(),
    });
    return () => {
      subscription.current?.close();
      subscription.current = null;
    };
  }, [channel, active]);

  const asked = useRef(text);
  useEffect(() => {
    if (asked.current !== text && text !== null) subscription.current?.renew();
    asked.current = text;
  }, [text]);
}

const PROBE_MS = 2000;

/** Starts the connection anew after someone signed in. While it is lost a small request is made now
 * and then: it tells a server that is back (the wait of the back-off ends) and a session that is
 * not (a refused WebSocket does not say why). Called once, by the shell. */
export function useLiveSession(): void {
  const generation = useSession((s) => s.generation);
  const needed = useSession((s) => s.needed);
  const { state } = useLiveStatus();
  useEffect(() => {
    if (generation > 0) live.restart();
  }, [generation]);
  useEffect(() => {
    if (state !== "lost" || needed) return;
    const timer = window.setInterval(() => void probe(), PROBE_MS);
    return () => window.clearInterval(timer);
  }, [state, needed]);
}

async function probe(): Promise<void> {
  if (document.hidden) return;
  try {
    const session = await api.get<SessionInfo>("api/v1/session", { timeoutMs: PROBE_MS });
    if (session.needed && !session.signed_in) signInNeeded();
    else live.retryNow();
  } catch {
    // Still away: the next probe or the back-off tries again.
  }
}
