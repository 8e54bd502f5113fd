# SPDX-License-Identifier: MIT
"""Files in <data>/files are tables at once, follow their files, and harm no one when they are bad."""
import os
import subprocess
import time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.client import Refused, checked


@pytest.fixture
def folder(server, connect):
    """A server of the test's own: its files folder, a client, the server."""
    one = server()
    return one.data / "files", connect(one), one


def tables(client, schema="files"):
    answer = checked(client.http.get("/api/v1/tables", params={"limit": 1000})).json()
    return {t.get("file", t["name"]): t for t in answer["tables"] if t["schema"] == schema}


def test_files_are_tables_at_once(folder):
    files, client, _ = folder
    (files / "Staff List.csv").write_text("id,name,since\n1,Ada,2026-01-02\n")
    (files / "t.tsv").write_text("a\tb\n1\tx\n")
    (files / "events.ndjson").write_text('{"n":1,"deep":{"k":2}}\n')
    pq.write_table(pa.table({"x": [1, 2, 3], "ts": pa.array([0, 1, 2], pa.timestamp("us"))}),
                   files / "numbers.parquet")
    (files / "notes.txt").write_text("not a table")
    assert client.rows("SELECT * FROM files.staff_list") == [(1, "Ada", "2026-01-02")]
    assert client.rows("SELECT a, b FROM t") == [(1, "x")]
    assert client.rows("SELECT n, deep FROM events") == [(1, '{"k":2}')]
    assert client.rows("SELECT max(x), min(ts) FROM numbers") == [(3, "1970-01-01T00:00:00Z")]
    listed = tables(client)
    assert set(listed) == {"Staff List.csv", "t.tsv", "events.ndjson", "numbers.parquet"}
    assert listed["Staff List.csv"]["name"] == "staff_list" and listed["t.tsv"]["state"] == "ok"
    names = {r[0] for r in client.rows("SHOW TABLES")}
    assert {"staff_list", "t", "events", "numbers"} <= names
    one = checked(client.http.get("/api/v1/tables/files.numbers")).json()
    assert one["columns"] == [{"name": "x", "type": "BIGINT"},
                              {"name": "ts", "type": "TIMESTAMP WITH TIME ZONE"}]


def test_tables_change_when_their_files_do(folder):
    files, client, _ = folder
    path = files / "f.csv"
    path.write_text("a\n1\n")
    assert client.value("SELECT max(a) FROM f") == 1
    path.write_text("a,b\n1.5,x\n2.5,y\n")
    assert client.rows("SELECT a, b FROM f ORDER BY a") == [(1.5, "x"), (2.5, "y")]
    other = files / "new.csv"
    other.write_text("a,b\n9.5,z\n2.5,y\n")  # the same size, put in its place
    os.replace(other, path)
    assert client.value("SELECT max(a) FROM f") == 9.5
    path.unlink()
    with pytest.raises(Refused) as error:
        client.rows("SELECT * FROM f")
    assert error.value.status == 404
    assert not tables(client)
    pq.write_table(pa.table({"q": [7]}), files / "f.parquet")
    assert client.rows("SELECT q FROM files.f") == [(7,)]


def test_a_bad_file_is_reported_and_harms_no_other(folder):
    files, client, one = folder
    (files / "good.csv").write_text("a\n1\n")
    whole = files / "w.parquet"
    pq.write_table(pa.table({"x": list(range(1000))}), whole)
    (files / "half.parquet").write_bytes(whole.read_bytes()[:-100])
    (files / "ragged.csv").write_text("a,b\n1\n")
    (files / "folder.csv").mkdir()
    os.symlink("/etc/passwd", files / "secret.csv")
    listed = tables(client)
    assert listed["good.csv"]["state"] == listed["w.parquet"]["state"] == "ok"
    for name, says in (("half.parquet", "cut short"), ("ragged.csv", "line 2"),
                       ("folder.csv", "plain file")):
        assert listed[name]["state"] == "unreadable" and says in listed[name]["reason"], listed[name]
    assert listed["secret.csv"]["state"] == "unreadable"
    with pytest.raises(Refused) as error:
        client.rows("SELECT * FROM half")
    assert error.value.status == 400 and "cut short" in str(error.value)
    assert str(one.data) not in str(error.value)
    with pytest.raises(Refused):
        client.rows("SELECT * FROM files.secret")
    assert client.value("SELECT count(*) FROM good, w") == 1000
    whole.replace(files / "half.parquet")
    assert client.value("SELECT count(*) FROM half") == 1000


def test_a_parquet_file_with_numbers_that_cannot_be_read_is_unreadable(folder):
    """A decimal of more than 38 digits is said, not shown as another number."""
    files, client, _ = folder
    pq.write_table(pa.table({"x": pa.array([Decimal("1")], pa.decimal256(40, 0))}),
                   files / "wide.parquet")
    with pytest.raises(Refused) as error:
        client.rows("SELECT x FROM files.wide")
    assert error.value.code == "file_unreadable" and "x is DECIMAL(40)" in str(error.value)
    assert tables(client)["wide.parquet"]["state"] == "unreadable"


def test_of_two_files_with_one_name_the_first_counts(folder):
    files, client, _ = folder
    (files / "a-b.csv").write_text("v\n1\n")
    (files / "a_b.csv").write_text("v\n2\n")
    assert client.rows("SELECT v FROM a_b") == [(1,)]
    listed = tables(client)
    assert listed["a_b.csv"]["state"] == "clash" and "a-b.csv" in listed["a_b.csv"]["reason"]


def test_every_file_but_the_first_of_a_name_is_a_clash(folder):
    """Of each name the first file by bytes is the table, and all others say which one that is."""
    files, client, _ = folder
    groups = {f"t{n:03}": [f"T{n:03}.csv", f"t{n:03}.csv", f"t{n:03}.tsv"][:n % 3 + 1]
              for n in range(90)}
    for names in groups.values():
        for name in names:
            (files / name).write_text("v\n1\n")
    listed = tables(client)
    assert set(listed) == {name for names in groups.values() for name in names}
    for table, names in groups.items():
        assert listed[names[0]]["state"] == "ok" and listed[names[0]]["name"] == table
        for name in names[1:]:
            assert listed[name]["state"] == "clash" and listed[name]["name"] == table
            assert f"the file {names[0]} " in listed[name]["reason"]


@pytest.mark.parametrize("pause", [0, 2.2], ids=["at_once", "settled"])
def test_a_folder_is_listed_again_when_it_has_changed(folder, pause):
    """What comes, goes and takes a name is seen by the next statement, however long the folder
    was left alone before."""
    files, client, _ = folder
    (files / "a_b.csv").write_text("v\n2\n")
    assert client.rows("SELECT v FROM a_b") == [(2,)]
    time.sleep(pause)
    assert client.rows("SELECT v FROM a_b") == [(2,)]
    (files / "other.csv").write_text("v\n3\n")
    assert client.rows("SELECT v FROM other") == [(3,)]
    time.sleep(pause)
    assert client.rows("SELECT v FROM a_b") == [(2,)]
    (files / "a-b.csv").write_text("v\n1\n")  # comes first
    assert client.rows("SELECT v FROM a_b") == [(1,)]
    time.sleep(pause)
    assert client.rows("SELECT v FROM a_b") == [(1,)]
    (files / "a-b.csv").unlink()
    assert client.rows("SELECT v FROM a_b") == [(2,)]
    (files / "a_b.csv").rename(files / "c.csv")
    with pytest.raises(Refused) as error:
        client.rows("SELECT v FROM a_b")
    assert error.value.status == 404
    assert client.rows("SELECT v FROM c") == [(2,)]


def test_other_schemas_come_first(folder):
    files, client, _ = folder
    (files / "x.csv").write_text("v\n1\n")
    assert client.rows("SELECT v FROM x") == [(1,)]
    checked(client.http.post("/api/v1/tables/x", content=b"v\n2\n",
                             headers={"Content-Type": "text/csv"}))
    assert client.rows("SELECT v FROM x") == [(2,)]
    assert client.rows("SELECT v FROM files.x") == [(1,)]


def test_the_list_is_paged_over_all_kinds_of_tables(folder):
    files, client, _ = folder
    client.send("topic.one", [{"n": 1}])
    for name in ("m1", "m2"):
        checked(client.http.post(f"/api/v1/tables/{name}", content=b"v\n2\n",
                                 headers={"Content-Type": "text/csv"}))
    (files / "f1.csv").write_text("v\n1\n")
    (files / "f2.csv").write_text("v\n1\n")
    seen, after = [], None
    while True:
        params = {"limit": 2, **({"after": after} if after else {})}
        page = checked(client.http.get("/api/v1/tables", params=params)).json()
        assert len(page["tables"]) <= 2
        seen += [f"{t['schema']}.{t['name']}" for t in page["tables"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ["bronze.topic_one", "files.f1", "files.f2", "main.m1", "main.m2"]


def test_files_without_a_server(folder):
    files, _, one = folder
    (files / "x.csv").write_text("v\n41\n")
    one.stop()
    done = subprocess.run([str(one.binary), "query", "SELECT v + 1 AS w FROM x", "--data",
                           str(one.data), "--format", "csv"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0 and done.stdout.split() == ["w", "42"], done.stderr
