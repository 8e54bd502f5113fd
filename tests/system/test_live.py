# SPDX-License-Identifier: MIT
"""The console's WebSocket: frames as documented, filters, bounds, and an end that says why."""
import json
import os
import socket
import time
from contextlib import ExitStack

import httpx
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


def test_of_large_events_the_newest_come_first(live, client, topic):
    """What a subscription begins with fits into one frame: the oldest are left out, none between."""
    for first in range(0, 200, 50):
        client.send(topic, [{"n": n, "pad": "x" * 15000} for n in range(first, first + 50)])
    got = live.data(live.subscribe("events", topics=[topic], last=100))
    numbers = [e["value"]["n"] for e in got["events"]]
    assert numbers == list(range(200 - len(numbers), 200)) and 10 < len(numbers) < 100, numbers


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


def test_types_are_counted_by_second(live, client, topic):
    sub = live.subscribe("types", topic=topic)
    live.data(sub)
    client.send(topic, [{"event": ["view", "view", "buy"][i % 3]} for i in range(300)] +
                [{"n": 1}])
    sums = {}

    def all_counted(data):
        for name, column in data["counts"].items():
            assert len(column) == len(data["t"])
            sums[name] = sums.get(name, 0) + sum(column)
        return sum(sums.values()) >= 301

    assert live.data(sub, all_counted)["sampled"] == 1
    assert sums == {"view": 200, "buy": 100, "other": 1}
    again = live.data(live.subscribe("types", topic=topic))
    assert sum(again["counts"]["view"]) == 200, "the last 15 minutes come first"
    by_field = live.subscribe("types", topic=topic, field="n")
    live.data(by_field)


def stream(url, seconds=15, headers=None, **params):
    """Yields (event, id, data) of the server-sent events."""
    headers = {"accept": "text/event-stream"} | (headers or {})
    with httpx.stream("GET", f"{url}/api/v1/analytics/realtime", params=params, headers=headers,
                      timeout=seconds, trust_env=False) as answer:
        assert answer.status_code == 200, answer.read()
        kind = number = None
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "id":
                number = int(value)
            elif name == "data":
                yield kind, number, json.loads(value)


def test_server_sent_events_carry_the_same_frames(shared_server, client, topic):
    client.send(topic, [{"type": "a"}, {"type": "b"}])
    seen = []
    for kind, number, frame in stream(shared_server.url, channels="stats,events", topic=topic,
                                      type="b"):
        assert frame["op"] == kind and frame["seq"] == number
        seen.append(frame)
        if kind == "data" and frame["channel"] == "events":
            break
    assert [f["op"] for f in seen[:2]] == ["hello", "subscribed"] and "resync" not in seen[0]
    assert [e["value"]["type"] for e in seen[-1]["data"]["events"]] == ["b"]
    back = next(stream(shared_server.url, headers={"last-event-id": "7"}))
    assert back[2]["op"] == "hello" and back[2]["resync"] is True


@pytest.mark.parametrize("query", ["channels=nope", "channels=stats&last=x", "colour=red",
                                   "channels=events&rate_max=0"])
def test_a_stream_with_wrong_parameters_is_400(client, query):
    answer = client.http.get(f"/api/v1/analytics/realtime?{query}",
                             headers={"accept": "text/event-stream"})
    assert answer.status_code == 400 and answer.json()["code"] == "bad_query"


def test_the_last_minute_as_one_answer(live, client, topic):
    sub = live.subscribe("types")
    live.data(sub)
    client.send(topic, [{"type": "seen-once"}] * 7)
    live.data(sub, lambda d: sum(d["counts"].get("seen-once", [0])) == 7)
    answer = client.http.get("/api/v1/analytics/realtime?seconds=120").json()
    assert answer["window_seconds"] == 120 and answer["totals"]["events_in"] >= 7
    assert answer["by_topic"][topic] == 7 and answer["by_type"]["seen-once"] == 7
    assert len(answer["stats"]["t"]) == len(answer["stats"]["events_in"]) <= 120


def test_history_has_one_value_a_bucket(client):
    for metric in ("events", "ack_p99_ms", "lag_events"):
        answer = client.http.get("/api/v1/analytics/historical",
                                 params={"metric": metric, "days": 2}).json()
        assert answer["source"] == "history" and answer["bucket_seconds"] == 300
        assert len(answer["t"]) == len(answer["values"]) == 577
    for query in ("metric=nope", "days=36", "bucket=1m&days=8", "metric=bytes&topic=a"):
        assert client.http.get(f"/api/v1/analytics/historical?{query}").status_code == 400


def test_events_by_type_are_counted_in_the_table(client, topic):
    client.send(topic, [{"kind": "a" if i % 4 else "b"} for i in range(40)])
    client.flush(topic)
    client.send(topic, [{"kind": "a"}] * 5)
    answer = client.http.get("/api/v1/analytics/historical",
                             params={"metric": "events_by_type", "topic": topic, "days": 1})
    assert answer.status_code == 200, answer.text
    series = answer.json()["series"]
    assert {name: sum(column) for name, column in series.items()} == {"a": 35, "b": 10}
    assert {len(column) for column in series.values()} == {len(answer.json()["t"])}


def test_a_client_that_does_not_read_is_told_what_it_missed(shared_server, client, topic):
    client.create_topic(topic)
    with Live(shared_server.url) as slow, Live(shared_server.url) as quick:
        subs = [one.subscribe("events", topics=[topic], rate_max=1000, last=0)
                for one in (slow, quick)]
        total = 0
        quick.data(subs[1])
        # The client library reads ahead a little; then the socket, then the server's buffer fill.
        for _ in range(60):
            client.send(topic, [{"pad": "x" * 15000}] * 40)
            total += 40
            quick.data(subs[1], lambda d: d["seen"] > 0)
        dropped = slow.until(lambda f: f["op"] == "dropped", 30)
        assert dropped["id"] == subs[0] and dropped["reason"] == "slow_client"
        assert 0 < dropped["count"] < total
    assert client.health()["state"] == "ok"


def test_twelve_clients_and_then_two_hundred(shared_server, client, topic):
    client.send(topic, [{"n": 0}])
    with ExitStack() as stack:
        clients = [stack.enter_context(Live(shared_server.url)) for _ in range(12)]
        for one in clients:
            for channel in ("stats", "types", "events", "health", "queries", "producers",
                            "imports"):
                one.data(one.subscribe(channel))
        clients += [stack.enter_context(Live(shared_server.url)) for _ in range(188)]
        subs = [one.subscribe("events", topics=[topic], last=0) for one in clients]
        for one, sub in zip(clients, subs):
            one.data(sub)
        client.send(topic, [{"n": 1}, {"n": 2}])
        for one, sub in zip(clients, subs):
            got = one.data(sub, lambda d: d["events"])["events"]
            assert sorted(e["value"]["n"] for e in got) == [1, 2]


def test_more_clients_than_places_are_answered_429(server):
    own = server()
    with ExitStack() as stack:
        for _ in range(256):
            stack.enter_context(Live(own.url))
        with pytest.raises(InvalidStatus) as refused:
            Live(own.url)
        assert refused.value.response.status_code == 429
        assert int(refused.value.response.headers["retry-after"]) > 0
    with Live(own.url) as live:
        live.subscribe("stats")


def test_the_token_is_asked_for(server, tmp_path):
    secret = tmp_path / "token"
    secret.write_text("a-token-of-24-characters\n")
    own = server(args=["--token-file", str(secret)])
    with pytest.raises(InvalidStatus) as refused:
        Live(own.url)
    assert refused.value.response.status_code == 401
    headers = {"authorization": "Bearer a-token-of-24-characters"}
    with Live(own.url, additional_headers=headers) as live:
        live.subscribe("stats")
    signed_in = httpx.post(f"{own.url}/api/v1/session", trust_env=False,
                           json={"token": "a-token-of-24-characters"})
    cookie = signed_in.headers["set-cookie"].split(";")[0]
    with pytest.raises(InvalidStatus) as refused:
        Live(own.url, additional_headers={"cookie": cookie})
    assert refused.value.response.status_code == 403, "a cookie alone, without a page of our own"
    with Live(own.url, additional_headers={"cookie": cookie}, origin=own.url) as live:
        live.subscribe("stats")


def raw(url, data):
    """Sends bytes after a handshake by hand; what came back until the server closed."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 10) as s:
        s.sendall((f"GET /ws/dashboard HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive, Upgrade"
                   "\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode() + data)
        got = b""
        while piece := s.recv(65536):
            got += piece
    head, _, frames = got.partition(b"\r\n\r\n")
    assert b"101" in head and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    return frames


@pytest.mark.parametrize("name,data,code", [
    ("unmasked", b"\x81\x02{}", 1002),
    ("reserved bit", b"\xc1\x82\0\0\0\0{}", 1002),
    ("unknown opcode", b"\x83\x82\0\0\0\0{}", 1002),
    ("continuation of nothing", b"\x80\x82\0\0\0\0{}", 1002),
    ("fragmented ping", b"\x09\x82\0\0\0\0{}", 1002),
    ("long ping", b"\x89\xfe\x00\x7e\0\0\0\0" + b"x" * 126, 1002),
    ("no UTF-8", b"\x81\x82\0\0\0\0\xc3\x28", 1007),
    ("endless", b"\x81\xff\0\0\0\xff\0\0\0\0\0\0\0\0x", 1009),
    ("crumbs", b"\x01\x81\0\0\0\0{" + b"\x00\x81\0\0\0\0 " * 1100, 1009),
    ("close", b"\x88\x82\0\0\0\0\x03\xe8", 1000),
    ("bad close code", b"\x88\x82\0\0\0\0\x00\x01", 1002),
])
def test_bad_frames_end_with_the_codes_of_the_rfc(shared_server, name, data, code):
    frames = raw(shared_server.url, data)
    assert frames[-4:-2] == b"\x88\x02" or b"\x88" in frames
    at = frames.rindex(b"\x88")
    assert int.from_bytes(frames[at + 2:at + 4], "big") == code, (name, frames[at:])


def test_memory_is_that_of_all_processes(live, shared_server):
    """The query process, which cannot look at itself behind its walls, is in the sum too."""
    sub = live.subscribe("stats")

    def is_whole(data):
        if not data["memory_bytes"]:
            return False
        health = httpx.get(shared_server.url + "/api/v1/health").json()
        parts = [p for p in health["processes"] if p["role"] in ("front", "writer", "query")]
        assert len(parts) == 3 and all(p["pss_bytes"] > 0 for p in parts), parts
        # What they share counts in parts, and is looked at at different times.
        largest = max(p["pss_bytes"] for p in parts)
        return data["memory_bytes"][-1] > sum(p["pss_bytes"] for p in parts) - largest / 2

    live.data(sub, is_whole)


def test_pings_are_answered(live):
    assert live.socket.ping(b"are you there").wait(10)


def test_health_is_told_of_files_whose_names_are_no_text(server, tmp_path):
    """A reason that names a path which is not UTF-8 reaches who watches; nothing else does less."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    (folder / "meta").mkdir(parents=True)
    (folder / "meta" / "tarn.db").write_bytes(b"no database at all" * 500)
    own = server(data=folder)
    with Live(own.url) as live:
        parts = {c["component"]: c for c in live.data(live.subscribe("health"))["components"]}
    assert parts["meta"]["state"] == "degraded" and "caf?" in parts["meta"]["reason"]
    assert "caf?" in parts["meta"]["last_error"]


def test_head_of_a_stream_is_its_head(shared_server):
    answer = httpx.head(shared_server.url + "/api/v1/analytics/realtime",
                        headers={"accept": "text/event-stream"}, timeout=20)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")


def test_health_says_since_when_and_what_was_wrong_last(server):
    own = server()
    with Live(own.url) as live:
        sub = live.subscribe("health")
        parts = {c["component"]: c for c in live.data(sub)["components"]}
        assert list(parts) == ["ingest", "log", "writer", "query", "meta", "producers", "imports",
                               "disk", "memory"]
        for part in parts.values():
            assert part["since"] and part["link"].startswith("/"), part
        own.kill("query")

        def told(data):
            query = next(c for c in data["components"] if c["component"] == "query")
            return query["last_error"] and query["last_error_at"]

        live.data(sub, told)
