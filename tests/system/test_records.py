# SPDX-License-Identifier: MIT
"""Pages of a topic's records: in both orders, of one partition or all merged by time, from a time on,
with one key; every record once, with bounded work per page, and with its headers."""
import datetime
import random

import pytest

from harness.client import Refused, checked


def page(client, topic, **params):
    return checked(client.http.get(f"/api/v1/topics/{topic}/records", params=params)).json()


def walk(client, topic, **params):
    """All records page by page, as (partition, offset)."""
    seen, found = [], page(client, topic, **params)
    while True:
        seen += [(r["partition"], r["offset"]) for r in found["records"]]
        if found["next"] is None or (not found["records"] and "end" in found
                                     and found["next"] == found["end"]):
            return seen
        found = page(client, topic, after=found["next"], **params)


@pytest.fixture(scope="module")
def filled(shared_server):
    """A topic of 4 partitions with 3,000 events under 50 keys, and (partition, offset, key, time)
    of each, oldest first."""
    from harness.client import Client
    with Client(shared_server.url) as client:
        client.create_topic("browsed", partitions=4)
        draw = random.Random(7)
        for _ in range(60):
            client.send("browsed", [{"k": f"k{draw.randrange(50)}", "pad": "x" * draw.randrange(90)}
                                    for _ in range(50)], params={"key": "k"})
        records = []
        for p in range(4):
            records += client.records("browsed", p, 0, 10_000)["records"]
        assert len(records) == 3000
        records.sort(key=lambda r: (r["timestamp"], r["partition"], r["offset"]))
        yield [(r["partition"], r["offset"], r["key"], r["timestamp"]) for r in records]


@pytest.mark.parametrize("limit", [1, 7, 100, 10_000])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_all_partitions_merge_by_time(client, filled, order, limit):
    if limit == 1:
        found = page(client, "browsed", order=order, limit=1)["records"]
        want = filled[0] if order == "asc" else filled[-1]
        assert [(r["partition"], r["offset"]) for r in found] == [want[:2]]
        return
    want = [r[:2] for r in filled]
    assert walk(client, "browsed", order=order, limit=limit) == \
        (want if order == "asc" else want[::-1])


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_one_partition_in_both_orders(client, filled, order):
    want = [r[:2] for r in filled if r[0] == 2]
    if order == "desc":
        want.reverse()
    assert walk(client, "browsed", order=order, partition=2, limit=61) == want
    first = page(client, "browsed", order=order, partition=2, offset=100, limit=3)
    assert [r["offset"] for r in first["records"]] == \
        ([100, 101, 102] if order == "asc" else [100, 99, 98])


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("partition", [None, 1])
def test_only_one_key(client, filled, order, partition):
    params = {} if partition is None else {"partition": partition}
    for key in ("k3", "k44", "nobody"):
        want = [r[:2] for r in filled if r[2] == key and partition in (None, r[0])]
        found = walk(client, "browsed", order=order, key=key, limit=9, **params)
        assert found == (want if order == "asc" else want[::-1])


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_from_a_time_on(client, filled, order):
    for index in (0, 1, 700, 1500, 2999):
        time = filled[index][3]
        millis = int(datetime.datetime.fromisoformat(time).timestamp() * 1000)
        if order == "asc":
            want = [r[:2] for r in filled if r[3] >= time]
        else:
            want = [r[:2] for r in filled if r[3] < time][::-1]
        assert walk(client, "browsed", order=order, time=time, limit=400) == want
        assert walk(client, "browsed", order=order, time=millis, limit=10_000) == want
    assert walk(client, "browsed", time="2999-01-01T00:00:00Z") == []


def test_work_per_page_is_bounded_and_the_answer_says_how_far_it_got(client, topic):
    client.create_topic(topic, partitions=2)
    for _ in range(12):
        client.send(topic, [{"k": "no", "pad": "x" * 10_000} for _ in range(200)],
                    params={"key": "k"})
    client.send(topic, [{"k": "yes"}], params={"key": "k"})
    for order in ("asc", "desc"):
        pages, found = [], page(client, topic, order=order, key="yes", limit=10)
        while True:
            pages.append(found)
            assert found["scanned"] <= 12 << 20
            if found["next"] is None:
                break
            found = page(client, topic, order=order, key="yes", limit=10, after=found["next"])
        assert len(pages) > 2
        assert sum(len(p["records"]) for p in pages) == 1
        assert sum(p["scanned"] for p in pages) < 60 << 20


def test_what_comes_later_is_on_later_pages(client, topic):
    client.create_topic(topic, partitions=3)
    client.send(topic, [{"n": i, "k": str(i)} for i in range(30)], params={"key": "k"})
    first = page(client, topic, limit=10)
    client.send(topic, [{"n": i, "k": str(i)} for i in range(30, 40)], params={"key": "k"})
    seen = [r["value"]["n"] for r in first["records"]]
    while first["next"] is not None:
        first = page(client, topic, limit=10, after=first["next"])
        seen += [r["value"]["n"] for r in first["records"]]
    assert sorted(seen) == list(range(40))
    newest = page(client, topic, order="desc", limit=10)
    client.send(topic, [{"n": 99}])
    client.change_topic(topic, partitions=5)
    rest = walk(client, topic, order="desc", limit=10, after=newest["next"]) \
        if newest["next"] is None else []
    assert not rest
    seen = [r["value"]["n"] for r in newest["records"]]
    while newest["next"] is not None:
        newest = page(client, topic, order="desc", limit=10, after=newest["next"])
        seen += [r["value"]["n"] for r in newest["records"]]
    assert sorted(seen) == list(range(40))


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_only_records_that_hold_a_text(client, topic, order):
    client.create_topic(topic, partitions=2)
    client.send(topic, [{"n": i, "who": "Ada" if i % 7 == 0 else "grace"} for i in range(100)])
    found = page(client, topic, order=order, q="ADA")["records"]
    assert sorted(r["value"]["n"] for r in found) == list(range(0, 100, 7))
    assert page(client, topic, order=order, q="nobody")["records"] == []
    with pytest.raises(Refused):
        page(client, topic, q="x" * 1025)


def test_long_values_can_be_cut(client, topic):
    client.create_topic(topic, partitions=1)
    client.send(topic, [{"text": "ä" * 1000}, {"n": 1}])
    cut, whole = page(client, topic, value_bytes=101)["records"]
    assert cut["truncated"] and cut["bytes"] == 2012
    assert cut["value"] == '{"text": "' + "ä" * 45
    assert whole["value"] == {"n": 1} and "truncated" not in whole
    assert page(client, topic)["records"][0]["value"] == {"text": "ä" * 1000}


def test_headers_are_shown(client, topic):
    client.create_topic(topic, partitions=1)
    client.post(topic, b'{"n":1}\nnonsense\n', params={"format": "ndjson", "on_bad": "dead"})
    good, dead = page(client, topic)["records"]
    assert "headers" not in good
    assert dead["headers"]["tarn-dead"].startswith("invalid_json\n")


@pytest.mark.parametrize("params", [
    {"order": "down"}, {"time": "yesterday"}, {"time": "-5"}, {"after": "x"}, {"after": "1.2.3.4.5"},
    {"offset": 1, "time": 0}, {"limit": 10_001}, {"partition": 4}])
def test_what_makes_no_sense_is_refused(client, filled, params):
    with pytest.raises(Refused) as refused:
        page(client, "browsed", **params)
    assert refused.value.status in (400, 404)


def test_too_many_partitions_are_not_merged(client, topic):
    client.create_topic(topic, partitions=33)
    with pytest.raises(Refused) as refused:
        page(client, topic)
    assert refused.value.code == "too_many_partitions"
    assert page(client, topic, partition=32)["records"] == []
