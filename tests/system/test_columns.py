# SPDX-License-Identifier: MIT
"""Columns: inferred, grown, kept; what does not fit goes to _rescued; hot and landed agree."""
import json

import pytest

SYSTEM = ["_time", "_date", "_partition", "_offset", "_timestamp", "_key", "_rescued"]


def types(client, topic):
    answer = client.query(f"SELECT * FROM bronze.{topic} LIMIT 0")
    return {c["name"]: c["type"] for c in answer["columns"]}


def provisional(client, topic):
    return set(client.query(f"SELECT * FROM bronze.{topic} LIMIT 0").get("provisional", []))


@pytest.fixture
def one_partition(client, topic):
    client.create_topic(topic, partitions=1, flush_age_ms="1h")
    return topic


def both(client, topic, sql):
    """The answer while the rows are hot, which must be the answer once they have landed."""
    hot = client.rows(sql)
    client.flush(topic)
    landed = client.rows(sql)
    assert hot == landed
    return landed


def test_system_columns_come_after_the_events_own(client, one_partition):
    client.send(one_partition, [{"b": 1, "a": 2}])
    names = list(types(client, one_partition))
    assert names[-7:] == SYSTEM and set(names[:-7]) == {"a", "b"}
    client.flush(one_partition)
    names = list(types(client, one_partition))
    assert names[-7:] == SYSTEM and set(names[:-7]) == {"a", "b"}


@pytest.mark.parametrize("values,kind", [
    ([1, 2, -3], "BIGINT"),
    ([1, 2.5], "DOUBLE"),
    ([1.5, 2e10], "DOUBLE"),
    ([True, False], "BOOLEAN"),
    (["2026-11-20T10:00:00Z", "2026-11-20T10:00:00.123+02:00"], "TIMESTAMP WITH TIME ZONE"),
    (["2026-11-20T10:00:00Z", "soon"], "VARCHAR"),
    (["a", "b"], "VARCHAR"),
    ([1, "b"], "VARCHAR"),
    ([True, 1], "VARCHAR"),
    ([{"x": 1}, [1, 2]], "VARCHAR"),
    ([1, None, 3], "BIGINT"),
    ([None, None], "VARCHAR"),
    ([9223372036854775807, -9223372036854775808], "BIGINT"),
    ([9223372036854775808, 1], "DOUBLE"),
    ([9223372036854775809, 1], "VARCHAR"),
])
def test_the_narrowest_type_that_holds_all_without_loss(client, one_partition, values, kind):
    client.send(one_partition, [{"id": i, "v": v} for i, v in enumerate(values)])
    assert types(client, one_partition)["v"] == kind
    rows = both(client, one_partition, f"SELECT v FROM bronze.{one_partition} ORDER BY id")
    if values != [None, None]:
        assert types(client, one_partition)["v"] == kind
    for (seen,), sent in zip(rows, values):
        if kind in ("BIGINT", "DOUBLE", "BOOLEAN"):
            assert seen == sent
        elif isinstance(sent, (dict, list)):
            assert json.loads(seen) == sent
        elif kind == "VARCHAR" and isinstance(sent, str):
            assert seen == sent


def test_new_columns_are_provisional_until_they_are_committed(client, one_partition):
    client.send(one_partition, [{"a": 1}])
    assert "a" in provisional(client, one_partition)
    client.flush(one_partition)
    assert provisional(client, one_partition) == set()
    client.send(one_partition, [{"a": 2, "b": "x"}])
    assert provisional(client, one_partition) == {"b"}
    assert both(client, one_partition, f"SELECT a, b FROM bronze.{one_partition} ORDER BY a") == \
        [(1, None), (2, "x")]


def test_a_later_value_that_does_not_fit_goes_to_rescued(client, one_partition):
    client.send(one_partition, [{"a": 1, "k": 0}])
    client.flush(one_partition)
    client.send(one_partition, [{"a": "seven", "k": 1}, {"a": 2.5, "k": 2}, {"a": 3, "k": 3}])
    rows = both(client, one_partition,
                f"SELECT a, _rescued FROM bronze.{one_partition} ORDER BY k")
    assert rows[0] == (1, None) and rows[3] == (3, None)
    assert rows[1][0] is None and json.loads(rows[1][1]) == {"a": "seven"}
    assert rows[2][0] is None and json.loads(rows[2][1]) == {"a": 2.5}
    assert types(client, one_partition)["a"] == "BIGINT"


def test_a_field_seen_only_as_null_is_remembered(client, one_partition):
    client.send(one_partition, [{"a": 1, "n": None}])
    assert both(client, one_partition, f"SELECT n FROM bronze.{one_partition}") == [(None,)]
    client.send(one_partition, [{"a": 2, "n": 5}])
    assert both(client, one_partition, f"SELECT n FROM bronze.{one_partition} ORDER BY a") == \
        [(None,), (5,)]
    assert types(client, one_partition)["n"] == "BIGINT"


def test_reserved_names_go_to_rescued(client, one_partition):
    event = {"a": 1, **{name: "mine" for name in SYSTEM}}
    client.send(one_partition, [event])
    rows = both(client, one_partition, f"SELECT a, _partition, _offset, _rescued "
                                       f"FROM bronze.{one_partition}")
    assert rows[0][:3] == (1, 0, 0)
    assert json.loads(rows[0][3]) == {name: "mine" for name in SYSTEM}


@pytest.mark.parametrize("name", ["a b", "a,b", "a;b", "a{b", "a}b", "a(b", "a)b", "a\nb", "a\tb",
                                  "a=b"])
def test_names_that_delta_forbids_go_to_rescued(client, one_partition, name):
    client.send(one_partition, [{name: 1, "ok": 2}])
    rows = both(client, one_partition, f"SELECT ok, _rescued FROM bronze.{one_partition}")
    assert rows[0][0] == 2 and json.loads(rows[0][1]) == {name: 1}


def test_names_that_differ_only_in_case(client, one_partition):
    """Byte order settles it among new ones: upper case comes first; the loser is rescued."""
    client.send(one_partition, [{"name": "low"}, {"Name": "cap"}])
    rows = both(client, one_partition, f'SELECT "Name", _rescued FROM bronze.{one_partition} '
                                       f'ORDER BY _offset')
    assert rows[1] == ("cap", None)
    assert rows[0][0] is None and json.loads(rows[0][1]) == {"name": "low"}


def test_a_committed_column_wins_over_byte_order(client, one_partition):
    client.send(one_partition, [{"name": "low"}])
    client.flush(one_partition)
    client.send(one_partition, [{"Name": "cap"}])
    rows = both(client, one_partition, f'SELECT "name", _rescued FROM bronze.{one_partition} '
                                       f'ORDER BY _offset')
    assert rows[0] == ("low", None)
    assert rows[1][0] is None and json.loads(rows[1][1]) == {"Name": "cap"}


def test_of_duplicate_keys_the_last_wins(client, one_partition):
    answer = client.post(one_partition, b'{"a":1,"b":2,"a":3}\n{"a":null,"a":5}\n')
    assert answer.json()["accepted"] == 2
    assert both(client, one_partition, f"SELECT a FROM bronze.{one_partition} ORDER BY _offset") \
        == [(3,), (5,)]


def test_odd_but_allowed_names_are_columns(client, one_partition):
    names = ["ü", "漢", "a.b", "a-b", "select", 'q"q', "0", "", "a/b", "%41", "a'b"]
    client.send(one_partition, [{n: i for i, n in enumerate(names)}])
    answer = client.query(f"SELECT * FROM bronze.{one_partition}")
    row = dict(zip([c["name"] for c in answer["columns"]], answer["rows"][0]))
    rescued = json.loads(row["_rescued"]) if row["_rescued"] else {}
    for i, name in enumerate(names):
        assert row.get(name, rescued.get(name)) == i, name
    client.flush(one_partition)
    again = client.query(f"SELECT * FROM bronze.{one_partition}")
    assert dict(zip([c["name"] for c in again["columns"]], again["rows"][0])) == row


def test_beyond_a_thousand_columns_everything_is_rescued(client, one_partition):
    client.send(one_partition, [{f"c{i:04d}": i for i in range(1200)}])
    columns = types(client, one_partition)
    assert len(columns) <= 1000 + len(SYSTEM)
    rows = both(client, one_partition, f"SELECT c0000, _rescued FROM bronze.{one_partition}")
    assert rows[0][0] == 0
    rescued = json.loads(rows[0][1])
    kept = [c for c in columns if c.startswith("c")]
    assert len(kept) + len(rescued) == 1200
    assert rescued["c1199"] == 1199


def test_an_empty_object_is_a_row(client, one_partition):
    client.send(one_partition, [{}])
    assert both(client, one_partition, f"SELECT _offset, _rescued FROM bronze.{one_partition}") == \
        [(0, None)]


def test_hot_and_landed_rows_agree_whatever_the_order(shared_server, client, topic):
    """The same records in another order give the same columns and types."""
    events = [{"a": 1}, {"a": 2.5, "b": None}, {"b": "x"}, {"c": {"d": 1}}, {"a": None, "e": True}]
    seen = []
    for i in range(3):
        name = f"{topic}_{i}"
        client.create_topic(name, partitions=1)
        client.send(name, events[i:] + events[:i])
        hot = types(client, name)
        client.flush(name)
        assert types(client, name) == hot
        seen.append(hot)
    assert seen[0] == seen[1] == seen[2]


def test_a_new_column_is_typed_over_all_that_is_acknowledged(client, one_partition):
    """Not just over what is landed: an integer first and text later is text from the start."""
    for i in range(50):
        client.send(one_partition, [{"v": i, "id": i}])
    client.send(one_partition, [{"v": "fifty", "id": 50}])
    assert types(client, one_partition)["v"] == "VARCHAR"
    rows = both(client, one_partition, f"SELECT v FROM bronze.{one_partition} ORDER BY id")
    assert rows[0] == ("0",) and rows[50] == ("fifty",)
