# SPDX-License-Identifier: MIT
"""`tarn import`: files, patterns and standard input into tables and topics."""
import gzip
import json
import subprocess
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

CSV = "id,name\n1,Ada\n2,Grace\n"


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text(CSV)
    (folder / "b.csv").write_text("id,name\n3,Edsger\n")
    (folder / "e.ndjson").write_text('{"n":1}\n{"n":2}\n')
    pq.write_table(pa.table({"n": list(range(2000)), "s": ["x"] * 2000}), folder / "p.parquet")
    return folder


def run(binary, *words, code=0, stdin=None):
    done = subprocess.run([str(binary), "import", *map(str, words)], capture_output=True,
                          input=stdin, timeout=60)
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return (done.stdout if code == 0 else done.stderr).decode()


def test_files_become_tables(shared_server, client, topic, files):
    tarn, to = shared_server.binary, ["--server", shared_server.url]
    assert "2 rows in table" in run(tarn, files / "a.csv", "--table", f"{topic}_a", *to)
    assert client.value(f"SELECT count(*) FROM {topic}_a") == 2
    error = run(tarn, files / "a.csv", "--table", f"{topic}_a", *to, code=1)
    assert "table_exists" in error and "append" in error
    run(tarn, files / "b.csv", "--table", f"{topic}_a", "--mode", "append", *to)
    assert client.value(f"SELECT count(*) FROM {topic}_a") == 3
    answer = json.loads(run(tarn, files / "p.parquet", "--table", f"{topic}_p", "--json", *to))
    assert answer["rows"] == 2000
    run(tarn, str(files / "*.csv"), "--table", f"{topic}_g", *to)
    assert client.value(f"SELECT count(*) FROM {topic}_g") == 3


def test_standard_input_and_compressed_files(shared_server, client, topic, files):
    tarn, to = shared_server.binary, ["--server", shared_server.url]
    run(tarn, "-", "--format", "csv", "--table", f"{topic}_i", *to, stdin=CSV.encode())
    assert client.value(f"SELECT count(*) FROM {topic}_i") == 2
    (files / "z.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    run(tarn, files / "z.csv.gz", "--table", f"{topic}_z", *to)
    assert client.value(f"SELECT count(*) FROM {topic}_z") == 2
    error = run(tarn, files / "nothing.csv", "--table", topic, *to, code=1)
    assert "nothing.csv" in error


def test_options_reach_the_reader(shared_server, client, topic, files):
    (files / "o.csv").write_text("007|a\n008|b\n")
    run(shared_server.binary, files / "o.csv", "--table", topic, "--delimiter", "|", "--header",
        "false", "--types", "column0:BIGINT", "--server", shared_server.url)
    assert client.rows(f"SELECT * FROM {topic} ORDER BY ALL") == [(7, "a"), (8, "b")]


def test_options_reach_the_events_door(shared_server, client, topic, files):
    """The same content with other options is another import; what cannot be meant is refused."""
    tarn, to = shared_server.binary, ["--topic", topic, "--server", shared_server.url]
    path = write(files / "o.csv", "007|'a|b'\n008|c\n")
    assert "1 events accepted" in run(tarn, path, "--delimiter", "|", "--quote", "'", *to)
    assert "2 events accepted" in run(tarn, path, "--delimiter", "|", "--quote", "'", "--header",
                                      "false", "--types", "column1:integer", *to)
    assert client.rows(f"SELECT column1, column2 FROM {topic} WHERE column1 IS NOT NULL "
                       "ORDER BY 1") == [(7, "a|b"), (8, "c")]
    assert "are for CSV" in run(tarn, files / "e.ndjson", "--types", "n:string", *to, code=1)
    assert "for tables" in run(tarn, path, "--names", "clean", *to, code=2)
    assert "for topics" in run(tarn, path, "--key", "a", "--table", "t", code=2)


def test_parquet_numbers_that_cannot_be_read_become_no_events(shared_server, topic, files):
    wide = pa.array([Decimal("1")], pa.decimal256(50, 0))
    pq.write_table(pa.table({"w": wide}), files / "w.parquet")
    error = run(shared_server.binary, files / "w.parquet", "--topic", topic, "--server",
                shared_server.url, code=1)
    assert "w is DECIMAL(50)" in error


@pytest.mark.parametrize("name, rows", [("a.csv", 2), ("e.ndjson", 2), ("p.parquet", 2000)])
def test_rows_become_events_once(shared_server, client, topic, files, name, rows):
    for _ in range(2):  # the second time nothing is stored
        out = run(shared_server.binary, files / name, "--topic", topic, "--server",
                  shared_server.url)
        assert f"{rows} events accepted" in out
    assert client.value(f"SELECT count(*) FROM {topic}") == rows


def test_a_folder_without_a_server(server, connect, files):
    one = server()
    connect(one).send("events", [{"n": 1}])
    one.stop()
    tarn, to = one.binary, ["--data", one.data]
    run(tarn, files / "a.csv", "--table", "people", *to)
    run(tarn, files / "b.csv", "--table", "people", "--mode", "append", *to)
    run(tarn, files / "p.parquet", "--table", "numbers", *to)
    assert "belongs to a topic" in run(tarn, files / "a.csv", "--table", "events", *to, code=1)
    assert "line 2" in run(tarn, "--table", "bad", write(files / "bad.csv", "a,b\n1\n"), *to, code=1)
    assert "tarn serve" in run(tarn, files / "a.csv", "--topic", "t", *to, code=1)
    one.start()
    client = connect(one)
    assert client.rows("SELECT name FROM people ORDER BY id") == [("Ada",), ("Grace",), ("Edsger",)]
    assert client.value("SELECT count(*) FROM numbers") == 2000
    assert not list((one.data / "lake" / "_imports").glob("*"))
    run(tarn, files / "a.csv", "--table", "people", "--mode", "replace", *to)  # through the server
    assert client.value("SELECT count(*) FROM people") == 2


def write(path, text):
    path.write_text(text)
    return path


def test_usage(shared_server, files):
    tarn = shared_server.binary
    run(tarn, files / "a.csv", code=2)
    run(tarn, files / "a.csv", "--table", "a", "--topic", "b", code=2)
    run(tarn, files / "a.csv", "--table", "a", "--mode", "sometimes", code=2)
    run(tarn, "--table", "a", code=2)
