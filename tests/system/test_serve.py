# SPDX-License-Identifier: MIT
"""The server as a process: addresses, stop, restart, second server, token, Host, connections."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness.batches import walk
from harness.client import Refused, ndjson
from harness.server import StartFailed, is_running, wait_for


def raw_request(port, host, path="/api/v1/topics", extra=""):
    with socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{extra}\r\n"
                    .encode())
        answer = b""
        while block := raw.recv(65536):
            answer += block
    return int(answer.split()[1])


def test_addresses_are_printed_and_written(server):
    one = server()
    addresses = json.loads((one.data / "run" / "addresses.json").read_text())
    assert addresses["http"] == one.url and one.url.startswith("http://127.0.0.1:")
    assert one.url in one.log()


def test_two_children_and_a_clean_end(server, connect, topic):
    one = server()
    one.child("query")
    one.child("writer")
    connect(one).send(topic, [{"n": 1}])
    children = one.children()
    assert set(children) == {"writer", "query"}
    one.stop()
    assert not any(is_running(pid) for pid in children.values())


def test_sigint_ends_it_too(server):
    one = server()
    one.process.send_signal(signal.SIGINT)
    assert one.process.wait(10) == 0


def test_a_stop_loses_nothing_and_hurries_nothing(server, connect, topic):
    one = server()
    client = connect(one)
    client.create_topic(topic, flush_age_ms="1h")
    client.send(topic, [{"n": i} for i in range(5000)])
    one.stop()
    assert not list((one.data / "lake").rglob("*.parquet"))
    one.start()
    assert connect(one).rows(f"SELECT count(*), count(DISTINCT n) FROM bronze.{topic}") == \
        [(5000, 5000)]


def test_requests_in_flight_are_answered_at_a_stop(server, connect, topic):
    one = server()
    client, acked, ended = connect(one), [], threading.Event()
    client.send(topic, [{"n": -1}])

    def send():
        import httpx
        with httpx.Client(base_url=one.url, trust_env=False) as http:
            for i in range(100_000):
                try:
                    answer = http.post(f"/api/v1/topics/{topic}/events", content=ndjson([{"n": i}]),
                                       headers={"Content-Type": "application/x-ndjson"})
                except httpx.TransportError:
                    return
                if answer.status_code != 200:
                    return
                acked.append(i)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    one.stop()
    ended.set()
    for thread in threads:
        thread.join(10)
    one.start()
    count = connect(one).value(f"SELECT count(*) FROM bronze.{topic} WHERE n >= 0")
    assert len(acked) <= count <= len(acked) + 3


def test_restarts_keep_everything(server, connect, topic):
    one, total = server(), 0
    for i in range(5):
        client = connect(one)
        client.send(topic, [{"n": total + j} for j in range(100)])
        total += 100
        if i % 2:
            client.flush(topic)
        assert client.rows(f"SELECT count(*), count(DISTINCT n) FROM bronze.{topic}") == \
            [(total, total)]
        if i == 3:
            one.kill()
            one.start()
        else:
            one.restart()
    assert connect(one).value(f"SELECT count(*) FROM bronze.{topic}") == total


def test_a_second_server_on_the_same_folder_is_refused(server):
    one = server()
    second = subprocess.run([str(one.binary), "serve", "--data", str(one.data), "--http",
                             "127.0.0.1:0"], capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert str(one.data) in second.stderr + second.stdout
    assert json.loads((one.data / "run" / "addresses.json").read_text())["http"] == one.url
    assert one.process.poll() is None


def test_a_newer_format_is_refused_by_name(server):
    one = server()
    one.stop()
    path = one.data / "format.json"
    text = json.loads(path.read_text())
    key = next(k for k, v in text.items() if isinstance(v, int))
    path.write_text(json.dumps({**text, key: 999}))
    with pytest.raises(StartFailed) as failed:
        one.start()
    assert failed.value.code == 1 and "format" in failed.value.log


def test_wrong_options_are_usage_errors(tarn_bin, tmp_path):
    for words in (["--nonsense"], ["--http", "nonsense"], ["--memory", "1"], ["--config", "/none"],
                  ["--kafka", "127.0.0.1:9092"]):
        done = subprocess.run([str(tarn_bin), "serve", "--data", str(tmp_path / "d"), *words],
                              capture_output=True, text=True, timeout=20)
        assert done.returncode in (1, 2) and done.stderr.strip(), words


def test_settings_come_from_a_file_and_options_win(server, connect, topic):
    one = server(config="partitions: 3\nflush_age: 5s\n", args=["--partitions", "2"])
    client = connect(one)
    client.send(topic, [{"n": 1}])
    assert client.topic(topic)["partitions"] == 2 and client.topic(topic)["flush_age_ms"] == 5000


def test_a_file_with_an_unknown_setting_is_refused(server):
    with pytest.raises(StartFailed) as failed:
        server(config="partitionz: 3\n")
    assert "partitionz" in failed.value.log


@pytest.mark.parametrize("host,good", [
    ("127.0.0.1", True), ("localhost", True), ("LocalHost:1", True), ("[::1]", True),
    ("127.0.0.1:{port}", True), ("evil.example", False), ("127.0.0.1.evil.example", False),
    ("localhost.evil.example", False), ("192.168.1.5", False), ("", False), ("a b", False),
])
def test_the_host_header_is_checked(shared_server, host, good):
    status = raw_request(shared_server.port, host.format(port=shared_server.port))
    assert (status == 200) is good, status
    assert good or status // 100 == 4


def test_further_hosts_can_be_allowed(server):
    one = server(args=["--hosts", "tarn.example,other.example"])
    assert raw_request(one.port, "tarn.example:80") == 200
    assert raw_request(one.port, "third.example") // 100 == 4


def test_other_addresses_need_a_token(server, tmp_path):
    with pytest.raises(StartFailed) as failed:
        server(args=["--http", "0.0.0.0:0"])
    assert "token" in failed.value.log


def test_the_token_is_asked_on_every_route_but_health(server, connect, tmp_path, topic):
    token = tmp_path / "token"
    token.write_text("a-secret-of-this-test\n")
    one = server(args=["--token-file", token])
    plain = connect(one)
    for method, path in (("GET", "/api/v1/topics"), ("POST", f"/api/v1/topics/{topic}/events"),
                         ("POST", "/api/v1/query"), ("GET", "/metrics"), ("GET", "/api/v1/queries"),
                         ("GET", "/API/v1/topics"), ("GET", "//api/v1/topics"),
                         ("GET", "/api/v1/./topics"), ("GET", "/api/v1/%74opics")):
        answer = plain.http.request(method, path)
        assert answer.status_code in (401, 404), (path, answer.status_code)
        if answer.status_code == 401:
            assert "bearer" in answer.headers["www-authenticate"].lower()
    assert plain.http.get("/health").status_code == 200
    for wrong in ("Bearer wrong", "Bearer", "Bearer a-secret-of-this-testx",
                  "Basic YS1zZWNyZXQtb2YtdGhpcy10ZXN0"):
        answer = plain.http.get("/api/v1/topics", headers={"Authorization": wrong})
        assert answer.status_code == 401
    good = connect(one, headers={"Authorization": "Bearer a-secret-of-this-test"})
    good.send(topic, [{"n": 1}])
    assert good.value(f"SELECT n FROM bronze.{topic}") == 1
    done = subprocess.run([str(one.binary), "query", f"SELECT n FROM bronze.{topic}", "--data",
                           str(one.data), "--token-file", str(token), "--format", "csv"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and done.stdout.split() == ["n", "1"]


def test_a_thousand_idle_connections_and_slow_senders_disturb_nobody(shared_server, client, topic):
    if os.environ.get("TARN_SANITIZER"):
        pytest.skip("measures time")
    idle = []
    try:
        for i in range(1000):
            raw = socket.create_connection(("127.0.0.1", shared_server.port), 5)
            idle.append(raw)
            if i % 2:
                raw.sendall(b"POST /api/v1/topics/x/events HTTP/1.1\r\nHost: localhost\r\n"
                            b"Content-Length: 1000000\r\nContent-Type: application/json\r\n\r\n{")
        waits = []
        for i in range(200):
            began = time.monotonic()
            client.send(topic, [{"n": i}])
            waits.append(time.monotonic() - began)
        assert sorted(waits)[190] < 0.1
        assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 200
    finally:
        for raw in idle:
            raw.close()


def test_the_body_limit(server, connect, topic):
    one = server(args=["--body-bytes-max", "64KiB", "--record-bytes-max", "1KiB",
                       "--nesting-max", "5"])
    client = connect(one)
    assert client.post(topic, b'{"a":1}\n' * 10_000).status_code == 413
    answer = client.post(topic, b'{"a":"' + b"x" * 2000 + b'"}\n{"a":1}\n').json()
    assert answer["accepted"] == 1 and answer["rejected"][0]["code"] == "record_too_large"
    answer = client.post(topic, b'{"a":[[[[[1]]]]]}\n{"a":[[[[1]]]]}\n').json()
    assert answer["accepted"] == 1 and answer["rejected"][0]["code"] == "too_deep"


def test_the_log_is_kafka_batches_byte_for_byte(server, connect, topic):
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1)
    sent = [ndjson([{"n": i, "pad": "z" * (i % 50)}]).strip() for i in range(500)]
    for start in range(0, 500, 20):
        client.post(topic, b"\n".join(sent[start:start + 20]))
    one.stop()
    found, next_offset = [], 0
    for path in sorted((one.data / "topics" / topic / "0").glob("*.log")):
        data = path.read_bytes()
        assert int(path.stem) == next_offset
        for _, _, base, values in walk(data):
            assert base == next_offset
            next_offset += len(values)
            found += values
    assert found == sent


def test_damage_in_the_middle_is_quarantined_not_cut(server, connect, topic):
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=2, flush_age_ms="1h")
    for i in range(50):
        client.send(topic, [{"k": f"k{j}", "n": i} for j in range(10)], params={"key": "k"})
    ends = {p["partition"]: p["end"] for p in client.topic(topic)["partition_list"]}
    one.stop()
    path = sorted((one.data / "topics" / topic / "0").glob("*.log"))[0]
    data = bytearray(path.read_bytes())
    at, size, _, _ = list(walk(bytes(data)))[5]
    data[at + size - 3] ^= 0x10
    path.write_bytes(data)
    one.start()
    client = connect(one)
    health = client.health()
    assert health["state"] != "ok" and "damage" in json.dumps(health)
    parts = client.topic(topic)["partition_list"]
    assert parts[0]["state"] == "damaged" and parts[1]["state"] == "ok"
    with pytest.raises(Refused) as refused:
        client.value(f"SELECT count(*) FROM bronze.{topic}")
    assert refused.value.code == "log_damaged"
    statuses = {client.post(topic, ndjson([{"k": f"k{j}"}]), params={"key": "k"}).status_code
                for j in range(10)}
    assert statuses == {200, 503}  # keys of the damaged partition are refused, never sent elsewhere
    assert parts[1]["end"] == ends[1]
    repaired = client.http.post(f"/api/v1/topics/{topic}/partitions/0/repair")
    assert repaired.status_code == 200, repaired.text
    assert client.topic(topic)["gaps"]
    wait_for(lambda: client.post_query(f"SELECT 1 FROM bronze.{topic}").status_code == 200, 5,
             "queries after the repair")
    client.send(topic, [{"k": f"k{j}", "n": 1} for j in range(10)], params={"key": "k"})
    client.flush(topic)


@pytest.mark.parametrize("garbage", [b"", b"\0" * 30 + os.urandom(100)], ids=["end", "garbage"])
def test_a_torn_tail_is_cut_and_nothing_else(server, connect, topic, garbage):
    """A batch with a wrong checksum at the end of the log is cut, whether bytes follow or none."""
    from harness.batches import append_values, last_segment
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1)
    client.send(topic, [{"n": i} for i in range(100)])
    one.kill()
    folder = one.data / "topics" / topic / "0"
    append_values(folder, [b'{"n":666}'] * 5, 1790000000000, break_crc=True)
    with open(last_segment(folder), "ab") as segment:
        segment.write(garbage)
    one.start()
    client = connect(one)
    assert client.rows(f"SELECT count(*), max(n) FROM bronze.{topic}") == [(100, 99)]
    assert client.send(topic, [{"n": 100}])["offsets"][0]["first"] == 100
    one.kill()
    one.start()
    assert connect(one).rows(f"SELECT count(*), max(n) FROM bronze.{topic}") == [(101, 100)]


def test_retention_never_passes_what_the_table_has(server, connect, topic):
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1, segment_bytes="1MiB", retention_bytes="1MiB",
                        retention_ms=1000, flush_age_ms="1h", flush_bytes="4GiB")
    pad = "x" * 1000
    for i in range(80):
        client.send(topic, [{"n": i * 100 + j, "pad": pad} for j in range(100)])
    time.sleep(2.5)
    assert client.topic(topic)["partition_list"][0]["start"] == 0
    assert client.rows(f"SELECT count(*), count(DISTINCT n) FROM bronze.{topic}") == [(8000, 8000)]
    client.flush(topic)
    wait_for(lambda: client.topic(topic)["partition_list"][0]["start"] > 0, 15, "retention", 0.05)
    assert client.rows(f"SELECT count(*), count(DISTINCT n) FROM bronze.{topic}") == [(8000, 8000)]
    one.kill()
    one.start()
    assert connect(one).value(f"SELECT count(*) FROM bronze.{topic}") == 8000


def test_health_tells_how_long_the_disk_lasts(server, connect):
    """By what the disk lost since the start, not since somebody asked first."""
    one = server()
    client = connect(one)

    def filling():
        with open(one.data / "ballast", "ab") as ballast:
            ballast.write(b"x" * (8 << 20))
            ballast.flush()
            os.fsync(ballast.fileno())
        disk = next(c for c in client.health()["components"] if c["component"] == "disk")
        return disk if disk["bytes_per_second"] > 0 else None

    disk = wait_for(filling, 20, "a rate", 0.1)
    assert abs(disk["seconds_left"] - disk["free_bytes"] / disk["bytes_per_second"]) <= 1
