// live.ts - the one live connection of this tab: a WebSocket that carries all subscriptions
// (docs: /ws/dashboard), or, where something in between refuses WebSockets, one SSE stream of the
// same frames, held only while the page can be seen. Frames go to the subscribers as they come and
// never into React state; what they keep is bounded (lib/ring.ts).
//
// States: connecting -> open -> (two heartbeats missed) stale -> lost -> connecting …
// After a loss every subscription is made anew; `params` may be a function, so that a subscriber
// can say since when it needs what it missed.
import { socketUrl, url } from "@/lib/base";
import { parseJson } from "@/lib/json";

export type Channel = "stats" | "types" | "events" | "health" | "queries" | "producers" | "imports";

export type Params = Record<string, unknown>;

export interface Subscriber {
  channel: Channel;
  params: Params | (() => Params);
  onData: (data: unknown) => void;
  /** Frames the server left out: a slow client, or the rate limit. */
  onDropped?: (count: number, reason: string) => void;
  onError?: (code: string, detail: string) => void;
  /** The connection is back and this subscription is made again. */
  onResumed?: () => void;
}

export interface Subscription {
  /** Subscribes anew with its present params (same id: the server replaces it). */
  renew: () => void;
  close: () => void;
}

export type LiveState = "idle" | "connecting" | "open" | "stale" | "lost";

export interface LiveStatus {
  state: LiveState;
  transport: "websocket" | "sse" | null;
  /** Since when nothing came; undefined while all is well. */
  lostAtMs?: number | undefined;
  /** When the next attempt is made. */
  retryAtMs?: number | undefined;
  version?: string | undefined;
  /** Build id of the server's page: another one than at first means "reload". */
  build?: string | undefined;
}

interface Frame {
  op: string;
  seq?: number;
  id?: number;
  channel?: string;
  data?: unknown;
  count?: number;
  reason?: string;
  code?: string;
  detail?: string;
  version?: string;
  build?: string;
  heartbeat_ms?: number;
}

export interface Wire {
  send: ((text: string) => void) | null;
  close: () => void;
}

export interface WireEvents {
  onText: (text: string) => void;
  onClose: () => void;
}

/** What the client needs of the world; tests hand in a scripted one. */
export interface World {
  openSocket: (events: WireEvents) => Wire;
  openStream: (query: string, events: WireEvents) => Wire;
  nowMs: () => number;
  random: () => number;
  after: (ms: number, run: () => void) => () => void;
  isHidden: () => boolean;
  onVisibility: (run: () => void) => void;
}

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 15_000;
const HEARTBEAT_MS = 10_000;
const OPEN_WITHIN_MS = 8_000;
const SOCKET_TRIES = 2;
const HIDDEN_STREAM_MS = 30_000;

interface Entry extends Subscriber {
  id: number;
}

export class LiveClient {
  readonly #world: World;
  readonly #entries = new Map<number, Entry>();
  readonly #listeners = new Set<() => void>();
  #status: LiveStatus = { state: "idle", transport: null };
  #wire: Wire | null = null;
  #attempt = 0;
  #lastId = 0;
  #heartbeatMs = HEARTBEAT_MS;
  #stopTimer: () => void = () => {};
  #stopWatch: () => void = () => {};
  #stopHide: () => void = () => {};
  #renewStream: () => void = () => {};
  #wasOpen = false;

  constructor(world: World) {
    this.#world = world;
    world.onVisibility(() => this.#visibility());
  }

  status = (): LiveStatus => this.#status;

  onStatus = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  subscribe(subscriber: Subscriber): Subscription {
    const entry: Entry = { ...subscriber, id: ++this.#lastId };
    this.#entries.set(entry.id, entry);
    if (this.#status.state === "idle") this.#connect();
    else this.#ask(entry);
    return {
      renew: () => {
        if (this.#entries.has(entry.id)) this.#ask(entry);
      },
      close: () => this.#forget(entry),
    };
  }

  /** Without waiting for the back-off. */
  retryNow = (): void => {
    if (this.#status.state === "lost") this.#connect();
  };

  /** Drops the connection and starts again, e.g. after signing in. */
  restart = (): void => {
    this.#drop();
    this.#attempt = 0;
    if (this.#entries.size > 0) this.#connect();
  };

  #forget(entry: Entry): void {
    if (!this.#entries.delete(entry.id)) return;
    if (this.#wire?.send) this.#send({ op: "unsubscribe", id: entry.id });
    else if (this.#status.transport === "sse") this.#renewStream();
  }

  #ask(entry: Entry): void {
    if (!this.#isUp()) return;
    if (this.#status.transport === "sse") {
      this.#renewStream();
      return;
    }
    const params = typeof entry.params === "function" ? entry.params() : entry.params;
    this.#send({ op: "subscribe", id: entry.id, channel: entry.channel, params });
  }

  #isUp(): boolean {
    return this.#status.state === "open" || this.#status.state === "stale";
  }

  #send(message: Params): void {
    this.#wire?.send?.(JSON.stringify(message));
  }

  #set(next: Partial<LiveStatus>): void {
    this.#status = { ...this.#status, ...next };
    for (const listener of this.#listeners) listener();
  }

  #connect(): void {
    this.#drop();
    const useStream = this.#attempt >= SOCKET_TRIES && this.#attempt % 2 === 0;
    if (useStream && this.#world.isHidden()) {
      this.#set({ state: "lost", transport: null, retryAtMs: undefined });
      return;
    }
    this.#set({
      state: "connecting",
      transport: useStream ? "sse" : "websocket",
      retryAtMs: undefined,
    });
    const events = this.#events();
    this.#wire = useStream
      ? this.#world.openStream(this.#streamQuery(), events)
      : this.#world.openSocket(events);
    this.#renewStream = () => {
      if (useStream) this.#connectStreamAgain();
    };
    this.#stopWatch = this.#world.after(OPEN_WITHIN_MS, () => this.#lost());
  }

  /** Handlers of one connection: what comes late from one that was dropped is passed over. */
  #events(): WireEvents {
    let current = true;
    const mine = { isCurrent: () => current };
    this.#endCurrent = () => {
      current = false;
    };
    return {
      onText: (text) => {
        if (mine.isCurrent()) this.#text(text);
      },
      onClose: () => {
        if (mine.isCurrent()) this.#lost();
      },
    };
  }
  #endCurrent: () => void = () => {};

  #connectStreamAgain(): void {
    this.#stopTimer();
    this.#stopTimer = this.#world.after(50, () => {
      if (this.#status.transport !== "sse" || this.#wire === null) return;
      this.#endCurrent();
      this.#wire.close();
      this.#wire = this.#world.openStream(this.#streamQuery(), this.#events());
    });
  }

  #drop(): void {
    this.#endCurrent();
    this.#stopTimer();
    this.#stopWatch();
    this.#wire?.close();
    this.#wire = null;
  }

  #lost(): void {
    this.#drop();
    if (this.#entries.size === 0) {
      this.#set({ state: "idle", transport: null, lostAtMs: undefined });
      return;
    }
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(this.#attempt, 10));
    const waitMs = ceiling * (0.5 + this.#world.random() / 2);
    this.#attempt++;
    const nowMs = this.#world.nowMs();
    this.#set({
      state: "lost",
      transport: null,
      lostAtMs: this.#status.lostAtMs ?? nowMs,
      retryAtMs: nowMs + waitMs,
    });
    this.#stopTimer = this.#world.after(waitMs, () => this.#connect());
  }

  #text(text: string): void {
    let frame: Frame;
    try {
      frame = parseJson(text) as Frame;
    } catch {
      return;
    }
    if (typeof frame !== "object" || frame === null) return;
    this.#watch();
    if (frame.op === "hello") this.#hello(frame);
    else if (this.#status.state === "stale") this.#set({ state: "open", lostAtMs: undefined });
    this.#deliver(frame);
  }

  #hello(frame: Frame): void {
    this.#heartbeatMs = frame.heartbeat_ms ?? HEARTBEAT_MS;
    this.#attempt = this.#status.transport === "sse" ? SOCKET_TRIES - 1 : 0;
    const resumed = this.#wasOpen;
    this.#wasOpen = true;
    this.#set({
      state: "open",
      lostAtMs: undefined,
      retryAtMs: undefined,
      version: frame.version,
      build: frame.build,
    });
    this.#watch();
    for (const entry of [...this.#entries.values()]) {
      if (this.#status.transport === "websocket") this.#ask(entry);
      if (resumed) entry.onResumed?.();
    }
  }

  #deliver(frame: Frame): void {
    for (const entry of this.#targets(frame)) {
      if (frame.op === "data") entry.onData(frame.data);
      else if (frame.op === "dropped") entry.onDropped?.(frame.count ?? 0, frame.reason ?? "");
      else if (frame.op === "error") entry.onError?.(frame.code ?? "unknown", frame.detail ?? "");
    }
  }

  /** By id on a WebSocket; a stream's ids are the server's own, there the channel decides. */
  #targets(frame: Frame): Entry[] {
    if (this.#status.transport === "sse") {
      return [...this.#entries.values()].filter((entry) => entry.channel === frame.channel);
    }
    const entry = frame.id === undefined ? undefined : this.#entries.get(frame.id);
    return entry === undefined ? [] : [entry];
  }

  #watch(): void {
    this.#stopWatch();
    this.#stopWatch = this.#world.after(this.#heartbeatMs * 2.2, () => {
      this.#set({ state: "stale", lostAtMs: this.#world.nowMs() });
      this.#stopWatch = this.#world.after(this.#heartbeatMs, () => this.#lost());
    });
  }

  #visibility(): void {
    this.#stopHide();
    if (this.#world.isHidden()) {
      if (this.#status.transport === "sse") {
        this.#stopHide = this.#world.after(HIDDEN_STREAM_MS, () => {
          this.#drop();
          this.#attempt = SOCKET_TRIES;
          this.#set({ state: "lost", transport: null, lostAtMs: this.#world.nowMs() });
        });
      }
      return;
    }
    if (this.#status.state === "lost") this.#connect();
  }

  /** All subscriptions as the address of one stream; of several on one channel the newest counts. */
  #streamQuery(): string {
    const query = new URLSearchParams();
    const channels = new Set<string>();
    for (const entry of this.#entries.values()) {
      channels.add(entry.channel);
      const params = typeof entry.params === "function" ? entry.params() : entry.params;
      addStreamParams(query, params);
    }
    query.set("channels", [...channels].join(","));
    return query.toString();
  }
}

function addStreamParams(query: URLSearchParams, params: Params): void {
  const filter = (params.filter ?? {}) as Params;
  const words: [string, unknown][] = [
    ["topic", Array.isArray(params.topics) ? params.topics : params.topic],
    ["type", filter.type],
    ["level", filter.level],
    ["source", filter.source],
    ["endpoint", filter.endpoint],
    ["q", filter.text],
    ["since_ms", params.since_ms],
  ];
  for (const [name, value] of words) {
    const text = Array.isArray(value) ? value.join(",") : value;
    if (text !== undefined && text !== null && text !== "") query.set(name, String(text));
  }
}

function openSocket({ onText, onClose }: WireEvents): Wire {
  const socket = new WebSocket(socketUrl("ws/dashboard"));
  socket.onmessage = (event) => onText(String(event.data));
  socket.onclose = onClose;
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: () => {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    },
  };
}

const STREAM_OPS = ["hello", "subscribed", "data", "heartbeat", "dropped", "error"];

function openStream(query: string, { onText, onClose }: WireEvents): Wire {
  const source = new EventSource(url(`api/v1/analytics/realtime?${query}`));
  for (const op of STREAM_OPS) {
    source.addEventListener(op, (event) => {
      if (event instanceof MessageEvent) onText(String(event.data));
      else onClose();
    });
  }
  return { send: null, close: () => source.close() };
}

export const live = new LiveClient({
  openSocket,
  openStream,
  nowMs: () => Date.now(),
  random: () => Math.random(),
  after: (ms, run) => {
    const timer = window.setTimeout(run, ms);
    return () => window.clearTimeout(timer);
  },
  isHidden: () => document.hidden,
  onVisibility: (run) => document.addEventListener("visibilitychange", run),
});
