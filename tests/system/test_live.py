# SPDX-License-Identifier: MIT
"""The console's WebSocket: frames as documented, filters, bounds, and an end that says why."""
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


class Live:
    """One client of /ws/dashboard that keeps every frame it has seen."""

    def __init__(self, url, **options):
        self.opening = connect(url.replace("http", "ws", 1) + "/ws/dashboard", proxy=None,
                               max_size=None, **options)
        self.socket = self.opening.__enter__()
        self.frames, self.ids = [], 0

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.opening.__exit__(*what)

    def send(self, **message):
        self.socket.send(json.dumps(message))

    def subscribe(self, channel, **params):
        self.ids += 1
        self.send(op="subscribe", id=self.ids, channel=channel, params=params)
        frame = self.until(lambda f: f["op"] in ("subscribed", "error") and
                           f.get("id") == self.ids)
        assert frame["op"] == "subscribed" and frame["channel"] == channel, frame
        return self.ids

    def until(self, wanted, seconds=15):
        """The first new frame that `wanted` accepts."""
        end = time.monotonic() + seconds
        while True:
            frame = json.loads(self.socket.recv(max(0.01, end - time.monotonic())))
            self.frames.append(frame)
            if wanted(frame):
                return frame

    def data(self, sub, wanted=lambda data: True):
        return self.until(lambda f: f["op"] == "data" and f["id"] == sub and
                          wanted(f["data"]))["data"]


@pytest.fixture
def live(shared_server):
    with Live(shared_server.url) as client:
        yield client


def test_it_greets_and_counts_its_frames(live):
    hello = live.until(lambda f: True)
    assert hello["op"] == "hello" and hello["version"] and hello["heartbeat_ms"] > 0
    live.subscribe("queries")
    live.send(op="ping")
    live.until(lambda f: f["op"] == "heartbeat")
    assert [f["seq"] for f in live.frames] == list(range(1, len(live.frames) + 1))


def test_stats_are_columns_of_one_length_that_count_what_was_sent(live, client, topic):
    sub = live.subscribe("stats", topics=True)
    first = live.data(sub)
    client.send(topic, [{"n": i} for i in range(500)])
    sums = {"in": 0, "topic": 0}

    def seen(data):
        sums["in"] += sum(data["events_in"])
        sums["topic"] += sum(data["topics"].get(topic, {}).get("events_in", []))
        return sums["topic"] >= 500

    last = live.data(sub, seen)
    assert sums["topic"] == 500 and sums["in"] >= 500
    for data in (first, last):
        columns = {k: v for k, v in data.items() if isinstance(v, list)}
        assert len(columns) == 20 and {len(v) for v in columns.values()} == {len(data["t"])}


def test_the_history_comes_first_and_only_once(shared_server, live):
    sub = live.subscribe("stats")
    times = live.data(sub)["t"]
    while len(times) < 3:
        times += live.data(sub)["t"]
    assert times == sorted(set(times)) and all(t % 1000 == 0 for t in times)
    with Live(shared_server.url) as other:
        again = other.data(other.subscribe("stats", since_ms=times[0]))["t"]
    assert again[:2] == times[1:3]


def test_events_arrive_after_the_last_ones(live, client, topic):
    client.send(topic, [{"type": "old", "n": i} for i in range(30)])
    sub = live.subscribe("events", topics=[topic], last=10)
    first = live.data(sub)
    assert [e["value"]["type"] for e in first["events"]] == ["old"] * 10
    client.send(topic, [{"type": "new", "n": i} for i in range(5)])
    new = live.data(sub, lambda d: d["events"])["events"]
    assert sorted(e["value"]["n"] for e in new) == list(range(5))
    assert {"topic", "partition", "offset", "timestamp", "key", "value"} == new[0].keys()


@pytest.mark.parametrize("kind,want", [
    ({"type": ["buy"]}, {0, 3, 6, 9}),
    ({"level": "error"}, {1, 6}),
    ({"source": ["web-1"], "endpoint": ["/cart"]}, {2, 6}),
    ({"text": "GRÜN"}, {4}),
    ({"text": "grÜn"}, {4}),
    ({"text": "grün"}, set()),
])
def test_filters(live, client, topic, kind, want):
    names = ["type", "event", "event_type", "kind", "action"]
    events = []
    for i in range(10):
        event = {"n": i, names[i % 5]: "buy" if i % 3 == 0 else "view",
                 "severity" if i % 2 else "level": "error" if i % 5 == 1 else "info",
                 "host": f"web-{1 if i % 4 == 2 else 2}", "path": "/cart"}
        if i == 4:
            event["note"] = "alles GRÜN"
        events.append(event)
    body = "\n".join(json.dumps(e, ensure_ascii=False) for e in events).encode()
    answer = client.http.post(f"/api/v1/topics/{topic}/events", content=body,
                              headers={"content-type": "application/x-ndjson"})
    assert answer.status_code == 200
    data = live.data(live.subscribe("events", topics=[topic], filter=kind))
    assert {e["value"]["n"] for e in data["events"]} == want


def test_more_events_than_asked_for_are_thinned_and_counted(live, client, topic):
    client.create_topic(topic)
    sub = live.subscribe("events", topics=[topic], rate_max=50, last=0)
    live.data(sub)
    for _ in range(5):
        client.send(topic, [{"n": i} for i in range(2000)])
    sums = {"shown": 0, "thinned": 0, "matched": 0}

    def all_seen(data):
        sums["shown"] += len(data["events"])
        sums["thinned"] += data["thinned"]
        sums["matched"] += data["matched"]
        return sums["matched"] + data["skipped"] >= 10000

    live.data(sub, all_seen)
    assert sums["shown"] + sums["thinned"] == sums["matched"] and sums["shown"] < 1000


def test_large_values_are_told_by_their_length(live, client, topic):
    client.send(topic, [{"big": "x" * 30000}])
    data = live.data(live.subscribe("events", topics=[topic]))
    assert data["events"][0]["value"]["truncated"] is True
    assert data["events"][0]["value"]["bytes"] > 30000


def test_documents_come_at_once_and_when_they_change(live, client):
    health = live.data(live.subscribe("health"))
    assert health["state"] == client.http.get("/api/v1/health").json()["state"]
    assert live.data(live.subscribe("queries"))["queries"] == []
    assert live.data(live.subscribe("imports"))["imports"] is not None
    sub = live.subscribe("producers")
    live.data(sub)
    body = {"name": "live-doc", "topic": "live-doc", "preset": "web_logs", "start": False}
    assert client.http.post("/api/v1/producers", json=body).status_code == 201
    live.data(sub, lambda d: any(p["name"] == "live-doc" for p in d["producers"]))
    client.http.delete("/api/v1/producers/live-doc")
    live.data(sub, lambda d: all(p["name"] != "live-doc" for p in d["producers"]))


@pytest.mark.parametrize("text,code", [
    ("[]", "bad_message"), ("{", "bad_message"), ('{"op":"dance"}', "bad_message"),
    ('{"op":"subscribe","channel":"stats"}', "bad_message"),
    ('{"op":"subscribe","id":1,"channel":"nope"}', "unknown_channel"),
    ('{"op":"subscribe","id":1,"channel":"stats","params":{"x":1}}', "bad_params"),
    ('{"op":"subscribe","id":1,"channel":"events","params":{"filter":{"colour":"red"}}}',
     "bad_params"),
    ('{"op":"subscribe","id":1,"channel":"events","params":{"topics":["a/b"]}}', "bad_params"),
])
def test_what_is_wrong_is_said_and_the_connection_goes_on(live, text, code):
    live.socket.send(text)
    assert live.until(lambda f: f["op"] == "error")["code"] == code
    live.subscribe("queries")


def test_at_most_32_subscriptions_and_the_same_id_replaces(live):
    for _ in range(32):
        live.subscribe("queries")
    live.send(op="subscribe", id=1, channel="imports")
    live.until(lambda f: f["op"] == "subscribed" and f["id"] == 1 and f["channel"] == "imports")
    live.send(op="subscribe", id=99, channel="queries")
    assert live.until(lambda f: f["op"] == "error")["code"] == "too_many_subscriptions"
    live.send(op="unsubscribe", id=2)
    live.send(op="subscribe", id=99, channel="queries")
    live.until(lambda f: f["op"] == "subscribed" and f["id"] == 99)


def test_messages_over_64_kib_and_binary_ones_end_the_connection(shared_server):
    for message, code in (("x" * 65537, 1009), (b"bytes", 1003)):
        with Live(shared_server.url) as live:
            live.socket.send(message)
            with pytest.raises(ConnectionClosed) as ended:
                live.until(lambda f: False)
            assert ended.value.rcvd.code == code


def test_fragmented_messages_are_put_together(live):
    live.socket.send(iter(['{"op":', '"ping"', "}"]))
    live.until(lambda f: f["op"] == "heartbeat")


def test_a_plain_request_is_told_to_upgrade(client):
    answer = client.http.get("/ws/dashboard")
    assert answer.status_code == 426 and answer.json()["code"] == "websocket_required"
    assert answer.headers["upgrade"] == "websocket"


def test_a_page_of_another_site_is_refused(shared_server):
    with pytest.raises(InvalidStatus) as refused:
        Live(shared_server.url, origin="https://evil.example")
    assert refused.value.response.status_code == 403
    with Live(shared_server.url, origin=shared_server.url) as own:
        own.until(lambda f: f["op"] == "hello")


def test_the_servers_stop_is_a_going_away(server):
    own = server()
    with Live(own.url) as live:
        live.subscribe("stats")
        own.process.terminate()
        with pytest.raises(ConnectionClosed) as ended:
            live.until(lambda f: False)
        assert ended.value.rcvd.code == 1001
