# SPDX-License-Identifier: MIT
"""The command line: queries with and without a server, sending, producing, exit codes."""
import csv
import io
import json
import subprocess

import pyarrow.parquet as pq
import pytest

from harness.client import ndjson


@pytest.fixture
def tarn(tarn_bin, tmp_path):
    def call(*words, stdin=None, code=0):
        done = subprocess.run([str(tarn_bin), *map(str, words)], input=stdin, capture_output=True,
                              timeout=60, cwd=tmp_path)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout.decode()

    return call


def test_query_formats(tarn, shared_server, client, topic, tmp_path):
    client.send(topic, [{"n": i, "t": f"ü{i}"} for i in range(20)])
    sql, data = f"SELECT n, t FROM bronze.{topic} ORDER BY n", ("--data", shared_server.data)
    table = tarn("query", sql, *data)
    assert "n" in table.splitlines()[0] and "ü19" in table
    rows = list(csv.reader(io.StringIO(tarn("query", sql, *data, "--format", "csv"))))
    assert rows[0] == ["n", "t"] and rows[20] == ["19", "ü19"]
    answer = json.loads(tarn("query", sql, *data, "--format", "json"))
    assert (answer["rows"] if isinstance(answer, dict) else answer)
    lines = tarn("query", sql, *data, "--format", "ndjson").splitlines()
    assert json.loads(lines[3]) == {"n": 3, "t": "ü3"}
    out = tmp_path / "out.parquet"
    tarn("query", sql, *data, "--format", "parquet", "--output", out)
    assert pq.read_table(out)["n"].to_pylist() == list(range(20))
    assert tarn("query", sql, "--server", shared_server.url, "--format", "csv")


def test_query_on_the_files_with_no_server_gives_the_same(tarn, server, connect, topic):
    one = server()
    client = connect(one)
    client.create_topic(topic, flush_age_ms="1h")
    client.send(topic, [{"n": i, "v": i * 1.5} for i in range(500)])
    client.flush(topic)
    client.send(topic, [{"n": i, "v": 0.5, "late": "x"} for i in range(500, 800)])
    sql = f"SELECT count(*), sum(n), sum(v), count(late), max(_offset) FROM bronze.{topic}"
    live = tarn("query", sql, "--data", one.data, "--format", "csv")
    asked = client.rows(sql)
    one.kill()
    before = sorted((p, p.stat().st_size) for p in one.data.rglob("*") if "run" not in p.parts)
    assert tarn("query", sql, "--data", one.data, "--format", "csv") == live
    after = sorted((p, p.stat().st_size) for p in one.data.rglob("*") if "run" not in p.parts)
    assert before == after  # reading alone changes nothing
    one.start()
    assert connect(one).rows(sql) == asked


def test_exit_codes(tarn, shared_server):
    data = ("--data", shared_server.data)
    tarn("query", "SELEC", *data, code=1)
    tarn("query", code=2)
    tarn("query", "SELECT 1", "--nonsense", *data, code=2)
    tarn("nonsense", code=2)
    tarn("--help")
    tarn("version")
    tarn("query", "SELECT 1", "--server", "http://127.0.0.1:1", code=1)


def test_send_from_file_and_pipe(tarn, shared_server, client, topic, tmp_path):
    path = tmp_path / "in.ndjson"
    path.write_bytes(ndjson([{"n": i} for i in range(10)]))
    tarn("send", topic, path, "--server", shared_server.url)
    tarn("send", topic, "--server", shared_server.url, stdin=b'{"n":10}\n')
    assert client.rows(f"SELECT count(*), max(n) FROM bronze.{topic}") == [(11, 10)]
    tarn("send", topic, "--server", shared_server.url, stdin=b"nope\n", code=1)


def test_topic_commands(tarn, shared_server, client, topic):
    at = ("--data", shared_server.data)
    tarn("topic", "create", topic, "--partitions", 2, "--key", "id", "--flush-age-ms", "5s", *at)
    info = json.loads(tarn("topic", "describe", topic, *at, "--json"))
    assert info["partitions"] == 2 and info["key"] == "id"
    tarn("topic", "change", topic, "--flush-rows", 5, *at)
    assert client.topic(topic)["flush_rows"] == 5
    assert topic in tarn("topic", "list", *at) and tarn("topic", "describe", topic, *at)
    tarn("topic", "delete", topic, "--drop", *at)
    tarn("topic", "describe", topic, *at, code=1)


@pytest.mark.parametrize("preset", ["web_logs", "customers", "transactions", "analytics"])
def test_producers_send_what_was_asked(tarn, shared_server, client, topic, preset):
    tarn("produce", "--topic", topic, "--preset", preset, "--rate", 2000, "--seconds", 2,
         "--server", shared_server.url)
    count = client.value(f"SELECT count(*) FROM bronze.{topic}")
    assert 3920 <= count <= 4080
    assert client.value(f"SELECT count(*) FROM bronze.{topic} WHERE _rescued IS NOT NULL") == 0


def test_health_metrics_and_config(tarn, shared_server):
    at = ("--data", shared_server.data)
    assert "ok" in tarn("health", *at)
    assert json.loads(tarn("health", *at, "--json"))["state"] == "ok"
    assert tarn("metrics", *at)
    assert "flush_age" in tarn("config")
