# SPDX-License-Identifier: MIT
"""Results that stay on the server: windows, sorts, filters, exports, SQL over them, bounds, ends."""
import csv
import io
import json
import os
import signal
import socket
import threading
import time

import duckdb
import httpx
import pytest

from harness.client import Client, Refused, checked

TYPES = """
    SELECT * FROM (VALUES
      (1, 9223372036854775807, 170141183460469231731687303715884105727::HUGEINT,
       1234567890123456.78::DECIMAL(18,2), 1.5::DOUBLE, 'plain', true,
       TIMESTAMP '2026-03-29 01:30:00.123456', DATE '2026-03-29', [1, NULL, 3], {'a': 1, 'b': 'x'},
       'bytes'::BLOB),
      (2, -9223372036854775808, -1::HUGEINT, -0.01::DECIMAL(18,2), 'NaN'::DOUBLE, '😀 ''"é,', false,
       TIMESTAMP '1900-01-01 00:00:00', DATE '1900-01-01', [], {'a': NULL, 'b': ''}, ''::BLOB),
      (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
      (4, 0, 0::HUGEINT, 0::DECIMAL(18,2), '-Infinity'::DOUBLE, '', NULL,
       TIMESTAMP '2026-11-21 00:00:00', DATE '2026-11-21', [7], {'a': 5, 'b': NULL}, '\\x00'::BLOB))
    AS t(n, big, huge, money, real, text, flag, moment, day, list, record, bytes) ORDER BY n"""
ROWS = "SELECT i AS n, i % 10 AS ten, 'row ' || i AS text FROM range({}) r(i) ORDER BY i DESC"


def store(client, sql, **options):
    return client.query(sql, store=True, **options)


def window(client, answer, **params):
    return checked(client.http.get(f"/api/v1/results/{answer['result_id']}",
                                   params=params)).json()


def export(client, answer, format, **params):
    return checked(client.http.get(f"/api/v1/results/{answer['result_id']}/export",
                                   params={"format": format, **params}))


def over(client, answer, sql, **options):
    return checked(client.http.post(f"/api/v1/results/{answer['result_id']}/query",
                                    json={"sql": sql, **options})).json()


def results(client):
    return checked(client.http.get("/api/v1/results")).json()


def spill_files(server):
    folder = server.data / "run" / "spill"
    return [f for f in os.listdir(folder) if f.endswith(".result")] if folder.exists() else []


def eventually(what, seconds=20):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# ---- what is kept is what a query answers ----

@pytest.mark.parametrize("int64", ["number", "string"])
def test_a_kept_answer_is_the_answer_of_the_query(client, int64):
    plain = client.query(TYPES, int64=int64)
    kept = store(client, TYPES, int64=int64)
    seen = window(client, kept, int64=int64)
    for answer in (kept, seen):
        assert answer["columns"] == plain["columns"] and answer["rows"] == plain["rows"]
        assert answer["row_count"] == 4
    assert seen["total_rows"] == 4 and seen["offset"] == 0
    big = "9223372036854775807" if int64 == "string" else 9223372036854775807
    assert seen["rows"][0][1] == big
    assert seen["rows"][0][2] == "170141183460469231731687303715884105727"
    assert seen["rows"][0][3] == "1234567890123456.78" and seen["rows"][1][4] is None
    assert kept["bytes"] > 0 and kept["expires_at"].endswith("Z") and kept["as_of"] == {}


def test_rows_of_a_topic_say_as_of_when(client, topic):
    client.send(topic, [{"n": i} for i in range(100)])
    kept = store(client, f"SELECT n FROM {topic} ORDER BY n", first_rows=3)
    assert kept["rows"] == [[0], [1], [2]] and kept["row_count"] == 100
    assert sum(p["log"] for p in kept["as_of"][topic].values()) == 100
    assert kept["provisional"] == ["n"]
    client.send(topic, [{"n": 100}])
    assert window(client, kept)["row_count"] == 100, "it stays what it was"


def test_columns_of_one_name_and_odd_names_stay_as_they_are(client):
    kept = store(client, 'SELECT 1 AS a, 2 AS a, 3 AS "rowid", 4 AS "x,y:eq:1", 5 AS "q""t"')
    seen = window(client, kept, sort='-x,y:eq:1,#2', filter=["x,y:eq:1:eq:4", "#5:eq:5"])
    assert [c["name"] for c in seen["columns"]] == ["a", "a", "rowid", "x,y:eq:1", 'q"t']
    assert seen["rows"] == [[1, 2, 3, 4, 5]]
    assert over(client, kept, 'SELECT "x,y:eq:1" + "rowid" FROM result')["rows"] == [[7]]


@pytest.mark.parametrize("sql, rows", [
    ("DESCRIBE SELECT 1 AS a", 1), ("SUMMARIZE SELECT 1 AS a", 1), ("EXPLAIN SELECT 42", 1),
    ("VALUES (1), (2) -- a comment", 2), ("FROM range(3)", 3), ("SELECT 1 WHERE false", 0)])
def test_every_kind_of_statement_can_be_kept(client, sql, rows):
    kept = store(client, sql)
    assert kept["row_count"] == rows == len(kept["rows"]) == len(window(client, kept)["rows"])


def test_a_cell_of_a_megabyte(client):
    kept = store(client, "SELECT repeat('é', 500000) AS big, 1 AS n", first_rows=0)
    assert kept["rows"] == []
    assert window(client, kept)["rows"] == [["é" * 500000, 1]]
    assert export(client, kept, "csv").text == f"big,n\r\n{'é' * 500000},1\r\n"


def test_a_window_of_long_rows_ends_early_and_says_so(client):
    kept = store(client, "SELECT i, repeat('x', 1000000) AS big FROM range(30) r(i) ORDER BY i",
                 first_rows=30)
    assert kept["truncated"] and kept["row_count"] == 30 and 8 <= len(kept["rows"]) <= 10
    seen = []
    while len(seen) < 30:
        part = window(client, kept, offset=len(seen), limit=30 - len(seen))
        assert part["rows"] and part["truncated"] == (len(seen) + len(part["rows"]) < 30)
        seen += [row[0] for row in part["rows"]]
    assert seen == list(range(30))


def test_parameters_and_limit(client):
    kept = store(client, "SELECT i FROM range($1) r(i) ORDER BY i", params=[10], limit=4)
    assert kept["row_count"] == 4 and window(client, kept)["rows"] == [[0], [1], [2], [3]]


# ---- windows, sorts, filters ----

@pytest.fixture(scope="module")
def many(shared_server):
    with Client(shared_server.url) as client:
        yield store(client, ROWS.format(300_000), first_rows=2)


def test_windows_have_the_order_of_the_query(client, many):
    assert many["rows"] == [[299_999, 9, "row 299999"], [299_998, 8, "row 299998"]]
    for offset in (0, 122_870, 245_755, 299_990):
        rows = window(client, many, offset=offset, limit=20)["rows"]
        expected = [299_999 - i for i in range(offset, min(offset + 20, 300_000))]
        assert [r[0] for r in rows] == expected
    assert window(client, many, offset=300_000)["rows"] == []
    assert window(client, many, limit=0)["row_count"] == 300_000


def test_a_sort_is_stable_and_nulls_come_last(client, many):
    rows = window(client, many, sort="ten", offset=29_990, limit=20)["rows"]
    assert [r[0] for r in rows] == [90 - 10 * i for i in range(10)] + \
        [299_991 - 10 * i for i in range(10)]
    rows = window(client, many, sort="-ten,n", limit=3)["rows"]
    assert [r[0] for r in rows] == [9, 19, 29]
    kept = store(client, "FROM (VALUES (2), (NULL), (1)) t(n)")
    assert [r[0] for r in window(client, kept, sort="n")["rows"]] == [1, 2, None]
    assert [r[0] for r in window(client, kept, sort="-n")["rows"]] == [2, 1, None]


def test_filters_count_and_combine(client, many):
    seen = window(client, many, filter=["ten:eq:3", "n:lt:100"], sort="n")
    assert [r[0] for r in seen["rows"]] == [3 + 10 * i for i in range(10)]
    assert seen["row_count"] == 10 and seen["total_rows"] == 300_000
    assert window(client, many, filter="text:contains:ROW 29999")["row_count"] == 11
    assert window(client, many, filter="text:starts:row 5", limit=1)["row_count"] == 1 + 10 + \
        100 + 1000 + 10_000


@pytest.mark.parametrize("filters, expected", [
    (["big:eq:9223372036854775807"], [1]), (["huge:gt:0"], [1]), (["money:le:-0.01"], [2]),
    (["real:ge:1"], [1, 2]), (["text:eq:"], [4]), (["text:eq:😀 '\"é,"], [2]),
    (["text:ne:plain"], [2, 3, 4]), (["text:null"], [3]), (["text:notnull"], [1, 2, 4]),
    (["flag:eq:true"], [1]), (["moment:eq:2026-03-29T01:30:00.123456Z"], [1]),
    (["day:lt:2000-01-01"], [2]), (["list:eq:[7]"], [4]), (["record:contains:'b': x"], [1]),
    (["bytes:eq:Ynl0ZXM="], [1]), (["n:gt:1", "n:lt:4", "text:notnull"], [2])])
def test_filters_by_type(client, filters, expected):
    kept = store(client, TYPES)
    assert [r[0] for r in window(client, kept, filter=filters)["rows"]] == expected


@pytest.mark.parametrize("params, words", [
    ({"sort": "nope"}, "no column \"nope\""), ({"filter": "nope:eq:1"}, "no column \"nope\""),
    ({"filter": "n:like:1"}, "column:op:value"), ({"filter": "n:eq:abc"}, "abc"),
    ({"filter": "n:eq"}, "needs a value"), ({"filter": ["n:eq:1"] * 40}, "at most 32"),
    ({"limit": 10_001}, "limit"), ({"offset": -1}, "offset"), ({"nonsense": 1}, "nonsense")])
def test_what_cannot_be_shown_is_said(client, many, params, words):
    with pytest.raises(Refused) as refused:
        window(client, many, **params)
    assert refused.value.status == 400 and words in refused.value.problem["detail"]


def test_a_value_of_a_filter_is_no_sql(client, many):
    for value in ("1) OR (1=1", "'; DROP TABLE rows; --", "x' OR 'x'='x"):
        assert window(client, many, filter=f"text:eq:{value}")["row_count"] == 0
    kept = store(client, "SELECT 'a'::ENUM('a', 'b'') FROM x --') AS e, "
                 "{'x'') y': 1} AS s")
    assert window(client, kept, filter=["e:eq:a"])["row_count"] == 1
    assert window(client, kept, filter=["e:eq:b"])["row_count"] == 0
    assert window(client, kept, filter=["s:contains:y"])["row_count"] == 1


# ---- exports ----

def test_exports_hold_every_row_in_the_shown_order(client, many, tmp_path):
    shown = {"sort": "ten,-n", "filter": "ten:le:4"}
    sql = (f"SELECT * FROM ({ROWS.format(300_000)}) WHERE ten <= 4 ORDER BY ten, n DESC")
    expected = duckdb.sql(sql).fetchall()
    answer = export(client, many, "csv", **shown)
    assert answer.headers["content-disposition"] == 'attachment; filename="result.csv"'
    lines = list(csv.reader(io.StringIO(answer.text)))
    assert lines[0] == ["n", "ten", "text"]
    assert [(int(a), int(b), c) for a, b, c in lines[1:]] == expected
    assert [tuple(json.loads(line).values())
            for line in export(client, many, "ndjson", **shown).text.splitlines()] == expected
    assert [tuple(r) for r in export(client, many, "json", **shown).json()["rows"]] == expected
    path = tmp_path / "result.parquet"
    path.write_bytes(export(client, many, "parquet", **shown).content)
    assert duckdb.sql(f"SELECT * EXCLUDE (file_row_number) FROM read_parquet('{path}', "
                      "file_row_number = true) ORDER BY file_row_number").fetchall() == expected


def test_exports_are_exact(client, tmp_path):
    kept = store(client, TYPES)
    path = tmp_path / "result.parquet"
    path.write_bytes(export(client, kept, "parquet").content)
    assert duckdb.sql(f"SELECT n, big, money, text, flag, moment, day, list FROM '{path}'"
                      ).fetchall() == duckdb.sql(f"SELECT n, big, money, text, flag, moment, day, list "
                                                 f"FROM ({TYPES})").fetchall()
    assert [list(json.loads(line).values()) for line in
            export(client, kept, "ndjson").text.splitlines()] == client.query(TYPES)["rows"]
    plain = client.post_query(TYPES, format="csv").text
    assert export(client, kept, "csv").text == plain
    empty = store(client, "SELECT 1 AS a WHERE false")
    assert export(client, empty, "csv").text == "a\r\n"
    assert export(client, empty, "json").json()["rows"] == []


def test_a_spreadsheet_runs_no_cell_of_a_guarded_csv(client):
    kept = store(client, "SELECT '=1+1' AS a, '-2,x' AS b, -3 AS c, 'x=1' AS \"@d\", '+' AS e")
    assert export(client, kept, "csv").text == 'a,b,c,@d,e\r\n=1+1,"-2,x",-3,x=1,+\r\n'
    assert export(client, kept, "csv", guard=1).text == \
        "a,b,c,'@d,e\r\n'=1+1,\"'-2,x\",-3,x=1,'+\r\n"


# ---- SQL over one ----

def test_sql_over_a_result(client, many):
    assert over(client, many, "SELECT ten, count(*) AS n FROM result GROUP BY ten ORDER BY ten"
                )["rows"] == [[i, 30_000] for i in range(10)]
    assert over(client, many, "SELECT max(n) FROM Main.RESULT WHERE n < $1", params=[5]
                )["rows"] == [[4]]
    assert over(client, many, "SUMMARIZE result")["row_count"] == 3


@pytest.mark.parametrize("sql", [
    "SELECT * FROM {topic}", "SELECT * FROM bronze.{topic}", "SELECT * FROM result, {topic}",
    "SELECT (SELECT count(*) FROM {topic}) FROM result", "SELECT * FROM bronze.result",
    "SELECT * FROM files.result", "SELECT * FROM x1.main.rows", "SELECT * FROM x1.rows",
    "SELECT * FROM rows", "SELECT * FROM main.rows", "SHOW TABLES", "SHOW ALL TABLES",
    "SELECT * FROM information_schema.tables", "SELECT * FROM duckdb_databases()",
    "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM 'a.result'", "FROM read_blob('*')",
    "ATTACH 'x.db'", "DETACH x1", "CREATE TABLE result AS SELECT 1", "DROP VIEW result",
    "COPY result TO 'x.csv'", "WITH r AS (SELECT * FROM {topic}) SELECT * FROM r",
    "SELECT * FROM result; SELECT 1", "PRAGMA database_list", "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('result')", "SELECT * FROM pragma_storage_info('rows')",
    "DESCRIBE {topic}", "SUMMARIZE {topic}", "EXPLAIN SELECT * FROM {topic}"])
def test_nothing_else_can_be_read_over_a_result(client, many, topic, sql):
    client.send(topic, [{"n": 1}])
    client.value(f"SELECT count(*) FROM {topic}")  # the table's view is in some session
    with pytest.raises(Refused) as refused:
        over(client, many, sql.format(topic=topic))
    assert refused.value.status == 403 and refused.value.code == "sql_not_allowed", sql


@pytest.mark.parametrize("sql", [
    "SELECT * FROM x1.main.rows", "SELECT * FROM x2.rows", "SELECT * FROM result",
    "SELECT * FROM main.result", "FROM rows"])
def test_a_plain_query_does_not_reach_results(client, many, sql):
    over(client, many, "SELECT count(*) FROM result")
    with pytest.raises(Refused) as refused:
        client.query(sql)
    assert refused.value.status in (403, 404)
    assert "result" not in json.dumps(client.query("SHOW TABLES")["rows"])


def test_a_type_without_a_form_leaves_no_result(client):
    """Nobody is told the id of an answer that cannot be written: it must not stay."""
    before = {r["id"] for r in results(client)["results"]}
    with pytest.raises(Refused) as refused:
        store(client, "SELECT 12::BIGNUM AS c")
    assert refused.value.status == 400 and "BIGNUM" in str(refused.value)
    assert {r["id"] for r in results(client)["results"]} <= before


def test_what_is_kept_passes_the_same_gate(client):
    for sql in ("SELECT * FROM read_csv('/etc/passwd')", "CREATE TABLE t AS SELECT 1",
                "SELECT * FROM duckdb_secrets()", "SELECT 1) AS q; DROP TABLE x; --"):
        with pytest.raises(Refused) as refused:
            store(client, sql)
        assert refused.value.status in (400, 403), sql
    problem = client.post_query("SELECT  foo FROM range(3)", store=True).json()
    assert problem["code"] == "sql_invalid" and problem["position"] == 9


def test_a_table_called_result_is_not_in_the_way(client, many, topic):
    client.send("result", [{"mine": 1}])
    assert over(client, many, "SELECT count(*) FROM result")["rows"] == [[300_000]]
    assert client.value("SELECT max(mine) FROM result") == 1
    assert over(client, many, "SELECT count(*) FROM result")["rows"] == [[300_000]]
    client.delete_topic("result", drop=True)


# ---- their end ----

def test_dropping_one_frees_its_file(server, connect):
    one = server()
    client = connect(one)
    kept = store(client, "SELECT 1 AS a")
    window(client, kept, sort="a")
    assert len(spill_files(one)) == 2 and len(results(client)["results"]) == 1
    assert checked(client.http.delete(f"/api/v1/results/{kept['result_id']}")).json()["deleted"]
    assert spill_files(one) == [] and results(client)["results"] == []
    for path in ("", "/export"):
        answer = client.http.get(f"/api/v1/results/{kept['result_id']}{path}")
        assert answer.status_code == 404 and answer.json()["code"] == "result_gone"
    assert client.http.delete(f"/api/v1/results/{kept['result_id']}").status_code == 404


def test_ids_are_long_and_random(client):
    ids = {store(client, "SELECT 1")["result_id"] for _ in range(5)}
    assert len(ids) == 5 and all(len(i) == 32 for i in ids)
    for wrong in ("0" * 32, "x", "%00", "..%2f..", "a" * 5000):
        assert client.http.get(f"/api/v1/results/{wrong}").status_code in (400, 404, 414), wrong


def test_the_least_recently_used_one_makes_place(server, connect):
    one = server(args=["--results-max", "2"])
    client = connect(one)
    first = store(client, "SELECT 1")
    second = store(client, "SELECT 2")
    window(client, first)
    store(client, "SELECT 3")
    assert window(client, first)["rows"] == [[1]]
    with pytest.raises(Refused) as refused:
        window(client, second)
    assert refused.value.code == "result_gone"
    assert len(results(client)["results"]) == 2 == len(spill_files(one))


def test_one_that_was_not_used_for_long_expires(server, connect):
    one = server(args=["--result-age", "1s"])
    client = connect(one)
    kept = store(client, "SELECT 1")
    eventually(lambda: results(client)["results"] == [] and spill_files(one) == [])
    with pytest.raises(Refused) as refused:
        window(client, kept)
    assert refused.value.code == "result_gone"


LARGE = "SELECT i, md5(i::VARCHAR) AS a, md5((i + 1)::VARCHAR) AS b FROM range({}) r(i)"


def test_what_grows_past_the_bound_is_stopped_while_it_grows(server, connect):
    one = server(args=["--result-bytes-max", "8MiB"])
    client = connect(one)
    kept = store(client, "SELECT 1")
    with pytest.raises(Refused) as refused:
        store(client, LARGE.format(100_000_000))
    assert refused.value.status == 413 and refused.value.code == "result_too_large"
    assert "result_bytes_max" in refused.value.problem["detail"]
    assert len(spill_files(one)) <= 1 and results(client)["bytes"] < 8 << 20
    del kept
    again = store(client, "SELECT 2")
    assert window(client, again)["rows"] == [[2]]


def test_a_copy_that_has_no_room_is_refused(server, connect):
    one = server(args=["--result-bytes-max", "24MiB"])
    client = connect(one)
    kept = store(client, LARGE.format(400_000), first_rows=1)
    assert 12 << 20 < kept["bytes"] < 24 << 20, kept["bytes"]
    with pytest.raises(Refused) as refused:
        window(client, kept, sort="a")
    assert refused.value.status == 507 and refused.value.code == "results_full"
    assert window(client, kept, filter="i:lt:5")["row_count"] == 5, "a small one fits"
    assert len(spill_files(one)) == 2


def test_killing_the_query_process_loses_them_and_says_so(server, connect):
    one = server()
    client = connect(one)
    kept = store(client, "SELECT 1")
    before = one.child("query")
    os.kill(before, signal.SIGKILL)
    eventually(lambda: one.children().get("query") not in (None, before))
    with pytest.raises(Refused) as refused:
        window(client, kept)
    assert refused.value.status == 404 and refused.value.code == "result_gone"
    assert spill_files(one) == [] and results(client)["results"] == []
    assert window(client, store(client, "SELECT 2"))["rows"] == [[2]]


def test_left_overs_are_removed_at_start(server, connect):
    one = server()
    client = connect(one)
    store(client, "SELECT 1")
    one.kill()
    assert spill_files(one)
    two = server(data=one.data)
    client = connect(two)
    assert results(client)["results"] == [] and spill_files(two) == []


@pytest.mark.parametrize("how", ["cancel", "go away"])
def test_a_query_that_is_stopped_leaves_no_file(server, connect, how):
    one = server()
    client = connect(one)
    seen = {}

    def run():
        with Client(one.url) as other:
            try:
                seen["status"] = other.http.post(
                    "/api/v1/query", timeout=3 if how == "go away" else 60,
                    json={"sql": LARGE.format(100_000_000), "store": True, "tag": "big"}).status_code
            except httpx.TimeoutException:
                seen["status"] = None

    thread = threading.Thread(target=run)
    thread.start()
    eventually(lambda: spill_files(one))
    query = next(q for q in client.http.get("/api/v1/queries").json()["queries"]
                 if q.get("tag") == "big")
    if how == "cancel":
        checked(client.http.delete(f"/api/v1/queries/{query['id']}"))
    thread.join()
    assert seen["status"] == (409 if how == "cancel" else None)
    eventually(lambda: spill_files(one) == [] and
               client.http.get("/api/v1/queries").json()["queries"] == [])
    assert results(client)["results"] == []


def test_windows_come_while_every_session_is_busy(server, connect):
    one = server(args=["--query-concurrency", "1"])
    client = connect(one)
    kept = store(client, "SELECT i FROM range(1000) r(i) ORDER BY i")
    slow = threading.Thread(target=lambda: Client(one.url).post_query(
        "SELECT count(*) FROM range(100000000000) t(x) WHERE x % 7 = 3", tag="slow"))
    slow.start()
    eventually(lambda: client.http.get("/api/v1/queries").json()["queries"])
    assert window(client, kept, offset=10, limit=1)["rows"] == [[10]]
    assert window(client, kept, sort="-i", limit=1)["rows"] == [[999]]
    assert checked(client.http.post("/api/v1/sql/check", json={"sql": "SELECT 1"})).json()["ok"]
    query = client.http.get("/api/v1/queries").json()["queries"][0]
    assert query["tag"] == "slow"
    client.http.delete(f"/api/v1/queries/{query['id']}")
    slow.join()


# ---- help for typing ----

def test_statements_that_ran_out_of_memory_leave_room_for_the_next(server, connect):
    """What they used comes back: a result of a size that fits is kept, however often that was."""
    one = server(args=["--memory", "256MiB", "--query-concurrency", "16"])
    client = connect(one, timeout=120)
    query = one.child("query")
    for _ in range(4):
        with pytest.raises(Refused, match="query_out_of_memory"):
            client.query("SELECT list(i) FROM range(30000000) r(i)")
        client.post_query("SELECT count(DISTINCT repeat('y', 200) || i) FROM range(1000000) r(i)")
        kept = store(client, "SELECT i, hash(i) h, 'row ' || i AS t FROM range(1000000) r(i)",
                     first_rows=1)
        checked(client.http.delete(f"/api/v1/results/{kept['result_id']}"))
    assert one.child("query") == query


@pytest.mark.parametrize("store_first", [False, True])
def test_parquet_has_no_negative_intervals_and_says_so(client, store_first):
    sql = "SELECT INTERVAL '-3 days' AS i"
    with pytest.raises(Refused, match="cast the column to VARCHAR") as refused:
        if store_first:
            export(client, store(client, sql), "parquet")
        else:
            client.query(sql, format="parquet")
    assert refused.value.status == 400


def begin(one, path, body=None, receive_bytes=4096):
    """A request whose answer is not taken: its connection."""
    data = json.dumps(body).encode() if body else b""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    s.connect(("127.0.0.1", one.port))
    s.sendall(f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
              f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode()
              + data)
    return s


def test_a_client_that_goes_while_its_window_waits_costs_nothing(server, connect):
    """A window that no thread has taken yet is stopped at once: else the server would take the
    process for one that does not obey, and end it with all results."""
    one = server(args=["--query_concurrency=1"])
    client = connect(one)
    large = store(client, "SELECT i AS a, -i AS b, hash(i) AS c FROM range(1000000) r(i)")
    query = one.child("query")
    busy = [begin(one, f"/api/v1/results/{large['result_id']}?limit=1&sort={sort}")
            for sort in ("c,a", "c,-a", "-c,a", "-c,-a", "c,b", "c,-b", "-c,b", "-c,-b",
                         "a,b", "b,a", "-a,b")]  # all threads there are
    for _ in range(3):
        try:
            client.http.get("/api/v1/results", timeout=0.3)
        except httpx.TimeoutException:
            pass
    time.sleep(2.5)
    assert one.child("query") == query
    for s in busy:
        s.close()
    assert results(connect(one))["results"][0]["id"] == large["result_id"]
    assert one.child("query") == query


@pytest.mark.parametrize("kind", ["query", "export", "window", "row"])
def test_clients_that_do_not_take_their_answers_hold_up_nobody(server, connect, kind):
    """They would have all places for as long as the server lets them; longer than the tests wait."""
    one = server(args=["--query-timeout", "10m", "--query-concurrency", "1"])
    client = connect(one, timeout=20)  # the server cuts a stalled connection after 30 s
    rows, width = (1, 20000000) if kind == "row" else (20000, 2000)
    kept = store(client, f"SELECT i, repeat(chr(65 + (i % 26)::INT), {width}) AS t "
                         f"FROM range({rows}) r(i)", first_rows=0)
    small = store(client, "SELECT 7")
    stalled = []
    for _ in range(3 if kind == "row" else 16):
        if kind == "query":
            stalled.append(begin(one, "/api/v1/query", {
                "sql": "SELECT repeat('x', 1000) FROM range(10000000)", "format": "ndjson"}))
        elif kind == "export":
            stalled.append(begin(one, f"/api/v1/results/{kept['result_id']}/export?format=csv"))
        else:
            stalled.append(begin(one, f"/api/v1/results/{kept['result_id']}?limit=10000"))
    for s in stalled[:3]:
        assert s.recv(12) == b"HTTP/1.1 200"
    assert client.value("SELECT 42", timeout_ms=600000) == 42
    assert window(client, small)["rows"] == [[7]]
    assert results(client)["count_max"] == 64
    for s in stalled:
        s.close()
    assert client.value("SELECT 43") == 43


def test_words_are_those_that_statements_may_use(client):
    words = checked(client.http.get("/api/v1/sql/words")).json()
    assert "select" in words["keywords"] and "BIGINT" in words["types"]
    functions = {f["name"]: f for f in words["functions"]}
    assert functions["sum"]["kind"] == "aggregate" and functions["lower"]["kind"] == "scalar"
    assert any(f["name"] == "range" and f["kind"] == "table" for f in words["functions"])
    assert functions["date_trunc"]["parameters"] == ["part", "timestamp"]
    for name in ("read_csv", "read_parquet", "getenv", "tarn_source", "duckdb_secrets", "glob"):
        assert name not in functions
    assert checked(client.http.get("/api/v1/sql/words")).json() == words


def test_check_judges_without_running(client, topic):
    client.send(topic, [{"n": 1, "s": "x"}])

    def check(sql):
        return client.http.post("/api/v1/sql/check", json={"sql": sql})

    answer = check(f"SELECT s, n + 1 AS m FROM {topic}").json()
    assert answer == {"ok": True, "columns": [{"name": "s", "type": "VARCHAR"},
                                              {"name": "m", "type": "BIGINT"}]}
    assert check("SELECT count(*) FROM range(100000000000) t(x)").json()["ok"]
    for sql, status, code, position in [
            (f"SELECT nope FROM {topic}", 400, "sql_invalid", 8),
            ("SELECT 1 +", 400, "sql_invalid", None), ("SELECT * FROM nope", 404,
                                                       "table_not_found", 15),
            ("SELECT * FROM read_csv('x')", 403, "sql_not_allowed", 15)]:
        problem = check(sql)
        assert problem.status_code == status and problem.json()["code"] == code
        assert position is None or problem.json()["position"] == position


def test_the_catalog_has_every_table_with_its_columns(server, connect):
    one = server()
    client = connect(one)
    client.send("landed", [{"n": 1}, {"n": 2}])
    client.send("dead", [{"n": 1}])
    client.post("dead", b'{"n": 1}\nnot json\n', content_type="application/x-ndjson",
                params={"dead": "true"})
    client.flush("landed")
    client.send("fresh", [{"a": 1.5}])
    checked(client.http.post("/api/v1/tables/sales", content=b"day,amount\n2026-01-01,5\n",
                             headers={"content-type": "text/csv"}))
    (one.data / "files" / "cities.csv").write_text("city,people\nBasel,170000\n")
    tables, after = [], ""
    while after is not None:
        page = checked(client.http.get("/api/v1/catalog",
                                       params={"limit": 2, **({"after": after} if after else {})})
                       ).json()
        assert len(page["tables"]) <= 2
        tables += page["tables"]
        after = page["next"]
    names = {f"{t['schema']}.{t['name']}": t for t in tables}
    assert list(names) == sorted(names)
    assert names["bronze.landed"]["kind"] == "topic" and names["bronze.landed"]["rows"] == 2
    assert names["bronze.landed"]["columns"][0] == {"name": "n", "type": "BIGINT"}
    assert names["bronze.fresh"]["columns"][0]["name"] == "a"
    assert names["bronze.fresh"]["lag_events"] == 1
    assert names["main.sales"]["kind"] == "import" and names["main.sales"]["rows"] == 1
    assert [c["name"] for c in names["main.sales"]["columns"]] == ["day", "amount"]
    assert names["files.cities"]["kind"] == "file" and names["files.cities"]["rows"] is None
    assert [c["name"] for c in names["files.cities"]["columns"]] == ["city", "people"]
    whole = checked(client.http.get("/api/v1/catalog")).json()
    assert whole["tables"] == tables and whole["next"] is None
