# SPDX-License-Identifier: MIT
"""Tables with STRUCT and LIST columns that tarn wrote by a declared schema, before and after the schema
has got further members: delta-rs and Spark see the rows that tarn's own SQL sees. What Spark adds to
such a column is kept by tarn and filled from then on."""
import glob
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

ROOT = Path(__file__).resolve().parents[2]


def may_be(kind, **more):
    return {"type": [kind, "null"], **more}


def an_object(**members):
    return may_be("object", properties=members)


SCHEMA = an_object(
    id=may_be("integer"),
    customer=an_object(name=may_be("string"), since=may_be("string", format="date"),
                       address=an_object(city=may_be("string"))),
    lines=may_be("array", items=an_object(sku=may_be("string"), price=may_be("number"))),
    matrix=may_be("array", items=may_be("array", items=may_be("integer"))))


def grown():
    schema = json.loads(json.dumps(SCHEMA))
    members = schema["properties"]["customer"]["properties"]
    members["vip"] = may_be("boolean")
    members["address"]["properties"]["country"] = may_be("string")
    schema["properties"]["lines"]["items"]["properties"]["count"] = may_be("integer")
    schema["properties"]["notes"] = may_be("array", items=may_be("string"))
    return schema


def events(first, count):
    for i in range(first, first + count):
        event = {"id": i,
                 "customer": {"name": f"customer {i}", "since": f"2026-10-{1 + i % 28:02d}",
                              "address": {"city": "Köln"} if i % 3 else None},
                 "lines": [{"sku": f"s{i}", "price": n / 4} for n in range(i % 4)],
                 "matrix": [[i, n] for n in range(i % 3)] + [None, []]}
        if i % 5 == 0:
            event["customer"] = None
        if i % 7 == 0:
            event["lines"] = None if i % 2 else [None, {}]
        if i >= 100 and i % 5:
            event["customer"]["vip"] = i % 2 == 0
            event["customer"]["address"] = {"country": "DE"}
            event["notes"] = [f"note {i}", None]
            if event["lines"]:
                event["lines"][0] = {"sku": "new", "count": i}
        yield event


def declare(client, topic, schema):
    answer = client.http.put(f"/api/v1/topics/{topic}/schema", json=schema)
    assert answer.status_code == 201, answer.text


def rows_of(client):
    """By id, as the event columns' JSON; members without a value are dropped, since readers differ
    in whether an old file's row has them."""
    names = [c["name"] for c in client.query("SELECT * FROM orders LIMIT 0")["columns"]
             if not c["name"].startswith("_")]
    rows = client.rows(f"SELECT {', '.join(names)} FROM orders ORDER BY id", limit=10_000)
    return normal(dict(zip(names, row)) for row in rows)


def clean(value):
    if isinstance(value, dict):
        return {k: clean(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [clean(v) for v in value]
    return value


def normal(rows):
    return sorted((clean(json.loads(json.dumps(row, default=str))) for row in rows),
                  key=lambda row: row["id"])


@pytest.fixture(scope="module")
def tables(tarn_bin, tmp_path_factory):
    """[(folder, rows by tarn's SQL)]: before the schema grew, and after."""
    from harness.client import Client
    from harness.server import Tarn
    folder = tmp_path_factory.mktemp("nested")
    one = Tarn(tarn_bin, folder / "data", log_path=folder / "tarn.log").start()
    found = []
    try:
        with Client(one.url) as client:
            client.create_topic("orders", partitions=2)
            for first, schema in ((0, SCHEMA), (100, grown())):
                declare(client, "orders", schema)
                client.send("orders", list(events(first, 100)))
                hot = rows_of(client)
                client.flush("orders")
                assert rows_of(client) == hot
                copy = folder / f"copy{first}"
                shutil.copytree(one.data / "lake" / "bronze" / "orders", copy)
                found.append((copy, hot))
        one.stop()
        yield found
    finally:
        one.close()


def test_tarn_itself(tables):
    before, after = (rows for _, rows in tables)
    assert len(before) == 100 and len(after) == 200 and after[:100] == before
    assert before == normal(events(0, 100))
    assert after == normal(events(0, 200))


def test_delta_rs(tables):
    for folder, rows in tables:
        table = DeltaTable(str(folder))
        found = table.to_pyarrow_table().to_pylist()
        assert normal({k: v for k, v in row.items() if not k.startswith("_")} for row in found) \
            == rows
        types = {f.name: f.type for f in table.schema().fields}
        assert types["customer"].type == "struct" and types["lines"].element_type.type == "struct"


SPARK = """
import json, sys
from pyspark.sql import SparkSession
spark = (SparkSession.builder.master("local[2]").config("spark.jars", sys.argv[1])
    .config("spark.ui.enabled", "false").config("spark.driver.memory", "2g")
    .config("spark.ui.showConsoleProgress", "false").config("spark.sql.shuffle.partitions", "2")
    .config("spark.databricks.delta.snapshotPartitions", "2")
    .config("spark.sql.session.timeZone", "UTC").config("spark.driver.host", "127.0.0.1")
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
for folder in sys.argv[2:]:
    frame = spark.sql(f"SELECT * FROM delta.`{folder}`")
    rows = frame.select([c for c in frame.columns if not c.startswith("_")]).toJSON().collect()
    print("ROWS " + json.dumps(rows))
    found = spark.sql(f"SELECT count(*) FROM delta.`{folder}` WHERE customer.address.city = 'Köln' "
        f"AND size(lines) > 1 AND matrix[0] IS NOT NULL").collect()[0][0]
    print("FOUND " + json.dumps(found))
last = sys.argv[-1]
spark.sql(f"ALTER TABLE delta.`{last}` ADD COLUMNS (customer.phone STRING COMMENT 'by Spark', "
    f"lines.element.weight DOUBLE)")
spark.sql(f"INSERT INTO delta.`{last}` (id, customer, lines, _date, _partition, _offset) SELECT 1000, "
    f"named_struct('name', 'Spark', 'since', DATE '2026-11-20', 'address', null, 'vip', true, "
    f"'phone', '1'), null, DATE '2026-11-20', 0, -1")
spark.stop()
"""


@pytest.mark.timeout(400)
def test_spark_reads_and_adds(tables, tarn_bin, tmp_path):
    jars = [j for j in glob.glob(str(ROOT / "deps" / "jars" / "*.jar"))
            if os.path.basename(j).startswith(("delta-", "unitycatalog-"))]
    if importlib.util.find_spec("pyspark") is None or not jars:
        pytest.skip("Spark with Delta is not set up: ./dev setup interop")
    folders = [str(folder.resolve()) for folder, _ in tables]
    done = subprocess.run([sys.executable, "-c", SPARK, ",".join(jars), *folders],
                          capture_output=True, text=True, timeout=380, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()
             if line.startswith(("ROWS ", "FOUND "))]
    rows = [[json.loads(row) for row in json.loads(text)] for word, text in lines
            if word == "ROWS"]
    found = [json.loads(text) for word, text in lines if word == "FOUND"]
    for i, (_, wanted) in enumerate(tables):
        assert normal(rows[i]) == wanted
        assert found[i] == sum(
            (r.get("customer") or {}).get("address", {}).get("city") == "Köln"
            and len(r.get("lines") or []) > 1 and r["matrix"][0] is not None for r in wanted)
    check_after_spark(tables, tarn_bin)


def check_after_spark(tables, tarn_bin):
    """tarn's server over the table that Spark has changed: its rows, and new events with the members
    that Spark added."""
    from harness.client import Client
    from harness.server import Tarn
    copy, wanted = tables[1]
    data = copy.parent / "data"
    shutil.rmtree(data / "lake" / "bronze" / "orders")
    shutil.copytree(copy, data / "lake" / "bronze" / "orders")
    one = Tarn(tarn_bin, data, log_path=copy.parent / "after.log").start()
    try:
        with Client(one.url) as client:
            assert [r for r in rows_of(client) if r["id"] < 1000] == wanted
            client.send("orders", [{"id": 1001, "customer": {"phone": "2", "vip": False},
                                    "lines": [{"weight": 1.5}]}])
            for _ in range(2):
                assert client.rows("SELECT id, customer.phone, lines[1].weight FROM orders "
                                   "WHERE id >= 1000 ORDER BY id") \
                    == [(1000, "1", None), (1001, "2", 1.5)]
                client.flush("orders")
        one.stop()
        table = DeltaTable(str(data / "lake" / "bronze" / "orders"))
        assert '"comment":"by Spark"' in table.schema().to_json().replace(" ", "")\
            .replace("bySpark", "by Spark")
    finally:
        one.close()
