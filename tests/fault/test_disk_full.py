# SPDX-License-Identifier: MIT
"""A full disk: appends are refused with 507, reading goes on, nothing acknowledged is harmed, and
service resumes by itself when there is space again."""
import os
import time

import pytest

from harness.client import ndjson
from harness.server import wait_for


def fill(disk):
    """Takes all space that is left; returns the file to delete."""
    path = disk.path / "filler"
    with open(path, "wb") as out:
        size = 1 << 20
        while size >= 4096:
            try:
                os.write(out.fileno(), b"\0" * size)
                os.fsync(out.fileno())
            except OSError:
                size //= 2
    return path


@pytest.mark.timeout(120)
def test_full_refuses_and_heals(server, connect, small_disk):
    disk = small_disk(512)
    one = server(data=disk.path / "data")
    client = connect(one)
    client.create_topic("t", partitions=1, segment_bytes="1MiB", flush_age_ms="1h")
    client.send("t", [{"n": i} for i in range(1000)])
    acked, pad, filler = 1000, "x" * 1000, fill(disk)
    statuses, deadline = set(), time.monotonic() + 30
    while 507 not in statuses and time.monotonic() < deadline:
        answer = client.post("t", ndjson([{"n": acked + i, "pad": pad} for i in range(100)]))
        statuses.add(answer.status_code)
        acked += 100 if answer.status_code == 200 else 0
    assert 507 in statuses and statuses <= {200, 507}, statuses
    assert client.post("t", ndjson([{"n": -1, "pad": pad}] * 100)).status_code == 507
    assert client.rows("SELECT count(*), count(DISTINCT n) FROM bronze.t") == [(acked, acked)]
    assert client.records("t", 0, 0, 10)["records"]
    assert client.health()["state"] != "ok"
    filler.unlink()
    wait_for(lambda: client.post("t", ndjson([{"n": 10_000_000}])).status_code == 200, 5,
             "service after space came back", 0.05)
    wait_for(lambda: client.health()["state"] == "ok", 5, "health")
    client.flush("t")
    assert client.value("SELECT count(*) FROM bronze.t WHERE n < 10000000") == acked
    assert client.value("SELECT count(*) FROM bronze.t WHERE n = -1") == 0
    one.kill()
    one.start()
    assert connect(one).value("SELECT count(*) FROM bronze.t WHERE n < 10000000") == acked
    one.stop()


@pytest.mark.timeout(120)
def test_landing_on_a_full_disk_waits_and_doubles_nothing(server, connect, small_disk):
    disk = small_disk(512)
    one = server(data=disk.path / "data")
    client = connect(one)
    client.create_topic("t", partitions=1, flush_age_ms="200ms")
    client.send("t", [{"n": i, "pad": os.urandom(200).hex()} for i in range(5000)])
    client.flush("t")
    filler, acked = fill(disk), 5000
    for _ in range(5):
        answer = client.post("t", ndjson([{"n": acked + i, "pad": os.urandom(200).hex()}
                                          for i in range(200)]))
        acked += 200 if answer.status_code == 200 else 0
    time.sleep(1)
    assert client.rows("SELECT count(*), count(DISTINCT n) FROM bronze.t") == [(acked, acked)]
    filler.unlink()
    wait_for(lambda: client.http.post("/api/v1/tables/t/flush", timeout=20).status_code == 200, 20,
             "landing after space came back", 0.1)
    assert client.rows("SELECT count(*), count(DISTINCT n) FROM bronze.t") == [(acked, acked)]
    one.stop()


@pytest.mark.timeout(180)
def test_a_restart_on_a_full_disk_reads_refuses_and_heals(server, connect, small_disk):
    """The log's tail cannot be rewritten: the topic is there all the same, and heals by itself."""
    disk = small_disk(512)
    one = server(data=disk.path / "data")
    client = connect(one)
    client.create_topic("t", partitions=1, flush_age_ms="1h")
    client.send("t", [{"n": i} for i in range(100)])
    acked, waits, pad = 100, False, "x" * 1000
    for _ in range(10):  # until a kill comes between an acknowledgement and the next mark
        client.send("t", [{"n": acked + i, "pad": pad} for i in range(5000)])
        acked += 5000
        one.kill()
        filler = fill(disk)
        one.start()
        client = connect(one)
        waits = client.topic("t")["partition_list"][0]["state"] == "waiting_for_space"
        if waits:
            break
        filler.unlink()
    assert waits, "no start met a tail to rewrite"
    whole = [(acked, acked)]
    assert client.rows("SELECT count(*), count(DISTINCT n) FROM bronze.t") == whole
    assert client.records("t", 0, acked - 10, 1000)["records"][-1]["offset"] == acked - 1
    refused = client.post("t", ndjson([{"n": -1}]), idempotency_key="k")
    assert refused.status_code == 507 and refused.json()["code"] == "disk_full"
    assert "retry-after" in refused.headers
    assert client.http.post("/api/v1/tables/t/flush").status_code == 507
    assert client.http.delete("/api/v1/topics/t").status_code == 507
    parts = {c["component"]: c for c in client.health()["components"]}
    assert parts["log"]["state"] == "degraded" and "space" in parts["log"]["reason"]
    one.kill()  # a crash meanwhile changes nothing
    one.start()
    client = connect(one)
    assert client.rows("SELECT count(*), count(DISTINCT n) FROM bronze.t") == whole
    filler.unlink()
    wait_for(lambda: client.post("t", ndjson([{"n": acked}]), idempotency_key="k").status_code ==
             200, 10, "service after space came back", 0.05)
    acked += 1
    wait_for(lambda: client.health()["state"] == "ok", 10, "health")
    client.flush("t")
    assert client.rows("SELECT count(*), count(DISTINCT n), min(n), max(n) FROM bronze.t") == \
        [(acked, acked, 0, acked - 1)]
    one.restart()
    assert connect(one).value("SELECT count(*) FROM bronze.t") == acked
    one.stop()
