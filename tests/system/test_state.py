# SPDX-License-Identifier: MIT
"""Health and metrics say what is so."""
import re

from harness.server import wait_for


def test_health_names_each_component(client):
    for path in ("/health", "/api/v1/health"):
        answer = client.http.get(path)
        assert answer.status_code == 200
        body = answer.json()
        assert body["state"] == "ok" and body["components"]
        for part in body["components"]:
            assert part["component"] and part["state"] and "reason" in part
        names = " ".join(p["component"] for p in body["components"])
        for word in ("log", "writer", "query"):
            assert word in names


def test_health_shows_a_child_that_was_restarted(shared_server, client):
    def restarts():
        return sum(int(float(v)) for v in re.findall(
            r"^tarn_child_restarts_total(?:\{[^}]*\})? ([0-9.e+]+)$",
            client.http.get("/metrics").text, re.M))

    before = restarts()
    shared_server.kill("query")
    shared_server.child("query")
    wait_for(lambda: restarts() > before, 5, "the restart to be counted")
    wait_for(lambda: client.health()["state"] == "ok", 5, "health to be ok again")


def test_prometheus_text_is_well_formed(client, topic):
    client.send(topic, [{"n": 1}])
    answer = client.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    sample = re.compile(r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_]\w*="(\\.|[^"\\])*",?)*\})? '
                        r'(NaN|[+-]?Inf|[-+0-9.eE]+)$')
    types, seen = {}, set()
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in types
            types[name] = kind
        elif line and not line.startswith("#"):
            assert sample.match(line), line
            name = line.rsplit(" ", 1)[0]
            assert name not in seen, line
            seen.add(name)
    assert "histogram" in types.values() and "counter" in types.values()


def test_counts_of_events_lag_and_dead_letters(client, topic):
    client.create_topic(topic, flush_age_ms="1h")
    client.send(topic, [{"n": i} for i in range(123)])
    client.post(topic, b"nope\n")

    def metric(name):
        pattern = rf'^{name}\{{[^}}]*"{topic}"[^}}]*\}} ([0-9.e+]+)$'
        found = re.search(pattern, client.http.get("/metrics").text, re.M)
        return float(found.group(1)) if found else None

    assert metric("tarn_events_total") == 123
    assert metric("tarn_events_rejected_total") == 1
    info = client.topic(topic)
    assert sum(p["end"] for p in info["partition_list"]) == 123
    assert client.http.get(f"/api/v1/tables/{topic}").status_code in (200, 404)
    client.flush(topic)
    wait_for(lambda: client.http.get(f"/api/v1/tables/{topic}").json()["lag_events"] == 0, 5,
             "no lag")
    assert client.http.get(f"/api/v1/tables/{topic}").json()["rows"] == 123


def test_metrics_as_json(client):
    assert client.metrics()
