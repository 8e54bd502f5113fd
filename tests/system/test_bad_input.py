# SPDX-License-Identifier: MIT
"""The catalogue of bad input: each gets a clear 4xx, and the server is unharmed."""
import gzip
import json
import os
import random
import socket
import zlib

import httpx
import pyarrow as pa
import pytest

from harness.client import ndjson

DEEP = b'{"a":' * 1000 + b"1" + b"}" * 1000
BODIES = {
    "empty": b"", "white-space": b" \n\n ", "truncated": b'{"a":', "bare-word": b"nope",
    "nan": b'{"a":NaN}', "infinity": b'{"a":Infinity}', "plus": b'{"a":+1}',
    "leading-zero": b'{"a":01}', "single-quotes": b"{'a':1}", "trailing-comma": b'{"a":1,}',
    "comment": b'{"a":1 /* x */}', "control": b'{"a":"\x01"}', "nul": b'{"a":"\x00"}',
    "invalid-utf8": b'{"a":"\xc3\x28"}', "overlong-utf8": b'{"a":"\xc0\xaf"}',
    "surrogate": b'{"a":"\\ud800"}', "utf16": '{"a":1}'.encode("utf-16"),
    "deep-object": DEEP, "deep-array": b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}",
    "deep-unclosed": b"[" * 100_000, "two-values": b'{"a":1}{"a":2}', "string": b'"x"',
    "number": b"1", "null": b"null", "array-of-numbers": b"[1,2,3]", "half-array": b'[{"a":',
    "huge-exponent": b'{"a":1e999999}', "bom-only": b"\xef\xbb\xbf", "binary": bytes(range(256)),
    "huge-record": b'{"a":"' + b"x" * (2 << 20) + b'"}',
    "unclosed-string": b'{"a":"' + b"x" * 100_000, "lone-close": b"}", "escape": b'{"a":"\\x"}',
}
FINE = {"huge-exponent", "surrogate"}  # may be accepted as text or refused, but not break anything


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_bodies(client, shared_server, topic, name, content_type):
    answer = client.post(topic, BODIES[name], content_type=content_type)
    if not (name in FINE and answer.status_code == 200):
        if name == "two-values" and answer.status_code == 200:
            return
        assert answer.status_code in (400, 413), answer.text[:500]
        problem = answer.json()
        assert problem["code"] and problem["detail"] and problem["status"] == answer.status_code
    assert client.send(topic, [{"ok": 1}])
    assert shared_server.process.poll() is None


def test_huge_numbers_stay_what_they_were(client, topic):
    numbers = ["123456789012345678901234567890", "1e400", "-0", "0.1", "1E5",
               "0.000000000000000000000000000001", "1" * 400, "9223372036854775807"]
    body = "".join('{"i":%d,"v":%s}\n' % (i, n) for i, n in enumerate(numbers)).encode()
    accepted = client.post(topic, body).json()["accepted"]
    rows = client.rows(f"SELECT i, v, _rescued FROM bronze.{topic} ORDER BY i")
    assert len(rows) == accepted
    client.flush(topic)
    assert client.rows(f"SELECT i, v, _rescued FROM bronze.{topic} ORDER BY i") == rows


def test_wrong_gzip(client, topic):
    good = gzip.compress(ndjson([{"n": i} for i in range(1000)]))
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 0xFF
    for body in (b"not gzip", good[:-20], bytes(bad), good[:10], zlib.compress(b"{}"), b"",
                 good + b"garbage"):
        answer = client.post(topic, body, encoding="gzip")
        assert answer.status_code == 400 or (answer.status_code == 200 and body[:len(good)] == good
                                             ) or answer.json()["code"], answer.text
        assert answer.status_code in (200, 400)
    packed = pa.compress(ndjson([{"n": 1}]), codec="zstd", asbytes=True)
    for body in (b"not zstd", packed[:-3], packed[:4]):
        assert client.post(topic, body, encoding="zstd").status_code == 400


def test_a_bomb_is_streamed_in_bounded_memory(shared_server, client, topic):
    before = shared_server.proportional_bytes()
    line = b'{"pad":"' + b"z" * 1000 + b'"}\n'
    bomb = gzip.compress(line * 100_000, 9)  # 100 MB out of 150 KB
    answer = client.post(topic, bomb, encoding="gzip")
    assert answer.status_code in (200, 400, 413)
    assert shared_server.proportional_bytes() < before + (300 << 20)
    one_record = gzip.compress(b'{"pad":"' + b"z" * (200 << 20), 9)
    assert client.post(topic, one_record, encoding="gzip").status_code in (400, 413)
    assert shared_server.proportional_bytes() < before + (300 << 20)


def test_a_100_mb_record_is_refused_and_the_others_kept(shared_server, client, topic):
    before = shared_server.proportional_bytes()

    def body():
        yield b'{"n":1}\n{"pad":"'
        for _ in range(100):
            yield b"x" * (1 << 20)
        yield b'"}\n{"n":2}\n'

    answer = client.post(topic, body())
    assert answer.status_code == 200 and answer.json()["accepted"] == 2
    assert answer.json()["rejected"][0]["code"] == "record_too_large"
    assert shared_server.proportional_bytes() < before + (64 << 20)


@pytest.mark.parametrize("path", [
    "/api/v1/topics/../../etc/passwd/events", "/api/v1/topics/%2e%2e/events",
    "/api/v1/topics/..%2f..%2fetc/events", "/api/v1/topics/a%00b/events",
    "/api/v1/topics/%ff/events", "/api/v1/topics/a%/events", "/api/v1/topics/%zz/events",
    "/api/v1/topics//events", "/api/v1/tables/..%2f..%2f/flush", "/api/v1/tables/a%00/flush",
    "/api/v1/topics/" + "a" * 5000 + "/events",
])
def test_path_tricks(shared_server, path):
    with socket.create_connection(("127.0.0.1", shared_server.port), 5) as raw:
        raw.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json"
                    f"\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode())
        answer = b""
        while block := raw.recv(65536):
            answer += block
    assert b" 4" in answer.split(b"\r\n", 1)[0], answer[:200]
    names = os.listdir(shared_server.data / "topics")
    assert not any(n.startswith(".") or "etc" in n for n in names)


def test_bad_parameters_of_every_resource(client, topic):
    client.send(topic, [{"n": 1}])
    for path in (f"/api/v1/topics/{topic}/records?partition=x", f"/api/v1/topics/{topic}/records"
                 f"?partition=0&offset=99999999999999999999", "/api/v1/topics?limit=-1",
                 f"/api/v1/topics/{topic}/records?unknown=1", "/api/v1/queries/abc",
                 "/api/v1/tables?limit=x", f"/api/v1/topics/{topic}/records?limit=1&limit=2"):
        method = "DELETE" if "queries" in path else "GET"
        answer = client.http.request(method, path)
        assert answer.status_code // 100 == 4 and answer.json()["code"], (path, answer.text)
    for path, method in (("/api/v1/query", "GET"), ("/api/v1/nothing", "GET"),
                         (f"/api/v1/topics/{topic}/events", "PUT")):
        answer = client.http.request(method, path)
        assert answer.status_code in (404, 405) and answer.json()["code"]
        if answer.status_code == 405:
            assert answer.headers["allow"]


def test_random_bytes_never_harm(shared_server, client, topic):
    chance = random.Random(20261120)
    good = ndjson([{"n": i, "s": "text", "o": {"a": [1, 2, {"b": None}]}} for i in range(20)])
    for _ in range(300):
        body = bytearray(good)
        for _ in range(chance.randrange(1, 8)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        answer = client.post(topic, bytes(body))
        assert answer.status_code in (200, 400)
    count = client.value(f"SELECT (SELECT count(*) FROM bronze.{topic}) + "
                         f"(SELECT count(*) FROM bronze.{topic}__dead)")
    ends = sum(p["end"] for p in client.topic(topic)["partition_list"])
    assert count == ends
    client.flush(topic)
    assert client.value(f"SELECT (SELECT count(*) FROM bronze.{topic}) + "
                        f"(SELECT count(*) FROM bronze.{topic}__dead)") == ends
    assert shared_server.process.poll() is None


def test_wrong_content_types(client, topic):
    assert client.post(topic, b"<a/>", content_type="application/xml").status_code == 415
    answer = client.http.post("/api/v1/query", content=json.dumps({"sql": "SELECT 1"}).encode(),
                              headers={"Content-Type": "text/xml"})
    assert answer.status_code == 415


def test_a_client_that_breaks_off_leaves_nothing_half(shared_server, client, topic):
    client.create_topic(topic, partitions=1)
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", shared_server.port), 5) as raw:
            raw.sendall(b"POST /api/v1/topics/%b/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                        b"Content-Type: application/x-ndjson\r\nContent-Length: 1000\r\n\r\n"
                        b'{"n":1}\n{"n":' % topic.encode())
    answer = client.send(topic, [{"n": 2}])
    ends = answer["offsets"][0]["next"]
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == ends
    with pytest.raises(httpx.TimeoutException):
        httpx.get(shared_server.url + f"/api/v1/topics/{topic}/tail", timeout=0.3, trust_env=False)
