# SPDX-License-Identifier: MIT
"""Declared schemas type the columns, nested ones too: a row is the same hot and landed, whatever
version of the schema its files were written under, and what has no place is in _rescued."""
import csv
import io
import json

import duckdb
import pytest

from harness.client import Client


def may_be(kind, **more):
    return {"type": [kind, "null"], **more}


def an_object(**members):
    return may_be("object", properties=members)


ORDER = an_object(
    id=may_be("integer"), price=may_be("number"), paid=may_be("boolean"),
    at=may_be("string", format="date-time"), day=may_be("string", format="date"),
    customer=an_object(name=may_be("string"),
                       address=an_object(city=may_be("string"), zip=may_be("integer")),
                       tags=may_be("array", items=may_be("string"))),
    lines=may_be("array", items=an_object(sku=may_be("string"), count=may_be("integer"))),
    matrix=may_be("array", items=may_be("array", items=may_be("number"))),
    extra=may_be("object"))
TYPES = {
    "id": "BIGINT", "price": "DOUBLE", "paid": "BOOLEAN", "at": "TIMESTAMP WITH TIME ZONE",
    "day": "DATE",
    "customer": 'STRUCT("name" VARCHAR, "address" STRUCT("city" VARCHAR, "zip" BIGINT), '
                '"tags" VARCHAR[])',
    "lines": 'STRUCT("sku" VARCHAR, "count" BIGINT)[]',
    "matrix": "DOUBLE[][]",
    "extra": "VARCHAR",
}
EVENTS = [
    {"id": 1, "price": 2, "paid": True, "at": "2026-11-20T12:00:00Z", "day": "2026-11-20",
     "customer": {"name": "Ada", "address": {"city": "Köln", "zip": 50667},
                  "tags": ["a", None, "a tag of more than twelve bytes"]},
     "lines": [{"sku": "x", "count": 1}, {"count": 2}, None], "matrix": [[1, 2.5], [], None],
     "extra": {"free": [1]}},
    {"id": 2, "customer": {}, "lines": [], "matrix": []},
    {"id": 3, "customer": None, "lines": None},
    {"id": 4, "customer": {"name": "B\u00e9", "address": None, "tags": None}},
    {"id": 5, "customer": "nobody", "lines": {"sku": 1}, "matrix": [1]},
    {"id": 6, "customer": {"address": {"zip": "x"}}, "lines": [{"sku": "y", "count": "many"}]},
    {"id": 7, "customer": {"name": "more", "vip": True, "none": None},
     "lines": [{"sku": "z", "colour": "red"}]},
]


MISFITS = EVENTS[4:6]
FITS = EVENTS[:4] + EVENTS[6:]


@pytest.fixture
def orders(server):
    """A client, and a topic `orders` without a schema."""
    with Client(server().url) as client:
        client.create_topic("orders", partitions=1)
        yield client


def declare(client, schema, status=201):
    answer = client.http.put("/api/v1/topics/orders/schema", json=schema)
    assert answer.status_code == status, answer.text


def types_of(client, table="bronze.orders"):
    return {c["name"]: c["type"] for c in
            client.query(f"SELECT * FROM {table} LIMIT 0")["columns"]}


def all_rows(client):
    return client.rows("SELECT * EXCLUDE (_timestamp) FROM bronze.orders ORDER BY _offset")


def test_types_and_values(orders):
    orders.send("orders", MISFITS)  # before the schema: later ones the door refuses
    declare(orders, ORDER)
    orders.send("orders", FITS)
    assert orders.post("orders", b'{"id": "x"}').status_code == 400
    types = types_of(orders)
    assert {k: v for k, v in types.items() if not k.startswith("_")} == TYPES
    hot = all_rows(orders)
    rescued = [json.loads(t) if t else None
               for t, in orders.rows("SELECT _rescued FROM orders ORDER BY id")]
    assert rescued == [
        None, None, None, None,
        {"customer": "nobody", "lines": {"sku": 1}, "matrix": [1]},
        {"customer": {"address": {"zip": "x"}}, "lines": [{"sku": "y", "count": "many"}]},
        {"customer": {"name": "more", "vip": True, "none": None},
         "lines": [{"sku": "z", "colour": "red"}]}]
    assert orders.rows("SELECT id, customer, lines FROM orders ORDER BY id") == [
        (1, EVENTS[0]["customer"],
         [{"sku": "x", "count": 1}, {"sku": None, "count": 2}, None]),
        (2, {"name": None, "address": None, "tags": None}, []),
        (3, None, None),
        (4, {"name": "B\u00e9", "address": None, "tags": None}, None),
        (5, None, None),
        (6, None, None),
        (7, {"name": "more", "address": None, "tags": None}, [{"sku": "z", "count": None}])]
    orders.flush("orders")
    assert types_of(orders) == types
    assert all_rows(orders) == hot
    listed = orders.http.get("/api/v1/tables/bronze.orders").json()["columns"]
    assert {c["name"]: c["type"] for c in listed if not c["name"].startswith("_")} == TYPES


def test_sql_reaches_inside(orders):
    declare(orders, ORDER)
    orders.send("orders", FITS)
    for _ in range(2):
        assert orders.value("SELECT customer.address.city FROM orders WHERE id = 1") == "Köln"
        assert orders.value("SELECT count(*) FROM orders WHERE customer.name IS NOT NULL") == 3
        assert orders.rows("SELECT line.sku, line.count FROM (SELECT unnest(lines) AS line "
                           "FROM orders WHERE id = 1)") == [("x", 1), (None, 2), (None, None)]
        assert orders.value("SELECT lines[2].count FROM orders WHERE id = 1") == 2
        assert orders.value("SELECT len(customer.tags) FROM orders WHERE id = 1") == 3
        assert orders.value("SELECT list_sum(matrix[1]) FROM orders WHERE id = 1") == 3.5
        orders.flush("orders")


def test_schema_grows(orders):
    """A version that adds members: old files lack them and give nulls; hot rows, files of either
    version and the mixture of all give the same rows."""
    newer = json.loads(json.dumps(ORDER))
    customer = newer["properties"]["customer"]["properties"]
    customer["vip"] = may_be("boolean")
    customer["address"]["properties"]["country"] = may_be("string")
    newer["properties"]["lines"]["items"]["properties"]["colour"] = may_be("string")
    newer["properties"]["note"] = may_be("string")
    declare(orders, ORDER)
    orders.send("orders", FITS)
    orders.flush("orders")
    orders.send("orders", EVENTS[6:])
    declare(orders, newer)
    # The declared members are there at once, before any file has them.
    assert orders.rows("SELECT id, customer.vip, customer.address.country, lines[1].colour, "
                       "_rescued IS NULL FROM orders WHERE id IN (1, 7) ORDER BY _offset") == [
        (1, None, None, None, True), (7, None, None, None, False), (7, True, None, "red", True)]
    orders.send("orders", [{"id": 8, "customer": {"vip": False, "address": {"country": "DE"}},
                            "lines": [{"colour": "blue", "count": 3}], "note": "n"}])
    hot = all_rows(orders)
    orders.flush("orders")
    assert all_rows(orders) == hot
    orders.send("orders", [{"id": 9, "customer": {"vip": True}}])
    assert orders.rows("SELECT id, customer.vip FROM orders WHERE customer.vip ORDER BY id") \
        == [(7, True), (9, True)]
    assert orders.value("SELECT count(*) FROM orders WHERE customer.name = 'Ada'") == 1
    assert types_of(orders)["lines"] \
        == 'STRUCT("sku" VARCHAR, "count" BIGINT, "colour" VARCHAR)[]'
    # A NULL stays a NULL, and no STRUCT of NULLs, when its type grows.
    assert orders.value("SELECT count(*) FROM orders WHERE customer IS NULL") == 1


def test_table_type_wins(orders):
    """A column that the table has with another type keeps it, whatever is declared later."""
    orders.send("orders", [{"id": 1, "customer": {"name": "Ada"}, "price": "free"}])
    orders.flush("orders")
    declare(orders, ORDER)
    assert types_of(orders)["customer"] == "VARCHAR" and types_of(orders)["price"] == "VARCHAR"
    orders.send("orders", EVENTS[:1])
    hot = all_rows(orders)
    orders.flush("orders")
    assert all_rows(orders) == hot
    rows = orders.rows("SELECT id, customer, price FROM orders ORDER BY _offset")
    assert rows[0] == (1, '{"name": "Ada"}', "free") and rows[1][2] == "2"
    assert types_of(orders)["lines"] == TYPES["lines"]


@pytest.mark.parametrize("schema", [
    {"properties": {}}, {"type": "object"}, True,
    {"properties": {"_offset": {"type": "integer"}, "a b": {"type": "integer"},
                    "": {"type": "string"}, "ok": {"type": "integer"},
                    "OK": {"type": "string"},
                    "s": {"type": "object", "properties": {"a b": {"type": "integer"}}},
                    "t": {"type": "object", "properties": {"x": {"type": "integer"},
                                                           "X": {"type": "integer"},
                                                           "a,b": {"type": "integer"}}}}},
    {"properties": {f"c{i}": {"type": "integer"} for i in range(1100)}},
])
def test_no_declaration_stops_a_topic(orders, schema):
    declare(orders, schema)
    orders.send("orders", [{"_offset": 7, "a b": 1, "": "e", "ok": 1, "OK": "2", "id": 1,
                            "s": {"a b": 1}, "t": {"x": 1, "X": 2, "a,b": 3}, "c1099": 4}])
    hot = all_rows(orders)
    orders.flush("orders")
    assert all_rows(orders) == hot and len(hot) == 1


def test_partition_by_a_declared_object(orders):
    """Delta partitions by scalars: a column to partition by is text where an object is declared."""
    orders.create_topic("split", partitions=1, partition_by=["kind"])
    answer = orders.http.put("/api/v1/topics/split/schema", json=an_object(
        kind=an_object(a=may_be("integer")), n=may_be("integer")))
    assert answer.status_code == 201
    orders.send("split", [{"kind": {"a": 1}, "n": 1}, {"kind": {"a": 2}, "n": 2}, {"n": 3}])
    for _ in range(2):
        assert orders.rows("SELECT kind, n FROM split ORDER BY n") \
            == [('{"a": 1}', 1), ('{"a": 2}', 2), (None, 3)]
        orders.flush("split")


def test_every_format_holds_nested_values(orders, tmp_path):
    """JSON, NDJSON, CSV and Parquet answers carry the same nested values, hot and landed."""
    declare(orders, ORDER)
    orders.send("orders", FITS)
    sql = "SELECT id, customer, lines, matrix FROM orders ORDER BY id"
    names = ["id", "customer", "lines", "matrix"]
    wanted = [dict(zip(names, row)) for row in orders.rows(sql)]
    assert wanted[0]["matrix"] == [[1, 2.5], [], None]
    for _ in range(2):
        lines = orders.post_query(sql, format="ndjson").text.splitlines()
        assert [json.loads(line) for line in lines] == wanted
        found = list(csv.DictReader(io.StringIO(orders.post_query(sql, format="csv").text)))
        assert [{k: json.loads(v) if v else None for k, v in row.items()} for row in found] \
            == wanted
        path = tmp_path / "answer.parquet"
        path.write_bytes(orders.post_query(sql, format="parquet").content)
        con = duckdb.connect()
        assert [dict(zip(names, row)) for row in
                con.execute(f"FROM read_parquet('{path}') ORDER BY id").fetchall()] == wanted
        types = [row[1] for row in con.execute(f"DESCRIBE FROM '{path}'").fetchall()]
        assert types[2:] == ['STRUCT(sku VARCHAR, count BIGINT)[]', "DOUBLE[][]"]
        orders.flush("orders")
