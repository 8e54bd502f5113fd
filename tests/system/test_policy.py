# SPDX-License-Identifier: MIT
"""Hostile SQL through every door that takes SQL: nothing leaks, nothing is written, nobody else is
disturbed. The unit tests of src/sql try the same with each wall alone."""
import hashlib
import os
import threading
import time

import pytest

SECRET = "kestrel-canary-5931"

ESCAPES = [
    "SELECT * FROM read_text('{secret}')", "SELECT * FROM read_csv('{secret}')",
    "SELECT * FROM read_blob('{secret}')", "SELECT * FROM '{secret}'",
    "SELECT * FROM read_csv_auto('{secret}')", "SELECT * FROM read_json('{secret}')",
    "SELECT * FROM read_parquet('{table}/**/*.parquet')", "SELECT * FROM parquet_scan('{table}')",
    "SELECT 1 FROM range(1), '{secret}'", "SELECT * FROM glob('{data}/*')",
    "SELECT * FROM glob('/etc/*')", "SELECT * FROM sniff_csv('{secret}')",
    "SELECT * FROM parquet_metadata('{table}')", "SELECT * FROM parquet_schema('{table}')",
    "SELECT (SELECT content FROM read_text('{secret}'))",
    "WITH a AS (SELECT * FROM read_text('{secret}')) SELECT * FROM a",
    "SELECT 1 UNION ALL SELECT length(content) FROM read_text('{secret}')",
    "SELECT * FROM (VALUES (1)) v(x) WHERE EXISTS (SELECT * FROM read_text('{secret}'))",
    "SELECT x FROM range(3) t(x) ORDER BY (SELECT content FROM read_text('{secret}'))",
    "/* */ SELECT * FROM read_text('{secret}')", "-- c\nSELECT * FROM read_text('{secret}')",
    "EXPLAIN SELECT * FROM read_text('{secret}')",
    "EXPLAIN ANALYZE SELECT * FROM read_text('{secret}')",
    "DESCRIBE SELECT * FROM read_text('{secret}')", "SUMMARIZE SELECT * FROM read_text('{secret}')",
    "DESCRIBE '{secret}'", "SUMMARIZE '{secret}'", "FROM '{secret}'", "TABLE '{secret}'",
    "PIVOT (SELECT * FROM read_text('{secret}')) ON content USING count(*)",
    "SELECT * FROM read_text(getvariable('x'))", "SELECT getenv('HOME')",
    "SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')",
    "SELECT * FROM query_table('{secret}')",
    "SELECT json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
    "PRAGMA json_execute_serialized_sql('x')", "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()", "SELECT * FROM duckdb_functions()",
    "SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_views()", "SELECT * FROM duckdb_logs",
    "SELECT * FROM duckdb_databases()", "SELECT * FROM duckdb_temporary_files()",
    "SELECT * FROM duckdb_extensions()", "SELECT * FROM which_secret('x', 's3')",
    "SELECT current_setting('temp_directory')", "SELECT current_setting('secret_directory')",
    "SELECT * FROM pragma_database_list", "SELECT * FROM pragma_storage_info('x')",
    "SELECT * FROM sqlite_master", "SELECT * FROM information_schema.views",
    "SELECT * FROM pg_catalog.pg_class", "SHOW ALL TABLES",
    "COPY (SELECT 1) TO '{table}/x.csv'", "COPY (SELECT 1) TO '{spill}/x.csv'",
    "COPY bronze.{topic} TO '/tmp/tarn-escape.csv'", "COPY bronze.{topic} FROM '{secret}'",
    "EXPORT DATABASE '{data}/e'", "IMPORT DATABASE '{data}/e'", "ATTACH '{data}/x.db'",
    "ATTACH '{data}/meta.sqlite' (TYPE sqlite)", "ATTACH ':memory:' AS m", "DETACH memory",
    "CREATE TABLE x(a INT)", "CREATE TEMP TABLE x AS SELECT 1", "CREATE VIEW x AS SELECT 1",
    "CREATE OR REPLACE VIEW bronze.{topic} AS SELECT 1", "CREATE MACRO f(x) AS x",
    "CREATE SECRET s (TYPE s3)", "CREATE SCHEMA x", "CREATE SEQUENCE s", "CREATE TYPE t AS INT",
    "DROP VIEW bronze.{topic}", "DROP SCHEMA bronze CASCADE",
    "ALTER VIEW bronze.{topic} RENAME TO x",
    "INSERT INTO bronze.{topic} VALUES (1)", "UPDATE bronze.{topic} SET n = 1",
    "DELETE FROM bronze.{topic}", "TRUNCATE bronze.{topic}", "MERGE INTO bronze.{topic} USING "
    "(SELECT 1 AS n) s ON false WHEN NOT MATCHED THEN INSERT VALUES (1)",
    "SET memory_limit='100GB'", "SET threads=64", "RESET memory_limit", "SET VARIABLE x = 1",
    "SET enable_external_access=true", "SET lock_configuration=false", "SET search_path='x'",
    "SET temp_directory='/tmp'", "SET TimeZone='Europe/Berlin'", "USE bronze",
    "PRAGMA enable_profiling", "PRAGMA profiling_output='{data}/p.json'", "PRAGMA version",
    "PRAGMA database_list", "PRAGMA force_checkpoint", "CHECKPOINT", "VACUUM", "ANALYZE",
    "INSTALL httpfs", "LOAD httpfs", "LOAD '/tmp/x.duckdb_extension'", "FORCE INSTALL spatial",
    "CALL enable_logging()", "CALL pragma_version()", "CALL checkpoint()",
    "SELECT * FROM enable_logging(storage='file', storage_config={{'path':'/tmp/tarn-escape'}})",
    "SELECT * FROM enable_logging(storage='stdout')", "SELECT * FROM disable_logging()",
    "SELECT * FROM enable_profiling(save_location='{data}/p.json', format='json')",
    "SELECT * FROM disable_profiling()", "SELECT * FROM checkpoint()",
    "SELECT * FROM force_checkpoint()", "SELECT * FROM truncate_duckdb_logs()",
    "SELECT write_log('x')", "SELECT * FROM enable_peg_parser()", "BEGIN", "COMMIT", "ROLLBACK",
    "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p",
    "SELECT * FROM tarn_source(1)", "SELECT * FROM tarn_source(0)", "SELECT * FROM seq_scan('x')",
    "SELECT * FROM arrow_scan(0, 0, 0)", "SELECT * FROM read_duckdb('{data}/x')",
    "SELECT * FROM sql_auto_complete('SEL')", "SELECT * FROM repeat_row(1, num_rows=3), '{secret}'",
    "SELECT * FROM 'http://127.0.0.1:1/x.csv'", "SELECT * FROM read_csv('https://example.com/x')",
    "SELECT * FROM 's3://bucket/x.parquet'", "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM read_text('file://{secret}')", "SELECT * FROM read_text('~/x')",
    "SELECT * FROM read_text('{data}/lake/../../{secret_name}')", "SELECT * FROM \"{secret}\"",
    "SELECT * FROM \"read_text\"('{secret}')", "SELECT * FROM main.read_text('{secret}')",
    "SELECT * FROM system.main.read_text('{secret}')",
    "SELECT 1; SELECT * FROM read_text('{secret}')",
]

# Statements that take memory, time or stack; (sql, seconds until it must be over)
KILLERS = [
    "SELECT len(range(500000000))", "SELECT length(repeat('x', 2000000000))",
    "SELECT count(*) FROM range(100000000000) t(x) WHERE hash(x) % 3 = 1",
    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r",
    "SELECT list_sum(list_transform(range(100000000), x -> x + 1))",
    "SELECT count(*) FROM range(10000000) a(x), range(10000000) b(y) WHERE hash(x) = hash(y)",
    "SELECT string_agg(repeat('y', 1000), '') FROM range(10000000)",
    "SELECT count(DISTINCT x::VARCHAR || 'abcdefghijklmnop') FROM range(200000000) t(x)",
    "SELECT x FROM range(300000000) t(x) ORDER BY hash(x) LIMIT 1 OFFSET 299999999",
    "SELECT json_structure(repeat('[', 100000) || repeat(']', 100000))",
    "SELECT json_contains(repeat('[', 100000) || repeat(']', 100000), '1')",
    "SELECT json_merge_patch(repeat('{\"a\":', 100000) || '1' || repeat('}', 100000), '{}')",
    "SELECT regexp_matches(repeat('a', 100000), '(a*)*(a*)*(a*)*b')",
    "SELECT " + "(" * 20000 + "1" + ")" * 20000,
    "SELECT 1 IN (" + ",".join(["0"] * 20000) + ")",
    "SELECT " + " AND ".join(["true"] * 10000),
    " UNION ALL ".join(["SELECT 1"] * 3000),
]


@pytest.fixture(scope="module")
def filled(shared_server):
    from harness.client import Client
    with Client(shared_server.url) as client:
        client.send("target", [{"n": i} for i in range(100)])
        client.flush("target")
        client.send("target", [{"n": i} for i in range(100, 200)])
    secret = shared_server.data.parent / "secret.csv"
    secret.write_text(f"a\n{SECRET}\n")
    return "target"


def tree_hash(folder):
    digest = hashlib.sha256()
    for root, dirs, files in os.walk(folder):
        dirs.sort()
        for name in sorted(files):
            path = os.path.join(root, name)
            digest.update(path.encode())
            digest.update(open(path, "rb").read())
    return digest.hexdigest()


def test_escapes_leak_nothing_and_write_nothing(shared_server, client, filled):
    data = shared_server.data
    secret = data.parent / "secret.csv"
    words = {"secret": secret, "secret_name": secret.name, "data": data, "topic": filled,
             "table": data / "lake" / "bronze" / filled, "spill": data / "run" / "spill"}
    before = tree_hash(data / "lake")
    answered = []
    for sql in ESCAPES:
        text = sql.format(**words)
        answer = client.post_query(text)
        assert SECRET not in answer.text, text
        assert answer.status_code < 500 or answer.status_code == 503, (text, answer.text)
        if answer.status_code == 200:
            answered.append(text)
    assert answered == [], "these were answered"
    assert tree_hash(data / "lake") == before
    for path in ("/tmp/tarn-escape", "/tmp/tarn-escape.csv", data / "p.json", data / "e"):
        assert not os.path.exists(path)
    assert client.value(f"SELECT count(*) FROM bronze.{filled}") == 200


def test_errors_do_not_show_paths_of_the_server(shared_server, client, filled):
    for sql in (f"SELECT * FROM bronze.{filled} WHERE n = 'x'::INT", "SELECT * FROM '/etc/passwd'",
                "SELECT * FROM duckdb_secrets()", "SELECT 1/0::nope"):
        answer = client.post_query(sql)
        assert str(shared_server.data) not in answer.text and "/root" not in answer.text


def test_ordinary_sql_is_not_in_the_way(client, filled):
    for sql in (
            "SELECT 1", "VALUES (1), (2)", "SELECT unnest([1, 2])", "FROM bronze.target SELECT n",
            "SELECT x FROM range(5) t(x)", "SELECT * FROM generate_series(1, 3)",
            "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r WHERE x < 5) "
            "SELECT sum(x) FROM r",
            "SELECT n, row_number() OVER (ORDER BY n) FROM bronze.target QUALIFY n < 3",
            "SELECT date_trunc('hour', _time) AS h, count(*), approx_count_distinct(n), "
            "quantile_cont(n, 0.9), median(n) FROM bronze.target GROUP BY ALL ORDER BY ALL",
            "SELECT regexp_extract('a1', '[0-9]'), strftime(_time, '%Y'), "
            "json_extract('{}', '$.a'), list_sort([2, 1]), struct_pack(a := 1), map([1], [2]), "
            "lower('X'), now() IS NOT NULL "
            "FROM bronze.target",
            "SELECT a.n FROM bronze.target a JOIN bronze.target b USING (n) WHERE b.n > 5",
            "SELECT CASE WHEN n > 3 THEN 'x' ELSE 'y' END AS c, count(*) FILTER (n > 5) "
            "FROM bronze.target GROUP BY c HAVING count(*) > 1",
            "SELECT * FROM bronze.target EXCEPT SELECT * FROM bronze.target",
            "SUMMARIZE bronze.target", "DESCRIBE bronze.target", "EXPLAIN FROM bronze.target",
            "SHOW TABLES", "SELECT * FROM bronze.target USING SAMPLE 10"):
        answer = client.post_query(sql)
        assert answer.status_code == 200, (sql, answer.text)


def test_killers_end_and_disturb_nobody(server, connect):
    one = server(args=["--memory", "512MiB"])
    front, client = one.pid, connect(one)
    client.send("t", [{"n": i} for i in range(1000)])
    ended, waits, errors = threading.Event(), [], []

    def keep_sending():
        other = connect(one)
        while not ended.is_set():
            began = time.monotonic()
            answer = other.post("t", b'{"n":1}\n')
            waits.append(time.monotonic() - began)
            if answer.status_code != 200:
                errors.append(answer.text)
            time.sleep(0.005)

    thread = threading.Thread(target=keep_sending)
    thread.start()
    try:
        for sql in KILLERS:
            began = time.monotonic()
            answer = client.post_query(sql, timeout_ms=1500)
            took = time.monotonic() - began
            assert took < 4, (sql[:80], took)
            assert answer.status_code in (200, 400, 403, 408, 413, 429, 500, 503, 507), sql[:80]
            assert answer.json()
    finally:
        ended.set()
        thread.join(10)
    assert one.pid == front and one.process.poll() is None
    assert errors == []
    assert sorted(waits)[int(len(waits) * 0.99)] < 0.5
    count = client.value("SELECT count(*) FROM bronze.t")
    assert count == 1000 + len(waits)


def test_the_sql_text_is_bounded(client):
    answer = client.post_query("SELECT '" + "x" * (2 << 20) + "'")
    assert answer.status_code in (400, 413)
