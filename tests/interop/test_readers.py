# SPDX-License-Identifier: MIT
"""Tables that tarn wrote, read by other programs: delta-rs, DuckDB over the listed files, and Spark
with Delta (where `./dev setup interop` was run) must see the same rows as tarn's own SQL."""
import glob
import importlib.util
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ["id", "name", "amount", "ok", "at", "nested", "_partition", "_offset", "_key",
           "_rescued"]
SELECT = ('id, name, amount, ok, epoch_us("at") AS at_us, nested, epoch_us(_time) AS time_us, '
          '_date::VARCHAR AS day, _partition, _offset, epoch_us(_timestamp) AS append_us, _key, '
          '_rescued')


def events(count, first=0):
    chance = random.Random(first + 1)
    for i in range(first, first + count):
        when = f"2026-10-{1 + i % 20:02d}T{i % 24:02d}:00:00.{i % 1000:03d}Z"
        event = {"id": i, "timestamp": when,
                 "name": chance.choice(["ä", "b\n", "", "c'\"", None]), "amount": i / 8,
                 "ok": i % 3 == 0, "at": "2026-01-02T03:04:05.678Z", "nested": {"a": [i, None]}}
        if i % 50 == 7:
            event["amount"] = "much"
        if i % 4 == 0:
            del event["ok"]
        yield event


@pytest.fixture(scope="module")
def table(tarn_bin, tmp_path_factory):
    """(folder of a table with many commits and a checkpoint, its rows by tarn's SQL)."""
    from harness.client import Client
    from harness.server import Tarn
    folder = tmp_path_factory.mktemp("interop")
    one = Tarn(tarn_bin, folder / "data", log_path=folder / "tarn.log").start()
    try:
        with Client(one.url) as client:
            client.create_topic("orders", partitions=3, key="name")
            client.send("orders", [{"id": -1, "amount": 0.5, "name": "x", "nested": None}])
            client.flush("orders")
            for i in range(14):
                client.send("orders", list(events(100, i * 100)))
                client.flush("orders")
            rows = client.rows(f"SELECT {SELECT} FROM bronze.orders ORDER BY _partition, _offset",
                               limit=100_000)
        one.stop()
        yield one.data / "lake" / "bronze" / "orders", rows
    finally:
        one.close()


def plain(rows):
    """Rows with JSON texts normalised, since only their meaning counts."""
    done = []
    for row in rows:
        row = list(row)
        for i in (5, 12):
            row[i] = json.loads(row[i]) if row[i] is not None else None
        done.append(tuple(row))
    return done


def test_tarn_itself(table):
    _, rows = table
    assert len(rows) == 1401 and len({(r[8], r[9]) for r in rows}) == 1401
    assert sum(r[12] is not None for r in rows) == 28


def test_delta_rs(table):
    folder, rows = table
    arrow = DeltaTable(str(folder)).to_pyarrow_table()
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.register("t", arrow)
    assert plain(con.execute(f"SELECT {SELECT} FROM t ORDER BY _partition, _offset").fetchall()) \
        == plain(rows)


def test_delta_rs_sees_every_version(table):
    folder, _ = table
    newest = DeltaTable(str(folder))
    for version in range(newest.version() + 1):
        assert DeltaTable(str(folder), version=version).version() == version
    assert len(newest.history()) >= 10


def test_delta_rs_prunes_by_the_statistics(table):
    folder, rows = table
    found = DeltaTable(str(folder)).to_pyarrow_table(filters=[("id", ">=", 1390)])
    assert found.num_rows == sum(r[0] >= 1390 for r in rows)
    day = DeltaTable(str(folder)).to_pyarrow_table(partitions=[("_date", "=", "2026-10-03")])
    assert day.num_rows == sum(r[7] == "2026-10-03" for r in rows)


def test_duckdb_over_the_listed_files(table):
    folder, rows = table
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    files = DeltaTable(str(folder)).file_uris()
    found = con.execute(f"SELECT {SELECT.replace('_date::VARCHAR', 'date')} FROM read_parquet(?, "
                        f"union_by_name=true, hive_partitioning=true, "
                        f"hive_types={{'date': VARCHAR}}) ORDER BY _partition, _offset",
                        [files]).fetchall()
    assert plain(found) == plain(rows)


SPARK = """
import json, sys
from pyspark.sql import SparkSession
spark = (SparkSession.builder.master("local[2]").config("spark.jars", sys.argv[2])
    .config("spark.ui.enabled", "false").config("spark.driver.memory", "2g")
    .config("spark.sql.session.timeZone", "UTC").config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
rows = spark.sql(f"SELECT id, name, amount, ok, unix_micros(at), nested, unix_micros(_time), "
    f"cast(_date as string), _partition, _offset, unix_micros(_timestamp), "
    f"cast(_key as string), _rescued FROM delta.`{sys.argv[1]}` ORDER BY _partition, _offset")
print("ROWS " + json.dumps([list(r) for r in rows.collect()]))
filtered = spark.sql(f"SELECT count(*) FROM delta.`{sys.argv[1]}` "
    f"WHERE _date = '2026-10-03' AND id >= 700").collect()[0][0]
print("FILTERED " + json.dumps(filtered))
spark.stop()
"""


@pytest.mark.timeout(300)
def test_spark(table, tmp_path):
    folder, rows = table
    jars = [j for j in glob.glob(str(ROOT / "deps" / "jars" / "*.jar"))
            if os.path.basename(j).startswith(("delta-", "unitycatalog-"))]
    if importlib.util.find_spec("pyspark") is None or not jars:
        pytest.skip("Spark with Delta is not set up: ./dev setup interop")
    done = subprocess.run([sys.executable, "-c", SPARK, str(folder.resolve()), ",".join(jars)],
                          capture_output=True, text=True, timeout=280, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    answers = dict(line.split(" ", 1) for line in done.stdout.splitlines()
                   if line.startswith(("ROWS ", "FILTERED ")))
    assert plain(json.loads(answers["ROWS"])) == plain(rows)
    assert json.loads(answers["FILTERED"]) == \
        sum(r[7] == "2026-10-03" and r[0] >= 700 for r in rows)
