# SPDX-License-Identifier: MIT
"""The short forms answer what their long names answer, and / suits who asks."""
import pytest

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_tables_and_schema_are_the_long_ones(client, topic):
    client.send(topic, [{"n": 1, "who": "ada"}])
    short = client.http.get("/tables", params={"limit": 1000}).json()
    assert short.keys() == client.http.get("/api/v1/tables").json().keys()
    assert topic in [t["name"] for t in short["tables"]]
    schema = client.http.get(f"/tables/{topic}/schema").json()
    assert schema == client.http.get(f"/api/v1/tables/{topic}/schema").json()
    assert schema == client.http.get(f"/tables/bronze.{topic}/schema").json()
    types = {c["name"]: c["type"] for c in schema["columns"]}
    assert types["n"] == "BIGINT" and types["who"] == "VARCHAR" and "_time" in types
    assert schema["name"] == topic and schema["version"] == -1
    assert all(c["provisional"] for c in schema["columns"] if not c["name"].startswith("_"))
    client.flush(topic)
    schema = client.http.get(f"/tables/{topic}/schema").json()
    assert schema["version"] == 0 and schema["partition_columns"] == ["_date"]
    assert not any(c.get("provisional") for c in schema["columns"])


def test_an_unknown_table_has_no_schema(client):
    answer = client.http.get("/tables/nothing_here/schema")
    assert answer.status_code == 404 and answer.json()["code"] == "table_not_found"


@pytest.mark.parametrize("path", ["/query", "/api/v1/query"])
@pytest.mark.parametrize("member", ["query", "sql"])
def test_both_names_of_the_statement_are_taken_at_both_paths(client, path, member):
    answer = client.http.post(path, json={member: "SELECT 41 + 1 AS n"})
    assert answer.status_code == 200
    body = answer.json()
    assert body["rows"] == [[42]] and [c["name"] for c in body["columns"]] == ["n"]


def test_a_short_query_fails_like_a_long_one(client):
    for path in ("/query", "/api/v1/query"):
        answer = client.http.post(path, json={"query": "SELEC 1"})
        assert answer.status_code == 400 and answer.json()["code"] == "sql_invalid"
        assert client.http.post(path, json={"statement": "SELECT 1"}).status_code == 400


def test_info_tells_what_this_is(client):
    info = client.http.get("/info").json()
    assert info["name"] == "tarn" and info["version"] == client.health()["version"]
    assert info["uptime_seconds"] >= 0 and info["limits"]["record_bytes"] == 1 << 20


def test_every_link_leads_somewhere(client):
    for name, path in client.http.get("/").json()["links"].items():
        if name != "query":
            assert client.http.get(path).status_code == 200, path


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/html;q=0.5,*/*",
                                    "text/html;q=0", "text/plain"])
def test_the_root_is_json_for_programs(client, accept):
    client.http.headers.pop("accept", None)
    answer = client.http.get("/", headers={"Accept": accept} if accept else {})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["name"] == "tarn" and answer.headers["vary"] == "accept"


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "text/*", "TEXT/HTML;Q=0.9, */*;q=0.1"])
@pytest.mark.parametrize("path", ["/", "/tables"])
def test_the_root_and_the_tables_are_the_console_for_people(client, path, accept):
    answer = client.http.get(path, headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["vary"] == "accept"
