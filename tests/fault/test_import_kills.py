# SPDX-License-Identifier: MIT
"""Kills in the middle of imports: the table is old or new, and nothing of the import is left.

The ledger: each import adds rows with a number of its own. One that was answered 201 is in the table
with all its rows; one whose answer was lost is there with all or with none."""
import os
import random
import signal
import threading
import time

import httpx
import pytest

from harness.client import checked
from harness.server import wait_for

ROWS = 40_000
ROUNDS = int(os.environ.get("TARN_IMPORT_KILLS", "9"))


def body(number):
    text = f"{number},some words to make the row longer\n"
    return b"import,words\n" + (text * ROWS).encode()


def run_import(url, number, result):
    try:
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
            result.append(http.post("/api/v1/tables/ledger", params={"mode": "append"},
                                    content=body(number), headers={"Content-Type": "text/csv"}))
    except httpx.HTTPError as error:  # the front was killed
        result.append(error)


def leftovers(server):
    lake = server.data / "lake"
    work = lake / "_imports"
    return ([*work.iterdir()] if work.is_dir() else []) + [*lake.glob("main/*/_staging/*")]


def orphans(server, client):
    """Data files of the table that no commit names."""
    files = checked(client.http.get("/api/v1/tables/main.ledger/files")).json()["files"]
    named = {f["path"] for f in files}
    return {p.name for p in (server.data / "lake" / "main" / "ledger").glob("*.parquet")} - named


def kill_someone(server, who, delay):
    time.sleep(delay)
    if who == "front":
        server.kill("front")
        return
    try:
        os.kill(server.child(who, seconds=1), signal.SIGKILL)
    except (TimeoutError, ProcessLookupError):
        pass  # it had ended already: the import was quick


def test_kills_leave_the_table_old_or_new(server, connect):
    seed = int(os.environ.get("TARN_SEED", time.time_ns() % 2**32))
    print(f"seed={seed}")
    rng = random.Random(seed)
    one = server()
    done, maybe = set(), set()
    for number in range(ROUNDS):
        who = ("job", "writer", "front")[number % 3]
        result = []
        thread = threading.Thread(target=run_import, args=(one.url, number, result))
        thread.start()
        kill_someone(one, who, rng.uniform(0.0, 0.4))
        thread.join(90)
        answer = result[0]
        if isinstance(answer, httpx.HTTPError):
            maybe.add(number)
        elif answer.status_code == 201:
            done.add(number)
        else:
            assert answer.status_code in (500, 503), answer.text
        if who == "front":
            one.start()
    with connect(one) as client:
        wait_for(lambda: not leftovers(one), 20, "the folders to go")
        if done or maybe:
            rows = wait_for(lambda: client.rows(
                "SELECT \"import\", count(*) FROM ledger GROUP BY ALL"), 20, "rows")
            counts = dict(rows)
            assert set(counts.values()) <= {ROWS}, counts
            assert done <= set(counts) <= done | maybe, (seed, done, maybe, counts)
            assert not orphans(one, client), seed


@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.1])
def test_a_publish_sent_twice_adds_its_rows_once(server, connect, after):
    """The writer dies between its commit and its answer: the next one is asked again."""
    one = server()
    with connect(one) as client:
        result = []
        log = one.data / "lake" / "main" / "ledger" / "_delta_log"
        writer = one.child("writer")
        thread = threading.Thread(target=run_import, args=(one.url, 1, result))
        thread.start()
        wait_for(lambda: (log / f"{0:020d}.json").exists(), 30, "the commit", step=0.0002)
        time.sleep(after)
        os.kill(writer, signal.SIGKILL)
        thread.join(60)
        assert result[0].status_code == 201, result[0].text
        assert client.value("SELECT count(*) FROM ledger") == ROWS
