# SPDX-License-Identifier: MIT
"""Event time: which field, which notations, and what _date is where a time is missing or absurd."""
import datetime
import time

import pytest


def only(client, topic, sql):
    """One row, the same hot and landed."""
    hot = client.rows(sql)
    client.flush(topic)
    assert client.rows(sql) == hot and len(hot) == 1
    return hot[0]


@pytest.mark.parametrize("value,want", [
    ("2026-10-03T04:05:06Z", "2026-10-03 04:05:06"),
    ("2026-10-03T04:05:06.789+02:00", "2026-10-03 02:05:06.789"),
    ("2026-10-03T04:05:06", "2026-10-03 04:05:06"),
    ("2026-10-03 04:05:06", "2026-10-03 04:05:06"),
    (1790000000, "2026-09-21 14:13:20"),
    (1790000000123, "2026-09-21 14:13:20.123"),
    (1790000000123456, "2026-09-21 14:13:20.123456"),
    (1790000000.5, "2026-09-21 14:13:20.5"),
])
def test_notations(client, topic, value, want):
    client.send(topic, [{"timestamp": value}])
    when, date = only(client, topic, f"SELECT strftime(_time, '%Y-%m-%d %H:%M:%S.%f'), "
                                     f"_date::VARCHAR FROM bronze.{topic}")
    assert datetime.datetime.fromisoformat(when) == datetime.datetime.fromisoformat(want)
    assert date == want[:10]


@pytest.mark.parametrize("field", ["timestamp", "@timestamp", "time", "ts", "event_time"])
def test_well_known_fields(client, topic, field):
    client.send(topic, [{field: "2026-10-03T04:05:06Z"}])
    assert only(client, topic, f"SELECT epoch_ms(_time) FROM bronze.{topic}") == (1791000306000,)


def test_the_first_field_that_parses_counts(client, topic):
    client.send(topic, [{"event_time": "2026-10-01T00:00:00Z", "ts": "2026-10-02T00:00:00Z",
                         "timestamp": "not a time"}])
    assert only(client, topic, f"SELECT _date::VARCHAR FROM bronze.{topic}") == ("2026-10-02",)


def test_a_declared_field_is_the_only_one(client, topic):
    client.create_topic(topic, time="when")
    client.send(topic, [{"timestamp": "2026-10-01T00:00:00Z", "when": "2026-10-05T00:00:00Z"}])
    assert only(client, topic, f"SELECT _date::VARCHAR FROM bronze.{topic}") == ("2026-10-05",)


@pytest.mark.parametrize("event", [{"a": 1}, {"timestamp": None}, {"timestamp": "soon"},
                                   {"timestamp": {"x": 1}}, {"timestamp": True}])
def test_without_a_time_it_is_the_append_time(client, topic, event):
    before = time.time() * 1000 - 1000
    client.send(topic, [event])
    same, when = only(client, topic, f"SELECT _time = _timestamp, epoch_ms(_timestamp) "
                                     f"FROM bronze.{topic}")
    assert same is True and before <= when <= time.time() * 1000 + 1000


@pytest.mark.parametrize("value", ["1969-12-31T23:59:59Z", "2999-01-01T00:00:00Z", -5])
def test_absurd_times_do_not_make_absurd_dates(client, topic, value):
    client.send(topic, [{"timestamp": value}])
    assert only(client, topic,
                f"SELECT _date = (_timestamp AT TIME ZONE 'UTC')::DATE FROM bronze.{topic}") == \
        (True,)


def test_many_dates_in_one_batch_get_one_file_each(shared_server, client, topic):
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(n) for n in range(400)]
    client.create_topic(topic, partitions=1, flush_age_ms="1h")
    client.send(topic, [{"timestamp": f"{d}T0{i}:00:00Z", "i": i} for i in range(3) for d in days])
    client.flush(topic)
    folder = shared_server.data / "lake" / "bronze" / topic
    files = [p for p in folder.glob("*/*.parquet") if not p.parent.name.startswith("_")]
    assert len(files) == 400
    assert client.rows(f"SELECT count(*), count(DISTINCT _date) FROM bronze.{topic}") == \
        [(1200, 400)]
