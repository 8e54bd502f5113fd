# SPDX-License-Identifier: MIT
"""Saved queries: kept across restarts, guarded by versions, refused with words that help."""
import sqlite3
import subprocess

import pytest

PATH = "/api/v1/saved-queries"


def save(client, path_name, **members):
    return client.http.put(f"{PATH}/{path_name}", json={"sql": "SELECT 1", **members})


def test_a_saved_query_is_created_read_replaced_and_deleted(client):
    """What was saved comes back with a version that grows; after the delete it is gone."""
    made = client.http.post(PATH, json={"name": "daily rows", "sql": "SELECT 'ä'", "tags": ["x"]})
    assert made.status_code == 201, made.text
    first = made.json()
    assert made.headers["etag"] == f'"{first["version"]}"'
    assert first["sql"] == "SELECT 'ä'" and first["tags"] == ["x"] and first["description"] == ""
    assert client.http.get(f"{PATH}/daily%20rows").json() == first
    replaced = client.http.put(f"{PATH}/daily%20rows", json={"sql": "SELECT 2"})
    assert replaced.status_code == 200
    assert replaced.json()["version"] > first["version"]
    assert replaced.json()["created"] == first["created"] and replaced.json()["tags"] == []
    assert client.http.delete(f"{PATH}/daily%20rows").status_code == 204
    gone = client.http.get(f"{PATH}/daily%20rows")
    assert gone.status_code == 404 and gone.json()["code"] == "saved_query_not_found"
    assert client.http.delete(f"{PATH}/daily%20rows").status_code == 404


def test_post_does_not_replace(client):
    """Creating what is there already is refused and changes nothing."""
    save(client, "taken", sql="SELECT 1")
    answer = client.http.post(PATH, json={"name": "taken", "sql": "SELECT 2"})
    assert answer.status_code == 409 and answer.json()["code"] == "saved_query_exists"
    assert client.http.get(f"{PATH}/taken").json()["sql"] == "SELECT 1"


def test_a_change_of_an_older_version_is_refused(client):
    """Two who edit the same query: the second is told, by 412 for If-Match, by 409 for `version`."""
    old = save(client, "shared").json()["version"]
    new = save(client, "shared", sql="SELECT 2").json()["version"]
    late = client.http.put(f"{PATH}/shared", json={"sql": "SELECT 3"},
                           headers={"If-Match": f'"{old}"'})
    assert late.status_code == 412 and late.json()["code"] == "version_conflict"
    assert save(client, "shared", sql="SELECT 3", version=old).status_code == 409
    late = client.http.delete(f"{PATH}/shared", headers={"If-Match": f'"{old}"'})
    assert late.status_code == 412
    assert client.http.get(f"{PATH}/shared").json()["sql"] == "SELECT 2"
    right = client.http.put(f"{PATH}/shared", json={"sql": "SELECT 4"},
                            headers={"If-Match": f'"{new}"'})
    assert right.status_code == 200
    missing = client.http.put(f"{PATH}/nobody", json={"sql": "SELECT 4"}, headers={"If-Match": "*"})
    assert missing.status_code == 412
    assert client.http.get(f"{PATH}/nobody").status_code == 404


def test_lists_are_paged_by_name(client):
    """Following `next` gives each once, in order; a prefix narrows."""
    names = [f"page {i:02}" for i in range(7)]
    for name in names:
        assert save(client, name).status_code == 201
    seen, after = [], ""
    while after is not None:
        page = client.http.get(PATH, params={"limit": 3, "after": after, "prefix": "page "}).json()
        assert len(page["saved_queries"]) <= 3
        seen += [q["name"] for q in page["saved_queries"]]
        after = page["next"]
    assert seen == names
    assert client.http.get(PATH, params={"limit": 0}).status_code == 400


@pytest.mark.parametrize("members, words", [
    ({"sql": "   "}, "sql"), ({"sql": 5}, "sql"), ({"sql": None}, "sql"),
    ({"tags": "x"}, "tags"), ({"tags": [""]}, "tags"), ({"tags": ["x"] * 21}, "tags"),
    ({"description": []}, "description"), ({"sqll": "SELECT 1"}, "sqll"),
    ({"name": "other"}, "name"), ({"version": 0}, "version"), ({"sql": "SELECT '\x00'"}, "sql"),
])
def test_bad_members_are_named(client, members, words):
    """A refusal names the member that is wrong."""
    answer = save(client, "refused", **members)
    assert answer.status_code == 400 and words in answer.json()["detail"]
    assert client.http.get(f"{PATH}/refused").status_code == 404


@pytest.mark.parametrize("name", ["", " x", "a/b", "a\nb", "n" * 129, None])
def test_bad_names_are_refused(client, name):
    """A name that could not be typed in a path or on one line is refused."""
    answer = client.http.post(PATH, json={"name": name, "sql": "SELECT 1"})
    assert answer.status_code == 400 and "name" in answer.json()["detail"]


def test_a_large_statement_is_refused(client):
    """One byte over the limit of a statement is too much."""
    assert save(client, "large", sql="-" * 65536).status_code == 201
    answer = save(client, "large", sql="-" * 65537)
    assert answer.status_code == 413 and "65536" in answer.json()["detail"]


def test_saved_queries_outlive_a_kill(server, connect):
    """What was answered is there after kill -9."""
    one = server()
    for number in range(20):
        assert save(connect(one), f"q{number}", sql=f"SELECT {number}").status_code == 201
    one.kill()
    one.start()
    page = connect(one).http.get(PATH).json()
    assert {q["name"]: q["sql"] for q in page["saved_queries"]} == \
        {f"q{number}": f"SELECT {number}" for number in range(20)}


def test_events_are_accepted_where_saved_queries_are_damaged(server, connect):
    """A damaged file costs its own resources, which say what to do, and nothing else."""
    one = server()
    assert save(connect(one), "lost").status_code == 201
    one.stop()
    (one.data / "meta" / "tarn.db").write_bytes(b"this is no database " * 1000)
    one.start()
    client = connect(one)
    answer = client.http.get(PATH)
    assert answer.status_code == 503 and answer.json()["code"] == "state_damaged"
    assert "tarn.db" in answer.json()["detail"] and save(client, "new").status_code == 503
    client.send("still", [{"n": 1}])
    assert client.rows("SELECT n FROM still") == [(1,)]


def test_a_newer_file_is_refused_at_start(server, tarn_bin):
    """A server that would not understand what a newer one wrote does not touch it."""
    one = server()
    one.stop()
    with sqlite3.connect(one.data / "meta" / "tarn.db") as db:
        db.execute("PRAGMA user_version=99")
    answer = subprocess.run([tarn_bin, "serve", "--data", one.data, "--http", "127.0.0.1:0"],
                            capture_output=True, text=True, timeout=30)
    assert answer.returncode == 1 and "newer tarn" in answer.stderr
