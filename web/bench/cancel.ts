// cancel.ts - how soon the server is idle again after a query was cancelled: none is listed, and the
// query process does not compute. The longest of several kinds of statement.
import { readFileSync } from "node:fs";
import type { Server } from "../e2e/rig/server.ts";
import { sleep, until } from "../e2e/rig/server.ts";

const STATEMENTS = {
  join: "SELECT count(*) FROM range(100000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 3",
  sort: "SELECT max(r) FROM (SELECT row_number() OVER (ORDER BY hash(range)) AS r FROM range(50000000))",
  top: "SELECT * FROM (SELECT hash(range) AS h FROM range(20000000000)) ORDER BY h LIMIT 10",
  group: "SELECT hash(range) % 5000000 AS k, count(*) FROM range(2000000000) GROUP BY k LIMIT 1",
};
const TICK_MS = 10; // of /proc/PID/stat

interface Health {
  processes: { role: string; pid: number }[];
}

/** Milliseconds of processor time that the process had so far. */
function busyMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function queries(server: Server): Promise<{ id: string | number }[]> {
  return (await server.api<{ queries: { id: string | number }[] }>("GET", "/api/v1/queries"))
    .queries;
}

async function pidOfQueries(server: Server): Promise<number> {
  const health = await server.api<Health>("GET", "/api/v1/health");
  return health.processes.find((process) => process.role === "query")?.pid ?? 0;
}

async function isIdle(server: Server): Promise<boolean> {
  if ((await queries(server)).length > 0) return false;
  const pid = await pidOfQueries(server);
  const before = busyMs(pid);
  await sleep(50);
  return busyMs(pid) - before <= TICK_MS;
}

export async function cancelling(server: Server) {
  const each: Record<string, number> = {};
  for (const [name, sql] of Object.entries(STATEMENTS)) {
    const answer = server.query(sql).then(
      () => "done",
      () => "failed",
    );
    const [running] = await until("the query runs", async () => {
      const list = await queries(server);
      return list.length > 0 && list;
    });
    await sleep(1000); // in the middle of its work
    const began = performance.now();
    await server.api("DELETE", `/api/v1/queries/${running?.id}`);
    while (!(await isIdle(server))) await sleep(5);
    each[name] = Math.round(performance.now() - began);
    if ((await answer) === "done") throw new Error(`${name} was too quick to be cancelled`);
  }
  return { idle_ms: Math.max(...Object.values(each)), ...each };
}
