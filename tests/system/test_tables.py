# SPDX-License-Identifier: MIT
"""Landing: flush, what lies in the Delta table, checkpoints, and the table commands."""
import json
import subprocess
import threading
import time
from datetime import datetime, timedelta

import duckdb
import pytest
from deltalake import DeltaTable

from harness.client import Refused
from harness.server import wait_for


def tarn(server, *words):
    done = subprocess.run([str(server.binary), *map(str, words)], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def table_dir(server, topic):
    return server.data / "lake" / "bronze" / topic


def log_files(server, topic):
    return sorted((table_dir(server, topic) / "_delta_log").glob("*.json"))


def actions(server, topic, version):
    path = table_dir(server, topic) / "_delta_log" / f"{version:020d}.json"
    return [json.loads(line) for line in path.read_text().splitlines()]


def send_days(client, topic, count=300):
    client.send(topic, [{"id": i, "timestamp": f"2026-10-{1 + i % 3:02d}T05:00:00Z", "x": i / 2,
                         "name": f"n{i % 7}"} for i in range(count)])


def test_flush_answers_with_the_version_that_holds_everything(shared_server, client, topic):
    send_days(client, topic)
    version = client.flush(topic)["version"]
    table = DeltaTable(str(table_dir(shared_server, topic)), version=version)
    assert table.to_pyarrow_table().num_rows == 300
    assert client.flush(topic)["version"] == version  # nothing new, nothing committed


def test_delta_rs_and_duckdb_read_the_same_rows(shared_server, client, topic):
    send_days(client, topic)
    client.flush(topic)
    send_days(client, topic, 50)
    client.send(topic, [{"id": 1000, "extra": True}])
    client.flush(topic)
    table = DeltaTable(str(table_dir(shared_server, topic)))
    rows = table.to_pyarrow_table()
    assert rows.num_rows == 351
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    by_files = con.execute(
        "SELECT id, x, name, extra, _partition, _offset, epoch_us(_time) "
        "FROM read_parquet(?, union_by_name=true) ORDER BY _partition, _offset",
        [table.file_uris()]).fetchall()
    by_delta = con.execute(
        "SELECT id, x, name, extra, _partition, _offset, epoch_us(_time) FROM rows "
        "ORDER BY _partition, _offset").fetchall()
    by_tarn = client.rows(f"SELECT id, x, name, extra, _partition, _offset, epoch_us(_time) "
                          f"FROM bronze.{topic} ORDER BY _partition, _offset", limit=1000)
    assert by_files == by_delta == by_tarn


def test_files_lie_by_date_and_the_log_says_so(shared_server, client, topic):
    send_days(client, topic)
    version = client.flush(topic)["version"]
    added = [a["add"] for a in actions(shared_server, topic, version) if "add" in a]
    assert sorted(a["partitionValues"]["_date"] for a in added) == \
        ["2026-10-01", "2026-10-02", "2026-10-03"]
    for add in added:
        assert add["path"].startswith(f"date={add['partitionValues']['_date']}/")
        path = table_dir(shared_server, topic) / add["path"]
        assert path.stat().st_size == add["size"] and path.stat().st_nlink == 1
    assert DeltaTable(str(table_dir(shared_server, topic))).metadata().partition_columns == \
        ["_date"]


def test_statistics_are_complete_and_true(shared_server, client, topic):
    send_days(client, topic)
    version = client.flush(topic)["version"]
    total = 0
    for action in actions(shared_server, topic, version):
        if "add" not in action:
            continue
        stats = json.loads(action["add"]["stats"])
        path = table_dir(shared_server, topic) / action["add"]["path"]
        count, low, high, low_x, high_x = duckdb.execute(
            "SELECT count(*), min(id), max(id), min(x), max(x) FROM read_parquet(?)",
            [str(path)]).fetchone()
        total += stats["numRecords"]
        assert stats["numRecords"] == count
        assert (stats["minValues"]["id"], stats["maxValues"]["id"]) == (low, high)
        assert stats["minValues"]["x"] <= low_x and stats["maxValues"]["x"] >= high_x
        assert stats["nullCount"]["id"] == 0 and stats["nullCount"]["_key"] == count
    assert total == 300


def test_the_commit_carries_offsets_and_metrics(shared_server, client, topic):
    client.create_topic(topic, partitions=2)
    send_days(client, topic)
    version = client.flush(topic)["version"]
    found = actions(shared_server, topic, version)
    txns = {a["txn"]["appId"]: a["txn"]["version"] for a in found if "txn" in a}
    ends = {p["partition"]: p["end"] for p in client.topic(topic)["partition_list"]}
    assert sum(v + 1 for v in txns.values()) == sum(ends.values()) == 300
    info = next(a["commitInfo"] for a in found if "commitInfo" in a)
    assert info["operation"] and info["operationMetrics"] and info["engineInfo"]
    crc = table_dir(shared_server, topic) / "_delta_log" / f"{version:020d}.crc"
    assert json.loads(crc.read_text())["numFiles"] == 3


def test_declared_partition_columns(shared_server, client, topic):
    client.create_topic(topic, partition_by=["name"])
    send_days(client, topic)
    client.send(topic, [{"id": 1, "name": None}, {"id": 2, "name": "a/b=c %20 ü"}, {"id": 3}])
    client.flush(topic)
    table = DeltaTable(str(table_dir(shared_server, topic)))
    assert table.metadata().partition_columns == ["name"]
    assert table.to_pyarrow_table().num_rows == 303
    assert client.value(f"SELECT count(*) FROM bronze.{topic} WHERE name = 'a/b=c %20 ü'") == 1
    assert client.value(f"SELECT count(*) FROM bronze.{topic} WHERE name IS NULL") == 2


def test_landing_by_rows_and_by_age(shared_server, client, topic):
    client.create_topic(topic, flush_rows=100, flush_age_ms="1h")
    send_days(client, topic, 150)
    wait_for(lambda: log_files(shared_server, topic), 10, "a commit by rows")
    aged = topic + "_aged"
    client.create_topic(aged, flush_age_ms="200ms")
    send_days(client, aged, 5)
    wait_for(lambda: log_files(shared_server, aged), 10, "a commit by age")


def test_checkpoints_come_about_every_ten_commits(shared_server, client, topic):
    """Ten commits within seconds may wait for more, so that a busy table is not slowed by them."""
    log, count = table_dir(shared_server, topic) / "_delta_log", 0
    while count < 150 and not (log / "_last_checkpoint").exists():
        client.send(topic, [{"id": count}])
        client.flush(topic)
        count += 1
    last = json.loads((log / "_last_checkpoint").read_text())
    assert 9 <= last["version"] <= count
    assert (log / f"{last['version']:020d}.checkpoint.parquet").exists()
    # a reader that has nothing but the checkpoint and what follows sees the same
    for path in log.glob("*.json"):
        if int(path.stem) < last["version"]:
            path.unlink()
    assert DeltaTable(str(table_dir(shared_server, topic))).to_pyarrow_table().num_rows == count
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == count
    client.send(topic, [{"id": -1}])
    client.flush(topic)
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == count + 1


def test_commits_of_others_are_kept(shared_server, connect, client, topic):
    """Another writer commits by put-if-absent while tarn lands: nobody's commit is overwritten."""
    client.create_topic(topic, partitions=1)
    client.send(topic, [{"id": -1}])
    client.flush(topic)
    log = table_dir(shared_server, topic) / "_delta_log"
    ended, markers = threading.Event(), []

    def commit_beside():
        while not ended.is_set():
            version = int(max(log.glob("*.json")).stem) + 1
            marker = f"outside-{version}"
            info = {"commitInfo": {"timestamp": int(time.time() * 1000), "operation": "TEST",
                                   "operationParameters": {"marker": marker}}}
            try:
                with open(log / f"{version:020d}.json", "x") as out:
                    out.write(json.dumps(info) + "\n")
            except FileExistsError:
                continue
            markers.append((version, marker))
            time.sleep(0.002)

    thread = threading.Thread(target=commit_beside)
    thread.start()
    flushing = connect(shared_server)
    try:
        for i in range(40):
            flushing.send(topic, [{"id": i}])
            flushing.flush(topic)
    finally:
        ended.set()
        thread.join(10)
    assert len(markers) > 10
    for version, marker in markers:
        assert marker in (log / f"{version:020d}.json").read_text()
    assert DeltaTable(str(table_dir(shared_server, topic))).to_pyarrow_table().num_rows == 41
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 41


def test_rows_that_others_add_are_seen(shared_server, client, topic):
    send_days(client, topic, 30)
    client.flush(topic)
    table = DeltaTable(str(table_dir(shared_server, topic)))
    rows = table.to_pyarrow_table()
    from deltalake import write_deltalake
    write_deltalake(table, rows.slice(0, 5), mode="append")
    wait_for(lambda: client.value(f"SELECT count(*) FROM bronze.{topic}") == 35, 10,
             "the other writer's rows")
    send_days(client, topic, 30)
    client.flush(topic)
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 65


def test_flushing_what_is_not_there_is_404(client):
    with pytest.raises(Refused) as refused:
        client.flush("nothing_here")
    assert refused.value.status == 404


def test_table_commands(shared_server, client, topic):
    send_days(client, topic)
    server = ("--data", shared_server.data)
    assert "version" in json.loads(tarn(shared_server, "table", "flush", topic, *server, "--json"))
    for target in (topic, f"bronze.{topic}", table_dir(shared_server, topic)):
        info = json.loads(tarn(shared_server, "table", "describe", target, *server, "--json"))
        assert {"id", "x", "name", "_offset"} <= {c["name"] for c in info["columns"]}
        assert info["rows"] == 300 and info["files"] == 3
        assert tarn(shared_server, "table", "describe", target, *server)
    files = json.loads(tarn(shared_server, "table", "files", topic, *server, "--json"))
    files = files["files"] if isinstance(files, dict) else files
    assert sum(f["rows"] for f in files) == 300
    history = json.loads(tarn(shared_server, "table", "history", topic, *server, "--json"))
    history = history["commits"] if isinstance(history, dict) else history
    assert history[0]["version"] >= 0
    tarn(shared_server, "table", "checkpoint", topic, *server)
    assert (table_dir(shared_server, topic) / "_delta_log" / "_last_checkpoint").exists()
    assert topic in tarn(shared_server, "table", "list", *server)


def test_tables_over_http(client, topic):
    send_days(client, topic)
    client.flush(topic)
    info = client.http.get(f"/api/v1/tables/{topic}").json()
    assert info["name"] == topic and info["rows"] == 300 and info["version"] >= 0
    names = [t["name"] for t in client.http.get("/api/v1/tables?limit=1000").json()["tables"]]
    assert topic in names
    assert client.http.get(f"/api/v1/tables/{topic}/history").json()["commits"]
    files = client.http.get(f"/api/v1/tables/{topic}/files").json()["files"]
    assert sum(f["rows"] for f in files) == 300
    assert client.http.get("/api/v1/tables/nothing_here").status_code == 404


def test_the_writer_can_be_killed_any_time(shared_server, client, topic):
    client.create_topic(topic, flush_age_ms="100ms")
    for i in range(6):
        send_days(client, topic, 100)
        shared_server.kill("writer")
        assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 100 * (i + 1)
        shared_server.child("writer")
    client.flush(topic)
    table = DeltaTable(str(table_dir(shared_server, topic))).to_pyarrow_table()
    assert table.num_rows == 600


def test_history_and_files_come_in_pages_and_say_what_changed(client, topic):
    for n in range(5):
        client.send(topic, [{"n": n, "pad": "x" * 100} for _ in range(10)])
        client.flush(topic)

    def pages(what, member):
        found, after = [], None
        while True:
            params = {"limit": 2, **({"after": after} if after is not None else {})}
            page = client.http.get(f"/api/v1/tables/{topic}/{what}", params=params).json()
            assert len(page[member]) <= 2
            found += page[member]
            after = page["next"]
            if after is None:
                return found

    commits = pages("history", "commits")
    versions = [c["version"] for c in commits]
    assert versions == list(range(versions[0], -1, -1))
    assert sum(c["rows_added"] for c in commits) == 50
    files = pages("files", "files")
    assert len({f["path"] for f in files}) == len(files) == \
        sum(c["files_added"] - c["files_removed"] for c in commits)
    assert sum(f["bytes"] for f in files) == \
        sum(c["bytes_added"] - c["bytes_removed"] for c in commits)
    assert all(f["partition"]["_date"] and f["stats"]["minValues"]["n"] >= 0 for f in files)
    answer = client.http.get(f"/api/v1/tables/{topic}/history", params={"after": "x"})
    assert answer.status_code == 400


def test_the_time_of_the_last_commit_outlives_a_restart(server, connect):
    one = server()
    connect(one).send("kept", [{"n": 1}])
    connect(one).flush("kept")

    def last_commit():
        [table] = [t for t in connect(one).http.get("/api/v1/tables").json()["tables"]
                   if t["name"] == "kept"]
        return table.get("last_commit")

    before = last_commit()
    one.restart()
    after = wait_for(last_commit, 10, "the table to be read again")
    assert abs(datetime.fromisoformat(after) - datetime.fromisoformat(before)) < timedelta(seconds=5)
