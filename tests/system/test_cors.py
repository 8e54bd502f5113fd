# SPDX-License-Identifier: MIT
"""Web pages of the origins that the configuration names may use the server; no others, by default."""
import httpx
import pytest
from harness.server import StartFailed

APP = "https://app.example.org"
PREFLIGHT = {"Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization,content-type"}


def cors(answer):
    return {k: v for k, v in answer.headers.items() if k.startswith("access-control-")}


def test_by_default_no_page_of_another_origin_may(client):
    for headers in ({"Origin": APP}, {"Origin": APP, **PREFLIGHT}):
        assert cors(client.http.options("/query", headers=headers)) == {}
    assert cors(client.http.get("/info", headers={"Origin": APP})) == {}
    refused = client.http.post("/query", json={"query": "SELECT 1"}, headers={"Origin": APP})
    assert refused.status_code == 403 and refused.json()["code"] == "origin_not_allowed"


def test_a_named_origin_may(server, tmp_path, connect):
    (tmp_path / "token").write_text("a-token-for-the-tests-0123")
    one = server(config=f"cors_origins: {APP}, http://localhost:3000\n",
                 args=["--token-file", tmp_path / "token"])
    http = connect(one).http
    asked = http.options("/query", headers={"Origin": APP, **PREFLIGHT})
    assert asked.status_code == 204
    assert cors(asked)["access-control-allow-origin"] == APP
    assert "authorization" in cors(asked)["access-control-allow-headers"]
    assert "POST" in cors(asked)["access-control-allow-methods"]
    headers = {"Origin": APP, "Authorization": "Bearer a-token-for-the-tests-0123"}
    answer = http.post("/query", json={"query": "SELECT 1 AS n"}, headers=headers)
    assert answer.json()["rows"] == [[1]] and answer.headers["vary"] == "origin"
    assert "retry-after" in cors(answer)["access-control-expose-headers"]
    # What fails can be read by the page as well, and what streams.
    assert cors(http.post("/query", json={}, headers={"Origin": APP}))
    assert cors(http.post("/query", json={"query": "SELEC"}, headers=headers))
    # Nothing for others, and the Host check comes first.
    for origin in ("https://evil.example", f"{APP}:8443", "null", "http://app.example.org"):
        assert cors(http.options("/query", headers={"Origin": origin, **PREFLIGHT})) == {}
        assert cors(http.get("/health", headers={"Origin": origin})) == {}
    moved = http.post("/query", json={"query": "SELECT 1"}, headers={**headers, "Host": "x.org"})
    assert moved.status_code == 421


@pytest.mark.parametrize("value,words", [
    ("app.example.org", "not an origin"), (f"{APP}/", "not an origin"), ("null", "not an origin"),
    (f"{APP} http://b.example", "separated by commas"), ("*", "token_file"),
    (",".join(f"https://a{i}.example" for i in range(65)), "at most 64")])
def test_a_wrong_list_is_refused_in_words(server, value, words):
    with pytest.raises(StartFailed) as refused:
        server(args=["--cors-origins", value])
    assert "cors_origins" in refused.value.log and words in refused.value.log


def test_every_page_only_with_a_token_and_never_with_credentials(server, tmp_path):
    (tmp_path / "token").write_text("a-token-for-the-tests-0123")
    one = server(args=["--token-file", tmp_path / "token", "--cors-origins", "*"])
    answer = httpx.get(one.url + "/health", headers={"Origin": "https://any.example"},
                       trust_env=False)
    assert cors(answer)["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in cors(answer)
