# SPDX-License-Identifier: MIT
"""A browser signs in once with the token; its cookie is as good as the token, for own pages only."""
import http.client

import httpx
import pytest

TOKEN = "a-token-for-the-tests-0123"


@pytest.fixture
def locked(server, tmp_path):
    (tmp_path / "token").write_text(TOKEN)
    return server(args=["--token-file", tmp_path / "token"])


def sign_in(one, token=TOKEN, **headers):
    return httpx.post(f"{one.url}/api/v1/session", json={"token": token}, headers=headers)


def cookie_of(answer):
    return answer.headers["set-cookie"].split(";")[0]


def test_without_a_token_everybody_is_signed_in(client):
    assert client.http.get("/api/v1/session").json() == {"needed": False, "signed_in": True}
    answer = client.http.post("/api/v1/session", json={"token": "whatever"})
    assert answer.status_code == 204 and "set-cookie" not in answer.headers
    assert client.http.delete("/api/v1/session").status_code == 204


def test_the_cookie_stands_for_the_token(locked):
    state = httpx.get(f"{locked.url}/api/v1/session")
    assert state.json() == {"needed": True, "signed_in": False}
    answer = sign_in(locked)
    assert answer.status_code == 204 and answer.headers["cache-control"] == "no-store"
    text = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(text.split("; "))
    assert "Secure" not in text and TOKEN not in text
    cookie = {"Cookie": f"other=1; {cookie_of(answer)}"}
    assert httpx.get(f"{locked.url}/api/v1/topics", headers=cookie).status_code == 200
    state = httpx.get(f"{locked.url}/api/v1/session", headers=cookie)
    assert state.json() == {"needed": True, "signed_in": True}
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{locked.url}/api/v1/session", headers=bearer).json()["signed_in"]
    assert cookie_of(sign_in(locked)) != cookie_of(answer)


def test_behind_tls_the_cookie_is_secure(locked):
    answer = sign_in(locked, Origin="https://localhost")
    assert answer.status_code == 204 and answer.headers["set-cookie"].endswith("; Secure")


def test_signing_out_ends_the_session_at_the_server(locked):
    cookie = {"Cookie": cookie_of(sign_in(locked)), "Origin": locked.url}
    answer = httpx.delete(f"{locked.url}/api/v1/session", headers=cookie)
    assert answer.status_code == 204 and "Max-Age=0" in answer.headers["set-cookie"]
    assert httpx.get(f"{locked.url}/api/v1/topics", headers=cookie).status_code == 401
    assert httpx.delete(f"{locked.url}/api/v1/session", headers=cookie).status_code == 401


@pytest.mark.parametrize("value", ["", "0", "0000" + "0" * 64, "ffff" + "0" * 64, "x" * 68])
def test_a_cookie_that_was_not_given_is_worth_nothing(locked, value):
    sign_in(locked)
    answer = httpx.get(f"{locked.url}/api/v1/topics", headers={"Cookie": f"tarn_session={value}"})
    assert answer.status_code == 401


def test_with_the_cookie_only_own_pages_change_anything(locked):
    """A page of another port of this host gets the same cookies from the browser."""
    host = locked.url.removeprefix("http://")
    session = {"Cookie": cookie_of(sign_in(locked))}
    for headers, status in (
            ({"Origin": locked.url}, 200),
            ({"Sec-Fetch-Site": "same-origin"}, 200),
            ({"Origin": "https://lake.example.org", "Sec-Fetch-Site": "same-origin"}, 200),
            ({}, 403),
            ({"Origin": f"http://{host.split(':')[0]}:1"}, 403),
            ({"Origin": f"http://{host.split(':')[0]}:1", "Sec-Fetch-Site": "same-site"}, 403),
            ({"Origin": "http://localhost"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": "https://evil.example"}, 403),
            ({"Sec-Fetch-Site": "none"}, 403)):
        answer = httpx.post(f"{locked.url}/query", json={"query": "SELECT 1"},
                            headers={**session, **headers})
        assert answer.status_code == status, headers
        if status == 403:
            assert answer.json()["code"] == "origin_not_allowed"
    # The token itself is never sent by a browser on its own, so programs need no Origin.
    answer = httpx.post(f"{locked.url}/query", json={"query": "SELECT 1"},
                        headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200


def test_wrong_tokens_are_refused_and_then_slowed(locked):
    for wrong in ("", "x", TOKEN + "x", TOKEN[:-1]):
        answer = sign_in(locked, wrong)
        assert answer.status_code == 401 and answer.json()["code"] == "token_wrong"
        assert "set-cookie" not in answer.headers
    tries = [sign_in(locked, "wrong") for _ in range(5)]
    assert [answer.status_code for answer in tries] == [401] * 5
    while answer.status_code != 429:  # a slow machine gives tries back
        answer = sign_in(locked, "wrong")
    assert answer.status_code == 429 and answer.json()["code"] == "too_many_tries"
    assert int(answer.headers["retry-after"]) > 0
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{locked.url}/api/v1/topics", headers=bearer).status_code == 200


def test_wrong_tokens_of_a_stranger_lock_nobody_out(locked):
    """Behind a proxy they come from the address that everybody has."""
    while sign_in(locked, "wrong").status_code != 429:
        pass
    answer = sign_in(locked)
    assert answer.status_code == 204
    assert httpx.get(f"{locked.url}/api/v1/topics",
                     headers={"Cookie": cookie_of(answer)}).status_code == 200
    assert sign_in(locked, "wrong").status_code in (401, 429)
    assert sign_in(locked).status_code == 204


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"token": 1}', '{"token": null}', "{",
                                  '{"token": "a", "more": 1}'])
def test_what_is_not_a_token_is_refused_in_words(locked, body):
    answer = httpx.post(f"{locked.url}/api/v1/session", content=body,
                        headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and answer.json()["detail"]


@pytest.mark.parametrize("origin,status", [("own", 101), (None, 403), ("http://127.0.0.1:1", 403),
                                           ("https://evil.example", 403), ("null", 403)])
def test_with_the_cookie_only_own_pages_open_a_websocket(locked, origin, status):
    """Nothing else of the browser would protect what it answers."""
    headers = {"Cookie": cookie_of(sign_in(locked)), "Upgrade": "websocket", "Connection": "Upgrade",
               "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    if origin:
        headers["Origin"] = locked.url if origin == "own" else origin
    connection = http.client.HTTPConnection(locked.url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/ws/dashboard", headers=headers)
    assert connection.getresponse().status == status
    connection.close()
