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
    env = {"LD_PRELOAD": str(faults_library), "TARN_FAULT": "sync:1:100:slow",
           "TARN_FAULT_ARM": str(tmp_path / "arm"), "TARN_FAULT_LOG": str(tmp_path / "log")}
    one = server(args=["--memory", "256MiB"], env=env if disk == "slow" else {})
    client = connect(one)
    client.create_topic("t", partitions=4, flush_age_ms="1s")
    acked, refused, peak, lock = [], [], [0], threading.Lock()
    unknown = set()
    pad, rounds = ("x" * 400, 40) if disk == "fast" else ("x" * 4000, 3)
    template = ndjson([{"w": 9999999, "j": j, "pad": pad} for j in range(500)])

    def send(number):
        with httpx.Client(base_url=one.url, trust_env=False, timeout=60) as http:
            for i in range(rounds):
                mark = 1_000_000 + number * 100 + i
                try:
                    answer = http.post("/api/v1/topics/t/events",
                                       content=template.replace(b"9999999", b"%d" % mark),
                                       headers={"Content-Type": "application/x-ndjson"})
                except httpx.TransportError:
                    unknown.add(mark)  # refused and closed while the body was still being sent
                    continue
                with lock:
                    if answer.status_code == 200:
                        acked.append(mark)
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
    if disk == "slow":
        assert refused, "the bound was not reached"
    wrong = [r for r in refused if r[0] != 429 or not r[1]]
    assert not wrong, wrong[:5]
    rows = client.rows("SELECT w, count(*), count(DISTINCT j) FROM bronze.t GROUP BY ALL",
                       limit=100_000)
    stored = {w for w, _, _ in rows}
    assert set(acked) <= stored <= set(acked) | unknown
    assert all(count == distinct == 500 for w, count, distinct in rows if w not in unknown)
    client.flush("t")
    assert client.value("SELECT count(*) FROM bronze.t") == sum(count for _, count, _ in rows)
    if not os.environ.get("TARN_SANITIZER"):
        assert peak[0] < 1.1 * (256 << 20), peak[0] >> 20
