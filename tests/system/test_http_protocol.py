# SPDX-License-Identifier: MIT
"""The HTTP door as clients see it: framing by raw sockets, then curl, httpx and Node."""
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

import httpx
import pytest

from harness.client import Client, ndjson
from harness.server import wait_for

EVENT = b'{"n":1}\n'


class Raw:
    """One raw connection."""

    def __init__(self, server, timeout=10):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # refused early: what was answered can still be read

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def answer(self, head_only=False):
        """(status, headers, body) of the next answer, or None when the connection has ended."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", lines[0]).group(1))
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        if head_only or status in (100, 204, 304):
            return status, headers, b""
        if "content-length" in headers:
            while len(self.buffer) < int(headers["content-length"]):
                assert self._more(), "the answer was cut"
            size = int(headers["content-length"])
            body, self.buffer = self.buffer[:size], self.buffer[size:]
            return status, headers, body
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                assert self._more(), "the answer was cut"
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            size = int(line, 16)
            while len(self.buffer) < size + 2:
                assert self._more(), "the answer was cut"
            body, self.buffer = body + self.buffer[:size], self.buffer[size + 2:]
            if size == 0:
                return status, headers, body

    def closed(self):
        """True when the server ends the connection and says nothing more."""
        while self._more():
            pass
        return self.buffer == b""


def request(path, body=b"", headers=b"", method=b"POST"):
    return (method + b" " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\n"
            + b"Content-Length: %d\r\n" % len(body) + headers + b"\r\n" + body)


@pytest.fixture
def topic(client):
    name = "http_%d" % time.monotonic_ns()
    client.create_topic(name, partitions=1)
    return name


def count(client, topic):
    return sum(len(client.records(topic, partition=p)["records"]) for p in range(1))


# framing

HOST = b"Host: localhost\r\n"
AMBIGUOUS = {
    "two-lengths": b"Content-Length: 8\r\nContent-Length: 0\r\n\r\n",
    "length-and-chunked": b"Content-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked-and-length": b"Transfer-Encoding: chunked\r\nContent-Length: 8\r\n\r\n0\r\n\r\n",
    "chunked-last-other": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "space-before-colon": b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded": b"X: a\r\n Content-Length: 8\r\n\r\n",
    "bare-lf": b"X: a\nContent-Length: 0\r\n\r\n",
    "bare-cr": b"X: a\rContent-Length: 0\r\n\r\n",
    "bare-lf-in-chunk": b"Transfer-Encoding: chunked\r\n\r\n8\n{\"n\":1}\n\r\n0\r\n\r\n",
    "negative-length": b"Content-Length: -1\r\n\r\n",
    "plus-length": b"Content-Length: +8\r\n\r\n",
    "length-list": b"Content-Length: 8, 8\r\n\r\n",
    "huge-length": b"Content-Length: 99999999999999999999999\r\n\r\n",
    "bad-chunk-size": b"Transfer-Encoding: chunked\r\n\r\n0x8\r\n{\"n\":1}\n\r\n0\r\n\r\n",
    "chunk-without-end": b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\"n\":1}\n\r\n0\r\n\r\n",
    "nul-in-value": b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "two-hosts": HOST + b"Content-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_framing_is_refused(client, shared_server, topic, name):
    """The request is answered 4xx, the connection closed, and nothing behind it is served."""
    path = f"/api/v1/topics/{topic}/events"
    with Raw(shared_server) as raw:
        raw.send(b"POST %s HTTP/1.1\r\n" % path.encode() + HOST + AMBIGUOUS[name]
                 + request(path, EVENT) * 2)
        status, headers, body = raw.answer()
        assert 400 <= status < 500 or status == 501
        assert headers["connection"] == "close"
        problem = json.loads(body)
        assert problem["status"] == status and problem["code"] and problem["detail"]
        assert raw.closed()
    assert count(client, topic) == 0


def test_pipelined_answers_in_order(client, shared_server, topic):
    """Appends (which wait for the disk), reads and refusals, all sent at once."""
    path = f"/api/v1/topics/{topic}/events"
    with Raw(shared_server) as raw:
        raw.send(b"".join(request(path, b'{"n":%d}\n' % i) + request("/health", method=b"GET")
                          + request("/none") for i in range(50)))
        for i in range(50):
            status, _, body = raw.answer()
            assert status == 200 and json.loads(body)["offsets"][0]["first"] == i
            assert raw.answer()[0] == 200
            assert raw.answer()[0] == 404
    assert count(client, topic) == 50


def test_a_request_cut_at_every_byte(client, shared_server, topic):
    whole = request(f"/api/v1/topics/{topic}/events", EVENT)
    for cut in range(1, len(whole), 7):
        with Raw(shared_server) as raw:
            raw.send(whole[:cut])
            time.sleep(0.001)
            raw.send(whole[cut:])
            assert raw.answer()[0] == 200
    assert count(client, topic) == len(range(1, len(whole), 7))


def test_chunked_body_in_small_chunks(client, shared_server, topic):
    lines = ndjson([{"n": i, "text": "x" * 30} for i in range(200)])
    with Raw(shared_server) as raw:
        raw.send(b"POST /api/v1/topics/%s/events HTTP/1.1\r\n" % topic.encode() + HOST
                 + b"Transfer-Encoding: chunked\r\nContent-Type: application/x-ndjson\r\n\r\n")
        for at in range(0, len(lines), 17):
            piece = lines[at:at + 17]
            raw.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        raw.send(b"0\r\n\r\n")
        status, _, body = raw.answer()
        assert status == 200 and json.loads(body)["accepted"] == 200
        raw.send(request("/health", method=b"GET"))
        assert raw.answer()[0] == 200


def test_expect_continue(shared_server, topic):
    with Raw(shared_server) as raw:
        raw.send(b"POST /api/v1/topics/%s/events HTTP/1.1\r\n" % topic.encode() + HOST
                 + b"Content-Length: 8\r\nExpect: 100-continue\r\n\r\n")
        assert raw.answer()[0] == 100
        raw.send(EVENT)
        assert raw.answer()[0] == 200
    with Raw(shared_server) as raw:
        raw.send(b"POST /none HTTP/1.1\r\n" + HOST
                 + b"Content-Length: 8\r\nExpect: 100-continue\r\n\r\n")
        status, headers, _ = raw.answer()
        assert status == 404 and headers["connection"] == "close"


def test_answer_before_the_body_has_ended(shared_server):
    """The answer can be read although the body goes on; then the connection is closed."""
    with Raw(shared_server) as raw:
        raw.send(b"POST /none HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(10):
            raw.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        status, headers, _ = raw.answer()
        assert status == 404 and headers["connection"] == "close"
        assert raw.closed()
    with Raw(shared_server) as raw:  # a short body is dropped, and the connection kept
        raw.send(request("/none", b"x" * 1000) + request("/health", method=b"GET"))
        assert raw.answer()[0] == 404
        assert raw.answer()[0] == 200


def test_head_options_and_errors(shared_server, topic):
    path = f"/api/v1/topics/{topic}"
    with Raw(shared_server) as raw:
        raw.send(request(path, method=b"GET"))
        get = raw.answer()
        raw.send(request(path, method=b"HEAD"))
        head = raw.answer(head_only=True)
        assert head[0] == 200 and head[1]["content-type"] == get[1]["content-type"]
        raw.send(request(path, method=b"OPTIONS"))
        status, headers, _ = raw.answer()
        assert status == 204
        assert set(headers["allow"].split(", ")) == {"GET", "HEAD", "PATCH", "DELETE", "OPTIONS"}
        raw.send(request(path, method=b"PUT"))
        status, headers, body = raw.answer()
        assert status == 405 and "PATCH" in headers["allow"]
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(body)["code"] == "method_not_allowed"
        raw.send(request("/api/v1/nothing", method=b"GET"))
        status, _, body = raw.answer()
        assert status == 404 and json.loads(body)["code"] == "not_found"


def test_http_1_0(shared_server):
    with Raw(shared_server) as raw:
        raw.send(b"GET /health HTTP/1.0\r\n\r\n")
        status, headers, _ = raw.answer()
        assert status == 200 and headers["connection"] == "close" and raw.closed()


def test_limits_of_the_head(shared_server):
    def status_of(bytes_):
        with Raw(shared_server) as raw:
            raw.send(bytes_)
            status = raw.answer()[0]
            assert status == 200 or raw.closed()
            return status

    get = b"GET /health%s HTTP/1.1\r\n" + HOST + b"%s\r\n"
    assert status_of(get % (b"?" + b"a" * 8000, b"")) in (200, 400)
    assert status_of(get % (b"?" + b"a" * 9000, b"")) == 414
    assert status_of(get % (b"", b"X: y\r\n" * 99)) == 200
    assert status_of(get % (b"", b"X: y\r\n" * 100)) == 431
    assert status_of(get % (b"", b"X: " + b"y" * 40000 + b"\r\n")) == 431


def test_hosts_of_others_are_refused(shared_server):
    for host, status in [("localhost", 200), (f"127.0.0.1:{shared_server.port}", 200),
                         ("evil.example", 421), ("localhost.evil.example", 421), ("10.0.0.1", 421)]:
        with Raw(shared_server) as raw:
            raw.send(b"GET /health HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())
            assert raw.answer()[0] == status, host


def test_posts_of_foreign_pages_are_refused(client, topic):
    for origin, status in [("http://evil.example", 403), ("null", 403), ("http://localhost:1", 200)]:
        assert client.post(topic, EVENT, headers={"Origin": origin}).status_code == status
    assert "access-control-allow-origin" not in client.http.get("/health").headers


def test_token_for_every_spelling(server, tmp_path):
    """Without the token only health answers, however the path is spelt and the method named."""
    (tmp_path / "token").write_text("a-token-of-some-length-1234567890\n", encoding="utf-8")
    os.chmod(tmp_path / "token", 0o600)
    one = server(args=["--token-file", str(tmp_path / "token")])
    paths = ["/", "/api/v1/topics", "/API/V1/TOPICS", "//api/v1/topics", "/api//v1/topics",
             "/api/v1/topics/", "/api/v1/./topics", "/health/../api/v1/topics",
             "/health/%2e%2e/api/v1/topics", "/api/v1/%74opics", "/api/v1/topics;x=1",
             "/api/v1/topics%20", "/api/v1/topics?health", "/metrics", "/openapi.json", "/docs",
             "/health%2f..%2fmetrics", "/api/v1/query", "/nothing", "*"]
    for path in paths:
        for method in ["GET", "POST", "HEAD", "OPTIONS", "DELETE", "PATCH", "PUT", "TRACE"]:
            with Raw(one) as raw:
                raw.send(b"%s %s HTTP/1.1\r\nHost: localhost\r\nX-HTTP-Method-Override: GET\r\n"
                         b"X-Original-URL: /health\r\n\r\n" % (method.encode(), path.encode()))
                status = raw.answer(head_only=method == "HEAD")[0]
                assert status in (400, 401), (method, path, status)
    assert httpx.get(one.url + "/health", trust_env=False).status_code == 200
    head = {"Authorization": "Bearer a-token-of-some-length-1234567890"}
    assert httpx.get(one.url + "/api/v1/topics", headers=head, trust_env=False).status_code == 200
    head = {"Authorization": "Bearer a-token-of-some-length-1234567891"}
    assert httpx.get(one.url + "/api/v1/topics", headers=head, trust_env=False).status_code == 401


# clients

def curl(*words, data=None):
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    done = subprocess.run(["curl", "-sS", "--max-time", "60", *words], input=data,
                          capture_output=True, check=True)
    return done.stdout


def test_curl(client, shared_server, topic):
    url = f"{shared_server.url}/api/v1/topics/{topic}/events"
    lines = ndjson([{"n": i, "pad": "y" * 100} for i in range(20000)])
    kind = ["-H", "Content-Type: application/x-ndjson"]
    plain = curl(*kind, "--data-binary", "@-", url, data=lines)  # over 1 MiB: Expect: 100-continue
    chunked = curl(*kind, "-X", "POST", "-T", "-", url, data=lines)
    packed = curl(*kind, "-H", "Content-Encoding: gzip", "--data-binary", "@-", url,
                  data=gzip.compress(lines))
    old = curl(*kind, "-0", "--data-binary", "@-", url, data=lines)
    for answer in (plain, chunked, packed, old):
        assert json.loads(answer)["accepted"] == 20000
    assert curl("-o", os.devnull, "-w", "%{http_code}", "--http2", shared_server.url + "/health") == b"200"
    assert b"200" in curl("-I", shared_server.url + "/health").splitlines()[0]
    many = curl(*([shared_server.url + "/health"] * 20), "-w", "%{num_connects}\n")
    assert many.count(b"\n") >= 20
    assert client.topic(topic)


def test_httpx_reuses_its_connection(client, shared_server, topic):
    with httpx.Client(base_url=shared_server.url, trust_env=False) as http:
        def pieces():
            for i in range(1000):
                yield b'{"n":%d}\n' % i

        for _ in range(3):
            answer = http.post(f"/api/v1/topics/{topic}/events", content=pieces(),
                               headers={"Content-Type": "application/x-ndjson"})
            assert answer.json()["accepted"] == 1000
        for _ in range(200):
            assert http.get("/health").status_code == 200
        assert http.post("/none", content=b"x" * 100).status_code == 404
        pool = http._transport._pool
        assert len(pool.connections) == 1
        assert "Request Count: 204" in repr(pool.connections[0])


NODE = """
const http = require('http');
const url = new URL(process.argv[2]), topic = process.argv[3];
const agent = new http.Agent({keepAlive: true, maxSockets: 4});
function send(method, path, body, chunked) {
  return new Promise((resolve, reject) => {
    const r = http.request({host: url.hostname, port: url.port, method, path, agent,
                            headers: body ? {'Content-Type': 'application/x-ndjson'} : {}}, (a) => {
      let text = '';
      a.on('data', (d) => text += d);
      a.on('end', () => resolve([a.statusCode, text]));
    });
    r.on('error', reject);
    if (body && chunked) { for (const line of body.split('\\n')) r.write(line + '\\n'); }
    else if (body) { r.setHeader('Content-Length', Buffer.byteLength(body)); r.write(body); }
    r.end();
  });
}
(async () => {
  const path = '/api/v1/topics/' + topic + '/events';
  const jobs = [];
  for (let i = 0; i < 300; i++) {
    if (i % 3 === 0) jobs.push(send('POST', path, '{"n":' + i + '}', i % 2 === 0));
    else jobs.push(send('GET', i % 3 === 1 ? '/health' : '/nothing'));
  }
  const all = await Promise.all(jobs);
  const f = await fetch(url + 'health');
  console.log(JSON.stringify({statuses: all.map((a) => a[0]), fetch: f.status,
                              json: (await f.json()) !== null}));
  agent.destroy();
})().catch((e) => { console.error(e); process.exit(1); });
"""


def test_node(client, shared_server, topic, tmp_path):
    if shutil.which("node") is None:
        pytest.skip("no node here")
    (tmp_path / "try.js").write_text(NODE, encoding="utf-8")
    out = subprocess.run(["node", str(tmp_path / "try.js"), shared_server.url + "/", topic],
                         capture_output=True, check=True, timeout=60).stdout
    got = json.loads(out)
    assert got["statuses"] == [200, 200, 404] * 100 and got["fetch"] == 200
    assert count(client, topic) == 100


# many and slow clients

def test_slow_and_idle_clients_do_not_slow_others(server):
    """With many half-sent requests and idle connections a good client is served as before."""
    one = server()
    crowd = []
    try:
        for i in range(600):
            crowd.append(socket.create_connection(("127.0.0.1", one.port)))
            if i % 3 == 0:
                crowd[-1].sendall(b"GET /health HT")
            elif i % 3 == 1:
                crowd[-1].sendall(b"POST /api/v1/topics/slow/events HTTP/1.1\r\n" + HOST
                                  + b"Content-Length: 100000\r\n\r\n{\"n\":")
        with Client(one.url) as client:
            times = []
            for i in range(200):
                began = time.monotonic()
                client.send("good", [{"n": i}])
                times.append(time.monotonic() - began)
        assert sorted(times)[int(len(times) * 0.99)] < 0.25
        # Those that sent half a head are told so after the head time; idle ones stay.
        crowd[0].settimeout(15)
        assert b" 408 " in crowd[0].recv(1000)
    finally:
        for each in crowd:
            each.close()
    one.stop()


def test_clients_that_leave(server):
    """Clients that go in the middle of anything leave nothing behind."""
    one = server()
    with Client(one.url) as client:
        client.send("t", [{"n": 1}])

        def leave(data):
            for _ in range(50):
                s = socket.create_connection(("127.0.0.1", one.port))
                s.sendall(data)
                s.close()

        body = b"POST /api/v1/topics/t/events HTTP/1.1\r\n" + HOST
        threads = [threading.Thread(target=leave, args=(data,)) for data in (
            b"GET /api/v1/topics/t/tail HTTP/1.1\r\n" + HOST + b"\r\n",
            body + b"Content-Length: 1000\r\n\r\n{\"n\":2}\n",
            body + b"Transfer-Encoding: chunked\r\n\r\n8\r\n{\"n\":3}\n\r\n",
            body + b"Content-Encoding: gzip\r\nContent-Length: 100\r\n\r\n\x1f\x8b\x08",
            request("/api/v1/query", b'{"sql":"select count(*) from range(100000000)"}'))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.health()
        wait_for(lambda: any(line.startswith("tarn_http_connections ") and int(line.split()[-1]) <= 2
                             for line in client.http.get("/metrics").text.splitlines()),
                 10, "the end of all other connections")
    one.stop()
