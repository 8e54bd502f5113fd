# SPDX-License-Identifier: MIT
"""Buffering rules of a topic: when it lands, and when its senders are slowed."""
import os
import signal
import time

import pytest

from harness.batches import append_values
from harness.client import Refused
from harness.server import wait_for


def landed(client, topic):
    """Rows in files, from the table's description."""
    return client.http.get(f"/api/v1/tables/{topic}").json().get("rows", 0)


def metric(client, name, topic):
    return client.metrics()["front"].get(f'{name}{{topic="{topic}"}}', 0)


def test_by_default_no_number_of_rows_lands_a_topic(client, topic):
    client.create_topic(topic)
    settings = client.topic(topic)
    assert settings["flush_rows"] == 0 and settings["unlanded_rows_max"] == 0
    assert settings["flush_bytes"] == 128 << 20 and settings["flush_age_ms"] == 60_000


@pytest.mark.parametrize("rule", [{"flush_rows": 500}, {"flush_bytes": "64KiB"},
                                  {"flush_age_ms": "200ms"}, {"unlanded_rows_max": 1000}])
def test_each_rule_lands_by_itself(client, topic, rule):
    """A rule that is reached lands the topic though no other rule is; a change of rules counts."""
    client.create_topic(topic, flush_age_ms="1h", flush_bytes="1GiB")
    client.send(topic, [{"n": n, "pad": "x" * 200} for n in range(999)])
    assert landed(client, topic) == 0
    client.change_topic(topic, **rule)
    wait_for(lambda: landed(client, topic) == 999, 20, "the topic to land")


def test_senders_are_slowed_while_landing_is_behind(server, connect, topic):
    """At unlanded_rows_max requests get 429 with Retry-After before their body is read, other topics
    go on, and it ends by itself when landing has caught up. Nothing accepted is lost."""
    one = server()
    client = connect(one)
    client.create_topic(topic, flush_age_ms="1h", unlanded_rows_max=1000)
    client.create_topic("other", flush_age_ms="1h")
    client.send(topic, [{"n": 0}])
    client.flush(topic)
    wait_for(lambda: client.topic(topic)["lag_events"] == 0, 10, "word of where the table stands")
    writer = one.child("writer")
    os.kill(writer, signal.SIGSTOP)
    try:
        sent, refused = 1, None
        while refused is None:
            assert sent <= 1100, "the limit was not reached"
            try:
                client.send(topic, [{"n": n} for n in range(sent, sent + 100)])
                sent += 100
            except Refused as problem:
                refused = problem
        assert refused.status == 429 and refused.code == "too_far_behind"
        assert sent == 1001, "exactly the request that would start at the limit is refused"
        answer = client.http.post(f"/api/v1/topics/{topic}/events", content=iter([b""]),
                                  headers={"Content-Type": "application/x-ndjson"})
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1
        client.send("other", [{"n": 1}])
        info = client.topic(topic)
        assert info["slowed"] and info["lag_events"] == 1000
        assert metric(client, "tarn_topic_slowed_total", topic) == 2
        assert metric(client, "tarn_topic_lag_events", topic) == 1000
        assert metric(client, "tarn_topic_unlanded_limit_events", topic) == 1000
        parts = {c["component"]: c for c in client.health()["components"]}
        assert parts["writer"]["state"] == "degraded" and topic in parts["writer"]["reason"]
    finally:
        os.kill(writer, signal.SIGCONT)

    def accepted():
        try:
            return client.send(topic, [{"n": sent}])
        except Refused as problem:
            assert problem.code == "too_far_behind"
            return None

    wait_for(accepted, 20, "landing to catch up", 0.05)
    assert not client.topic(topic)["slowed"]
    assert client.rows(f"SELECT count(*), count(DISTINCT n), max(n) FROM bronze.{topic}") == \
        [(sent + 1, sent + 1, sent)]
    # The writer hears of the log in steps: what is left below half of the limit may wait for its age.
    assert landed(client, topic) >= sent - 500, "nobody asked for a flush"


def test_a_redrive_waits_for_the_table_to_catch_up(server, connect, topic):
    """Between two pieces a re-drive keeps to the topic's limit; when landing has caught up, which it
    does by itself, the job goes on to its end."""
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1, flush_age_ms="1h", unlanded_rows_max=800)
    one.stop()
    for first in range(0, 6000, 2000):
        values = [b'{"n":%d}' % n for n in range(first, first + 2000)]
        append_values(one.data / "topics" / topic / "0", values, int(time.time() * 1000),
                      headers=[[(b"tarn-dead", b"schema\nwas so")]] * 2000)
    one.start()
    client = connect(one)
    client.flush(topic)  # before it the server may not know yet where the table stands
    wait_for(lambda: client.topic(topic)["lag_events"] == 0, 20, "the dead letters to land")
    job, most = client.start_redrive(topic), 0
    while job["state"] == "running":
        most = max(most, client.topic(topic)["lag_events"])
        job = client.http.get(f"/api/v1/topics/{topic}/dead/redrive/{job['id']}").json()
    assert (job["state"], job["redriven"]) == ("done", 6000)
    assert client.value(f"SELECT count(DISTINCT n) FROM bronze.{topic}") == 6000
    assert most < 800 + 1000, "the limit and one piece"


def test_slowed_redrives_leave_room_for_queries(server, connect, topic):
    """As many re-drives as queries may run at a time wait for a writer that is stuck: a query of
    somebody else is answered all the same. All of them go on to their end afterwards, each dead letter
    once, however often they had to wait."""
    one = server(args=["--query-concurrency", "4"])
    client = connect(one)
    topics, count = [f"{topic}_{i}" for i in range(4)], 3000
    for name in topics:
        client.create_topic(name, partitions=1, flush_age_ms="1h", unlanded_rows_max=800)
    one.stop()
    for name in topics:  # more than the query process may send ahead of what is taken
        append_values(one.data / "topics" / name / "0",
                      [b'{"n":%d,"pad":"%s"}' % (n, b"x" * 1000) for n in range(count)],
                      int(time.time() * 1000),
                      headers=[[(b"tarn-dead", b"schema\nwas so")]] * count)
    one.start()
    client = connect(one)
    for name in topics:
        client.flush(name)  # before it the server may not know yet where the table stands
        wait_for(lambda name=name: client.topic(name)["lag_events"] == 0, 20, "them to land")
    writer = one.child("writer")
    os.kill(writer, signal.SIGSTOP)
    try:
        jobs = {name: client.start_redrive(name)["id"] for name in topics}
        for name in topics:
            wait_for(lambda name=name: client.topic(name)["slowed"], 20, "the limit")
        assert client.value("SELECT 42", timeout_ms=10_000) == 42
    finally:
        os.kill(writer, signal.SIGCONT)

    def states(name):
        return client.http.get(f"/api/v1/topics/{name}/dead/redrive/{jobs[name]}").json()

    for name in topics:
        wait_for(lambda name=name: states(name)["state"] != "running", 60, "the end", 0.05)
        job = states(name)
        assert (job["state"], job["redriven"], job["already"]) == ("done", count, 0), job
        assert client.rows(f"SELECT count(*), count(DISTINCT n) FROM bronze.{name}") == \
            [(count, count)]


def test_the_limit_comes_from_the_configuration_too(server, connect, topic):
    one = server(args=["--unlanded-rows-max", "7"])
    client = connect(one)
    client.send(topic, [{"n": 1}])
    assert client.topic(topic)["unlanded_rows_max"] == 7
    with pytest.raises(Refused):
        client.change_topic(topic, unlanded_rows_max=-1)
    client.change_topic(topic, unlanded_rows_max=0)
    one.restart()
    assert connect(one).topic(topic)["unlanded_rows_max"] == 0
