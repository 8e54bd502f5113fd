# SPDX-License-Identifier: MIT
"""SQL over HTTP: shapes, formats, parameters, limits, cancelling, and what a query sees."""
import csv
import io
import json
import threading
import time

import httpx
import pyarrow.parquet as pq
import pytest

from harness.client import Refused

SLOW = "SELECT count(*) FROM range(100000000000) t(x) WHERE x % 7 = 3"


@pytest.fixture
def filled(client, topic):
    client.send(topic, [{"n": i, "t": f"t{i % 3}", "x": i / 4, "b": i % 2 == 0}
                        for i in range(1000)])
    return topic


def test_the_answer_has_the_shape_that_others_build_on(client, filled):
    answer = client.query(f"SELECT n, t FROM bronze.{filled} ORDER BY n LIMIT 2")
    assert answer["columns"][0]["name"] == "n" and answer["columns"][0]["type"] == "BIGINT"
    assert answer["columns"][1]["type"] == "VARCHAR"
    assert answer["rows"] == [[0, "t0"], [1, "t1"]]
    assert answer["row_count"] == 2 and answer["truncated"] is False
    assert answer["elapsed_ms"] >= 0
    ends = answer["as_of"][filled]
    assert sum(p["log"] for p in ends.values()) == 1000
    assert all(p["table"] <= p["log"] for p in ends.values())


def test_as_of_follows_the_table(client, filled):
    client.flush(filled)
    ends = client.query(f"SELECT count(*) FROM bronze.{filled}")["as_of"][filled]
    assert sum(p["table"] for p in ends.values()) == 1000
    assert all(p["table"] == p["log"] for p in ends.values())


def test_unqualified_names_find_bronze(client, filled):
    assert client.value(f"SELECT count(*) FROM {filled}") == 1000


@pytest.mark.parametrize("landed", [False, True])
def test_answers_by_column_type(client, topic, landed):
    client.send(topic, [{"i": 9007199254740993, "d": 1.5, "b": True, "s": "x", "j": {"a": [1]},
                         "t": "2026-11-20T10:00:00+02:00", "timestamp": "2026-11-20T09:00:00Z"}])
    if landed:
        client.flush(topic)
    answer = client.query(f"SELECT i, d, b, s, j, t, _time, _date, i::HUGEINT * 1000 AS h, "
                          f"1.25::DECIMAL(9,2) AS m FROM bronze.{topic}")
    row = answer["rows"][0]
    assert row[0] == 9007199254740993 and row[1] == 1.5 and row[2] is True and row[3] == "x"
    assert json.loads(row[4]) == {"a": [1]}
    assert row[5].startswith("2026-11-20T08:00:00") and row[5].endswith("Z")
    assert row[6].startswith("2026-11-20T09:00:00") and row[7] == "2026-11-20"
    assert row[8] == "9007199254740993000" and row[9] == "1.25"
    types = [c["type"] for c in answer["columns"]]
    assert types[:6] == ["BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR", "VARCHAR",
                         "TIMESTAMP WITH TIME ZONE"]
    text = client.query(f"SELECT i FROM bronze.{topic}", int64="string")
    assert text["rows"] == [["9007199254740993"]]


def test_parameters(client, filled):
    assert client.rows(f"SELECT n FROM bronze.{filled} WHERE n = ? AND t = ?",
                       params=[4, "t1"]) == [(4,)]
    assert client.value("SELECT $1 || 'x'", params=["'; DROP TABLE a; --"]) == \
        "'; DROP TABLE a; --x"


def test_limit_truncates_and_says_so(client, filled):
    answer = client.query(f"SELECT n FROM bronze.{filled} ORDER BY n", limit=10)
    assert answer["row_count"] == 10 and answer["truncated"] is True
    answer = client.query(f"SELECT n FROM bronze.{filled}", limit=1000)
    assert answer["row_count"] == 1000 and answer["truncated"] is False


def test_ndjson(client, filled):
    answer = client.post_query(f"SELECT n, t FROM bronze.{filled} ORDER BY n", format="ndjson")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert rows[5] == {"n": 5, "t": "t2"} and len(rows) == 1000


def test_csv(client, filled):
    answer = client.post_query(f"SELECT n, t || ',\"' AS q FROM bronze.{filled} ORDER BY n",
                               format="csv")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["n", "q"] and rows[1] == ["0", 't0,"'] and len(rows) == 1001


def test_parquet(client, filled):
    answer = client.post_query(f"SELECT n, _time FROM bronze.{filled} ORDER BY n",
                               format="parquet")
    assert answer.status_code == 200
    table = pq.read_table(io.BytesIO(answer.content))
    assert table["n"].to_pylist() == list(range(1000))


def test_a_large_result_streams(client):
    with client.http.stream("POST", "/api/v1/query", json={
            "sql": "SELECT x, repeat('y', 50) AS y FROM range(2000000) t(x)",
            "format": "ndjson"}) as answer:
        assert answer.status_code == 200
        lines = sum(block.count(b"\n") for block in answer.iter_bytes())
    assert lines == 2_000_000


@pytest.mark.parametrize("sql,word", [
    ("SELEC 1", "SELEC"), ("SELECT nope FROM range(3)", "nope"),
    ("SELECT * FROM bronze.nothing_here", "nothing_here"), ("", ""),
    ("SELECT 1; SELECT 2", ""),
])
def test_wrong_sql_is_a_400_problem(client, sql, word):
    answer = client.post_query(sql)
    assert answer.status_code in (400, 403, 404)
    body = answer.json()
    assert body["code"] and word in body["detail"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"sql":1}', b'{"sql":"SELECT 1","limit":-1}',
                                  b'{"sql":"SELECT 1","format":"xml"}', b'{"nosql":1}',
                                  b'{"sql":"SELECT 1","timeout_ms":"x"}'])
def test_a_wrong_request_is_400(client, body):
    answer = client.http.post("/api/v1/query", content=body,
                              headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and answer.json()["code"]


def test_an_error_after_rows_were_sent_is_visible(client):
    sql = "SELECT CASE WHEN x < 500000 THEN x ELSE error('stop here') END AS v " \
          "FROM range(1000000) t(x)"
    answer = None
    try:
        answer = client.post_query(sql, format="ndjson")
    except httpx.TransportError:
        return  # the connection was cut before the end of the chunked body
    if answer.status_code == 200:
        assert not answer.text.endswith("499999}\n")
        assert "stop here" in answer.text[-2000:]


def test_timeout(client):
    began = time.monotonic()
    with pytest.raises(Refused) as refused:
        client.query(SLOW, timeout_ms=300)
    assert time.monotonic() - began < 30  # it would run for minutes
    assert refused.value.status in (408, 503, 504) and "time" in refused.value.code


def test_the_longest_timeout_is_not_over_at_once(client):
    assert client.value("SELECT 1", timeout_ms=2**63 - 1) == 1


def running(client, marker):
    for query in client.http.get("/api/v1/queries").json()["queries"]:
        if marker in query["sql"] and query.get("state", "running") in ("running", "queued"):
            return query
    return None


def test_running_queries_are_listed_and_cancelled(shared_server, connect, client):
    other, answers = connect(shared_server), []
    thread = threading.Thread(target=lambda: answers.append(other.post_query(SLOW + " AND x > 41")))
    thread.start()
    deadline = time.monotonic() + 10
    query = None
    while query is None and time.monotonic() < deadline:
        query = running(client, "x > 41")
    assert query is not None
    assert client.http.delete(f"/api/v1/queries/{query['id']}").status_code // 100 == 2
    thread.join(30)
    assert not thread.is_alive()
    assert answers[0].status_code // 100 in (4, 5) and "cancel" in answers[0].json()["code"]
    assert running(client, "x > 41") is None


def test_cancelling_what_is_not_there_is_404(client):
    assert client.http.delete("/api/v1/queries/123456789").status_code == 404


def test_a_client_that_goes_away_stops_its_query(shared_server, client):
    with pytest.raises(httpx.TimeoutException):
        httpx.post(shared_server.url + "/api/v1/query", json={"sql": SLOW + " AND x > 42"},
                   timeout=0.5, trust_env=False)
    deadline = time.monotonic() + 5
    while running(client, "x > 42") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_query_sees_what_was_acknowledged_to_anyone_before(shared_server, connect, topic):
    clients = [connect(shared_server) for _ in range(4)]
    total = 0
    for i in range(60):
        count = 1 + i % 7
        clients[i % 4].send(topic, [{"n": i}] * count)
        total += count
        assert clients[(i + 1) % 4].value(f"SELECT count(*) FROM bronze.{topic}") == total
        if i % 20 == 19:
            clients[2].flush(topic)


def test_one_query_sees_one_moment(shared_server, connect, topic):
    """The table joined with itself has each row once while rows pour in and land."""
    writer, reader = connect(shared_server), connect(shared_server)
    ended = threading.Event()
    writer.send(topic, [{"n": -1}])

    def pour():
        i = 0
        while not ended.is_set():
            writer.send(topic, [{"n": i + j} for j in range(20)])
            i += 20
            if i % 400 == 0:
                writer.flush(topic)

    thread = threading.Thread(target=pour)
    thread.start()
    try:
        for _ in range(40):
            count, distinct, low, high = reader.rows(
                f"SELECT count(*), count(DISTINCT n), min(n), max(n) FROM bronze.{topic}")[0]
            assert count == distinct == high - low + 1
            left, right = reader.rows(
                f"SELECT (SELECT count(*) FROM bronze.{topic}), "
                f"(SELECT max(n) + 2 FROM bronze.{topic})")[0]
            assert left == right
    finally:
        ended.set()
        thread.join(20)


def test_parallel_queries_all_answer(shared_server, connect, filled):
    answers = []

    def ask(i):
        answers.append(connect(shared_server).value(
            f"SELECT count(*) + {i} FROM bronze.{filled}") - i)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [1000] * 16


def test_the_query_process_can_be_killed_any_time(shared_server, connect, client, filled):
    """A query sent into the dying process may be refused as its killer; the next one answers."""
    for _ in range(3):
        before = shared_server.child("query")
        shared_server.kill("query")
        answer = client.post_query(f"SELECT count(*) FROM bronze.{filled}")
        assert answer.status_code == 200 or answer.json()["code"] == "query_crashed", answer.text
        assert client.value(f"SELECT count(*) FROM bronze.{filled}") == 1000
        assert shared_server.child("query") != before


def test_a_query_in_flight_survives_the_death_of_its_process(shared_server, connect, filled):
    client, answers = connect(shared_server), []
    sql = f"SELECT count(*) FROM bronze.{filled}, range(400000) r(y) WHERE n + y >= 0"
    thread = threading.Thread(target=lambda: answers.append(client.post_query(sql)))
    thread.start()
    time.sleep(0.1)
    shared_server.kill("query")
    thread.join(60)
    assert answers and answers[0].status_code in (200, 500, 503)
    if answers[0].status_code == 200:
        assert answers[0].json()["rows"] == [[400_000_000]]


def test_queries_run_in_utc(client):
    assert client.value("SELECT TIMESTAMP '2026-01-02 03:04:05'::TIMESTAMPTZ") \
        .startswith("2026-01-02T03:04:05")


def test_explain_and_describe_answer(client, filled):
    assert client.rows(f"EXPLAIN SELECT count(*) FROM bronze.{filled}")
    names = [r[0] for r in client.rows(f"DESCRIBE bronze.{filled}")]
    assert set(names[:4]) == {"n", "t", "x", "b"} and "_offset" in names


@pytest.mark.parametrize("sql, at", [
    ("SELECT nope", "nope"), ("SELECT 'ä', '日本', nope", "nope"), ("SELEC 1", "SELEC"),
    ("-- a comment\n\n  SELECT 1,\n\tnope;", "nope"), ("EXPLAIN   ANALYZE  SELECT nope", "nope"),
    ("SELECT 1 FROM nowhere_at_all", "nowhere_at_all"), ("SELECT 'x'::INTEGER", "::"),
    ("SELECT 1, coutn(1)", "coutn"), ("SELECT 1 FROM read_csv('x')", "read_csv"),
    ("  DROP TABLE t", "DROP"), ("EXPLAIN DELETE FROM t", "DELETE"),
    ("SELECT error('no place')", None),
    ("SELECT nope FROM information_schema.tables", None),  # its text is changed before it runs
])
def test_a_failed_statement_says_where(client, sql, at):
    """The position counts characters of what was sent, from 1; without a place there is none."""
    problem = client.http.post("/api/v1/query", json={"sql": sql}).json()
    assert problem.get("position") == (None if at is None else sql.index(at) + 1), problem


def test_refusals_say_what_to_do(client, topic):
    """A statement that writes is told the way in; a mistyped function its near names; no answer
    shows how a session calls its catalog."""
    client.send(topic, [{"a": 1}])
    def detail(sql):
        return client.http.post("/api/v1/query", json={"sql": sql}).json()["detail"]
    assert "tarn send" in detail(f"INSERT INTO {topic} VALUES (1)")
    assert "json" not in detail("VACUUM")
    assert "did you mean cot, count?" in detail("SELECT coutn(*)")
    assert f'"bronze.{topic}.a"' in detail(f"SELECT a FROM {topic}, {topic}")
