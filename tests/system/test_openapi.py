# SPDX-License-Identifier: MIT
"""The OpenAPI document is the source of truth: what it names is there, what is there it names."""
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
METHODS = {"get", "post", "put", "patch", "delete"}
UNDOCUMENTED = {("get", "/"), ("get", "/docs"), ("get", "/openapi.json")}


@pytest.fixture
def document(client):
    answer = client.http.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def operations(document):
    return {(method, path): operation for path, item in document["paths"].items()
            for method, operation in item.items() if method in METHODS}


def test_every_reference_resolves(document):
    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                at = document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    at = at[part.replace("~1", "/").replace("~0", "~")]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    assert document["openapi"].startswith("3.")
    walk(document)
    for (method, path), operation in operations(document).items():
        assert operation["responses"] and operation.get("operationId"), (method, path)
        named = {p["name"] for p in operation.get("parameters", []) if p.get("in") == "path"}
        named |= {p["name"] for p in document["paths"][path].get("parameters", [])
                  if p.get("in") == "path"}
        refs = [p for p in operation.get("parameters", []) +
                document["paths"][path].get("parameters", []) if "$ref" in p]
        assert refs or named == set(re.findall(r"{(\w+)}", path)), (method, path)


def test_the_document_names_exactly_the_servers_routes(document):
    """The routes are read from their table in the source, so a new one cannot be forgotten."""
    source = ROOT / "src" / "http" / "api.c"
    table = set(re.findall(r'{HTTP_VERB_(\w+),\s*"([^"]+)"', source.read_text()))
    routes = {(verb.lower(), path) for verb, path in table} - UNDOCUMENTED
    assert routes and set(operations(document)) - UNDOCUMENTED == routes


def test_the_server_knows_every_documented_operation(client, document, topic):
    client.send(topic, [{"n": 1}])
    client.flush(topic)
    for (method, path), operation in operations(document).items():
        if path.endswith("/tail") or method == "delete" and "{topic}" in path:
            continue
        url = path.replace("{topic}", topic).replace("{table}", topic) \
            .replace("{partition}", "0").replace("{id}", "1")
        body = {"sql": "SELECT 1"} if path.endswith("/query") else {}
        answer = client.http.request(method.upper(), url, json=body if method != "get" else None)
        documented = set(operation["responses"])
        status = str(answer.status_code)
        assert answer.status_code not in (405, 501), (method, path)
        if answer.status_code == 404:
            assert answer.json()["code"] != "not_found", (method, path)
        assert status in documented or f"{status[0]}XX" in documented or \
            "default" in documented, (method, path, status)


def test_methods_that_are_not_named_are_refused(client, document, topic):
    for path in document["paths"]:
        url = path.replace("{topic}", topic).replace("{table}", topic) \
            .replace("{partition}", "0").replace("{id}", "1")
        allowed = {m for m, p in operations(document) if p == path}
        for method in METHODS - allowed:
            assert client.http.request(method.upper(), url).status_code in (404, 405), \
                (method, path)


def test_the_query_answer_matches_its_schema(client, document):
    answer = client.query("SELECT 1 AS one")
    text = json.dumps(document)
    for member in answer:
        assert f'"{member}"' in text, member


def test_docs_are_readable(client):
    answer = client.http.get("/docs")
    assert answer.status_code == 200 and "html" in answer.headers["content-type"]
