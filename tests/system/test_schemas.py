# SPDX-License-Identifier: MIT
"""Declared schemas: what a bad event is told, what is kept of one that came by another door, and how a
schema may change."""
import json
import subprocess
import threading
import time

import pytest

from harness.batches import append_values
from harness.client import ndjson

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "An order",
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "amount": {"type": "number", "minimum": 0, "multipleOf": 0.01},
        "state": {"enum": ["new", "paid", "sent"]},
        "at": {"type": "string", "format": "date-time"},
        "lines": {"type": "array", "maxItems": 3,
                  "items": {"type": "object", "required": ["sku"],
                            "properties": {"sku": {"type": "string", "pattern": "^[A-Z]{2}[0-9]+$"},
                                           "count": {"type": "integer"}}}},
    },
    "required": ["id", "amount"],
}
GOOD = {"id": "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "amount": 0.07, "state": "paid",
        "at": "2026-10-01T10:00:00Z", "lines": [{"sku": "AB1", "count": 1.0}], "more": [1]}


def put(client, topic, schema):
    body = schema if isinstance(schema, (bytes, str)) else json.dumps(schema)
    return client.http.put(f"/api/v1/topics/{topic}/schema", content=body,
                           headers={"Content-Type": "application/json"})


def changed(**change):
    schema = json.loads(json.dumps(SCHEMA))
    for name, value in change.items():
        if name == "required":
            schema["required"] = value
        elif value is None:
            del schema["properties"][name]
        else:
            schema["properties"][name] = value
    return schema


def test_a_bad_event_is_told_where_and_why(client, topic):
    """Record, line, pointer and reason of each; the good ones go in."""
    answer = put(client, topic, SCHEMA)
    assert answer.status_code == 201 and answer.json()["schema"] == SCHEMA
    bad = [({**GOOD, "amount": -1}, "/amount", "at least 0"),
           ({**GOOD, "amount": 0.075}, "/amount", "multiple of 0.01"),
           ({**GOOD, "amount": "1"}, "/amount", "must be number, is \"1\""),
           ({**GOOD, "id": "x"}, "/id", "uuid"),
           ({**GOOD, "state": "gone"}, "/state", "enum"),
           ({**GOOD, "lines": [{"sku": "AB1"}, {"sku": "ab1"}]}, "/lines/1/sku", "pattern"),
           ({**GOOD, "lines": [{"sku": "AB1"}, {"count": 1}]}, "/lines/1", "\"sku\" is required"),
           ({**GOOD, "lines": [{"sku": "AB1"}] * 4}, "/lines", "at most 3 items"),
           ({"amount": 1}, "", "\"id\" is required")]
    body = ndjson([GOOD]) + ndjson([event for event, _, _ in bad]) + ndjson([GOOD])
    answer = client.post(topic, body)
    assert answer.status_code == 200, answer.text
    answer = answer.json()
    assert answer["accepted"] == 2 and answer["rejected_count"] == len(bad)
    for i, (reject, (_, pointer, words)) in enumerate(zip(answer["rejected"], bad)):
        assert (reject["index"], reject["line"]) == (i + 1, i + 2)
        assert (reject["code"], reject["pointer"]) == ("schema", pointer), reject
        assert words in reject["detail"], reject
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 2
    only_bad = client.post(topic, ndjson([{"amount": 1}]))
    assert only_bad.status_code == 400 and only_bad.json()["code"] == "no_event_accepted"


def test_events_by_a_door_that_cannot_answer_are_dead_letters(server, connect, topic):
    """The verdict depends on the version at the offset: what lay there before the declaration stays a row.
    Hot, landed and after a kill the tables say the same."""
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1, flush_age_ms="1h")
    client.send(topic, [{"id": "anything"}, {"amount": "free"}])
    assert put(client, topic, SCHEMA).status_code == 201
    client.send(topic, [GOOD])
    one.stop()
    bad = {**GOOD, "amount": -1}
    append_values(one.data / "topics" / topic / "0",
                  [json.dumps(GOOD).encode(), json.dumps(bad).encode(), b"not json"],
                  int(time.time() * 1000))
    one.start()
    client = connect(one)

    def look():
        return (client.rows(f"SELECT _offset FROM bronze.{topic} ORDER BY 1"),
                client.rows(f"SELECT _offset, reason, detail FROM bronze.{topic}__dead ORDER BY 1"))

    hot = look()
    assert hot[0] == [(0,), (1,), (2,), (3,)]
    assert [row[:2] for row in hot[1]] == [(4, "schema"), (5, "invalid_json")]
    assert hot[1][0][2] == "/amount: must be at least 0, is -1"
    client.flush(topic)
    assert look() == hot
    one.kill()
    one.start()
    client = connect(one)
    assert look() == hot


def test_a_schema_is_kept_digit_for_digit_and_in_order(client, topic):
    text = ('{"type":"object","properties":{"b":{"multipleOf":0.0001},'
            '"a":{"maximum":123456789012345678901234567890,"minimum":1e-400}}}')
    assert put(client, topic, f" {text} \n").status_code == 201
    answer = client.http.get(f"/api/v1/topics/{topic}/schema")
    assert answer.text == text
    assert answer.headers["content-type"].startswith("application/schema+json")
    checks = [({"b": 0.0075}, True), ({"b": 0.00751}, False),
              ({"a": 123456789012345678901234567890}, True),
              ({"a": 123456789012345678901234567891}, False), ({"a": 0}, False)]
    for event, good in checks:
        assert client.post(topic, ndjson([event])).status_code == (200 if good else 400), event


@pytest.mark.parametrize("schema, code, pointer, words", [
    ({"type": "object", "oneOf": []}, "schema_unsupported", "/oneOf", "oneOf"),
    ({"properties": {"a/b": {"$ref": "#"}}}, "schema_unsupported", "/properties/a~1b/$ref", "$ref"),
    ({"properties": {"a": {"format": "hostname"}}}, "schema_unsupported", "/properties/a/format",
     "hostname"),
    ({"$schema": "http://json-schema.org/draft-07/schema#"}, "schema_unsupported", "/$schema",
     "draft-07"),
    ({"properties": {"a": {"type": "text"}}}, "schema_invalid", "/properties/a/type", "text"),
    ({"properties": {"a": {"pattern": "("}}}, "schema_invalid", "/properties/a/pattern", "pattern"),
    ({"properties": {"a": {"pattern": "(?R)"}}}, "schema_unsupported", "/properties/a/pattern",
     "ECMA-262"),
    ({"required": ["a", "a"]}, "schema_invalid", "/required/1", "twice"),
    ({"type": "array"}, "schema_invalid", "", "object"),
    (b"{", "schema_invalid", "", "JSON"),
    (b"", "schema_invalid", "", "JSON"),
    (b"[]", "schema_invalid", "", "object"),
])
def test_what_is_no_schema_is_refused_by_name_and_makes_no_topic(client, topic, schema, code, pointer,
                                                                 words):
    answer = put(client, topic, schema)
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    assert (problem["code"], problem["pointer"]) == (code, pointer), problem
    assert words in problem["detail"], problem
    assert client.http.get(f"/api/v1/topics/{topic}").status_code == 404 or schema == {"type": "array"}


def test_versions_add_and_relax(client, topic):
    """A new version may add optional properties and relax; anything else is refused with the place and the
    way; the same document again is no new version."""
    assert put(client, topic, SCHEMA).json()["version"] == 2
    assert put(client, topic, json.dumps(SCHEMA, indent=4)).status_code == 200
    number = {"type": "number", "minimum": 0, "multipleOf": 0.01}
    refused = [(changed(amount={"type": "string"}), "/properties/amount/type"),
               (changed(amount={**number, "minimum": 1}), "/properties/amount/minimum"),
               (changed(amount={**number, "multipleOf": 0.02}), "/properties/amount/multipleOf"),
               (changed(state=None), "/properties/state"),
               (changed(state={"enum": ["new", "paid"]}), "/properties/state/enum"),
               (changed(at={"type": "string"}), "/properties/at"),
               (changed(required=["id", "amount", "at"]), "/required"),
               ({**SCHEMA, "additionalProperties": False}, "/additionalProperties")]
    for schema, pointer in refused:
        answer = put(client, topic, schema)
        assert answer.status_code == 409, schema
        assert answer.json()["code"] == "schema_incompatible"
        assert answer.json()["pointer"] == pointer, answer.text
        assert "new topic" in answer.json()["detail"]
    wider = changed(amount={"type": ["number", "null"], "minimum": -5, "multipleOf": 0.001},
                    state={"enum": ["new", "paid", "sent", "lost"]}, required=["id"],
                    note={"type": "string", "maxLength": 3})
    assert put(client, topic, wider).json()["version"] == 3
    client.send(topic, [{**GOOD, "amount": -4.001, "state": "lost"}, {**GOOD, "amount": None}])
    answer = client.post(topic, ndjson([{**GOOD, "note": "\u00e9\u00e9\u00e9\u00e9"}]))
    assert answer.json()["rejected"][0]["pointer"] == "/note"

    path = f"/api/v1/topics/{topic}/schema"
    listed = client.http.get(f"{path}/versions", params={"limit": 1}).json()
    assert [v["version"] for v in listed["versions"]] == [2] and listed["next"] == "2"
    rest = client.http.get(f"{path}/versions", params={"after": listed["next"]}).json()
    assert [v["version"] for v in rest["versions"]] == [3] and rest["next"] is None
    assert "schema" not in rest["versions"][0]
    assert client.http.get(f"{path}/versions/2").json()["schema"] == SCHEMA
    assert client.http.get(f"{path}/versions/9").status_code == 404
    assert client.topic(topic)["schema_version"] == 3

    assert client.http.delete(path).status_code == 200
    assert client.http.get(path).json()["code"] == "schema_not_found"
    assert client.topic(topic)["schema_version"] is None
    client.send(topic, [{"anything": 1}])
    assert put(client, topic, changed(amount={"type": "string"})).status_code == 409
    assert put(client, topic, wider).json()["version"] == 5
    assert client.post(topic, ndjson([{"anything": 1}])).status_code == 400


def test_a_schema_outlives_a_kill_and_other_changes(server, connect, topic):
    """A change of the key keeps the schema and its version; after a kill it is in force."""
    one = server()
    client = connect(one)
    assert put(client, topic, SCHEMA).json()["version"] == 2
    client.change_topic(topic, key="id")
    assert client.topic(topic)["schema_version"] == 2
    one.kill()
    one.start()
    client = connect(one)
    assert client.http.get(f"/api/v1/topics/{topic}/schema").json() == SCHEMA
    assert client.post(topic, ndjson([{"amount": 1}])).status_code == 400
    client.send(topic, [GOOD])


def test_a_retry_is_judged_as_the_first_attempt_was(client, topic):
    """The answer to a key is the same after the schema has changed."""
    event = {"id": 1, "amount": 1}
    first = client.post(topic, ndjson([event]), idempotency_key="k1").json()
    assert put(client, topic, SCHEMA).status_code == 201
    assert client.post(topic, ndjson([event]), idempotency_key="k1").json() == first
    for i in range(30):
        answer = client.post(topic, ndjson([event]), idempotency_key=f"bad{i}")
        assert answer.status_code == 400 and answer.json()["rejected"][0]["pointer"] == "/id"
        assert client.post(topic, ndjson([event]), idempotency_key=f"bad{i}").json() == answer.json()


def test_a_pattern_that_explodes_makes_a_bad_event(client, topic):
    schema = {"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    assert put(client, topic, schema).status_code == 201
    answer = client.post(topic, ndjson([{"a": "a" * 5000 + "b"}, {"a": "aaa"}])).json()
    assert answer["accepted"] == 1
    assert "too much work" in answer["rejected"][0]["detail"]


def test_events_that_take_long_to_check_let_others_in_between(client, connect, shared_server, topic):
    """A body of events that each use up the budget of a pattern is checked in many turns."""
    assert put(client, topic, {"properties": {"a": {"pattern": "^(a+)+$"}}}).status_code == 201
    body = ndjson([{"a": "a" * 40 + "b"}] * 6000)
    answers = []
    sender = threading.Thread(
        target=lambda: answers.append(connect(shared_server).http.post(
            f"/api/v1/topics/{topic}/events", content=body, timeout=600)))
    sender.start()
    beside = 0
    while not answers:
        assert client.http.get("/health", timeout=600).status_code == 200
        beside += 1
    sender.join()
    assert answers[0].json()["accepted"] == 0
    assert beside > 40  # it has hundreds of turns; one for each read of the body would be about 20


def test_the_command_line_declares_and_prints(tarn_bin, shared_server, topic, tmp_path):
    def tarn(*words, code=0):
        done = subprocess.run([str(tarn_bin), *words, "--server", shared_server.url],
                              capture_output=True, timeout=60, text=True, check=False)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout + done.stderr

    file = tmp_path / "order.json"
    file.write_text(json.dumps(SCHEMA, indent=2))
    assert "version 2" in tarn("topic", "schema", topic, "--set", str(file))
    assert json.loads(tarn("topic", "schema", topic)) == SCHEMA
    assert "2" in tarn("topic", "schema", topic, "--versions")
    assert "schema_version     2" in tarn("topic", "describe", topic)
    file.write_text('{"type":"object","allOf":[]}')
    assert "allOf" in tarn("topic", "schema", topic, "--set", str(file), code=1)
    assert "no declared schema" in tarn("topic", "schema", topic, "--withdraw")
    assert "inferred" in tarn("topic", "schema", topic, code=1)
    tarn("topic", "schema", topic, "--versions", "--withdraw", code=2)
