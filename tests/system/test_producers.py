# SPDX-License-Identifier: MIT
"""Producers: jobs that make events, changed while they run, and there again after a restart."""
import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from harness.client import Client
from harness.server import wait_for

ROOT = Path(__file__).resolve().parents[2]
TINY = {"id": {"$seq": {}}, "kind": {"$choice": {"values": ["a", "b"]}}, "at": {"$time": {}}}


@pytest.fixture
def api(client):
    return client.http


@pytest.fixture
def producer(api, topic):
    """Factory of producers that are deleted at the end."""
    made = []

    def make(**body):
        name = f"p-{topic}-{len(made)}"
        answer = api.post("/api/v1/producers", json={"name": name, "topic": topic, **body})
        assert answer.status_code == 201, answer.text
        made.append(name)
        return name

    yield make
    for name in made:
        assert api.delete(f"/api/v1/producers/{name}").status_code in (204, 404)


def rows(client, sql):
    return [list(row) for row in client.rows(sql)]


def status(api, name):
    answer = api.get(f"/api/v1/producers/{name}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def wait_state(api, name, state, seconds=30):
    return wait_for(lambda: (s := status(api, name))["state"] == state and s, seconds,
                    f"{name} to be {state}", 0.02)


def test_a_count_is_kept_exactly_and_every_event_is_a_row(client, api, producer, topic):
    name = producer(spec={"template": TINY, "rate": 20000, "count": 5000})
    ended = wait_state(api, name, "finished")
    assert (ended["sent"], ended["rejected"], ended["last_error"]) == (5000, 0, None)
    assert rows(client, f"SELECT count(*), count(DISTINCT id), min(id), max(id) FROM {topic}") == \
        [[5000, 5000, 1, 5000]]


def test_a_duration_holds_the_rate(api, producer):
    name = producer(spec={"template": TINY, "rate": 500, "duration_s": 2})
    assert wait_state(api, name, "finished")["sent"] == 1000


def test_the_same_seed_makes_the_same_events(client, api, producer, topic):
    spec = {"template": {"n": {"$int": {"max": 10**9}}, "u": {"$uuid": {}}}, "rate": 5000,
            "count": 300, "seed": 11}
    for number in range(2):
        name = producer(topic=f"{topic}_{number}", spec=spec)
        wait_state(api, name, "finished")
    first, second = (sorted(rows(client, f"SELECT n, u FROM {topic}_{n}")) for n in range(2))
    assert first == second and len(first) == 300


def test_presets_make_rows_that_join_the_samples(client, api, producer, topic):
    for number, preset in enumerate(("web_logs", "customers", "transactions", "analytics")):
        name = producer(preset=preset, topic=f"{topic}_{preset}",
                        spec={"rate": 5000, "count": 500})
        assert wait_state(api, name, "finished")["rejected"] == 0, (number, preset)
    found = rows(client, f"""SELECT count(*), min(customer_id), max(customer_id) <= 2000,
        count(*) FILTER (abs(amount - unit_price * quantity) > 0.005 AND kind = 'payment')
        FROM {topic}_transactions""")
    assert found[0][0] == 500 and found[0][1] >= 1 and found[0][2:] == [True, 0]


def test_bad_events_are_rejected_and_counted(client, api, producer, topic):
    kinds = ["broken_json", "not_an_object", "too_deep"]
    name = producer(spec={"template": TINY, "rate": 20000, "count": 4000, "seed": 3,
                          "bad": {"share": 0.25, "kinds": kinds}})
    ended = wait_state(api, name, "finished")
    assert ended["sent"] + ended["rejected"] == 4000
    assert 850 < ended["rejected"] < 1150
    assert rows(client, f"SELECT count(*) FROM {topic}") == [[ended["sent"]]]
    name = producer(spec={"template": TINY, "rate": 20000, "count": 400, "seed": 3,
                          "bad": {"share": 1, "kinds": ["wrong_type"]}})
    ended = wait_state(api, name, "finished")
    assert (ended["sent"], ended["rejected"]) == (400, 0)


def test_rate_and_weights_change_while_it_runs(client, api, producer, topic):
    types = [{"name": n, "template": {"t": n, "n": {"$seq": {}}}} for n in "ab"]
    types[1]["weight"] = 0
    name = producer(spec={"types": types, "rate": 200})
    wait_for(lambda: status(api, name)["sent"] > 20, 20, "the first events")
    answer = api.patch(f"/api/v1/producers/{name}",
                       json={"spec": {"rate": 2000, "weights": {"a": 0, "b": 1}}})
    assert answer.status_code == 200 and answer.json()["rate_wanted"] == 2000
    wait_for(lambda: rows(client, f"SELECT count(*) > 1000 FROM {topic} WHERE t = 'b'")[0][0], 20,
             "events of the other type")
    stopped = api.post(f"/api/v1/producers/{name}/stop").json()
    assert stopped["state"] == "stopped" and stopped["rate_now"] == 0
    assert [t.get("weight") for t in stopped["spec"]["types"]] == [0, 1]
    # Counters of a type go on: no number comes twice.
    assert rows(client, f"SELECT count(*) = count(DISTINCT (t, n)) FROM {topic}") == [[True]]
    for wrong, says in (({"weights": {"c": 1}}, "/weights/c"), ({"rate": "x"}, "/rate"),
                        ({"types": []}, "/types"), ({"speed": 1}, "/speed")):
        answer = api.patch(f"/api/v1/producers/{name}", json={"spec": wrong})
        assert answer.status_code == 400 and says in answer.json()["detail"]
    assert status(api, name)["spec"]["rate"] == 2000


def test_start_goes_on_after_stop_and_begins_anew_after_the_end(client, api, producer, topic):
    name = producer(spec={"template": TINY, "rate": 1000, "count": 600})
    wait_for(lambda: status(api, name)["sent"] > 50, 20, "some events")
    assert api.post(f"/api/v1/producers/{name}/stop").json()["state"] == "stopped"
    assert api.post(f"/api/v1/producers/{name}/stop").status_code == 200
    assert api.post(f"/api/v1/producers/{name}/start").json()["state"] in ("running", "slowed")
    assert wait_state(api, name, "finished")["sent"] == 600
    assert rows(client, f"SELECT count(*), count(DISTINCT id) FROM {topic}") == [[600, 600]]
    api.post(f"/api/v1/producers/{name}/start")
    wait_for(lambda: rows(client, f"SELECT count(*) FROM {topic}") == [[1200]], 20, "a second run")
    assert wait_state(api, name, "finished")["sent"] == 600


def test_a_live_sample_shows_what_is_sent(api, client, producer):
    name = producer(spec={"template": {"n": {"$seq": {}}}, "rate": 500,
                          "bad": {"share": 0.5, "kinds": ["broken_json"]}})
    seen = {"event": 0, "text": 0}
    with client.http.stream("GET", f"/api/v1/producers/{name}/sample", timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                data = json.loads(line[6:])
                seen["event" if "event" in data else "text"] += 1
                assert set(data) in ({"at", "event"}, {"at", "text"})
                if "event" in data:
                    assert set(data["event"]) == {"n"}
            if all(seen.values()):
                break


def test_a_sample_ends_with_its_producer(api, client, producer):
    name = producer(spec={"template": {"n": 1}, "rate": 50})
    ended = threading.Event()

    def look():
        with Client(str(api.base_url)) as other, \
                other.http.stream("GET", f"/api/v1/producers/{name}/sample", timeout=30) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    ready.set()
        ended.set()

    ready = threading.Event()
    thread = threading.Thread(target=look)
    thread.start()
    assert ready.wait(20)
    assert api.delete(f"/api/v1/producers/{name}").status_code == 204
    assert ended.wait(20)
    thread.join(20)


def test_a_deleted_topic_fails_its_producer_until_it_is_started(api, producer, topic):
    name = producer(spec={"template": {"n": 1}, "rate": 200})
    wait_for(lambda: status(api, name)["sent"] > 0, 20, "events")
    assert api.delete(f"/api/v1/topics/{topic}?drop=true").status_code == 200
    failed = wait_state(api, name, "failed")
    assert "topic was deleted" in failed["last_error"]
    assert api.get(f"/api/v1/topics/{topic}").status_code == 404
    assert api.post(f"/api/v1/producers/{name}/start").status_code == 200
    wait_for(lambda: status(api, name)["state"] == "running", 20, "it to run")


def test_a_topic_that_is_behind_slows_its_producer(shared_server, client, api, producer, topic):
    client.create_topic(topic, unlanded_rows_max=500, flush_age_ms="24h")
    writer = shared_server.child("writer")
    os.kill(writer, signal.SIGSTOP)  # it would keep up
    name = producer(spec={"template": TINY, "rate": 5000, "count": 3000})
    try:
        slowed = wait_for(lambda: (s := status(api, name))["state"] == "slowed" and
                          s["sent"] >= 500 and s, 30, "the producer to be slowed", 0.02)
    finally:
        os.kill(writer, signal.SIGCONT)
    assert slowed["sent"] < 3000 and slowed["rejected"] == 0
    wait_for(lambda: client.flush(topic) and status(api, name)["state"] == "finished", 60,
             "the rest to go in", 0.2)
    assert status(api, name)["sent"] == 3000
    assert rows(client, f"SELECT count(*), count(DISTINCT id) FROM {topic}") == [[3000, 3000]]


def test_an_event_that_is_too_large_fails_its_producer(api, producer):
    huge = {"$list": {"min": 1000, "max": 1000,
                      "of": {"$list": {"min": 1000, "max": 1000, "of": "x"}}}}
    name = producer(spec={"template": {"a": huge}, "rate": 5})
    assert "an event is larger" in wait_state(api, name, "failed")["last_error"]


def test_a_table_that_is_in_the_way_is_named(client, api, producer, topic):
    client.send(topic, [{"n": 1}])
    client.flush(topic)
    client.delete_topic(topic)
    answer = api.post("/api/v1/producers", json={"name": f"x-{topic}", "topic": topic,
                                                 "preset": "web_logs"})
    assert answer.status_code == 409 and answer.json()["code"] == "table_exists"
    assert api.get(f"/api/v1/producers/x-{topic}").status_code == 404


@pytest.mark.parametrize("body, code, says", [
    ({"name": "x"}, "invalid", "give \"template\""),
    ({"name": "x", "spec": {"template": {}}}, "invalid", "\"topic\" is missing"),
    ({"name": "x/y", "preset": "web_logs"}, "invalid", "\"name\" must have"),
    ({"preset": "web_logs"}, "invalid", "\"name\" must have"),
    ({"name": "x", "preset": "weather"}, "invalid", "there are web_logs, customers"),
    ({"name": "x", "preset": "web_logs", "rate": 5}, "invalid", "unknown member \"rate\""),
    ({"name": "x", "preset": "web_logs", "spec": 5}, "invalid", "\"spec\" must be"),
    ({"name": "x", "preset": "web_logs", "topic": "a b"}, "invalid", "topic"),
    ({"name": "x", "topic": "t", "spec": {"template": {"a": {"$nope": {}}}}}, "invalid",
     "/template/a: there is no generator"),
    ({"name": "x", "preset": "web_logs", "start": "yes"}, "invalid", "\"start\""),
])
def test_what_is_wrong_is_refused_in_words(api, body, code, says):
    answer = api.post("/api/v1/producers", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["code"] == code and says in answer.json()["detail"]
    assert api.get("/api/v1/producers/x").json()["code"] == "producer_not_found"


def test_names_are_taken_once_and_lists_are_paged(api, producer):
    name = producer(spec={"template": {}}, start=False)
    again = api.post("/api/v1/producers", json={"name": name, "preset": "web_logs"})
    assert again.status_code == 409 and again.json()["code"] == "producer_exists"
    producer(spec={"template": {}}, start=False)
    page = api.get("/api/v1/producers?limit=1").json()
    assert len(page["producers"]) == 1 and page["next"]
    rest = api.get(f"/api/v1/producers?after={page['next']}").json()
    assert rest["producers"] and rest["next"] is None
    assert "spec" not in rest["producers"][0]


def test_the_page_names_every_generator_with_its_options(api, producer):
    page = (ROOT / "docs" / "producers.md").read_text(encoding="utf-8")
    example = json.loads(page.split("```json")[1].split("```")[0])
    producer(spec=example, start=False)

    def refusal(template):
        answer = api.post("/api/v1/producers", json={"name": "x", "topic": "x", "spec":
                                                     {"template": {"a": template}}})
        assert answer.status_code == 400
        return answer.json()["detail"]

    names = refusal({"$": {}}).split("there are ")[1].split(", ")
    assert len(names) == 21
    for name in names:
        row = next(line for line in page.splitlines()
                   if line.startswith("|") and f"`{name}`" in line.split("|")[1])
        found = "" if name == "$literal" else refusal({name: {"nope": 1}})
        options = found.split("it has ")[1].split(", ") if "it has " in found else []
        for option in options:
            assert option == "none" or f"`{option}`" in row.split("|")[2], (name, option)


def test_producers_survive_a_restart_and_a_kill(server, connect):
    one = server()
    http = connect(one).http
    for name, body in {
        "runs": {"spec": {"template": TINY, "rate": 300, "seed": 5}},
        "rests": {"start": False, "preset": "web_logs"},
        "ends": {"spec": {"template": TINY, "rate": 2000, "count": 100}},
    }.items():
        assert http.post("/api/v1/producers",
                         json={"name": name, "topic": name, **body}).status_code == 201
    wait_state(http, "ends", "finished")
    wait_for(lambda: status(http, "runs")["sent"] > 100, 20, "events")
    http.patch("/api/v1/producers/runs", json={"spec": {"rate": 400}})
    one.restart()
    client = connect(one)
    states = {p["name"]: p for p in client.http.get("/api/v1/producers").json()["producers"]}
    assert states["rests"]["state"] == "stopped" and states["ends"]["state"] == "finished"
    assert states["ends"]["sent"] == 100 and states["rests"]["preset"] == "web_logs"
    before = states["runs"]["sent"]
    assert before > 100
    wait_for(lambda: status(client.http, "runs")["sent"] > before + 100, 20, "more events")
    one.kill("all")
    one.start()
    client = connect(one)
    assert status(client.http, "runs")["spec"]["rate"] == 400
    wait_for(lambda: status(client.http, "runs")["sent"] > 100, 20, "events after the kill")
    wait_for(lambda: rows(client, "SELECT count(*) > 400 FROM runs")[0][0], 30, "rows")
    one.stop()


def test_tarn_produce_sends_from_the_client(tarn_bin, shared_server, client, topic):
    def run(*words):
        return subprocess.run([str(tarn_bin), "produce", "--server", shared_server.url, *words],
                              capture_output=True, text=True, timeout=60)

    done = run("--preset", "web_logs", "--topic", topic, "--rate", "5000", "--count", "700",
               "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accepted"] == 700
    assert rows(client, f"SELECT count(*) FROM {topic}") == [[700]]
    assert run("--preset", "weather").returncode == 2
    assert "there are web_logs" in run("--preset", "weather").stderr
    assert run("--topic", topic).returncode == 2
    assert run("--preset", "web_logs", "--rate", "x").returncode == 2


def test_presets_are_listed_and_their_specifications_run(tarn_bin, api, producer):
    """What the list of presets holds can be made as it is; the command lists the same."""
    presets = api.get("/api/v1/producers/presets").json()["presets"]
    assert [one["name"] for one in presets][0] == "web_logs"
    for one in presets:
        assert one["label"] and one["about"] and one["topic"] == one["spec"]["topic"]
        producer(spec={**one["spec"], "rate": 1}, start=False)
    said = subprocess.run([tarn_bin, "produce", "--presets", "--json"], capture_output=True, check=True)
    assert json.loads(said.stdout)["presets"] == presets
    said = subprocess.run([tarn_bin, "produce", "--presets"], capture_output=True, text=True, check=True)
    assert all(one["name"] in said.stdout for one in presets)
    taken = api.post("/api/v1/producers", json={"name": "presets", "preset": "web_logs"})
    assert taken.status_code == 400 and "list of presets" in taken.json()["detail"]


@pytest.mark.parametrize("word", ["-", "/dev/stdin"])
def test_a_specification_comes_through_a_pipe(tarn_bin, shared_server, client, topic, word):
    """A specification that a pipe brings is run like one in a file."""
    url = shared_server.url
    command = [tarn_bin, "produce", "--spec", word, "--topic", topic, "--server", url]
    spec = json.dumps({"template": TINY, "count": 7, "rate": 1000})
    said = subprocess.run(command, input=spec, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert rows(client, f"SELECT count(*) FROM {topic}") == [[7]]


def test_tarn_producer_manages_the_servers(tarn_bin, shared_server, topic, tmp_path):
    def run(*words):
        return subprocess.run([str(tarn_bin), "producer", *words, "--server", shared_server.url],
                              capture_output=True, text=True, timeout=60)

    path = tmp_path / "spec.json"
    path.write_text(json.dumps({"template": TINY, "rate": 100}), encoding="utf-8")
    name = f"cli-{topic}"
    assert run("create", name, "--spec", str(path), "--topic", topic).returncode == 0
    assert run("create", name, "--preset", "web_logs").returncode == 1
    assert name in run("list").stdout
    assert run("change", name, "--rate", '{"sine":{"mean":50,"amplitude":50,"period_s":5}}'
               ).returncode == 0
    described = json.loads(run("describe", name, "--json").stdout)
    assert described["spec"]["rate"]["sine"]["mean"] == 50
    assert "$choice" in run("describe", name).stdout
    assert run("stop", name).returncode == 0 and run("start", name).returncode == 0
    assert run("delete", name).returncode == 0 and run("describe", name).returncode == 1
    assert run("create").returncode == 2 and run("shout").returncode == 2


def test_each_producer_has_its_metrics_until_it_is_deleted(client, api, producer):
    name = producer(spec={"template": TINY, "rate": 20000, "count": 300})
    wait_state(api, name, "finished")
    label = f'{{producer="{name}"}}'
    metrics = client.metrics()["front"]
    assert metrics["tarn_producer_events_total" + label] == 300
    assert metrics["tarn_producer_rejected_total" + label] == 0
    assert metrics["tarn_producer_rate_events" + label] == 0
    assert metrics["tarn_producer_failed" + label] == 0
    assert api.delete(f"/api/v1/producers/{name}").status_code == 204
    assert not [m for m in client.metrics()["front"] if label in m]
