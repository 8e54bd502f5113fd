# SPDX-License-Identifier: MIT
"""The live tail over server-sent events, with a field filter."""
import json
import threading

import httpx
import pytest


class Tail(threading.Thread):
    """Collects the events of a tail until `want` have come."""

    def __init__(self, url, topic, want, **params):
        super().__init__(daemon=True)
        self.url, self.want, self.params = f"{url}/api/v1/topics/{topic}/tail", want, params
        self.opened, self.records, self.headers = threading.Event(), [], None
        self.start()
        assert self.opened.wait(10)

    def run(self):
        with httpx.stream("GET", self.url, params=self.params, timeout=20,
                          trust_env=False) as answer:
            self.headers = answer.headers
            self.opened.set()
            kind = "message"
            for line in answer.iter_lines():
                if line.startswith("event:"):
                    kind = line[6:].strip()
                elif line.startswith("data:") and kind == "record":
                    self.records.append(json.loads(line[5:]))
                    if len(self.records) >= self.want:
                        return


def test_new_events_arrive_as_they_are_acknowledged(shared_server, client, topic):
    client.send(topic, [{"n": -1}])
    tail = Tail(shared_server.url, topic, 50)
    assert tail.headers["content-type"].startswith("text/event-stream")
    for i in range(50):
        client.send(topic, [{"n": i}])
    tail.join(10)
    assert sorted(r["value"]["n"] for r in tail.records) == list(range(50))
    for record in tail.records:
        assert {"partition", "offset", "timestamp"} <= record.keys()


@pytest.mark.parametrize("filtering,want", [("kind=b", 10), ("n=7", 1), ("ok=true", 15)])
def test_a_filter_on_a_field(shared_server, client, topic, filtering, want):
    client.create_topic(topic)
    tail = Tail(shared_server.url, topic, want, filter=filtering)
    client.send(topic, [{"n": i, "kind": "abc"[i % 3], "ok": i % 2 == 0} for i in range(30)])
    tail.join(10)
    assert len(tail.records) == want
    field, _, value = filtering.partition("=")
    for record in tail.records:
        seen = record["value"][field]
        assert json.dumps(seen).strip('"') == value


def test_a_bad_filter_is_400_and_an_unknown_topic_404(client, topic):
    assert client.http.get("/api/v1/topics/nothing-here/tail").status_code == 404
    client.create_topic(topic)
    assert client.http.get(f"/api/v1/topics/{topic}/tail?filter=nope").status_code == 400


def test_a_stop_ends_the_tails(server, connect, topic):
    one = server()
    connect(one).send(topic, [{"n": 1}])
    tail = Tail(one.url, topic, 10)
    one.stop()
    tail.join(10)
    assert not tail.is_alive()
