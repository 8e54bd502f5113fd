# SPDX-License-Identifier: MIT
"""The console's files: who gets the page, how it is cached and compressed, what it may do."""
import gzip
import http.client
import re

import httpx
import pytest

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def page(client, path="/", **headers):
    return client.http.get(path, headers={"Accept": BROWSER, **headers})


def script_of(client):
    return re.search(r'src="\./(assets/[^"]+\.js)"', page(client).text).group(1)


def raw(client, path, method="GET", **headers):
    """Without a client that asks for codings and undoes them."""
    connection = http.client.HTTPConnection("127.0.0.1", client.http.base_url.port, timeout=10)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


@pytest.mark.parametrize("path,base", [
    ("/", "./"), ("/live", "./"), ("/tables", "./"), ("/topics/", "../"), ("/topics/x?tab=dead", "../"),
    ("/tables/bronze/schema", "../../"), ("/no/such/page/at/all", "../../../../"), ("/login", "./")])
def test_every_page_is_the_same_file_with_its_own_way_to_the_root(client, path, base):
    answer = page(client, path)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    assert f'<base href="{base}" />' in answer.text and answer.text.count("<base") == 1
    assert answer.headers["cache-control"] == "no-cache" and answer.headers["vary"] == "accept"
    again = page(client, path, **{"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def test_another_depth_is_another_document(client):
    assert page(client, "/a/b").headers["etag"] != page(client, "/a").headers["etag"]
    again = page(client, "/a/b", **{"If-None-Match": page(client, "/a").headers["etag"]})
    assert again.status_code == 200


def test_the_page_may_load_nothing_from_elsewhere(client):
    headers = page(client).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'" and policy["base-uri"] == "'self'"
    assert "unsafe" not in policy["script-src"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert not re.search(r'(src|href)="(https?:)?//', page(client).text)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/health", "/metrics", "/info",
                                  "/api/v1/topics"])
def test_what_programs_know_stays_what_it_is_in_a_browser(client, path):
    assert page(client, path).status_code == 200
    assert "<base" not in page(client, path).text


def test_unknown_paths(client):
    for path in ("/api/v1/nothing", "/ws/nothing"):
        assert page(client, path).json()["code"] == "not_found"
    answer = page(client, "/assets/nothing.js")
    assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/plain")
    assert client.http.get("/nothing").json()["code"] == "not_found"
    assert client.http.post("/live", headers={"Accept": BROWSER}).status_code == 404


def test_a_file_in_the_form_that_is_asked_for(client):
    path = "/" + script_of(client)
    sizes = {}
    etags = set()
    plain = raw(client, path)[1]
    for accept, coding in ((None, None), ("gzip", "gzip"), ("gzip, br", "br"), ("deflate", None)):
        answer, body = raw(client, path, **({"Accept_Encoding": accept} if accept else {}))
        assert answer.status == 200 and answer.headers["content-encoding"] == coding
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["vary"] == "accept-encoding"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert int(answer.headers["content-length"]) == len(body)
        sizes[coding] = len(body)
        etags.add(answer.headers["etag"])
        if coding == "gzip":
            assert gzip.decompress(body) == plain
        again, nothing = raw(client, path, If_None_Match=answer.headers["etag"],
                             **({"Accept_Encoding": accept} if accept else {}))
        assert again.status == 304 and nothing == b""
    assert sizes["br"] < sizes["gzip"] < sizes[None] and len(etags) == 3


def test_head_is_get_without_a_body(client):
    for path, headers in (("/", {"Accept": BROWSER}), ("/" + script_of(client), {})):
        whole, body = raw(client, path, **headers)
        answer, nothing = raw(client, path, method="HEAD", **headers)
        assert answer.status == 200 and nothing == b""
        assert int(answer.headers["content-length"]) == len(body)
        assert answer.headers["etag"] == whole.headers["etag"]


def test_the_build_is_told(client):
    build = client.http.get("/info").json()["build"]
    assert re.fullmatch("[0-9a-f]{16}", build) and build in page(client).headers["etag"]


def test_files_need_no_token_but_data_does(server, tmp_path):
    (tmp_path / "token").write_text("a-token-for-the-tests-0123")
    one = server(args=["--token-file", tmp_path / "token"])
    answer = httpx.get(f"{one.url}/tables", headers={"Accept": BROWSER})
    assert answer.status_code == 200
    script = re.search(r'src="\./(assets/[^"]+)"', answer.text).group(1)
    assert httpx.get(f"{one.url}/{script}").status_code == 200
    assert httpx.get(f"{one.url}/assets/nothing").status_code == 404
    for path in ("/", "/tables", "/info", "/live"):
        assert httpx.get(f"{one.url}{path}").status_code == 401
    for path in ("/api/v1/topics", "/docs", "/metrics"):
        assert httpx.get(f"{one.url}{path}", headers={"Accept": BROWSER}).status_code == 401
    assert httpx.post(f"{one.url}/live", headers={"Accept": BROWSER}).status_code == 401
