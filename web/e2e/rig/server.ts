// server.ts - the real program on a free port with a data folder of its own. $TARN_BIN names it.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_MS = 20_000;
const STOP_MS = 15_000;

export interface ServerOptions {
  /** The server asks for it: a token of at least 16 characters. */
  token?: string;
  /** Further arguments of `tarn serve`. */
  args?: string[];
}

export class Server {
  url = "";
  readonly folder: string;
  private readonly options: ServerOptions;
  private child: ChildProcess | undefined;
  private port = 0;

  private constructor(folder: string, options: ServerOptions) {
    this.folder = folder;
    this.options = options;
  }

  static async start(options: ServerOptions = {}): Promise<Server> {
    const server = new Server(mkdtempSync(join(tmpdir(), "tarn-web-")), options);
    await server.up();
    return server;
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  /** Starts the process; after down() on the same address and folder. */
  async up(): Promise<void> {
    const binary = process.env.TARN_BIN ?? new URL("../../../build/tarn", import.meta.url).pathname;
    const data = join(this.folder, "data");
    const addresses = join(data, "run", "addresses.json");
    const args = ["serve", "--data", data, "--http", `127.0.0.1:${this.port}`];
    if (this.options.token !== undefined) {
      writeFileSync(join(this.folder, "token"), this.options.token, { mode: 0o600 });
      args.push("--token-file", join(this.folder, "token"));
    }
    rmSync(addresses, { force: true });
    const log = openSync(join(this.folder, "log"), "a");
    const child = spawn(binary, [...args, ...(this.options.args ?? [])], {
      stdio: ["ignore", log, log],
    });
    this.child = child;
    for (const end = Date.now() + START_MS; ; ) {
      if (child.exitCode !== null || Date.now() > end) {
        throw new Error(`${binary} did not start:\n${this.log()}`);
      }
      try {
        this.url = JSON.parse(readFileSync(addresses, "utf8")).http;
        break;
      } catch {
        await sleep(20);
      }
    }
    this.port = Number(new URL(this.url).port);
  }

  /** Ends the process; the data stays. */
  async down(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(late);
  }

  async stop(): Promise<void> {
    await this.down();
    rmSync(this.folder, { recursive: true, force: true });
  }

  log(): string {
    return readFileSync(join(this.folder, "log"), "utf8");
  }

  /** A request with the token; fails unless it succeeds. The body is sent as JSON. */
  async api<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = {};
    if (this.options.token !== undefined) headers.authorization = `Bearer ${this.options.token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** Stores events; they are durable and can be asked for when it returns. */
  async send(topic: string, events: unknown[]): Promise<void> {
    await this.api("POST", `/api/v1/topics/${topic}/events`, events);
  }

  async query<Row extends unknown[] = unknown[]>(sql: string): Promise<Row[]> {
    return (await this.api<{ rows: Row[] }>("POST", "/api/v1/query", { sql })).rows;
  }

  /** A producer that sends until the server stops: web_logs, customers, transactions, analytics. */
  async produce(preset: string, rate: number): Promise<void> {
    await this.api("POST", "/api/v1/producers", {
      name: preset,
      preset,
      spec: { rate, seed: 7 },
      start: true,
    });
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `check` gives something other than undefined and false. */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined | false>,
  ms = 15_000,
): Promise<T> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
    const found = await check();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error(`waited ${ms} ms in vain: ${what}`);
}
