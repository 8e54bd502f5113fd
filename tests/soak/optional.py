# SPDX-License-Identifier: MIT
"""Actors for parts that a build may not have; see actors.py. Each keeps a count of its own that must
be exact at the end."""
import random
import subprocess
import threading

from actors import BUSY, Children, Looped

from harness.client import Client, checked
from harness.server import wait_for


class WebLogs(Looped):
    """Lines of a web server's log as text, some of them bad: the good are rows, the bad are dead
    letters, each once. A request is repeated with its key until it is answered."""

    name, seconds, topic = "web logs", 0.3, "soaklogs"
    needs_paths = ("/api/v1/topics/{topic}/dead",)
    needs_commands = ("dead redrive",)

    def __init__(self, soak):
        super().__init__(soak)
        self.good = self.bad = self.requests = 0
        self.pending = None

    def body(self):
        lines = []
        for n in range(50):
            number = self.requests * 50 + n
            lines.append(f'{{"bad": {number}}}' if n % 10 == 3 else
                         f'10.0.0.{n} - - [21/Nov/2026:10:00:{n:02d} +0000] "GET /p/{number} '
                         f'HTTP/1.1" 200 {n} "-" "soak"')
        return ("\n".join(lines) + "\n").encode()

    def work(self, client):
        if self.pending is None:
            self.pending = self.body()
        answer = client.http.post(
            f"/api/v1/topics/{self.topic}/events", params={"format": "combined"},
            content=self.pending, headers={"Content-Type": "text/plain",
                                           "Idempotency-Key": f"{self.soak.seed}-{self.requests}"})
        counted = checked(answer).json()
        if (counted["accepted"], counted["dead"], counted["rejected_count"]) != (45, 5, 5):
            self.find(f"{counted}")
        self.good, self.bad = self.good + 45, self.bad + 5
        self.requests, self.pending = self.requests + 1, None

    def stop(self):
        super().stop()
        with Client(self.soak.url, timeout=60) as client:
            while self.pending is not None:  # what was sent is answered before it is counted
                self.work(client)

    def check(self, client):
        rows = client.rows(f"SELECT count(path), count(DISTINCT path) FROM {self.topic}")
        dead = client.rows("SELECT count(*), count(DISTINCT decode(value)) FROM "
                           f"{self.topic}__dead")
        if rows != [(self.good, self.good)]:
            self.find(f"{self.good} lines, {rows} rows")
        if dead != [(self.bad, self.bad)]:
            self.find(f"{self.bad} bad lines, {dead} dead letters")
        return self.findings

    def report(self):
        return {**self.counts, "good": self.good, "bad": self.bad}


class Redrives(Looped):
    """`tarn dead redrive`, often killed halfway: each dead letter becomes a row once."""

    name, seconds = "re-drives", 5.0
    needs_paths = ("/api/v1/topics/{topic}/dead/redrive",)
    needs_commands = ("dead redrive",)

    def __init__(self, soak):
        super().__init__(soak)
        self.random = random.Random(soak.seed)

    def redrive(self, seconds):
        with open(self.soak.folder / "redrive.log", "ab") as log:
            one = subprocess.Popen([str(self.soak.binary), "dead", "redrive", WebLogs.topic,
                                    "--server", self.soak.url],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                return one.wait(seconds)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait(10)
                self.count("killed")
                return None

    def work(self, client):
        self.redrive(self.random.uniform(0.02, 3))

    def check(self, client):
        if self.redrive(120) != 0:
            self.find("the last one failed")
        actor = next(a for a in self.soak.actors if isinstance(a, WebLogs))
        rows = client.rows(f"SELECT count(bad), count(DISTINCT bad) FROM {WebLogs.topic}")
        if rows != [(actor.bad, actor.bad)]:
            self.find(f"{actor.bad} dead letters, {rows} rows of them")
        return self.findings


class Imports(Looped):
    """Replaces a table by a file, over and over: it is always one file's rows, whole."""

    name, seconds, table = "imports", 4.0, "soak_import"
    needs_paths = ("/api/v1/imports",)
    needs_commands = ()

    def work(self, client):
        turn = sum(self.counts.values())
        body = "turn,n\n" + "".join(f"{turn},{n}\n" for n in range(2000))
        checked(client.http.post(f"/api/v1/tables/{self.table}", params={"mode": "replace"},
                                 content=body.encode(), headers={"Content-Type": "text/csv"},
                                 timeout=60))
        self.look(client)

    def look(self, client):
        rows = client.rows(f"SELECT count(*), count(DISTINCT n), count(DISTINCT turn) "
                           f"FROM {self.table}")
        if rows != [(2000, 2000, 1)]:
            self.find(f"{rows}")

    def check(self, client):
        if self.counts.get("answered"):
            self.look(client)
        return self.findings


class SavedQueries(Looped):
    """Keeps a query, reads it back, lets go of it."""

    name, seconds = "saved queries", 0.5
    needs_paths = ("/api/v1/saved-queries/{name}",)
    needs_commands = ()

    def work(self, client):
        name = f"q{sum(self.counts.values()) % 20}"
        put = client.http.put(f"/api/v1/saved-queries/{name}", json={"sql": f"SELECT '{name}'"})
        kept = checked(client.http.get(f"/api/v1/saved-queries/{name}")).json() \
            if put.status_code // 100 == 2 else None
        if kept is not None and name not in kept["sql"]:
            self.find(f"{kept}")
        if put.status_code not in BUSY:
            checked(put)
        if sum(self.counts.values()) % 3 == 0:
            client.http.delete(f"/api/v1/saved-queries/{name}")


class Producers(Looped):
    """The server's own producers: they go on by themselves after every restart, and each offset of
    their topics is one row or one dead letter."""

    name, seconds = "producers", 3.0
    needs_paths = ("/api/v1/producers",)
    needs_commands = ()
    PRESETS = ["web_logs", "customers", "transactions", "analytics"]

    def start(self):
        with Client(self.soak.url) as client:
            for preset in self.PRESETS:
                checked(client.http.post("/api/v1/producers", json={
                    "name": f"soak-{preset}", "topic": f"soak_{preset}", "preset": preset,
                    "spec": {"rate": 200}}))
        super().start()

    def work(self, client):
        """Stops one and starts it again, looks at what another sends."""
        name = f"soak-{self.PRESETS[sum(self.counts.values()) % 4]}"
        for verb in ("stop", "start"):
            checked(client.http.post(f"/api/v1/producers/{name}/{verb}"))

    def stop(self):
        super().stop()
        with Client(self.soak.url) as client:
            for one in checked(client.http.get("/api/v1/producers")).json()["producers"]:
                if one["state"] not in ("running", "slowed"):
                    self.find(f"{one['name']} is {one['state']}: {one.get('last_error')}")
                checked(client.http.post(f"/api/v1/producers/{one['name']}/stop"))

    def check(self, client):
        for preset in self.PRESETS:
            topic = f"soak_{preset}"
            ends = sum(p["end"] for p in client.topic(topic)["partition_list"])
            rows = client.value(f"SELECT count(*) FROM {topic}") + \
                client.value(f"SELECT count(*) FROM {topic}__dead")
            self.counts[f"{preset} rows"] = rows
            if rows != ends or rows == 0:
                self.find(f"{topic}: {ends} offsets, {rows} rows")
        return self.findings


class FileTails:
    """`tarn tail -F` on a log that is written, rotated and truncated: every line once."""

    name, topic = "file tails", "soaktail"
    needs_paths = ()
    needs_commands = ("tail",)

    def __init__(self, soak):
        self.soak, self.written, self.rotations = soak, 0, 0
        self.path = soak.folder / "tailed.log"
        self.path.touch()
        tail = type("Tail", (Children,), {"name": "tail", "words": lambda _: [
            "tail", "-F", str(self.path), "--topic", self.topic, "--format", "combined", "--state",
            str(soak.folder / "tail.state")]})
        self.tail, self.ended = tail(soak), threading.Event()
        self.writer = threading.Thread(target=self.write, daemon=True)

    def start(self):
        self.tail.start()
        self.writer.start()

    def write(self):
        log = open(self.path, "a", encoding="ascii")
        while not self.ended.wait(0.05):
            for _ in range(10):
                log.write(f'10.1.0.1 - - [21/Nov/2026:10:00:00 +0000] "GET /t/{self.written} '
                          f'HTTP/1.1" 200 5 "-" "soak"\n')
                self.written += 1
            log.flush()
            if self.written % 4000 == 0:  # as logrotate does it
                log.close()
                self.path.rename(self.path.with_suffix(f".{self.rotations}"))
                self.rotations += 1
                log = open(self.path, "a", encoding="ascii")
            if self.written % 1500 == 0 and self.tail.process is not None:
                self.tail.process.kill()
        log.close()

    def stop(self):
        self.ended.set()
        self.writer.join(10)

    def check(self, client):
        """The tail goes on until it has all of it."""
        sql = f"SELECT count(*), count(DISTINCT path) FROM {self.topic}"
        want = [(self.written, self.written)]
        try:
            wait_for(lambda: client.post_query(sql).json().get("rows") == [list(want[0])], 60,
                     "the tail", 0.3)
        except TimeoutError:
            return [f"file tails: {self.written} lines, {client.rows(sql)} rows"]
        finally:
            self.tail.stop()
        return []

    def close(self):
        self.stop()
        self.tail.close()

    def report(self):
        return {"lines": self.written, "rotations": self.rotations, **self.tail.report()}


OPTIONAL = [WebLogs, Redrives, Imports, SavedQueries, Producers, FileTails]
