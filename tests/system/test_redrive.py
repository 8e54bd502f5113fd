# SPDX-License-Identifier: MIT
"""Dead letters by the API, and their re-drive: each goes through the door again once, for ever.

No door of this tier stores dead letters at will, so they are written into the log of a stopped server
with the record header that a door writes."""
import base64
import json
import os
import signal
import subprocess
import time

import pytest

from harness.batches import append_values
from harness.client import Refused


def plant(server, topic, values, code=b"schema", partition=0, keys=None):
    """Dead letters with these values into a stopped server's log; returns the first one's offset."""
    header = [(b"tarn-dead", code + b"\nwhy it was refused")]
    return append_values(server.data / "topics" / topic / str(partition), values,
                         int(time.time() * 1000), keys=keys, headers=[header] * len(values))


def events(first, count):
    return [json.dumps({"n": n}).encode() for n in range(first, first + count)]


@pytest.fixture
def planted(server, connect, topic):
    """A running server whose topic has three rows and six dead letters in two partitions."""
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=2, flush_age_ms="1h")
    client.send(topic, [{"n": -1}, {"n": -2}, {"n": -3}])
    one.stop()
    plant(one, topic, events(0, 3), partition=0)
    plant(one, topic, [b"\xff\x00", b"no json", b'{"n":3}'], code=b"bad_line", partition=1)
    one.start()
    return one, connect(one)


def numbers(client, topic):
    return sorted(r[0] for r in client.rows(f"SELECT n FROM bronze.{topic}"))


def test_the_list_shows_and_finds(planted, topic):
    """Rows come newest first or by offset, in pages; values as text or base64; filters select."""
    _, client = planted
    page = client.dead(topic)
    assert len(page["dead"]) == 6 and page["next"] is None
    assert page["dead"][0]["partition"] == 1, "the second batch is the newer one"
    by_value = {row["value"]: row for row in page["dead"]}
    assert by_value['{"n": 1}']["reason"] == "schema"
    assert by_value['{"n": 1}']["detail"] == "why it was refused"
    assert by_value['{"n": 1}']["encoding"] == "utf8" and by_value['{"n": 1}']["bytes"] == 8
    raw = by_value[base64.b64encode(b"\xff\x00").decode()]
    assert raw["encoding"] == "base64" and raw["reason"] == "bad_line" and not raw["redriven"]

    for order in ("newest", "offset"):
        seen, after = [], {}
        while True:
            page = client.dead(topic, limit=4, order=order, **after)
            seen += [(r["partition"], r["offset"]) for r in page["dead"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert len(seen) == len(set(seen)) == 6
        assert order == "newest" or seen == sorted(seen)

    def found(**filters):
        return {r["value"] for r in client.dead(topic, **filters)["dead"]}

    assert found(reason="bad_line", q="JSON") == {"no json"}
    assert found(q="why it was", partition=0) == {'{"n": 0}', '{"n": 1}', '{"n": 2}'}
    assert found(q="\\xff") == {raw["value"]}, "bytes are found as they are written"
    first = min(r["timestamp"] for r in client.dead(topic)["dead"])
    assert len(found(**{"from": first})) == 6 and found(to=first) == set()
    cut = client.dead(topic, value_bytes=3, q="no json")["dead"][0]
    assert cut["value"] == "no " and cut["truncated"] and cut["bytes"] == 7
    for wrong in ({"reason": "never"}, {"order": "up"}, {"from": "monday"}, {"after": "x"}):
        with pytest.raises(Refused) as refused:
            client.dead(topic, **wrong)
        assert refused.value.status == 400 and refused.value.code == "bad_query"


def test_the_summary_counts_exactly(planted, topic):
    _, client = planted
    summary = client.dead_summary(topic)
    assert summary["total"] == 6 and summary["redriven"] == 0
    assert {r["reason"]: r["count"] for r in summary["reasons"]} == {"schema": 3, "bad_line": 3}
    assert summary["first"] <= summary["last"]
    client.flush(topic)
    assert client.dead_summary(topic) == summary


def test_a_redrive_takes_what_passes_and_tells_what_does_not(planted, topic, connect):
    """What the door takes now becomes a row once; the rest stays and is told; again changes nothing,
    across landing, restart and kill."""
    one, client = planted
    job = client.redrive(topic)
    assert job["state"] == "done"
    assert (job["redriven"], job["still_bad"], job["already"]) == (4, 2, 0)
    assert {r["code"] for r in job["still_bad_rows"]} == {"invalid_utf8", "invalid_json"}
    wanted = [-3, -2, -1, 0, 1, 2, 3]
    assert numbers(client, topic) == wanted
    again = client.redrive(topic)
    assert (again["redriven"], again["still_bad"], again["already"]) == (0, 2, 4)
    assert {r["redriven"] for r in client.dead(topic, reason="schema")["dead"]} == {True}
    assert len(client.dead(topic, redriven="true")["dead"]) == 4
    assert len(client.dead(topic, redriven="false")["dead"]) == 2
    assert client.dead_summary(topic)["redriven"] == 4
    client.flush(topic)
    one.restart()
    client = connect(one)
    assert client.redrive(topic)["redriven"] == 0
    one.kill()
    one.start()
    client = connect(one)
    assert client.redrive(topic)["redriven"] == 0
    assert numbers(client, topic) == wanted


def test_conditions_and_limits_select(planted, topic):
    _, client = planted
    job = client.redrive(topic, where="reason = 'schema' AND text LIKE '%1%'")
    assert job["redriven"] == 1 and job["still_bad"] == 0
    job = client.redrive(topic, where="_partition = 0", limit=1)
    assert job["redriven"] == 1, "what was re-driven does not count for the limit"
    assert numbers(client, topic) == [-3, -2, -1, 0, 1]
    for wrong in ("1=1) OR (2=2", "true; SELECT 1", "true -- x", "n = $1", "'open", "E'\\'' = ')'",
                  "/* x */ true", "(true", '"reason'):
        with pytest.raises(Refused) as refused:
            client.start_redrive(topic, where=wrong)
        assert refused.value.status == 400, wrong
    job = client.redrive(topic, where="no_such_column = 1")
    assert job["state"] == "failed" and "no_such_column" in job["error"]["detail"]
    job = client.redrive(topic, where="getenv('HOME') = 'x'")
    assert job["state"] == "failed" and job["error"]["code"] == "sql_not_allowed"
    assert numbers(client, topic) == [-3, -2, -1, 0, 1]


def test_the_key_of_a_dead_letter_is_kept(server, connect, topic):
    """A record's own key goes along where the topic has no key field, and chooses the partition."""
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=4)
    one.stop()
    plant(one, topic, events(0, 3), keys=[b"a", b"b", None], partition=3)
    one.start()
    client = connect(one)
    assert client.redrive(topic)["redriven"] == 3
    rows = dict(client.rows(f"SELECT n, _key FROM bronze.{topic}"))
    assert rows == {0: "a", 1: "b", 2: None}
    client.send(topic, [{"k": "a"}, {"k": "b"}], params={"key": "k"})
    homes = client.rows(f"SELECT _key, count(DISTINCT _partition) FROM bronze.{topic} "
                        f"WHERE _key IS NOT NULL GROUP BY _key ORDER BY 1")
    assert homes == [("a", 1), ("b", 1)]


def test_limits_of_today_decide(server, connect, topic):
    """A dead letter that a limit refused passes when the limit was raised."""
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1)
    one.stop()
    plant(one, topic, [b'{"n":1,"pad":"' + b"x" * (2 << 20) + b'"}',
                       b'{"n":2,"deep":' + b"[" * 100 + b"]" * 100 + b"}"], b"too_deep")
    one.start()
    client = connect(one)
    job = client.redrive(topic)
    assert {r["code"] for r in job["still_bad_rows"]} == {"record_too_large", "too_deep"}
    one.stop()
    one.args += ["--record-bytes-max", "4MiB", "--nesting-max", "200"]
    one.start()
    client = connect(one)
    assert client.redrive(topic)["redriven"] == 2
    assert numbers(client, topic) == [1, 2]


def test_bad_lines_are_read_by_a_format(server, connect, topic):
    """Lines that came in under the wrong format become rows when the right one is named; other dead
    letters are read as JSON all the same."""
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1)
    line = (b'127.0.0.1 - - [20/Nov/2026:10:00:00 +0000] "GET /a?b=1 HTTP/1.1" 200 12 "-" '
            b'"curl/8"')
    body = b"\n".join([line, b"not a line of any log", line.replace(b"/a", b"/z")]) + b"\n"
    answer = client.post(topic, body, content_type="text/plain", params={"format": "apache_error"})
    assert answer.status_code in (200, 400), answer.text
    if client.dead_summary(topic)["total"] != 3:
        pytest.skip("this door does not keep bad lines")
    assert client.redrive(topic)["still_bad"] == 3, "they are no JSON"
    job = client.redrive(topic, format="combined")
    assert (job["redriven"], job["still_bad"]) == (2, 1)
    assert job["still_bad_rows"][0]["code"] == "bad_line" and job["format"] == "combined"
    rows = client.rows(f"SELECT status, count(*) FROM bronze.{topic} GROUP BY 1")
    assert [(int(status), count) for status, count in rows] == [(200, 2)]
    assert client.redrive(topic, format="combined")["redriven"] == 0
    for wrong in ("csv", "ndjson", "morse"):
        with pytest.raises(Refused) as refused:
            client.start_redrive(topic, format=wrong)
        assert refused.value.status == 400


def test_a_redrive_goes_on_when_the_query_process_ends(server, connect, topic):
    """The statement of a job is asked again from where it was cut off; nothing is counted twice."""
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1, flush_age_ms="1h")
    one.stop()
    for first in range(0, 12_000, 3000):
        plant(one, topic, events(first, 2999) + [b"bad"])
    one.start()
    client = connect(one)
    client.value(f"SELECT count(*) FROM bronze.{topic}__dead")
    job = client.start_redrive(topic)
    path = f"/api/v1/topics/{topic}/dead/redrive/{job['id']}"
    while job["state"] == "running" and job["redriven"] == 0:
        job = client.http.get(path).json()
    one.kill("query")
    while job["state"] == "running":
        job = client.http.get(path).json()
    assert job["state"] == "done", job
    assert (job["redriven"], job["still_bad"], job["already"]) == (11_996, 4, 0)
    assert client.rows(f"SELECT count(*), count(DISTINCT n) FROM bronze.{topic}") == \
        [(11_996, 11_996)]


def test_a_redrive_that_is_cut_off_before_its_first_row_skips_none(server, connect, topic):
    """A statement that ends before any row is asked again from the start: the first dead letter of the
    first partition is among what goes through the door."""
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1, flush_age_ms="1h")
    one.stop()
    plant(one, topic, events(0, 3))
    one.start()
    client = connect(one)
    client.value(f"SELECT count(*) FROM bronze.{topic}__dead")
    os.kill(one.child("query"), signal.SIGSTOP)
    job = client.start_redrive(topic)
    one.kill("query")
    path = f"/api/v1/topics/{topic}/dead/redrive/{job['id']}"
    while job["state"] == "running":
        job = client.http.get(path).json()
    assert (job["state"], job["redriven"]) == ("done", 3), job
    assert numbers(client, topic) == [0, 1, 2]


def test_many_pieces_and_a_cancel(server, connect, topic):
    """More than one piece, over a query that is held back between pieces; a job that is cancelled stops
    between two pieces, and the next one does the rest."""
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1, flush_age_ms="1h")
    one.stop()
    for first in range(0, 12_000, 3000):
        plant(one, topic, events(first, 3000))
    one.start()
    client = connect(one)
    job = client.start_redrive(topic)
    path = f"/api/v1/topics/{topic}/dead/redrive/{job['id']}"
    second = client.http.post(f"/api/v1/topics/{topic}/dead/redrive", json={})
    if second.status_code == 409:
        assert second.json()["code"] == "redrive_running" and second.json()["job"] == job["id"]
        assert client.http.delete(f"/api/v1/topics/{topic}").status_code == 409
    assert client.http.delete(path).status_code == 202
    while client.http.get(path).json()["state"] in ("running", "cancelling"):
        pass
    first = client.http.get(path).json()
    rest = client.redrive(topic)
    assert first["redriven"] + rest["redriven"] == 12_000
    assert client.rows(f"SELECT count(*), count(DISTINCT n) FROM bronze.{topic}") == \
        [(12_000, 12_000)]
    ids = [j["id"] for j in
           client.http.get(f"/api/v1/topics/{topic}/dead/redrive").json()["redrives"]]
    assert ids[-1] == job["id"]
    assert client.http.get(path + "0").json()["code"] == "redrive_not_found"


def test_tables_outlive_their_topic_and_so_does_what_was_redriven(planted, topic):
    """A topic made again over its tables knows what was re-driven; one made where no tables are starts
    afresh, though offsets begin at 0 again."""
    one, client = planted
    assert client.redrive(topic)["redriven"] == 4
    client.delete_topic(topic)
    client.create_topic(topic, partitions=2, params={"adopt": "true"})
    job = client.redrive(topic)
    assert (job["redriven"], job["already"], job["still_bad"]) == (0, 4, 2)
    client.delete_topic(topic, drop="true")
    client.create_topic(topic, partitions=2)
    assert client.dead_summary(topic)["redriven"] == 0
    one.stop()
    plant(one, topic, events(50, 3))
    one.start()
    client.close()
    with type(client)(one.url) as fresh:
        assert fresh.redrive(topic)["redriven"] == 3
        assert numbers(fresh, topic) == [50, 51, 52]


def test_a_damaged_journal_closes_redrives_and_nothing_else(planted, topic, connect):
    """Without its journal tarn cannot know what was re-driven: it refuses rather than guess."""
    one, client = planted
    assert client.redrive(topic, where="_partition = 0")["redriven"] == 3
    one.stop()
    path = one.data / "redrive" / topic / "journal"
    data = bytearray(path.read_bytes())
    data[14] ^= 1
    path.write_bytes(data)
    one.start()
    client = connect(one)
    with pytest.raises(Refused) as refused:
        client.start_redrive(topic)
    assert refused.value.status == 503
    assert client.dead_summary(topic)["redriven"] is None
    client.send(topic, [{"n": 9}])
    assert 9 in numbers(client, topic)


def test_the_command_line(planted, topic, tarn_bin):
    one, _ = planted

    def tarn(*words):
        return subprocess.run([str(tarn_bin), *words, "--server", one.url], capture_output=True,
                              text=True, timeout=60)

    listed = tarn("dead", "list", topic, "--reason", "schema")
    assert listed.returncode == 0 and listed.stdout.count("why it was refused") == 3
    counted = tarn("dead", "count", topic)
    assert "6 dead letters, 0 of them re-driven" in counted.stdout
    done = tarn("dead", "redrive", topic, "--where", "reason = 'schema'")
    assert done.returncode == 0 and done.stdout.startswith("3 re-driven, 0 still bad")
    again = json.loads(tarn("dead", "redrive", topic, "--json").stdout)
    assert again["already"] == 3 and again["redriven"] == 1
    assert tarn("dead", "redrive", topic, "--where", "(").returncode == 1
    assert tarn("dead", "redrive").returncode == 2
