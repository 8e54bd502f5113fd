# SPDX-License-Identifier: MIT
"""More than the server can take: it slows senders and refuses with 429, but what it acknowledged is
there, and its memory stays within its bound."""
import os
import threading

import httpx
import pytest

from harness.client import ndjson


@pytest.mark.timeout(120)
@pytest.mark.parametrize("disk", ["fast", "slow"])
def test_what_was_acknowledged_under_overload_is_there(server, connect, faults_library, tmp_path,
                                                       disk):
    (tmp_path / "arm").touch()
    env = {"LD_PRELOAD": str(faults_library), "TARN_FAULT": "sync:1:400:slow",
           "TARN_FAULT_ARM": str(tmp_path / "arm"), "TARN_FAULT_LOG": str(tmp_path / "log")}
    one = server(args=["--memory", "256MiB"], env=env if disk == "slow" else {})
    client = connect(one)
    client.create_topic("t", partitions=4, flush_age_ms="1s")
    acked, refused, peak, lock, ended = [], [], [0], threading.Lock(), threading.Event()
    pad, rounds = "x" * 400, 40 if disk == "fast" else 3

    def send(number):
        with httpx.Client(base_url=one.url, trust_env=False, timeout=60) as http:
            for i in range(rounds):
                if ended.is_set():
                    return
                body = ndjson([{"w": number, "i": i, "j": j, "pad": pad} for j in range(500)])
                answer = http.post("/api/v1/topics/t/events", content=body,
                                   headers={"Content-Type": "application/x-ndjson"})
                with lock:
                    if answer.status_code == 200:
                        acked.append((number, i))
                        assert answer.json()["accepted"] == 500
                        assert sum(o["next"] - o["first"] for o in answer.json()["offsets"]) == 500
                    else:
                        refused.append((answer.status_code, answer.headers.get("retry-after")))
                    peak[0] = max(peak[0], one.proportional_bytes() if i % 10 == 0 else 0)

    threads = [threading.Thread(target=send, args=(n,))
               for n in range(24 if disk == "fast" else 64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    ended.set()
    if disk == "slow":
        assert refused, "the bound was not reached"
    assert all(status == 429 and after for status, after in refused), refused[:5]
    rows = client.rows("SELECT w, i, count(*), count(DISTINCT j) FROM bronze.t GROUP BY ALL",
                       limit=100_000)
    assert {(w, i) for w, i, _, _ in rows} == set(acked)
    assert all(count == distinct == 500 for _, _, count, distinct in rows)
    client.flush("t")
    assert client.value("SELECT count(*) FROM bronze.t") == 500 * len(acked)
    if not os.environ.get("TARN_SANITIZER"):
        assert peak[0] < 1.1 * (256 << 20), peak[0] >> 20
