# SPDX-License-Identifier: MIT
"""Re-drives under kill -9 of the front, the writer, the query process, all of them and the command
itself, run over and over: every dead letter that passes the door becomes a row exactly once, those
that do not stay what they are."""
import json
import os
import random
import subprocess
import time

import httpx
import pytest

from harness.batches import append_values
from harness.client import Refused

CYCLES = int(os.environ.get("TARN_REDRIVE_KILLS", "20"))
PARTITIONS, BATCHES, BATCH = 3, 40, 1000
VICTIMS = ("front", "query", "front", "writer", "client", "all")


def plant(server, topic):
    """The ledger: the numbers of the good ones, and how many are bad. Rows of the table lie between,
    so that what is re-driven is many ranges."""
    now, good, bad = int(time.time() * 1000), set(), 0
    for b in range(BATCHES):
        values, headers = [], []
        for i in range(BATCH):
            number = b * BATCH + i
            if i % 10 == 9:
                values.append(json.dumps({"n": -1 - number}).encode())
                headers.append([])
                continue
            is_bad = i % 100 == 0
            bad += is_bad
            values.append(b"{broken" if is_bad else json.dumps({"n": number}).encode())
            headers.append([(b"tarn-dead", b"schema\nas it was")])
            if not is_bad:
                good.add(number)
        append_values(server.data / "topics" / topic / str(b % PARTITIONS), values, now,
                      headers=headers)
    return good, bad


def doubles(client, topic):
    return client.rows(f"SELECT n, count(*) FROM bronze.{topic} GROUP BY n HAVING count(*) > 1 "
                       f"LIMIT 10")


def run_one(server, topic, tarn_bin, rng, victim):
    """Starts the command, kills the victim a moment later; true when it had time to end."""
    command = subprocess.Popen([str(tarn_bin), "dead", "redrive", topic, "--server", server.url],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.uniform(0.03, 0.2))
    ended = command.poll() is not None
    if victim != "client":
        server.kill(victim)
    command.kill()
    command.wait(10)
    if victim in ("front", "all"):
        server.start()
    return ended


@pytest.mark.timeout(120 + 6 * CYCLES)
def test_kills_redrive_nothing_twice_and_leave_nothing_out(server, connect, tarn_bin, tmp_path,
                                                           faults_library):
    seed = int(os.environ.get("TARN_SEED", "20261121"))
    print(f"seed {seed}")
    rng, topic = random.Random(seed), "ledger"
    # A slow disk under the log: most kills fall between an append and the word that it happened.
    (tmp_path / "arm").touch()
    one = server(env={"LD_PRELOAD": str(faults_library), "TARN_FAULT": "sync:1:15:slow",
                      "TARN_FAULT_ARM": str(tmp_path / "arm"),
                      "TARN_FAULT_LOG": str(tmp_path / "calls")})
    client = connect(one)
    client.create_topic(topic, partitions=PARTITIONS, segment_bytes=1 << 20, flush_age_ms="300ms")
    one.stop()
    good, bad = plant(one, topic)
    one.start()
    client = connect(one)
    total = client.dead_summary(topic)["total"]
    assert total == len(good) + bad
    cut_off = 0
    for cycle in range(CYCLES):
        cut_off += not run_one(one, topic, tarn_bin, rng, VICTIMS[cycle % len(VICTIMS)])
        client = connect(one)
        deadline = time.monotonic() + 20
        while True:
            try:
                assert doubles(client, topic) == [], f"cycle {cycle}"
                break
            except (Refused, httpx.TransportError):  # a process is being started again
                assert time.monotonic() < deadline
    deadline = time.monotonic() + 60
    while True:
        try:
            job = client.redrive(topic, seconds=60)
        except (Refused, httpx.TransportError):  # the killed command's job runs on
            job = {"state": "running"}
        if job["state"] == "done":
            break
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
    assert cut_off > CYCLES // 4, "most runs ended before their kill: raise BATCHES"
    assert job["still_bad"] == bad and job["redriven"] + job["already"] == len(good)
    again = client.redrive(topic)
    assert (again["redriven"], again["already"], again["still_bad"]) == (0, len(good), bad)

    def check():
        assert doubles(client, topic) == []
        rows = client.value(f"SELECT count(*) FROM bronze.{topic} WHERE n >= 0")
        wrong = client.value(f"SELECT count(*) FROM bronze.{topic} WHERE n >= 0 AND "
                             f"(n % 10 = 9 OR n % 100 = 0)")
        assert (rows, wrong) == (len(good), 0)

    check()
    client.flush(topic)
    check()
    summary = client.dead_summary(topic)
    assert (summary["total"], summary["redriven"]) == (total, len(good))
    print(f"cycles={CYCLES} cut_off={cut_off} rows={len(good)} by_killed_runs={job['already']} "
          f"settled={one.log().count('cut off is settled')}")
