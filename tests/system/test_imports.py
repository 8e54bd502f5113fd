# SPDX-License-Identifier: MIT
"""Files become tables: create, append, replace; a bad file is a clear error and changes nothing."""
import gzip
import io
import json
import os
import signal
import socket
import threading
from decimal import Decimal
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from harness.client import Refused, checked
from harness.server import is_running, wait_for

TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson",
         "parquet": "application/vnd.apache.parquet"}
PEOPLE = b"id,name,born\n1,Ada,1815-12-10\n2,Grace,1906-12-09\n"


@pytest.fixture
def table(request):
    """A name of the test's own, since the server is shared."""
    name = "".join(c if c.isalnum() else "_" for c in request.node.name.lower())
    return f"t_{name}"[:100].rstrip("_")


def post(client, table, body, kind="csv", headers=None, **params):
    return client.http.post(f"/api/v1/tables/{table}", content=body, params=params, timeout=60,
                            headers={"Content-Type": TYPES[kind], **(headers or {})})


def load(client, table, body, kind="csv", **params):
    response = post(client, table, body, kind, **params)
    assert response.status_code == 201, response.text
    return response.json()


def refused(client, table, body, kind="csv", headers=None, **params):
    response = post(client, table, body, kind, headers, **params)
    assert response.status_code >= 400, response.text
    return Refused(response)


def parquet_of(columns):
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def folder(server, table):
    return server.data / "lake" / "main" / table


def leftovers(server):
    """What imports have left outside of the tables' own files."""
    work = server.data / "lake" / "_imports"
    staged = [p for p in (server.data / "lake" / "main").glob("*/_staging/*")]
    return sorted(work.iterdir() if work.is_dir() else []) + staged


# --- the three ways to write a table ---


def test_csv_makes_a_table_with_exact_types(shared_server, client, table):
    answer = load(client, table, PEOPLE)
    assert (answer["version"], answer["rows"], answer["table_rows"]) == (0, 2, 2)
    assert answer["columns"] == [{"name": "id", "type": "BIGINT"},
                                 {"name": "name", "type": "VARCHAR"},
                                 {"name": "born", "type": "DATE"}]
    assert client.rows(f"SELECT * FROM {table} ORDER BY id") == [
        (1, "Ada", "1815-12-10"), (2, "Grace", "1906-12-09")]
    assert client.rows(f"SELECT name FROM main.{table} WHERE id = 2") == [("Grace",)]
    delta = DeltaTable(str(folder(shared_server, table)))
    assert delta.to_pyarrow_table().num_rows == 2


def test_create_is_refused_where_there_is_a_table(client, table):
    load(client, table, PEOPLE)
    error = refused(client, table, PEOPLE)
    assert (error.status, error.code) == (409, "table_exists") and "mode=append" in str(error)
    assert client.value(f"SELECT count(*) FROM {table}") == 2


def test_append_adds_rows_and_new_columns(shared_server, client, table):
    load(client, table, PEOPLE)
    answer = load(client, table, b"ID,name,email\n3,Edsger,e@x.nl\n", mode="append")
    assert (answer["version"], answer["table_rows"]) == (1, 3)
    assert client.rows(f"SELECT id, name, born, email FROM {table} ORDER BY id")[1:] == [
        (2, "Grace", "1906-12-09", None), (3, "Edsger", None, "e@x.nl")]
    names = [f.name for f in DeltaTable(str(folder(shared_server, table))).schema().fields]
    assert names == ["id", "name", "born", "email"]


def test_replace_takes_the_place_of_rows_and_columns_in_one_commit(shared_server, client, table):
    load(client, table, PEOPLE)
    answer = load(client, table, b"x\n1.5\n", mode="replace")
    assert (answer["version"], answer["table_rows"]) == (1, 1)
    assert client.query(f"SELECT * FROM {table}")["columns"] == [{"name": "x", "type": "DOUBLE"}]
    delta = DeltaTable(str(folder(shared_server, table)))
    assert delta.to_pyarrow_table().to_pylist() == [{"x": 1.5}]
    delta.load_as_version(0)
    assert delta.to_pyarrow_table().num_rows == 2  # history is kept


def test_append_and_replace_make_what_is_not_there(client, table):
    assert load(client, table + "_a", PEOPLE, mode="append")["version"] == 0
    assert load(client, table + "_r", PEOPLE, mode="replace")["version"] == 0


def test_a_type_clash_is_a_clear_error(client, table):
    load(client, table, parquet_of({"id": pa.array([1], pa.int64())}), "parquet")
    error = refused(client, table, parquet_of({"id": ["x"]}), "parquet", mode="append")
    assert (error.status, error.code) == (409, "type_conflict")
    assert "column id is VARCHAR in the file and BIGINT in the table" in str(error)
    narrow = parquet_of({"id": pa.array([7], pa.int16())})
    assert load(client, table, narrow, "parquet", mode="append")["table_rows"] == 2


def test_a_topics_table_is_not_written(client, topic):
    client.send(topic, [{"n": 1}])
    for mode in ("create", "append", "replace"):
        error = refused(client, topic, PEOPLE, mode=mode)
        assert (error.status, error.code) == (409, "table_belongs_to_topic"), mode
    assert client.value(f"SELECT count(*) FROM {topic}") == 1


def test_a_topic_does_not_take_an_imported_tables_name(client, table):
    load(client, table, PEOPLE)
    response = client.post(table, b'{"a":1}')
    assert (response.status_code, response.json()["code"]) == (409, "table_exists")
    with pytest.raises(Refused) as error:
        client.create_topic(table)
    assert error.value.status == 409


# --- formats ---


def test_ndjson_and_parquet(client, table):
    rows = [{"a": 1, "t": "2026-01-02T03:04:05Z", "n": {"k": [1]}}, {"a": 2.5, "late": True}]
    load(client, table, b"".join(json.dumps(r).encode() + b"\n" for r in rows), "ndjson")
    assert client.rows(f"SELECT a, t, late FROM {table} ORDER BY a") == [
        (1.0, "2026-01-02T03:04:05Z", None), (2.5, None, True)]
    body = parquet_of({"ts": pa.array([0], pa.timestamp("us")), "u": pa.array([2**63], pa.uint64())})
    answer = load(client, table, body, "parquet", mode="replace")
    assert [c["type"] for c in answer["columns"]] == ["TIMESTAMP WITH TIME ZONE", "DECIMAL(20,0)"]


@pytest.mark.parametrize("nested", (False, True))
def test_decimals_of_more_digits_than_a_table_holds_are_refused(client, table, nested):
    """DuckDB would read them as numbers that are not in the file."""
    wide = pa.array([Decimal("1")], pa.decimal256(39, 2))
    column = pa.StructArray.from_arrays([wide], ["wide"]) if nested else wide
    error = refused(client, table, parquet_of({"id": [1], "x": column}), "parquet")
    assert (error.status, error.code) == (400, "unsupported_type"), error
    assert f"{'wide' if nested else 'x'} is DECIMAL(39)" in error.problem["detail"], error
    fits = parquet_of({"x": pa.array([Decimal("1.25")], pa.decimal256(38, 2))})
    load(client, table, fits, "parquet")
    assert client.rows(f"SELECT x FROM {table}") == [("1.25",)]


def test_csv_can_be_declared(client, table):
    answer = load(client, table, b"7|01\n8|02\n", delimiter="|", header="false",
                  types="column1:VARCHAR")
    assert [c["type"] for c in answer["columns"]] == ["BIGINT", "VARCHAR"]
    answer = load(client, table, b"full name\tn\nx\t1\n", mode="replace", delimiter="tab",
                  names="clean", sample="all")
    assert answer["columns"][0]["name"] == "full_name"


def test_compressed_bodies(client, table):
    response = post(client, table, gzip.compress(PEOPLE), headers={"Content-Encoding": "gzip"})
    assert response.status_code == 201, response.text
    assert client.value(f"SELECT count(*) FROM {table}") == 2


# --- forms ---


def test_upload_names_table_and_format_by_the_file(client, table):
    name = f"{table.upper()} 2026.csv"
    answer = checked(client.http.post("/upload", files={"file": (name, PEOPLE)})).json()
    assert (answer["table"], answer["rows"]) == (f"{table}_2026", 2)
    answer = checked(client.http.post(
        "/upload", data={"mode": "replace", "name": table},
        files={"file": ("x.csv.gz", gzip.compress(PEOPLE))})).json()
    assert (answer["table"], answer["rows"]) == (table, 2)


def test_upload_takes_a_raw_body_too(client, table):
    answer = checked(client.http.post("/upload", params={"name": table}, content=PEOPLE,
                                      headers={"Content-Type": "text/csv"})).json()
    assert answer["table"] == table


def test_a_form_without_a_file_or_with_two_is_refused(client, table):
    for files in ({"mode": (None, "create")},
                  [("file", ("a.csv", PEOPLE)), ("file", ("b.csv", PEOPLE))]):
        response = client.http.post("/upload", params={"name": table}, files=files)
        assert response.status_code == 400, response.text
    assert client.http.get(f"/api/v1/tables/main.{table}").status_code == 404


# --- bad files: the error says what, the table is as before ---

GOOD = parquet_of({"id": list(range(1000))})
BAD = {
    "not_utf8": ("csv", b"id,name\n1,a\n2,caf\xe9\n", "line 3: the bytes are not UTF-8", 3),
    "utf16": ("csv", "id,name\n1,a\n".encode("utf-16"), "UTF-16", 1),
    "ragged_long": ("csv", b"id,name\n1,a\n2,b,c\n", "line 3: 3 fields", 3),
    "ragged_short": ("csv", b"id,name\n1,a\n2\n", "line 3: 1 fields", 3),
    "open_quote": ("csv", b'id,name\n1,"a\n2,b\n3,c\n', "line 2: a quote", 2),
    "bad_value": ("csv", b"id,name\nx,a\n", "line 2, column id", 2),
    "empty": ("csv", b"", "empty", 1),
    "nameless": ("ndjson", b'{"id":1}\n{"id":2,"":"x"}\n', "a field has no name", None),
    "nameless_and_not": ("ndjson", b'{"id":1,"":"x","C1":2}\n', "a field has no name", None),
    "bad_json": ("ndjson", b'{"id":1}\n{"id":\n', "line 2", 2),
    "truncated": ("parquet", GOOD[: len(GOOD) // 2], "cut short", None),
    "damaged": ("parquet", GOOD[:4] + bytes(len(GOOD) - 12) + GOOD[-8:], "Parquet", None),
    "no_parquet": ("parquet", b"hello, this is not Parquet", "cut short", None),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_changes_nothing(shared_server, client, table, case):
    kind, body, says, line = BAD[case]
    load(client, table, PEOPLE)
    before = client.rows(f"SELECT * FROM {table} ORDER BY id")
    for mode in ("append", "replace"):
        if case == "bad_value" and mode == "replace":
            continue  # a table of its own may have text there
        error = refused(client, table, body, kind, mode=mode)
        assert (error.status, error.code) == (400, "bad_file"), error
        assert says in error.problem["detail"], error
        assert error.problem.get("line") == line, error
        assert str(shared_server.data) not in error.problem["detail"]
    assert client.rows(f"SELECT * FROM {table} ORDER BY id") == before
    assert DeltaTable(str(folder(shared_server, table))).version() == 0
    wait_for(lambda: not leftovers(shared_server), 10, "the folders to go")


def test_a_bad_file_makes_no_table(shared_server, client, table):
    refused(client, table, b"a,b\n1\n")
    assert not folder(shared_server, table).exists()
    assert imports(client, table, "failed")[0]["error"]["code"] == "bad_file"  # as answered
    with pytest.raises(Refused):
        client.rows(f"SELECT * FROM {table}")


@pytest.mark.parametrize("name", ["..%2Fx", "a.b", "A", "1a", "a-b", "x__dead", "%2e%2e", "é"])
def test_a_bad_name_is_refused(shared_server, client, name):
    response = client.http.post(f"/api/v1/tables/{name}", content=PEOPLE,
                                headers={"Content-Type": "text/csv"})
    assert response.status_code in (400, 404), response.text
    assert not (shared_server.data / "lake" / "x").exists()


@pytest.mark.parametrize("name", ["../evil.csv", "a/b.csv", "..\\evil.csv"])
def test_an_upload_with_folders_in_its_name_is_refused(shared_server, client, name):
    body = (b'--B\r\nContent-Disposition: form-data; name="file"; filename="' + name.encode() +
            b'"\r\n\r\n' + PEOPLE + b"\r\n--B--\r\n")
    response = client.http.post("/upload", content=body,
                                headers={"Content-Type": "multipart/form-data; boundary=B"})
    assert response.status_code == 400 and "folders" in response.json()["detail"]
    assert not list((shared_server.data / "lake").rglob("evil*"))


def test_column_names_that_delta_forbids_are_refused_with_the_way_to_do_it(client, table):
    error = refused(client, table, b"full name,x\na,1\n")
    assert "names=clean" in str(error)


def test_a_bomb_is_stopped(server, connect, table):
    one = server(args=["--import-bytes-max", "1MiB"])
    client = connect(one)
    bomb = gzip.compress(b"a\n" + b"1\n" * (4 << 20))
    error = refused(client, table, bomb, headers={"Content-Encoding": "gzip"})
    assert (error.status, error.code) == (413, "body_too_large")
    error = refused(client, table, b"a\n" + b"1\n" * (1 << 20))
    assert (error.status, error.code) == (413, "body_too_large")
    wait_for(lambda: not leftovers(one), 10, "the folders to go")


# --- a file long enough to be read while it comes ---

LONG = b"id,name\n" + b"".join(b"%d,row %d\n" % (i, i) for i in range(200_000))
LATE = {
    "ragged": (b"7,a,b\n", "line 200002: 3 fields"),
    "not_utf8": (b"7,caf\xe9\n", "line 200002: the bytes are not UTF-8"),
    "open_quote": (b'7,"a\n', "line 200002: a quote"),
}


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_long_file_makes_a_table_of_all_its_rows(shared_server, client, table, coding):
    body = gzip.compress(LONG, 1) if coding == "gzip" else LONG
    response = post(client, table, body, headers={"Content-Encoding": coding})
    assert response.status_code == 201, response.text
    assert client.rows(f"SELECT count(*), sum(id)::BIGINT, count(DISTINCT name) FROM {table}") == [
        (200_000, 19999900000, 200_000)]
    wait_for(lambda: not leftovers(shared_server), 10, "the folders to go")


def test_a_late_value_makes_a_long_files_column_text(client, table):
    answer = load(client, table, LONG + b"x,last\n")
    assert [c["type"] for c in answer["columns"]] == ["VARCHAR", "VARCHAR"]
    assert answer["rows"] == 200_001
    error = refused(client, table, LONG + b"x,last\n", mode="replace", types="id:BIGINT")
    assert error.problem["line"] == 200_002 and 'column id: "x" is no BIGINT' in (
        error.problem["detail"])


@pytest.mark.parametrize("case", LATE)
def test_what_is_wrong_late_in_a_long_file_changes_nothing(shared_server, client, table, case):
    load(client, table, PEOPLE)
    for mode in ("append", "replace"):
        error = refused(client, table, LONG + LATE[case][0] + b"8,b\n" * 1000, mode=mode)
        assert (error.status, error.code) == (400, "bad_file"), error
        assert LATE[case][1] in str(error) and error.problem["line"] == 200_002
    assert client.value(f"SELECT count(*) FROM {table}") == 2
    wait_for(lambda: not leftovers(shared_server), 10, "the folders to go")


def test_a_long_file_that_is_cut_short_changes_nothing(shared_server, client, table):
    load(client, table, PEOPLE)
    packed = gzip.compress(LONG, 1)
    response = post(client, table, packed[:-100], mode="append",
                    headers={"Content-Encoding": "gzip"})
    assert response.status_code == 400, response.text
    sock = socket.create_connection(("127.0.0.1", shared_server.port))
    sock.sendall(f"POST /api/v1/tables/{table}?mode=append HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                 f"Content-Type: text/csv\r\nContent-Length: {len(LONG) + 9}\r\n\r\n".encode() +
                 LONG)
    begun(client, table)
    sock.close()
    begun(client, table, "cancelled")
    wait_for(lambda: not leftovers(shared_server), 10, "the folders to go")
    assert client.value(f"SELECT count(*) FROM {table}") == 2


def test_a_long_file_comes_by_form(client, table):
    answer = checked(client.http.post("/upload", data={"name": table}, timeout=60,
                                      files={"file": ("long.csv", LONG)})).json()
    assert answer["rows"] == 200_000


# --- the list, cancel, clients that go ---


class Slow:
    """An import whose body does not end before finish(); answer() waits for what came of it."""

    def __init__(self, client, table, **params):
        self.gate = threading.Event()
        self.result = None
        self.thread = threading.Thread(target=self._run, args=(client, table, params), daemon=True)
        self.thread.start()

    def _body(self):
        yield b"a\n"
        while not self.gate.wait(0.02):
            yield b"1\n" * 100

    def _run(self, client, table, params):
        try:
            self.result = post(client, table, self._body(), **params)
        except httpx.HTTPError as error:  # the connection may be cut
            self.result = error

    def answer(self):
        self.gate.set()
        self.thread.join(30)
        return self.result


def imports(client, table, state):
    return [i for i in checked(client.http.get("/api/v1/imports")).json()["imports"]
            if i["table"] == table and i["state"] == state]


def begun(client, table, state="receiving"):
    return wait_for(lambda: imports(client, table, state), 10, f"an import to be {state}")[0]


def test_progress_is_shown_and_cancel_stops_the_job(server, connect, table):
    one = server()
    client = connect(one)
    slow = Slow(connect(one), table)
    item = begun(client, table)
    pid = one.child("job")
    assert checked(client.http.get(f"/api/v1/imports/{item['id']}")).json()["version"] is None
    assert client.http.delete(f"/api/v1/imports/{item['id']}").status_code == 202
    wait_for(lambda: not is_running(pid), 5, "the job to end")
    answer = slow.answer()
    if not isinstance(answer, httpx.HTTPError):
        assert (answer.status_code, answer.json()["code"]) == (409, "import_cancelled")
    assert imports(client, table, "cancelled")
    assert client.http.delete(f"/api/v1/imports/{item['id']}").status_code == 409
    assert client.http.delete("/api/v1/imports/nope").status_code == 404
    wait_for(lambda: not leftovers(one), 10, "the folder to go")
    assert not folder(one, table).exists()


def test_others_wait_for_a_slot(server, connect, table):
    one = server(args=["--import-concurrency", "1"])
    client = connect(one)
    first = Slow(connect(one), table + "_1")
    begun(client, table + "_1")
    second = Slow(connect(one), table + "_2")
    begun(client, table + "_2", "waiting")
    assert first.answer().status_code == second.answer().status_code == 201


def test_a_client_that_goes_away_cancels_its_import(server, connect, table):
    one = server()
    client = connect(one)
    load(client, table, PEOPLE)
    with socket.create_connection(("127.0.0.1", one.port)) as sock:
        sock.sendall(f"POST /api/v1/tables/{table}?mode=append HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     "Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\nid\n".encode())
        begun(client, table)
    begun(client, table, "cancelled")
    wait_for(lambda: not leftovers(one), 10, "the folder to go")
    assert client.value(f"SELECT count(*) FROM {table}") == 2


def test_a_killed_job_is_a_clear_error_and_changes_nothing(server, connect, table):
    one = server()
    client = connect(one)
    slow = Slow(connect(one), table)
    begun(client, table)
    os.kill(one.child("job"), signal.SIGKILL)
    answer = slow.answer()
    if not isinstance(answer, httpx.HTTPError):
        assert (answer.status_code, answer.json()["code"]) == (500, "import_crashed")
    begun(client, table, "failed")
    wait_for(lambda: not leftovers(one), 10, "the folder to go")
    assert not folder(one, table).exists()
    load(client, table, PEOPLE)


def test_the_job_may_read_and_write_its_folder_alone(server, connect, table):
    """The walls: a job has no sockets of its own, and cannot open files beside its folder."""
    one = server()
    client = connect(one)
    slow = Slow(connect(one), table)
    begun(client, table)
    status = Path(f"/proc/{one.child('job')}/status")
    wait_for(lambda: "NoNewPrivs:\t1" in status.read_text() and "Seccomp:\t2" in status.read_text(),
             10, "the walls")
    assert slow.answer().status_code == 201
