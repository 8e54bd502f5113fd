// A refusal becomes a Problem with the server's code; no answer, a late one and one that is not
// JSON have codes of their own; and any request can be written as a command.
import { afterEach, describe, expect, it, vi } from "vitest";
import { api, curlOf, path } from "./client";
import { isPassing, isProblem, type Problem } from "./problem";
import { useSession } from "./session";

function answer(body: string, init?: ResponseInit) {
  const fetch = vi.fn(async (_url: string, _init?: RequestInit) => new Response(body, init));
  vi.stubGlobal("fetch", fetch);
  return fetch;
}

async function failure(run: Promise<unknown>): Promise<Problem> {
  try {
    await run;
  } catch (error) {
    if (isProblem(error)) return error;
    throw error;
  }
  throw new Error("it went well");
}

afterEach(() => {
  vi.unstubAllGlobals();
  useSession.setState({ needed: false, generation: 0 });
});

describe("requests", () => {
  it("stay below the page's base, with names escaped and empty parameters left out", async () => {
    const fetch = answer("{}");
    const query = { limit: 5, after: null, topic: ["a", "b"], x: undefined };
    await api.get(path`api/v1/topics/${"a/b c"}`, { query });
    const target = new URL(fetch.mock.calls[0]?.[0] ?? "");
    expect(target.pathname).toBe("/api/v1/topics/a%2Fb%20c");
    expect(target.search).toBe("?limit=5&topic=a&topic=b");
  });

  it("send values as JSON and files as they are", async () => {
    const fetch = answer("{}");
    await api.post("api/v1/query", { sql: "SELECT 1", big: 9007199254740993n });
    expect(fetch.mock.calls[0]?.[1]).toMatchObject({
      method: "POST",
      body: '{"sql":"SELECT 1","big":"9007199254740993"}',
      headers: { "content-type": "application/json" },
    });
    const file = new Blob(["a,b"]);
    await api.post("upload", file, { headers: { "content-type": "text/csv" } });
    expect(fetch.mock.calls[1]?.[1]?.body).toBe(file);
  });

  it("read answers without rounding, and nothing from 204", async () => {
    answer('{"n":9223372036854775807}');
    expect(await api.get("x")).toEqual({ n: 9223372036854775807n });
    vi.stubGlobal("fetch", async () => new Response(null, { status: 204 }));
    expect(await api.delete("x")).toBeUndefined();
  });

  it("are written as curl", () => {
    const text = curlOf({ method: "POST", path: "api/v1/topics", body: { name: "a" } });
    expect(text).toMatch(
      /^curl -sS -H 'content-type: application\/json' --data-raw '\{"name":"a"\}'/,
    );
    expect(text).toMatch(/api\/v1\/topics$/);
  });
});

describe("failures", () => {
  it("carry the server's code, words and position", async () => {
    answer('{"title":"Bad SQL","status":400,"code":"sql_error","detail":"No.","position":7}', {
      status: 400,
    });
    const problem = await failure(api.get("x"));
    expect(problem).toMatchObject({ code: "sql_error", status: 400, message: "No.", position: 7 });
    expect(isPassing(problem)).toBe(false);
  });

  it("tell a proxy's page from the server's word", async () => {
    answer("<html>", { status: 502, statusText: "Bad Gateway" });
    expect(await failure(api.get("x"))).toMatchObject({ status: 502, title: "Bad Gateway" });
    answer("<html>", { status: 200 });
    expect(await failure(api.get("x"))).toMatchObject({ code: "not_json" });
  });

  it("tell no connection from no answer in time", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("refused")));
    const offline = await failure(api.get("x"));
    expect([offline.code, isPassing(offline)]).toEqual(["offline", true]);
    vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
      return new Promise((_resolve, reject) => {
        init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      });
    });
    expect(await failure(api.get("x", { timeoutMs: 5 }))).toMatchObject({ code: "timeout" });
  });

  it("are no failure when the page itself called the request back", async () => {
    vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
      return new Promise((_resolve, reject) => {
        init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      });
    });
    const abort = new AbortController();
    const run = api.get("x", { signal: abort.signal });
    abort.abort();
    await expect(run).rejects.toMatchObject({ name: "AbortError" });
  });

  it("ask for a sign-in on 401", async () => {
    answer('{"code":"unauthorized","status":401}', { status: 401 });
    await failure(api.get("x"));
    expect(useSession.getState().needed).toBe(true);
  });
});
