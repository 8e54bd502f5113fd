# SPDX-License-Identifier: MIT
"""Those who use the server during a soak, each beside the others, through restarts and kills.

An actor has start(), stop() once the load ends, check(client) -> [findings] on a server that is up and
quiet, and report() -> numbers. What the server under test does not offer is left out and named.
"""
import json
import random
import subprocess
import threading
import time

import httpx
from rig import LoadProcess
from verify import Verifier

from harness.client import Client, Refused
from harness.server import wait_for

BUSY = {408, 409, 429, 503, 507}  # answers that a client must expect while processes come and go
FINDINGS_MAX = 5
GONE = (httpx.TransportError, ConnectionError)


class Looped:
    """Calls work(client) every `seconds`; counts answers, and what came instead."""

    name, seconds = "", 1.0

    def __init__(self, soak):
        self.soak, self.counts, self.findings = soak, {}, []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.loop, daemon=True)

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    def find(self, what):
        """Notes what must not be; the first few tell enough."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(f"{self.name}: {what[:400]}")

    def start(self):
        self.thread.start()

    def loop(self):
        with Client(self.soak.url, timeout=30) as client:
            while not self.ended.wait(self.seconds):
                try:
                    self.work(client)
                    self.count("answered")
                except GONE:
                    self.count("disconnected")
                    self.ended.wait(0.2)
                except Refused as refused:
                    self.count(f"status_{refused.status}")
                    if refused.status not in BUSY and not self.is_expected(refused):
                        self.find(str(refused))

    def is_expected(self, refused):
        """A query that a kill cut short says so with 500."""
        return refused.code in ("query_crashed", "query_aborted", "topic_not_ready", "log_cut")

    def work(self, client):
        raise NotImplementedError

    def stop(self):
        self.ended.set()
        self.thread.join(60)

    def check(self, client):
        return self.findings

    def report(self):
        return dict(self.counts)


class Ledger:
    """Events with an outside ledger: some senders repeat with an Idempotency-Key, some never."""

    name, topic, partitions = "ledger", "ledger", 3

    def __init__(self, soak):
        self.soak = soak
        path = soak.ledger_folder / "ledger"
        self.verifier = Verifier(path, self.topic, soak.data, self.partitions)
        self.load = LoadProcess(path, "--seed", str(soak.seed), "--topic", self.topic, "--think",
                                "0.08", "--batches", "1", "20", "60", "100")
        self.cycle, self.running = 0, False

    def start(self):
        with Client(self.soak.url) as client:
            client.create_topic(self.topic, partitions=self.partitions, segment_bytes="1MiB",
                                retention_ms="10m", flush_age_ms="10s")
            self.resume()
            # Nobody asks for columns before the first event has made them.
            wait_for(lambda: client.topic(self.topic)["events"] > 0, 20, "the first events")

    def resume(self):
        self.load.run(self.soak.url, self.cycle)
        self.cycle, self.running = self.cycle + 1, True

    def pause(self):
        if self.running:
            self.load.pause(60)
            self.running = False

    def stop(self):
        self.pause()

    def check(self, client, whole=False):
        self.verifier.check(client)
        if whole:
            self.verifier.check_table(client.flush(self.topic)["version"])
            self.verifier.check_sql_totals(client)
        if self.verifier.findings.total():
            return [f"ledger:\n{self.verifier.findings.text()}"]
        return [] if self.verifier.acked else ["ledger: nothing was acknowledged"]

    def report(self):
        return {"acked": self.verifier.acked, "unknown_stored": self.verifier.unknown_stored}

    def close(self):
        self.load.close()


class Flushes(Looped):
    """Lands the ledger's table now and then, beside the landing by age."""

    name, seconds = "flushes", 6.0

    def work(self, client):
        client.flush(Ledger.topic)


class Queries(Looped):
    """Asks in every format, wrongly too, and goes away in the middle of answers."""

    name, seconds = "queries", 0.25
    ASKED = ["SELECT count(*), count(DISTINCT p), max(_offset) FROM ledger",
             "SELECT p, count(*) AS n, max(s) FROM ledger GROUP BY p ORDER BY p",
             "SELECT * FROM ledger ORDER BY _timestamp DESC LIMIT 20",
             "SELECT c, count(*), sum(length(pad)) FROM ledger GROUP BY ALL",
             "SELECT a.p, count(*) FROM ledger a JOIN (SELECT DISTINCT p FROM ledger) b USING (p) "
             "GROUP BY a.p"]

    def work(self, client):
        turn = sum(self.counts.values()) % 12
        if turn < 8:
            client.query(self.ASKED[turn % len(self.ASKED)], timeout_ms=20000)
        elif turn == 8:
            answer = client.post_query("SELECT p, s, h FROM ledger LIMIT 20000", format="csv")
            self.count("csv_bytes", len(answer.content))
        elif turn == 9:
            answer = client.post_query("SELEC nothing")
            if answer.status_code not in BUSY | {400}:
                raise Refused(answer)
        elif turn == 10:  # a client that goes away
            with client.http.stream("POST", "/api/v1/query", timeout=30, json={
                    "sql": "SELECT * FROM range(100000000)", "format": "ndjson"}) as answer:
                next(answer.iter_bytes(), None)
        else:  # one that cancels
            for query in client.http.get("/api/v1/queries").json()["queries"]:
                client.http.delete(f"/api/v1/queries/{query['id']}")


class LiveTails(Looped):
    """Follows the topic for some seconds at a time (server-sent events)."""

    name, seconds = "live tails", 0.2

    def work(self, client):
        until = time.monotonic() + 4
        with client.http.stream("GET", f"/api/v1/topics/{Ledger.topic}/tail", timeout=10) as answer:
            for line in answer.iter_lines():
                self.count("events", 1 if line.startswith("data:") else 0)
                if time.monotonic() > until or self.ended.is_set():
                    break


class Connections(Looped):
    """Opens connections and leaves them in every state there is."""

    name, seconds = "connections", 0.3

    def loop(self):
        host, port = self.soak.address
        pieces = [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
                  b"POST /api/v1/topics/ledger/events HTTP/1.1\r\nHost: localhost\r\n"
                  b"Content-Length: 100\r\n\r\n{\"half\""]
        import socket
        chooser = random.Random(self.soak.seed)
        while not self.ended.wait(self.seconds):
            try:
                with socket.create_connection((host, port), timeout=5) as one:
                    one.sendall(chooser.choice(pieces))
                    self.ended.wait(chooser.random() * 0.3)
                    self.count("opened")
            except OSError:
                self.count("disconnected")


class Children:
    """A `tarn` client process that is started again when it ends before its time."""

    name = ""

    def __init__(self, soak):
        self.soak, self.process, self.starts = soak, None, 0
        self.ended, self.log = threading.Event(), open(soak.folder / f"{self.name}.log", "ab")
        self.thread = threading.Thread(target=self.keep, daemon=True)

    def words(self):
        raise NotImplementedError

    def start(self):
        self.thread.start()

    def keep(self):
        while not self.ended.is_set():
            if self.process is None or self.process.poll() is not None:
                self.process = subprocess.Popen(
                    [str(self.soak.binary), *self.words(), "--server", self.soak.url],
                    stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                    cwd=self.soak.folder)
                self.starts += 1
            self.ended.wait(0.3)

    def stop(self):
        self.ended.set()
        self.thread.join(10)
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)

    def close(self):
        self.stop()
        self.log.close()

    def check(self, client):
        return []

    def report(self):
        return {"starts": self.starts}


class Produce(Children):
    """`tarn produce`: made-up web logs at a steady rate, into a topic of its own."""

    name, topic = "produce", "produced"

    def words(self):
        return ["produce", "--topic", self.topic, "--preset", "web_logs", "--rate", "500"]

    def check(self, client):
        """Every offset of the log is one row of the table."""
        ends = sum(p["end"] for p in client.topic(self.topic)["partition_list"])
        rows = client.value(f"SELECT count(*) FROM {self.topic}")
        rows += client.value(f"SELECT count(*) FROM {self.topic}__dead")
        self.rows = rows
        return [] if rows == ends > 0 else [f"produce: {ends} offsets, {rows} rows"]

    def report(self):
        return {"starts": self.starts, "rows": getattr(self, "rows", 0)}


def actors_for(soak):
    """The actors that this build can serve, and the names of those it cannot."""
    with Client(soak.url) as client:
        paths = set(client.http.get("/openapi.json").json()["paths"])
    usage = subprocess.run([str(soak.binary), "help"], capture_output=True, text=True,
                           check=True).stdout
    commands = {line.strip().split("  ")[0] for line in usage.splitlines()
                if line.startswith("  ")}
    made, missing = [Ledger, Flushes, Queries, LiveTails, Connections, Produce], []
    from optional import OPTIONAL
    for actor in OPTIONAL:
        there = set(actor.needs_paths) <= paths and set(actor.needs_commands) <= commands
        (made if there else missing).append(actor)
    return [actor(soak) for actor in made], [actor.name for actor in missing]


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]
