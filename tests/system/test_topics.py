# SPDX-License-Identifier: MIT
"""Topics: create, list, describe, change, delete; reading records back."""
import threading

import pytest
from deltalake import DeltaTable

from harness.client import Refused
from harness.server import wait_for


def test_create_describe_and_list(client, topic):
    client.create_topic(topic, partitions=3, durability="page_cache", segment_bytes="4MiB",
                        retention_ms="2d", retention_bytes="1GiB", flush_bytes="1MiB",
                        flush_rows=1000, flush_age_ms="30s", key="id", time="when",
                        partition_by=["kind"])
    info = client.topic(topic)
    assert info["name"] == topic and info["table"] == topic
    assert info["partitions"] == 3 and len(info["partition_list"]) == 3
    assert info["durability"] == "page_cache" and info["key"] == "id" and info["time"] == "when"
    assert info["partition_by"] == ["kind"]
    assert len(info["uuid"]) == 36
    assert topic in [t["name"] for t in client.topics()]


def test_creating_twice_is_409(client, topic):
    client.create_topic(topic)
    with pytest.raises(Refused) as refused:
        client.create_topic(topic)
    assert refused.value.status == 409


def test_names_whose_table_is_taken_are_refused(client, topic):
    client.create_topic(f"{topic}.a-b")
    for other in (f"{topic}_a_b", f"{topic.upper()}-A.B"):
        with pytest.raises(Refused) as refused:
            client.create_topic(other)
        assert refused.value.status == 409


@pytest.mark.parametrize("settings", [
    {"partitions": 0}, {"partitions": -1}, {"partitions": 100000}, {"partitions": "x"},
    {"durability": "maybe"}, {"segment_bytes": 1}, {"flush_age_ms": "soon"}, {"unknown_setting": 1},
    {"partition_by": "x", "nope": 1}, {"retention_bytes": True},
])
def test_bad_settings_are_refused_by_name(client, topic, settings):
    with pytest.raises(Refused) as refused:
        client.create_topic(topic, **settings)
    assert refused.value.status in (400, 422)
    assert topic not in [t["name"] for t in client.topics()]


def test_settings_change_and_outlive_a_restart(server, connect, topic):
    one = server()
    connect(one).create_topic(topic)
    connect(one).change_topic(topic, durability="page_cache", flush_rows=7)
    one.restart()
    info = connect(one).topic(topic)
    assert info["durability"] == "page_cache" and info["flush_rows"] == 7


@pytest.mark.parametrize("setting", [
    {"retention_ms": 2**63 - 1}, {"flush_age_ms": 2**63 - 1}, {"retention_ms": 2**62},
    {"partition_by": ["_date", "_date"]}, {"partition_by": ["n", "N"]}, {"partition_by": [""]},
    {"partition_by": ["x" * 5000]}, {"partition_by": ["a,b"]}, {"partition_by": ["_offset"]},
    {"key": "\0"}, {"time": "\0"}, {"key": "x" * 100000}])
def test_no_setting_keeps_the_server_from_starting_again(server, connect, setting):
    """What is taken is there after a restart; what is not is refused and leaves nothing behind."""
    one = server()
    client = connect(one)
    client.create_topic("old")
    answers = [client.http.post("/api/v1/topics", json={"name": "new", **setting}),
               client.http.patch("/api/v1/topics/old", json=setting)]
    assert {answer.status_code for answer in answers} <= {200, 201, 400}, answers[0].text
    before = [client.topic(t["name"]) for t in client.topics()]
    one.stop()
    client = connect(one.start())
    names = [topic["name"] for topic in client.topics()]
    assert names == [topic["name"] for topic in before]
    for topic in before:
        same = client.topic(topic["name"])
        assert [same[k] for k in setting] == [topic[k] for k in setting]
    client.send("new", [{"n": 1}])
    client.flush("new")
    assert client.health()["state"] == "ok"


def test_a_new_key_field_counts_from_then_on(client, topic):
    client.create_topic(topic, partitions=2)
    client.send(topic, [{"id": "a"}])
    client.change_topic(topic, key="id")
    client.send(topic, [{"id": "b"}])
    assert client.rows(f"SELECT id, _key FROM bronze.{topic} ORDER BY id") == \
        [("a", None), ("b", "b")]


def test_deleting_lands_and_keeps_the_table(server, connect, topic):
    one = server()
    client = connect(one)
    client.send(topic, [{"n": i} for i in range(100)])
    client.delete_topic(topic)
    with pytest.raises(Refused):
        client.topic(topic)
    assert not (one.data / "topics" / topic).exists()
    table = DeltaTable(str(one.data / "lake" / "bronze" / topic))
    assert table.to_pyarrow_table().num_rows == 100
    with pytest.raises(Refused) as refused:
        client.create_topic(topic)
    assert refused.value.status == 409
    client.create_topic(topic, params={"adopt": "true"})
    answer = client.send(topic, [{"n": 100 + i} for i in range(100)])
    largest = max(table.to_pyarrow_table()["_offset"].to_pylist())
    assert all(o["first"] > largest for o in answer["offsets"])
    assert client.rows(f"SELECT count(*), count(DISTINCT n) FROM bronze.{topic}") == [(200, 200)]
    client.flush(topic)
    assert client.rows(f"SELECT count(*), count(DISTINCT n) FROM bronze.{topic}") == [(200, 200)]


def test_what_is_acknowledged_while_a_topic_is_deleted_is_in_its_table(server, connect, topic):
    """Senders go on until they are refused; what they were told is stored is there."""
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=2)
    acked, refusals = [set() for _ in range(4)], set()

    def send(number):
        sender = connect(one)
        for batch in range(10000):
            ids = [f"{number}-{batch}-{i}" for i in range(20)]
            answer = sender.post(topic, b"".join(b'{"id":"%s"}\n' % i.encode() for i in ids))
            if answer.status_code in (404, 409):
                return
            if answer.status_code == 200:
                acked[number].update(ids)
            else:
                refusals.add((answer.status_code, answer.json()["code"]))

    senders = [threading.Thread(target=send, args=(i,)) for i in range(len(acked))]
    for sender in senders:
        sender.start()
    wait_for(lambda: all(acked), 20, "every sender to be at work")
    assert client.delete_topic(topic).json()["deleted"]
    for sender in senders:
        sender.join()
    stored = {row[0] for row in client.rows(f"SELECT id FROM {topic}")}
    assert set().union(*acked) <= stored
    assert refusals <= {(503, "topic_deleting")}


def test_deleting_with_drop_removes_the_table(server, connect, topic):
    one = server()
    client = connect(one)
    client.send(topic, [{"n": 1}])
    client.flush(topic)
    client.delete_topic(topic, drop="true")
    assert not (one.data / "lake" / "bronze" / topic).exists()
    client.send(topic, [{"n": 2}])
    assert client.rows(f"SELECT n FROM bronze.{topic}") == [(2,)]


def test_records_come_back_as_they_went_in(client, topic):
    client.create_topic(topic, partitions=1)
    events = [{"n": i, "text": "ü" * (i % 5)} for i in range(250)]
    for start in range(0, 250, 50):
        client.send(topic, events[start:start + 50])
    seen, offset = [], 0
    while True:
        page = client.records(topic, 0, offset, 70)
        if not page["records"]:
            break
        assert len(page["records"]) <= 70
        assert [r["offset"] for r in page["records"]] == \
            list(range(offset, offset + len(page["records"])))
        seen += page["records"]
        offset += len(page["records"])
    values = [r["value"] for r in seen]
    import json
    assert [v if isinstance(v, dict) else json.loads(v) for v in values] == events


def test_records_refuse_what_is_not_there(client, topic):
    client.create_topic(topic, partitions=1)
    client.send(topic, [{"n": 1}])
    assert client.records(topic, 0, 1)["records"] == []
    for partition, offset, limit in ((9, 0, 10), (-1, 0, 10), (0, -5, 10), (0, 0, 0)):
        with pytest.raises(Refused) as refused:
            client.records(topic, partition, offset, limit)
        assert refused.value.status // 100 == 4


def test_the_list_is_paged(client, topic):
    names = sorted(f"{topic}-page-{i}" for i in range(5))
    for name in names:
        client.create_topic(name)
    answer = client.http.get("/api/v1/topics", params={"limit": 2})
    assert answer.status_code == 200 and len(answer.json()["topics"]) == 2
