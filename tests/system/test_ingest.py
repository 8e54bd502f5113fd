# SPDX-License-Identifier: MIT
"""Events in over HTTP: formats, encodings, rejects, keys, atomic requests, idempotent retries."""
import gzip
import json
import threading
import time

import pyarrow as pa
import pytest

from harness.batches import partition_for_key
from harness.client import Refused, ndjson
from harness.server import wait_for

EVENTS = [{"n": i, "name": f"event {i}", "ok": i % 2 == 0} for i in range(25)]


def stored(client, topic):
    return client.rows(f"SELECT n, name, ok FROM bronze.{topic} ORDER BY n")


def want(events):
    return [(e["n"], e["name"], e["ok"]) for e in events]


def offsets_count(answer):
    return sum(o["next"] - o["first"] for o in answer["offsets"])


def test_one_object_is_one_event(client, topic):
    answer = client.post(topic, b'{"n":1,"name":"one","ok":true}',
                         content_type="application/json")
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 1 and offsets_count(answer.json()) == 1
    assert stored(client, topic) == [(1, "one", True)]


def test_one_object_may_span_lines(client, topic):
    body = json.dumps(EVENTS[3], indent=4).encode()
    assert client.post(topic, body, content_type="application/json").json()["accepted"] == 1
    assert stored(client, topic) == want(EVENTS[3:4])


def test_an_array_is_its_elements(client, topic):
    answer = client.post(topic, json.dumps(EVENTS, indent=1).encode(),
                         content_type="application/json").json()
    assert answer["accepted"] == 25 and answer["rejected"] == []
    assert answer["rejected_count"] == 0
    assert stored(client, topic) == want(EVENTS)


@pytest.mark.parametrize("body", [
    ndjson(EVENTS),
    ndjson(EVENTS)[:-1],
    ndjson(EVENTS).replace(b"\n", b"\r\n"),
    b"\n\n" + ndjson(EVENTS).replace(b"\n", b"\n\n"),
], ids=["plain", "no-last-newline", "crlf", "blank-lines"])
def test_each_line_is_an_event(client, topic, body):
    assert client.post(topic, body).json()["accepted"] == 25
    assert stored(client, topic) == want(EVENTS)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_compressed_bodies(client, topic, encoding):
    body = ndjson(EVENTS)
    packed = gzip.compress(body) if encoding == "gzip" else pa.compress(
        body, codec="zstd", asbytes=True)
    assert client.post(topic, packed, encoding=encoding).json()["accepted"] == 25
    assert stored(client, topic) == want(EVENTS)


def test_gzip_of_several_members_is_one_body(client, topic):
    body = gzip.compress(ndjson(EVENTS[:10])) + gzip.compress(ndjson(EVENTS[10:]))
    assert client.post(topic, body, encoding="gzip").json()["accepted"] == 25


def test_a_chunked_body_cut_anywhere_is_the_same(client, topic):
    body = ndjson(EVENTS)
    pieces = (body[i:i + 7] for i in range(0, len(body), 7))
    assert client.post(topic, pieces).json()["accepted"] == 25
    assert stored(client, topic) == want(EVENTS)


def test_rejects_name_index_line_and_reason(client, topic):
    lines = [b'{"n":0,"name":"a","ok":true}', b"", b"not json", b"[1,2]", b"17",
             b'{"n":1,"name":"b","ok":false}', b'{"n":2,"name":"\xff"}', b'{"n":']
    answer = client.post(topic, b"\n".join(lines))
    assert answer.status_code == 200
    body = answer.json()
    assert body["accepted"] == 2 and body["rejected_count"] == 5
    found = {r["index"]: (r["line"], r["code"]) for r in body["rejected"]}
    assert found == {1: (3, "invalid_json"), 2: (4, "not_an_object"), 3: (5, "not_an_object"),
                     5: (7, "invalid_utf8"), 6: (8, "invalid_json")} or \
        found == {1: (3, "invalid_json"), 2: (4, "not_an_object"), 3: (5, "not_an_object"),
                  5: (7, "invalid_utf8"), 6: (8, "truncated")}
    assert all(r["detail"] for r in body["rejected"])
    assert offsets_count(body) == 2
    assert [r[0] for r in stored(client, topic)] == [0, 1]


def test_a_request_without_any_good_event_is_400_with_the_same_members(client, topic):
    answer = client.post(topic, b"nope\n[]\n")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = answer.json()
    assert body["accepted"] == 0 and body["rejected_count"] == 2 and body["offsets"] == []
    assert body["code"] and body["detail"] and body["status"] == 400


def test_rejects_are_listed_up_to_a_thousand_then_counted(client, topic):
    body = client.post(topic, b"nope\n" * 1500 + b'{"n":1}\n').json()
    assert body["accepted"] == 1 and body["rejected_count"] == 1500
    assert len(body["rejected"]) == 1000


def test_atomic_stores_all_or_nothing(client, topic):
    bad = client.post(topic, ndjson(EVENTS) + b"nope\n", params={"atomic": "true"})
    assert bad.status_code == 400
    assert bad.json()["accepted"] == 0 and bad.json()["rejected_count"] == 1
    good = client.post(topic, ndjson(EVENTS), params={"atomic": "true"})
    assert good.status_code == 200 and good.json()["accepted"] == 25
    assert stored(client, topic) == want(EVENTS)


def test_keys_go_where_kafkas_partitioner_puts_them(client, topic):
    client.create_topic(topic, partitions=7)
    keys = [f"customer-{i}" for i in range(60)] + ["", "ü", "a" * 100]
    client.send(topic, [{"k": k, "n": i} for i, k in enumerate(keys)], params={"key": "k"})
    rows = client.rows(f"SELECT k, _partition, _key FROM bronze.{topic}")
    assert len(rows) == len(keys)
    for key, partition, stored_key in rows:
        if key:
            assert partition == partition_for_key(key.encode(), 7), key
            assert stored_key == key


def test_numbers_are_keys_as_they_are_written(client, topic):
    client.create_topic(topic, partitions=5, key="id")
    client.send(topic, [{"id": i} for i in range(40)])
    for number, partition in client.rows(f"SELECT id, _partition FROM bronze.{topic}"):
        assert partition == partition_for_key(str(number).encode(), 5)


def test_events_of_one_key_keep_their_order(client, topic):
    client.send(topic, [{"k": f"k{i % 5}", "n": i} for i in range(500)], params={"key": "k"})
    rows = client.rows(f"SELECT k, n FROM bronze.{topic} ORDER BY _partition, _offset")
    for key in range(5):
        numbers = [n for k, n in rows if k == f"k{key}"]
        assert numbers == sorted(numbers) and len(numbers) == 100


def test_keyless_batches_use_every_partition(client, topic):
    for i in range(40):
        client.send(topic, [{"n": i}])
    used = client.rows(f"SELECT DISTINCT _partition FROM bronze.{topic}")
    assert len(used) >= 2


def test_offsets_in_the_answer_are_where_the_events_are(client, topic):
    client.create_topic(topic, partitions=3)
    answer = client.send(topic, [{"k": f"{i}"} for i in range(100)], params={"key": "k"})
    promised = {(o["partition"], n) for o in answer["offsets"]
                for n in range(o["first"], o["next"])}
    assert promised == set(client.rows(f"SELECT _partition, _offset FROM bronze.{topic}"))


# idempotency


def test_a_repeated_request_gets_the_first_offsets_and_appends_nothing(client, topic):
    client.create_topic(topic, partitions=3)
    body = ndjson([{"k": f"{i}", "n": i} for i in range(100)])
    first = client.post(topic, body, idempotency_key="a", params={"key": "k"}).json()
    second = client.post(topic, body, idempotency_key="a", params={"key": "k"})
    assert second.status_code == 200 and second.json()["offsets"] == first["offsets"]
    assert second.json()["accepted"] == 100
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 100


def test_a_repeated_request_reports_the_same_rejects(client, topic):
    body = ndjson(EVENTS) + b"nope\n"
    first = client.post(topic, body, idempotency_key="r").json()
    second = client.post(topic, body, idempotency_key="r").json()
    assert second["accepted"] == first["accepted"] == 25
    assert second["rejected_count"] == 1


def test_a_key_with_another_body_is_422(client, topic):
    assert client.post(topic, ndjson(EVENTS), idempotency_key="b").status_code == 200
    answer = client.post(topic, ndjson(EVENTS[:5]), idempotency_key="b")
    assert answer.status_code == 422
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 25


def test_a_key_in_flight_is_409(shared_server, connect, client, topic):
    client.create_topic(topic)
    sent, go_on = threading.Event(), threading.Event()

    def slow_body():
        yield ndjson(EVENTS[:5])
        sent.set()
        go_on.wait(10)
        yield ndjson(EVENTS[5:])

    other, answers = connect(shared_server), []
    other.topic(topic)  # its connection is known to the server before the slow request
    sender = threading.Thread(target=lambda: answers.append(
        other.post(topic, slow_body(), idempotency_key="c")))
    sender.start()
    try:
        assert sent.wait(10)
        statuses = set()
        for _ in range(50):
            statuses.add(client.post(topic, ndjson(EVENTS), idempotency_key="c").status_code)
            if 409 in statuses:
                break
        assert 409 in statuses
    finally:
        go_on.set()
        sender.join(10)
    assert answers[0].status_code in (200, 409, 422)


def test_a_retry_after_a_kill_appends_nothing_twice(server, connect, topic):
    one = server()
    body = ndjson([{"k": f"{i}", "n": i} for i in range(300)])
    first = connect(one).post(topic, body, idempotency_key="d", params={"key": "k"}).json()
    one.kill()
    one.start()
    client = connect(one)
    second = client.post(topic, body, idempotency_key="d", params={"key": "k"})
    assert second.status_code == 200 and second.json()["offsets"] == first["offsets"]
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 300


def test_a_retry_after_a_kill_halfway_appends_just_what_is_missing(server, connect, topic):
    one = server()
    connect(one).create_topic(topic, partitions=2)
    events = [{"k": f"{i % 9}", "n": i, "pad": "x" * 900} for i in range(4000)]
    body = ndjson(events)
    sent = threading.Event()

    def half():
        yield body[:len(body) * 3 // 5]
        sent.set()
        threading.Event().wait(3)
        yield b""

    import httpx

    def attempt(client):
        try:
            client.post(topic, half(), idempotency_key="h", params={"key": "k"})
        except httpx.TransportError:
            pass

    client = connect(one)
    sender = threading.Thread(target=attempt, args=(client,))
    sender.start()
    assert sent.wait(10)
    other = connect(one)
    wait_for(lambda: other.value(f"SELECT count(*) FROM bronze.{topic}") > 0, 10,
             "the first part of the body")
    one.kill()
    sender.join(10)
    one.start()
    client = connect(one)
    answer = client.post(topic, body, idempotency_key="h", params={"key": "k"})
    assert answer.status_code == 200 and answer.json()["accepted"] == 4000
    rows = client.rows(f"SELECT n FROM bronze.{topic} ORDER BY n", limit=10000)
    assert [r[0] for r in rows] == list(range(4000))
    again = client.post(topic, body, idempotency_key="h", params={"key": "k"}).json()
    assert again["offsets"] == answer.json()["offsets"]


def in_two_halves(connect, server, topic, first, second, between, **options):
    """The answer to a request whose topic is changed by between() amid its body."""
    sent, go_on = threading.Event(), threading.Event()

    def body():
        yield first
        sent.set()
        go_on.wait(20)
        yield second

    other, answers = connect(server), []
    other.topic(topic)  # its connection is known to the server before the slow request
    sender = threading.Thread(target=lambda: answers.append(other.post(topic, body(), **options)))
    sender.start()
    try:
        assert sent.wait(10)
        time.sleep(0.3)  # the first half is on its way; nothing tells when it is taken
        between()
    finally:
        go_on.set()
        sender.join(20)
    return answers[0]


@pytest.mark.parametrize("params", [{}, {"key": "n"}], ids=["keyless", "keyed"])
def test_partitions_may_become_more_during_a_request(shared_server, connect, client, topic,
                                                     params):
    """A request goes on with the partitions that there were when it began."""
    client.create_topic(topic, partitions=2)
    answer = in_two_halves(connect, shared_server, topic, ndjson(EVENTS[:5]), ndjson(EVENTS[5:]),
                           lambda: client.change_topic(topic, partitions=64), params=params)
    assert answer.status_code == 200 and answer.json()["accepted"] == 25
    assert {o["partition"] for o in answer.json()["offsets"]} <= {0, 1}
    assert stored(client, topic) == want(EVENTS)


def test_a_topic_deleted_and_made_again_during_a_request_takes_none_of_it(
        shared_server, connect, client, topic):
    """A request is for the topic of its beginning, not for a later one of the same name."""
    client.create_topic(topic, partitions=2)

    def again():
        for _ in range(8):  # one of them may get the place in memory of the first
            client.delete_topic(topic)
            client.create_topic(topic, partitions=2)

    answer = in_two_halves(connect, shared_server, topic, ndjson(EVENTS[:5]), ndjson(EVENTS[5:]),
                           again)
    assert answer.status_code == 404
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 0


# other


def test_a_topic_is_made_on_first_use_unless_switched_off(server, connect, topic):
    one = server(args=["--auto-create", "false"])
    client = connect(one)
    answer = client.post(topic, ndjson(EVENTS))
    assert answer.status_code == 404
    client.create_topic(topic)
    client.send(topic, EVENTS)


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a b", "ü", "x" * 250, "", "%00", "a%2fb",
                                  "a\\b", "foo__dead"])
def test_bad_topic_names_are_refused(client, name):
    from urllib.parse import quote
    path = f"/api/v1/topics/{quote(name, safe='%')}/events"
    answer = client.http.post(path, content=b"{}", headers={"Content-Type": "application/json"})
    assert answer.status_code // 100 == 4, answer.text


def test_unicode_and_escapes_survive(client, topic):
    text = "ärger 🏔 \u0001 \" \\ \t 漢字"
    client.send(topic, [{"t": text}])
    assert client.value(f"SELECT t FROM bronze.{topic}") == text


def test_a_large_streamed_body_is_all_there(client, topic):
    def body():
        for block in range(40):
            yield ndjson([{"n": block * 2500 + i, "pad": "y" * 60} for i in range(2500)])

    answer = client.post(topic, body()).json()
    assert answer["accepted"] == 100_000 and offsets_count(answer) == 100_000
    assert client.rows(f"SELECT count(*), count(DISTINCT n), max(n) FROM bronze.{topic}") == \
        [(100_000, 100_000, 99_999)]


def test_an_unknown_content_encoding_is_415(client, topic):
    assert client.post(topic, b"{}", encoding="br").status_code == 415


def test_an_unknown_topic_is_404(client, topic):
    with pytest.raises(Refused) as refused:
        client.records(topic)
    assert refused.value.status == 404 and refused.value.code
