# SPDX-License-Identifier: MIT
"""The benchmarks, one function each. Each returns {"settings": ..., "values": ..., "checks": ...}:
checks is a list of (what, measured, at least, aim, unit); a limit of None is not asked for, and a
unit that ends in "<" means that smaller is better. What each one does and why: bench/README.md."""
import json
import os
import subprocess
import threading
import time
from pathlib import Path

import duckdb
from deltalake import DeltaTable
from harness.server import proportional_bytes
from setting import NEVER_LAND, ROOT, Bench, events_file, percentile, work_folder

LINES = 1_000_000


def ndjson(options):
    """NDJSON over HTTP, 1,000 events per request, fsync before the answer, nothing lands."""
    path, seconds = events_file(LINES), options.seconds or 15
    with Bench("ndjson") as bench:
        bench.client.create_topic("bench", **NEVER_LAND)
        bench.load(path, batch=1000, connections=4, seconds=2)
        found = bench.load(path, batch=1000, connections=4, seconds=seconds)
    return {"settings": {"connections": 4, "batch": 1000, "seconds": seconds, "partitions": 4},
            "durability": "fsync", "values": found,
            "checks": [("events/s", found["events_per_second"], 500_000, 800_000, "events/s")]}


SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
    "properties": {
        "event_id": {"type": "string", "minLength": 16, "maxLength": 16},
        "timestamp": {"type": "string", "format": "date-time"},
        "event_type": {"enum": ["page_view", "click", "purchase", "signup", "search", "error"]},
        "customer_id": {"type": "integer", "minimum": 0, "maximum": 99_999},
        "session_id": {"type": "string", "pattern": "^s[0-9a-f]{8}$"},
        "amount": {"type": "number", "minimum": 0, "maximum": 500, "multipleOf": 0.01},
        "properties": {"type": "object", "required": ["page", "device"],
                       "properties": {"page": {"type": "string", "minLength": 1},
                                      "device": {"enum": ["ios", "android", "web"]}},
                       "additionalProperties": False}},
    "required": ["event_id", "timestamp", "event_type", "customer_id", "session_id", "amount",
                 "properties"],
    "additionalProperties": False}


def schema(options):
    """NDJSON as above into a topic with a schema of all seven fields and one without, in turns."""
    path, seconds, turns = events_file(LINES), (options.seconds or 30) / 10, 5
    rates, cpu = {"inferred": [], "declared": []}, {"inferred": [], "declared": []}
    with Bench("schema") as bench:
        for topic in rates:
            bench.client.create_topic(topic, **NEVER_LAND)
        answer = bench.client.http.put("/api/v1/topics/declared/schema", json=SCHEMA)
        assert answer.status_code == 201, answer.text
        for topic in rates:
            bench.load(path, topic=topic, batch=1000, connections=4, seconds=1)
        for _ in range(turns):
            for topic, found in rates.items():
                before = _cpu_seconds(bench.server.pid)
                one = bench.load(path, topic=topic, batch=1000, connections=4, seconds=seconds)
                busy = _cpu_seconds(bench.server.pid) - before
                found.append(round(one["events_per_second"]))
                cpu[topic].append(round(busy * 1e9 / one["events"], 1))
    medians, front_ns = ({topic: sorted(found)[turns // 2] for topic, found in of.items()}
                         for of in (rates, cpu))
    cost = 100 * (1 - medians["declared"] / medians["inferred"])
    return {"settings": {"connections": 4, "batch": 1000, "turns": turns, "seconds": seconds,
                         "partitions": 4, "schema": SCHEMA},
            "durability": "fsync",
            "values": {"events_per_second": medians, "turns": rates, "cost_percent": round(cost, 1),
                       "front_cpu_ns_per_event": front_ns, "front_cpu_turns": cpu},
            "checks": [("cost of a schema", cost, 25, 15, "%<")]}


def single(options):
    """One event per request over 64 connections, fsync before the answer."""
    path, seconds = events_file(LINES), options.seconds or 15
    with Bench("single") as bench:
        bench.client.create_topic("bench", **NEVER_LAND)
        bench.load(path, batch=1, connections=64, seconds=2)
        found = bench.load(path, batch=1, connections=64, seconds=seconds)
    return {"settings": {"connections": 64, "batch": 1, "seconds": seconds, "partitions": 4},
            "durability": "fsync", "values": found,
            "checks": [("requests/s", found["requests_per_second"], 50_000, 80_000, "requests/s"),
                       ("p99", found["latency_us"]["p99"] / 1000, 15, 5, "ms<")]}


def backlog(options):
    """A log of 5 million events becomes a Delta table by date: one flush, start to answer."""
    path, count = events_file(LINES), 5_000_000
    with Bench("backlog") as bench:
        bench.client.create_topic("bench", **NEVER_LAND)
        bench.load(path, batch=1000, connections=4, count=10_000)
        bench.client.flush("bench", timeout=600)
        loaded = bench.load(path, batch=1000, connections=4, count=count)
        began = time.monotonic()
        bench.client.flush("bench", timeout=600)
        seconds = time.monotonic() - began
        rows = bench.client.value("SELECT count(*) FROM bronze.bench")
        assert rows == count + 10_000, rows
        size = sum(p.stat().st_size for p in (bench.server.data / "lake").rglob("*.parquet"))
    return {"settings": {"events": count, "partitions": 4, "compression": "zstd"},
            "durability": "fsync",
            "values": {"seconds": round(seconds, 3), "events_per_second": round(count / seconds),
                       "log_megabytes_per_second": round(loaded["bytes"] / seconds / 1e6, 1),
                       "parquet_bytes_per_event": round(size / count, 1)},
            "checks": [("events/s", count / seconds, 1_000_000, 1_300_000, "events/s")]}


def _sustain(path, rate, seconds):
    """(load result, seconds until all is landed after the load, largest lags by thirds)."""
    with Bench("sustained") as bench:
        bench.client.create_topic("bench")
        bench.load(path, batch=1000, connections=4, count=100_000)
        load = bench.start_load(path, batch=1000, connections=4, seconds=seconds, rate=rate)
        lags = []
        while load.poll() is None:
            lags.append(bench.lag_events())
            time.sleep(0.5)
        found = bench.finish_load(load)
        began = time.monotonic()
        bench.client.flush("bench", timeout=600)
        drain = time.monotonic() - began
        rows = bench.client.value("SELECT count(*) FROM bronze.bench")
        assert rows == found["events"] + 100_000, (rows, found["events"])
    third = max(1, len(lags) // 3)
    return found, drain, [max(lags[i * third:(i + 1) * third] or [0]) for i in range(3)]


def sustained(options):
    """The largest rate at which events come in and land with a bounded lag, held for 60 s."""
    path, seconds = events_file(LINES), options.seconds or 60
    rates = [options.rate] if options.rate else [600_000, 500_000, 425_000, 350_000, 275_000,
                                                 200_000, 100_000]
    for rate in rates:
        for length in (15, seconds):
            found, drain, lags = _sustain(path, rate, length)
            held = found["events_per_second"] >= 0.97 * rate and drain <= 5 and \
                lags[2] <= max(1.5 * lags[1], 2_000_000)
            print(f"  {rate:,} events/s for {length} s: {found['events_per_second']:,.0f}, lag by "
                  f"thirds {lags}, landed {drain:.1f} s after the end: "
                  f"{'held' if held else 'not held'}", flush=True)
            if not held:
                break
        if held:
            break
    return {"settings": {"connections": 4, "batch": 1000, "seconds": seconds, "rate": rate,
                         "flush": "default"},
            "durability": "fsync",
            "values": {**found, "drain_seconds": round(drain, 2), "lag_events_by_thirds": lags,
                       "held": held},
            "checks": [("events/s with bounded lag", found["events_per_second"] if held else 0,
                        350_000, 500_000, "events/s")]}


def visible(options):
    """Acknowledged -> in the answer of a query, while 50,000 events/s come in and land."""
    path, seconds = events_file(LINES), options.seconds or 20
    with Bench("visible") as bench:
        bench.client.create_topic("bench")
        bench.load(path, batch=100, connections=4, count=100_000)
        bench.client.value("SELECT count(*) FROM bronze.bench")
        load = bench.start_load(path, batch=100, connections=8, seconds=seconds, rate=50_000)
        waits, again, number = [], 0, 0
        while load.poll() is None:
            number += 1
            bench.client.send("bench", [{"event_id": f"probe-{number}",
                                         "timestamp": "2026-10-05T00:00:00Z"}])
            acked = time.monotonic()
            while bench.client.value("SELECT count(*) FROM bronze.bench WHERE event_id = ?",
                                     params=[f"probe-{number}"]) != 1:
                again += 1
            waits.append((time.monotonic() - acked) * 1000)
            time.sleep(0.01)
        found = bench.finish_load(load)
    values = {"probes": len(waits), "asked_again": again,
              "load_events_per_second": found["events_per_second"],
              **{f"p{n}_ms": round(percentile(waits, n / 100), 2) for n in (50, 90, 99)}}
    return {"settings": {"rate": 50_000, "seconds": seconds, "batch": 100}, "durability": "fsync",
            "values": values,
            "checks": [("p99", values["p99_ms"], 50, 20, "ms<")]}


QUESTIONS = {
    "group by type": "SELECT event_type, count(*), round(avg(amount), 6) FROM {t} GROUP BY 1 "
                     "ORDER BY 1",
    "top customers": "SELECT customer_id, round(sum(amount), 4) AS s FROM {t} GROUP BY 1 "
                     "ORDER BY s DESC, 1 LIMIT 10",
    "time range count": "SELECT count(*) FROM {t} WHERE timestamp >= '2026-10-07 06:00:00+00' "
                        "AND timestamp < '2026-10-09 18:00:00+00'",
    "distinct per hour": "SELECT epoch(date_trunc('hour', timestamp))::BIGINT AS h, "
                         "count(DISTINCT customer_id) FROM {t} GROUP BY 1 ORDER BY 1",
}


def _timed(ask, times=9):
    ask()
    costs = []
    for _ in range(times):
        began = time.monotonic()
        answer = ask()
        costs.append((time.monotonic() - began) * 1000)
    return sorted(costs)[len(costs) // 2], answer


def _plain_duckdb(files):
    """The same questions to DuckDB alone, on the same files, in a process without tarn."""
    con = duckdb.connect(config={"threads": 2})
    con.execute("SET TimeZone = 'UTC'")
    listed = "read_parquet([" + ",".join(f"'{f}'" for f in files) + "], union_by_name=true)"
    found = {}
    for name, sql in QUESTIONS.items():
        found[name] = _timed(lambda sql=sql: con.execute(sql.format(t=listed)).fetchall())
    con.close()
    return found


def questions(options):
    """Four SQL questions on 10 million rows: with 500,000 of them hot, and all landed."""
    path = events_file(LINES)
    with Bench("questions") as bench:
        bench.client.create_topic("bench", **NEVER_LAND)
        for _ in range(19):
            bench.load(path, batch=1000, connections=4, count=500_000)
            bench.client.flush("bench", timeout=600)
        bench.load(path, batch=1000, connections=4, count=500_000)

        def ask_all():
            return {name: _timed(lambda sql=sql: bench.client.rows(
                sql.format(t="bronze.bench"), limit=100_000)) for name, sql in QUESTIONS.items()}

        hot = ask_all()
        bench.client.flush("bench", timeout=600)
        landed = ask_all()
        files = DeltaTable(str(bench.server.data / "lake" / "bronze" / "bench")).file_uris()
        plain = _plain_duckdb(files)
    values, checks = {"files": len(files)}, []
    for name in QUESTIONS:
        assert [list(r) for r in plain[name][1]] == [list(r) for r in landed[name][1]], name
        assert hot[name][1] == landed[name][1], name
        base = plain[name][0]
        values[name] = {"duckdb_ms": round(base, 1), "landed_ms": round(landed[name][0], 1),
                        "hot_ms": round(hot[name][0], 1)}
        checks.append((f"{name}, landed", landed[name][0] / base, 1.3, 1.1, "x DuckDB<"))
        checks.append((f"{name}, 500,000 hot", hot[name][0] / base, 1.3, 1.1, "x DuckDB<"))
    return {"settings": {"rows": 10_000_000, "hot_rows": 500_000, "duckdb_threads": 2},
            "durability": "fsync", "values": values, "checks": checks}


def idle(options):
    """Memory of all processes (sum of PSS) of an idle server, and start to first answer."""
    starts = []
    with Bench("idle") as bench:
        bench.server.child("query")
        bench.server.child("writer")
        time.sleep(5)
        memory = bench.server.proportional_bytes() / 1e6
        for _ in range(7):
            bench.restart()
            starts.append(bench.server.started_seconds * 1000)
    start = sorted(starts)[len(starts) // 2]
    return {"settings": {"topics": 0}, "durability": "fsync",
            "values": {"pss_megabytes": round(memory, 1), "start_ms": round(start, 1),
                       "start_ms_all": [round(s, 1) for s in starts]},
            "checks": [("memory", memory, 150, 80, "MB<"), ("start", start, 300, 150, "ms<")]}


def memory(options):
    """Full load with `memory: 512MiB`: the sum of PSS stays within it."""
    path, seconds = events_file(LINES), options.seconds or 600
    limit = 512 << 20
    with Bench("memory", "--memory", "512MiB") as bench:
        bench.client.create_topic("bench", retention_bytes="1GiB")
        ended, peak, asked = threading.Event(), [0], [0, 0]

        def watch():
            while not ended.is_set():
                peak[0] = max(peak[0], bench.server.proportional_bytes())
                ended.wait(0.2)

        def ask():
            while not ended.is_set():
                for sql in QUESTIONS.values():
                    answer = bench.client.post_query(sql.format(t="bronze.bench"))
                    asked[answer.status_code != 200] += 1
                ended.wait(1)

        threads = [threading.Thread(target=watch), threading.Thread(target=ask)]
        for thread in threads:
            thread.start()
        try:
            found = bench.load(path, batch=1000, connections=16, seconds=seconds, refusals=True)
        finally:
            ended.set()
            for thread in threads:
                thread.join(120)
    return {"settings": {"memory": "512MiB", "seconds": seconds, "connections": 16},
            "durability": "fsync",
            "values": {**found, "peak_pss_mib": peak[0] >> 20, "queries_answered": asked[0],
                       "queries_refused": asked[1]},
            "checks": [("peak PSS / bound", peak[0] / limit, 1.1, 1.0, "x<")]}


def _csv_file(megabytes):
    """The same events as CSV, repeated up to the size asked for; made once."""
    path = work_folder() / f"events-{megabytes}.csv"
    if path.exists():
        return path
    names = ["event_id", "timestamp", "event_type", "customer_id", "session_id", "amount", "page",
             "device"]
    part = Path(str(path) + ".part")
    with open(part, "w", encoding="ascii") as out:
        out.write(",".join(names) + "\n")
        rows = []
        for line in open(events_file(LINES), encoding="ascii"):
            event = json.loads(line)
            event.update(event.pop("properties"))
            rows.append(",".join(str(event[n]) for n in names) + "\n")
        block = "".join(rows)
        while out.tell() + len(block) < megabytes * 1_000_000:
            out.write(block)
        out.write("".join(rows[:int(len(rows) * (megabytes * 1e6 - out.tell()) / len(block))]))
    part.replace(path)
    return path


def _duckdb_copy(path, target, memory):
    """The import's COPY by DuckDB alone, in a process without tarn; rows and seconds."""
    con = duckdb.connect(config={"threads": 2})
    con.execute(f"SET TimeZone='UTC'; SET memory_limit='{memory}'; "
                "SET preserve_insertion_order=false")
    began = time.monotonic()
    rows = con.execute(f"COPY (FROM read_csv('{path}')) TO '{target}' (FORMAT parquet, COMPRESSION "
                       "zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 122880)").fetchone()[0]
    seconds = time.monotonic() - began
    con.close()
    return rows, seconds


def import_csv(options):
    """A CSV file over HTTP into a Delta table, against DuckDB's own COPY of the same file."""
    memory = "256MiB"
    path = _csv_file(options.megabytes)
    size = path.stat().st_size
    with Bench("import_csv", "--import-memory", memory) as bench:
        ended, peak = threading.Event(), {"job": 0, "front": 0, "writer": 0}

        def watch():
            while not ended.is_set():
                pids = {**bench.server.children(), "front": bench.server.pid}
                for role in peak.keys() & pids.keys():
                    peak[role] = max(peak[role], proportional_bytes(pids[role]))
                ended.wait(0.1)

        watcher = threading.Thread(target=watch)
        watcher.start()
        turns = []
        try:
            for turn in range(3):  # in turns, so that both see the same minutes
                target = bench.folder / "alone.parquet"
                target.unlink(missing_ok=True)
                rows, alone = _duckdb_copy(path, target, memory)
                began = time.monotonic()
                done = subprocess.run([bench.server.binary, "import", str(path), "--table",
                                       f"t{turn}", "--json", "--server", bench.server.url],
                                      capture_output=True, text=True, check=True, timeout=3600)
                seconds = time.monotonic() - began
                assert json.loads(done.stdout)["rows"] == rows, (done.stdout, rows)
                turns.append((alone / seconds, seconds, alone))
        finally:
            ended.set()
            watcher.join(30)
    ratio, seconds, alone = sorted(turns)[1]
    values = {"rows": rows, "bytes": size, "seconds": round(seconds, 2),
              "duckdb_seconds": round(alone, 2), "rows_per_second": round(rows / seconds),
              "megabytes_per_second": round(size / seconds / 1e6, 1),
              **{f"peak_{role}_mib": value >> 20 for role, value in peak.items()}}
    return {"settings": {"megabytes": options.megabytes, "import_memory": memory, "threads": 2,
                         "turns": 3},
            "durability": "fsync", "values": values,
            "checks": [("speed / DuckDB's own", ratio, 0.8, 1.0, "x"),
                       ("job's peak PSS", peak["job"] / 1e6, 600, 400, "MB<")]}


def producers(options):
    """Server producers at three rates: what arrives in the log, by an outside clock, per second."""
    seconds = options.seconds or 10
    values, checks = {}, []
    with Bench("producers") as bench:
        for rate in (10, 1_000, 100_000):
            topic = f"made_{rate}"
            bench.client.create_topic(topic, **NEVER_LAND)
            made = bench.client.http.post("/api/v1/producers", json={
                "name": topic, "topic": topic, "spec": {"rate": rate, "template": PRODUCED}})
            assert made.status_code == 201, made.text
            time.sleep(1)
            arrived = arrivals(bench, topic, seconds)
            ended = bench.client.http.post(f"/api/v1/producers/{topic}/stop").json()
            assert ended["rejected"] == ended["skipped"] == 0, ended
            values[f"events_per_s_at_{rate}"] = round(arrived, 2)
            checks.append((f"off at {rate}/s", abs(arrived / rate - 1) * 100, 1.0, 0.5, "%<"))
    return {"settings": {"seconds": seconds, "template": "time, number, text of 4 fields"},
            "durability": "fsync", "values": values, "checks": checks}


PRODUCED = {"at": {"$time": {}}, "id": {"$seq": {}}, "kind": {"$choice": {"values": ["a", "b"]}},
            "value": {"$float": {"max": 100}}}


def arrivals(bench, topic, seconds):
    """Events a second between the first and the last change that is seen of their count."""
    def count():
        return bench.client.topic(topic)["events"]

    first = last = None
    seen, began = count(), time.monotonic()
    while (now := time.monotonic()) < began + seconds or last is None:
        found = count()
        if found != seen:
            seen, last = found, (now, found)
            first = first or last
        time.sleep(0.002)
    return (last[1] - first[1]) / (last[0] - first[0])


def _web_lines():
    """A file of good lines in Apache's combined format: real ones where ../shared is, else our own."""
    real, path = ROOT.parent / "shared" / "data" / "web" / "apache_logs", None
    if real.is_file():
        path = work_folder() / "weblogs-real.log"
        lines = [x for x in real.read_bytes().splitlines(keepends=True) if x.endswith(b'"\n')]
    else:
        path = work_folder() / "weblogs-made.log"
        lines = [b'10.%d.%d.%d - - [17/May/2015:%02d:%02d:%02d +0000] "GET /articles/%d/?page=%d '
                 b'HTTP/1.1" 200 %d "http://example.org/search?q=%d" "Mozilla/5.0 (X11; Linux '
                 b'x86_64; rv:25.0) Gecko/20100101 Firefox/25.0 (made up)"\n'
                 % (i % 7, i % 250, i % 31, i // 3600 % 24, i // 60 % 60, i % 60, i, i % 9,
                    i * 37 % 90000, i) for i in range(10_000)]
    path.write_bytes(b"".join(lines))
    return path


def _cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def weblogs(options):
    """Lines of a web log as text over HTTP, 1,000 per request, fsync before the answer, no landing."""
    path, seconds = _web_lines(), options.seconds or 15
    with Bench("weblogs") as bench:
        bench.client.create_topic("bench", **NEVER_LAND)
        words = {"batch": 1000, "connections": 4, "format": "combined"}
        bench.load(path, seconds=2, **words)
        before = _cpu_seconds(bench.server.pid)
        found = bench.load(path, seconds=seconds, **words)
        busy = _cpu_seconds(bench.server.pid) - before
        rows = bench.client.topic("bench")["events"]
        assert rows >= found["events"], (rows, found)
    per_core = found["events"] / busy
    return {"settings": {"connections": 4, "batch": 1000, "seconds": seconds, "partitions": 4,
                         "lines": path.name},
            "durability": "fsync",
            "values": {**found, "front_cpu_seconds": round(busy, 2),
                       "lines_per_core_second": round(per_core)},
            "checks": [("lines/s", found["events_per_second"], 300_000, 500_000, "lines/s"),
                       ("lines a second of one core", per_core, 300_000, 500_000, "lines/s")]}


def web(options):
    """The console in a browser: sizes, time to use, live frames and heap, a long result, tabs, cancel."""
    command = ["node", str(ROOT / "web/bench/run.ts"), str(options.seconds or 600)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {**found, "checks": [tuple(check) for check in found["checks"]]}


RESULT = ("SELECT i AS id, i * 7 % 1000003 AS k, (i % 97)::INTEGER AS small, i / 7.0 AS real, "
          "'user-' || (i * 31 % 50000) AS name, 'https://example.org/' || md5(i::VARCHAR) AS url, "
          "i % 3 = 0 AS flag, TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND AS moment, "
          "(i % 1000)::DECIMAL(9, 2) AS money, CASE WHEN i % 10 > 0 THEN 'level' || i % 5 END AS "
          "level FROM range(1000000) r(i) ORDER BY k")


def results(options):
    """A stored result of 1,000,000 rows of ten columns: windows of 500 rows, unsorted and sorted."""
    values = {}
    with Bench("results") as bench:
        began = time.monotonic()
        kept = bench.client.query(RESULT, store=True, first_rows=100)
        values["store_seconds"] = round(time.monotonic() - began, 2)
        values["bytes"] = kept["bytes"]
        for name, sort in (("unsorted", None), ("sorted", "-url")):
            for where, offset in (("start", 0), ("middle", 500_000), ("end", 999_500)):
                waits = []
                for _ in range(21):  # the first one of a sort makes the copy
                    began = time.monotonic()
                    answer = bench.client.http.get(
                        f"/api/v1/results/{kept['result_id']}",
                        params={"offset": offset, "limit": 500, **({"sort": sort} if sort else {})})
                    waits.append((time.monotonic() - began) * 1000)
                    assert len(answer.json()["rows"]) == 500
                if sort and where == "start":
                    values["sort_seconds"] = round(waits[0] / 1000, 2)
                values[f"{name}_{where}_ms"] = round(percentile(waits[1:], 0.95), 1)
    worst = max(v for k, v in values.items() if k.endswith("_ms"))
    return {"settings": {"rows": 1_000_000, "columns": 10, "window": 500}, "durability": "none",
            "values": values, "checks": [("slowest window, p95", worst, 50, 20, "ms<")]}


HEAVY = {"scan": "SELECT max(md5(a.id || r.range)) FROM main.big a, range(1000) r",
         "sort": "SELECT * FROM (SELECT md5(a.id || r.range) AS m FROM main.big a, range(100) r) "
                 "ORDER BY m",
         "join": "SELECT count(*) FROM main.big a JOIN main.big b ON a.k < b.k AND a.id > b.id * 3",
         "csv": "SELECT max(md5(a.id || r.range)) FROM files.big a, range(1000) r"}


def cancel(options):
    """From DELETE /api/v1/queries/{id} until nothing runs and the query process is idle."""
    ticks = os.sysconf("SC_CLK_TCK")

    def cpu_seconds(pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / ticks

    rows = b"id,k\n" + b"".join(b"%d,%d\n" % (i, i * 7919 % 1_000_003) for i in range(2_000_000))
    values = {}
    with Bench("cancel") as bench:
        (bench.server.data / "files" / "big.csv").write_bytes(rows)
        bench.client.http.post("/api/v1/tables/big", content=rows, timeout=120,
                               headers={"content-type": "text/csv"}).raise_for_status()
        for name, sql in HEAVY.items():
            asked = threading.Thread(target=bench.client.post_query, args=(sql,))
            asked.start()
            time.sleep(1)
            with type(bench.client)(bench.server.url) as other:
                query = other.http.get("/api/v1/queries").json()["queries"][0]
                pid, began = bench.server.child("query"), time.monotonic()
                other.http.delete(f"/api/v1/queries/{query['id']}")
                while other.http.get("/api/v1/queries").json()["queries"]:
                    time.sleep(0.002)
                while pid == bench.server.children().get("query"):
                    before, at = cpu_seconds(pid), time.monotonic()
                    time.sleep(0.05)
                    if cpu_seconds(pid) - before < 0.02:
                        break
                else:
                    at = time.monotonic()
                values[f"{name}_ms"] = round((at - began) * 1000, 1)
            asked.join()
    return {"settings": {"rows": 2_000_000}, "durability": "none", "values": values,
            "checks": [(f"{k[:-3]}: idle after", v, 500, 250, "ms<") for k, v in values.items()]}


CASES = {c.__name__: c for c in (ndjson, schema, single, backlog, sustained, visible, questions, idle,
                                 memory, import_csv, producers, weblogs, web,
                                 results, cancel)}
