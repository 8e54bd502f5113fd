# SPDX-License-Identifier: MIT
"""Imported tables, read by delta-rs and by Spark with Delta (where `./dev setup interop` was run), give
the rows that tarn's own SQL gives; and tarn appends to what Spark has changed."""
import glob
import importlib.util
import io
import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

ROOT = Path(__file__).resolve().parents[2]
CSV = b"id,name,at,amount\n1,\xc3\xa4,2026-01-02 03:04:05,1.5\n2,\"b, \"\"c\"\"\",2026-01-03,2\n"
MORE = b"id,extra\n3,true\n"


def parquet():
    out = io.BytesIO()
    pq.write_table(pa.table({
        "id": pa.array([7, None], pa.uint32()), "big": pa.array([2**64 - 1, 0], pa.uint64()),
        "at": pa.array([1, 2], pa.timestamp("ms")), "price": pa.array([Decimal("1.25"), None]),
        "tags": pa.array([["a", None], []]), "point": pa.array([{"x": 1, "at": datetime(2026, 1, 2)},
                                                                None])}), out)
    return out.getvalue()


@pytest.fixture
def tables(server, connect):
    """(server, its client); sales has two files and an added column, shapes was replaced."""
    one = server()
    client = connect(one)

    def put(table, body, kind, mode):
        answer = client.http.post(f"/api/v1/tables/{table}", content=body, params={"mode": mode},
                                  headers={"Content-Type": kind}, timeout=60)
        assert answer.status_code == 201, answer.text

    put("sales", CSV, "text/csv", "create")
    put("sales", MORE, "text/csv", "append")
    put("shapes", CSV, "text/csv", "create")
    put("shapes", parquet(), "application/vnd.apache.parquet", "replace")
    yield one, client, put
    one.stop()


def folder(server, table):
    return str((server.data / "lake" / "main" / table).resolve())


SALES = 'SELECT id, name, epoch_us("at"), amount, extra FROM sales ORDER BY id'
SHAPES = 'SELECT id, big, epoch_us("at"), price, len(tags), point.x, epoch_us(point."at") ' \
         'FROM shapes ORDER BY big DESC'
WANTED_SALES = [(1, "ä", 1767323045000000, 1.5, None), (2, 'b, "c"', 1767398400000000, 2.0, None),
                (3, None, None, None, True)]
WANTED_SHAPES = [(7, "18446744073709551615", 1000, "1.25", 2, 1, 1767312000000000),
                 (None, "0", 2000, None, 0, None, None)]


def test_tarn_and_delta_rs(tables):
    one, client, _ = tables
    assert client.rows(SALES) == WANTED_SALES and client.rows(SHAPES) == WANTED_SHAPES
    rows = DeltaTable(folder(one, "sales")).to_pyarrow_table().to_pylist()
    assert sorted((r["id"], r["name"], r["amount"], r["extra"]) for r in rows) == \
        [(i, n, a, e) for i, n, _, a, e in WANTED_SALES]
    shapes = {r["id"]: r for r in DeltaTable(folder(one, "shapes")).to_pyarrow_table().to_pylist()}
    assert shapes[7]["big"] == 2**64 - 1 and shapes[7]["price"] == Decimal("1.25")
    assert shapes[7]["tags"] == ["a", None] and shapes[7]["point"] == {
        "x": 1, "at": datetime(2026, 1, 2, tzinfo=timezone.utc)}


SPARK = """
import json, sys
from pyspark.sql import SparkSession
spark = (SparkSession.builder.master("local[2]").config("spark.jars", sys.argv[1])
    .config("spark.ui.enabled", "false").config("spark.driver.memory", "2g")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.databricks.delta.snapshotPartitions", "2")
    .config("spark.sql.session.timeZone", "UTC").config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
sales = spark.sql(f"SELECT id, name, unix_micros(at), amount, extra FROM delta.`{sys.argv[2]}` ORDER BY id")
print("SALES " + json.dumps([list(r) for r in sales.collect()]))
shapes = spark.sql(f"SELECT id, cast(big AS string), unix_micros(at), cast(price AS string), size(tags), "
    f"point.x, unix_micros(point.at) FROM delta.`{sys.argv[3]}` ORDER BY big DESC")
print("SHAPES " + json.dumps([list(r) for r in shapes.collect()]))
spark.sql(f"INSERT INTO delta.`{sys.argv[2]}` (id, name) VALUES (4, 'by Spark')")
spark.stop()
"""


@pytest.mark.timeout(400)
def test_spark(tables, tmp_path):
    one, client, put = tables
    jars = [j for j in glob.glob(str(ROOT / "deps" / "jars" / "*.jar"))
            if os.path.basename(j).startswith(("delta-", "unitycatalog-"))]
    if importlib.util.find_spec("pyspark") is None or not jars:
        pytest.skip("Spark with Delta is not set up: ./dev setup interop")
    done = subprocess.run([sys.executable, "-c", SPARK, ",".join(jars), folder(one, "sales"),
                           folder(one, "shapes")], capture_output=True, text=True, timeout=380,
                          cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines()
                 if line.startswith(("SALES ", "SHAPES ")))
    assert [tuple(r) for r in json.loads(found["SALES"])] == WANTED_SALES
    assert [tuple(r) for r in json.loads(found["SHAPES"])] == WANTED_SHAPES
    put("sales", b"id,name\n5,after\n", "text/csv", "append")
    assert client.rows("SELECT id, name FROM sales WHERE id > 3 ORDER BY id") == [
        (4, "by Spark"), (5, "after")]
