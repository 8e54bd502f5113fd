// The live client keeps its subscriptions through losses, says honestly how it stands, falls back
// from WebSocket to SSE, and never waits longer than its back-off. The world is scripted: no
// network, no clock.
import { beforeEach, describe, expect, it } from "vitest";
import { LiveClient, type Wire, type WireEvents, type World } from "./live";

class FakeWorld implements World {
  now = 1_000_000;
  hidden = false;
  sockets: { events: WireEvents; sent: Record<string, unknown>[]; closed: boolean }[] = [];
  streams: { events: WireEvents; query: URLSearchParams; closed: boolean }[] = [];
  timers: { at: number; run: () => void }[] = [];
  visibility: () => void = () => {};

  openSocket = (events: WireEvents): Wire => {
    const socket = { events, sent: [] as Record<string, unknown>[], closed: false };
    this.sockets.push(socket);
    return {
      send: (text) => socket.sent.push(JSON.parse(text)),
      close: () => {
        socket.closed = true;
      },
    };
  };
  openStream = (query: string, events: WireEvents): Wire => {
    const stream = { events, query: new URLSearchParams(query), closed: false };
    this.streams.push(stream);
    return {
      send: null,
      close: () => {
        stream.closed = true;
      },
    };
  };
  nowMs = () => this.now;
  random = () => 1;
  after = (ms: number, run: () => void) => {
    const timer = { at: this.now + ms, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((t) => t !== timer);
    };
  };
  isHidden = () => this.hidden;
  onVisibility = (run: () => void) => {
    this.visibility = run;
  };

  /** Lets time pass, running what is due in order. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((t) => t !== due);
      this.now = due.at;
      due.run();
    }
    this.now = end;
  }
  get socket() {
    return this.sockets.at(-1) as FakeWorld["sockets"][number];
  }
  say(frame: Record<string, unknown>): void {
    this.socket.events.onText(JSON.stringify(frame));
  }
  hello(): void {
    this.say({ op: "hello", seq: 1, version: "0.1", build: "b1", heartbeat_ms: 10_000 });
  }
}

let world: FakeWorld;
let live: LiveClient;

beforeEach(() => {
  world = new FakeWorld();
  live = new LiveClient(world);
});

function subscribe(channel: "stats" | "events", params = {}) {
  const got: unknown[] = [];
  const dropped: number[] = [];
  let resumed = 0;
  const subscription = live.subscribe({
    channel,
    params,
    onData: (data) => got.push(data),
    onDropped: (n) => dropped.push(n),
    onResumed: () => resumed++,
  });
  return { got, dropped, subscription, resumed: () => resumed };
}

describe("subscriptions", () => {
  it("are made once the server has said hello, and get their own frames only", () => {
    const a = subscribe("stats", { topics: true });
    const b = subscribe("events");
    expect(world.socket.sent).toEqual([]);
    world.hello();
    expect(world.socket.sent).toEqual([
      { op: "subscribe", id: 1, channel: "stats", params: { topics: true } },
      { op: "subscribe", id: 2, channel: "events", params: {} },
    ]);
    world.say({ op: "data", seq: 2, id: 2, channel: "events", data: { n: 1 } });
    world.say({ op: "dropped", seq: 3, id: 2, count: 312, reason: "rate" });
    expect([a.got, b.got, b.dropped]).toEqual([[], [{ n: 1 }], [312]]);
  });

  it("are replaced under the same id, and end", () => {
    const a = subscribe("events");
    world.hello();
    a.subscription.renew();
    a.subscription.close();
    a.subscription.renew();
    expect(world.socket.sent.map((m) => [m.op, m.id])).toEqual([
      ["subscribe", 1],
      ["subscribe", 1],
      ["unsubscribe", 1],
    ]);
    world.say({ op: "data", seq: 2, id: 1, data: "late" });
    expect(a.got).toEqual([]);
  });

  it("survive frames that make no sense", () => {
    const a = subscribe("stats");
    world.hello();
    for (const text of ["", "{", "null", "17", '{"op":"data","id":99}', '{"op":"new thing"}']) {
      world.socket.events.onText(text);
    }
    world.say({ op: "data", id: 1, data: 1 });
    expect(a.got).toEqual([1]);
  });

  it("keep 64-bit integers exact", () => {
    const a = subscribe("events");
    world.hello();
    world.socket.events.onText('{"op":"data","id":1,"data":[9223372036854775807]}');
    expect(a.got).toEqual([[9223372036854775807n]]);
  });
});

describe("loss", () => {
  it("is told, waited out, and followed by the same subscriptions with fresh params", () => {
    let since = 1;
    let resumed = 0;
    live.subscribe({
      channel: "stats",
      params: () => ({ since_ms: since }),
      onData: () => {},
      onResumed: () => resumed++,
    });
    world.hello();
    since = 77;
    world.socket.events.onClose();
    expect(live.status()).toMatchObject({ state: "lost", retryAtMs: world.now + 500 });
    world.pass(500);
    expect(live.status().state).toBe("connecting");
    world.hello();
    expect(world.socket.sent[0]).toMatchObject({ id: 1, params: { since_ms: 77 } });
    expect(live.status()).toMatchObject({ state: "open", lostAtMs: undefined });
    expect(resumed).toBe(1);
  });

  it("backs off up to 15 s and remembers since when", () => {
    subscribe("stats");
    const start = world.now;
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const wire = world.streams.at(-1);
      const current = live.status().transport === "sse" && wire ? wire : world.socket;
      current.events.onClose();
      waits.push((live.status().retryAtMs ?? 0) - world.now);
      world.pass(waits.at(-1) ?? 0);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000, 15_000]);
    expect(live.status().lostAtMs).toBe(start);
  });

  it("is noticed when the server goes quiet: stale, then lost", () => {
    subscribe("stats");
    world.hello();
    world.pass(10_000);
    world.say({ op: "heartbeat", seq: 2 });
    world.pass(21_000);
    expect(live.status().state).toBe("open");
    world.pass(1_500);
    expect(live.status().state).toBe("stale");
    world.say({ op: "heartbeat", seq: 3 });
    expect(live.status()).toMatchObject({ state: "open", lostAtMs: undefined });
    world.pass(22_000 + 10_000);
    expect(live.status().state).toBe("lost");
  });

  it("does not wait when told to retry now", () => {
    subscribe("stats");
    world.socket.events.onClose();
    live.retryNow();
    expect(world.sockets.length).toBe(2);
    expect(live.status().state).toBe("connecting");
  });

  it("passes over what an abandoned connection still says", () => {
    subscribe("stats");
    const old = world.socket;
    old.events.onClose();
    world.pass(500);
    world.hello();
    old.events.onClose();
    expect(live.status().state).toBe("open");
  });

  it("gives up on a connection that never opens", () => {
    subscribe("stats");
    world.pass(8_000);
    expect(live.status().state).toBe("lost");
    expect(world.sockets[0]?.closed).toBe(true);
  });
});

describe("fall-back", () => {
  function toStream() {
    for (let i = 0; i < 2; i++) {
      world.socket.events.onClose();
      world.pass((live.status().retryAtMs ?? 0) - world.now);
    }
    return world.streams.at(-1) as FakeWorld["streams"][number];
  }

  it("goes to SSE after two sockets were refused, with all channels in one stream", () => {
    const a = subscribe("stats");
    subscribe("events", { topics: ["a", "b"], filter: { type: ["x"], text: "boo" } });
    const stream = toStream();
    expect(Object.fromEntries(stream.query)).toEqual({
      channels: "stats,events",
      topic: "a,b",
      type: "x",
      q: "boo",
    });
    stream.events.onText('{"op":"hello","seq":1}');
    stream.events.onText('{"op":"data","seq":2,"id":9,"channel":"stats","data":5}');
    expect(live.status()).toMatchObject({ state: "open", transport: "sse" });
    expect(a.got).toEqual([5]);
  });

  it("opens the stream anew, once, when subscriptions change", () => {
    subscribe("stats");
    toStream().events.onText('{"op":"hello","seq":1}');
    subscribe("events");
    subscribe("events");
    world.pass(100);
    expect(world.streams.length).toBe(2);
    expect(world.streams[0]?.closed).toBe(true);
    expect(world.streams[1]?.query.get("channels")).toBe("stats,events");
  });

  it("holds no stream while the page is hidden for long, and is back on return", () => {
    subscribe("stats");
    const stream = toStream();
    stream.events.onText('{"op":"hello","seq":1,"heartbeat_ms":60000}');
    world.hidden = true;
    world.visibility();
    world.pass(29_000);
    expect(stream.closed).toBe(false);
    world.pass(2_000);
    expect(stream.closed).toBe(true);
    world.pass(60_000);
    expect(world.streams.length).toBe(1);
    world.hidden = false;
    world.visibility();
    expect(world.streams.length).toBe(2);
  });
});
