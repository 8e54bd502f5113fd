# SPDX-License-Identifier: MIT
"""The n-th write or fsync of the log fails: nothing is acknowledged after it until a restart, the
server stays up for reading and says so, and everything acknowledged is there afterwards, once."""
import errno
import time

import pytest

from harness.client import ndjson
from harness.server import wait_for

POINTS = (1, 2, 3, 5, 8, 13)


class Faulty:
    """A server whose log calls fail once `arm` is called."""

    def __init__(self, server, connect, library, tmp_path, spec):
        self.arm_path, self.log_path = tmp_path / "arm", tmp_path / "faults.log"
        self.one = server(env={"LD_PRELOAD": str(library), "TARN_FAULT": spec,
                               "TARN_FAULT_ARM": str(self.arm_path),
                               "TARN_FAULT_LOG": str(self.log_path)})
        self.client = connect(self.one)
        self.client.create_topic("t", partitions=2)
        self.acked, self.refused, self.next = set(), set(), 0

    def send(self, count=3):
        """One request; returns its status and remembers which events must or may be there."""
        numbers = range(self.next, self.next + count)
        self.next += count
        answer = self.client.post("t", ndjson([{"n": n} for n in numbers]))
        if answer.status_code == 200:
            self.acked |= set(numbers)
        elif answer.status_code in (429, 507):
            self.refused |= set(numbers)
        return answer

    def calls(self):
        return [line.split(" ") for line in self.log_path.read_text().splitlines()] \
            if self.log_path.exists() else []

    def failed(self):
        return any(words[-1] == "FAILED" for words in self.calls())

    def check_after_restart(self, connect):
        self.one.env = {}
        self.one.kill()
        self.one.start()
        client = connect(self.one)
        found = [r[0] for r in client.rows("SELECT n FROM bronze.t ORDER BY n", limit=100_000)]
        assert len(found) == len(set(found)), "doubled"
        assert self.acked <= set(found), "lost"
        assert not self.refused & set(found), "refused, yet stored"
        client.send("t", [{"n": 10_000_000}])
        client.flush("t")
        assert client.value("SELECT count(*) FROM bronze.t") == len(found) + 1


@pytest.mark.parametrize("nth", POINTS)
@pytest.mark.parametrize("calls,mode", [("sync", "once"), ("sync", "ever"), ("write", "once"),
                                        ("write", "ever")])
def test_after_a_failed_write_or_sync_nothing_is_acknowledged(
        server, connect, faults_library, tmp_path, calls, mode, nth):
    if mode == "ever" and nth not in (1, 3):
        pytest.skip("the same as `once` for a log that never tries again")
    faulty = Faulty(server, connect, faults_library, tmp_path, f"{calls}:{nth}:{errno.EIO}:{mode}")
    for _ in range(10):
        assert faulty.send().status_code == 200
    faulty.arm_path.touch()
    deadline = time.monotonic() + 20
    while not faulty.failed():
        status = faulty.send().status_code
        assert status in (200, 503), status
        assert time.monotonic() < deadline, faulty.calls()
    statuses = [faulty.send() for _ in range(20)]
    if any(words[1].endswith(".log") for words in faulty.calls() if words[-1] == "FAILED"):
        assert all(a.status_code == 503 for a in statuses), [a.status_code for a in statuses]
        assert all(a.json()["code"] == "log_failed" for a in statuses)
        assert faulty.client.health()["state"] != "ok"
        assert faulty.client.http.get("/health").status_code in (200, 503)
    seen = faulty.client.value("SELECT count(*) FROM bronze.t")
    assert seen >= len(faulty.acked)
    if calls == "sync":
        failed_at = [w[-1] for w in faulty.calls()].index("FAILED")
        path = faulty.calls()[failed_at][1]
        assert not [w for w in faulty.calls()[failed_at + 1:] if w[1] == path and w[1]], \
            "a failed fsync was tried again"
    faulty.check_after_restart(connect)


@pytest.mark.parametrize("nth", (1, 2, 4))
def test_refused_space_heals_by_itself(server, connect, faults_library, tmp_path, nth):
    faulty = Faulty(server, connect, faults_library, tmp_path,
                    f"space:{nth}:{errno.ENOSPC}:ever")
    for _ in range(5):
        assert faulty.send().status_code == 200
    faulty.arm_path.touch()
    body = ndjson([{"n": -1, "pad": "x" * 1000}] * 500)
    deadline = time.monotonic() + 60
    while (status := faulty.client.post("t", body).status_code) == 200:
        assert time.monotonic() < deadline
    assert status == 507
    assert faulty.client.value("SELECT count(*) FROM bronze.t WHERE n >= 0") == 15
    faulty.arm_path.unlink()
    wait_for(lambda: faulty.send().status_code == 200, 5, "service after space came back", 0.05)
    assert faulty.client.value("SELECT count(*) FROM bronze.t WHERE n >= 0") == len(faulty.acked)
