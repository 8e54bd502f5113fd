# SPDX-License-Identifier: MIT
"""Declared schemas type the columns, nested ones too: a row is the same hot and landed, whatever
version of the schema its files were written under, and what has no place is in _rescued."""
import json

import pytest

from harness.client import Client

ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "price": {"type": "number"},
        "paid": {"type": ["boolean", "null"]},
        "at": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "customer": {"type": "object", "properties": {
            "name": {"type": "string"},
            "address": {"type": "object", "properties": {"city": {"type": "string"},
                                                         "zip": {"type": "integer"}}},
            "tags": {"type": "array", "items": {"type": "string"}}}},
        "lines": {"type": "array", "items": {"type": "object", "properties": {
            "sku": {"type": "string"}, "count": {"type": "integer"}}}},
        "matrix": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
        "extra": {"type": "object"},
    },
}
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


def declare(server, topic, schema):
    """Puts a schema in force for everything, by the topic's file."""
    server.stop()
    path = server.data / "topics" / topic / "topic.json"
    meta = json.loads(path.read_text(encoding="utf-8"))
    meta["versions"][-1]["schema"] = json.dumps(schema)
    path.write_text(json.dumps(meta), encoding="utf-8")
    server.start()


@pytest.fixture
def orders(server):
    """A function that declares a schema and gives a client of the restarted server."""
    one = server()
    with Client(one.url) as client:
        client.create_topic("orders", partitions=1)

    def use(schema):
        declare(one, "orders", schema)
        return Client(one.url)
    return use


def types_of(client, table="bronze.orders"):
    return {c["name"]: c["type"] for c in
            client.query(f"SELECT * FROM {table} LIMIT 0")["columns"]}


def all_rows(client):
    return client.rows("SELECT * EXCLUDE (_timestamp) FROM bronze.orders ORDER BY _offset")


def test_types_and_values(orders):
    with orders(ORDER) as client:
        client.send("orders", EVENTS)
        types = types_of(client)
        assert {k: v for k, v in types.items() if not k.startswith("_")} == TYPES
        hot = all_rows(client)
        rescued = [json.loads(t) if t else None
                   for t, in client.rows("SELECT _rescued FROM orders ORDER BY id")]
        assert rescued == [
            None, None, None, None,
            {"customer": "nobody", "lines": {"sku": 1}, "matrix": [1]},
            {"customer": {"address": {"zip": "x"}}, "lines": [{"sku": "y", "count": "many"}]},
            {"customer": {"name": "more", "vip": True, "none": None},
             "lines": [{"sku": "z", "colour": "red"}]}]
        assert client.rows("SELECT id, customer, lines FROM orders ORDER BY id") == [
            (1, EVENTS[0]["customer"],
             [{"sku": "x", "count": 1}, {"sku": None, "count": 2}, None]),
            (2, {"name": None, "address": None, "tags": None}, []),
            (3, None, None),
            (4, {"name": "B\u00e9", "address": None, "tags": None}, None),
            (5, None, None),
            (6, None, None),
            (7, {"name": "more", "address": None, "tags": None}, [{"sku": "z", "count": None}])]
        client.flush("orders")
        assert types_of(client) == types
        assert all_rows(client) == hot
        listed = client.http.get("/api/v1/tables/bronze.orders").json()["columns"]
        assert {c["name"]: c["type"] for c in listed if not c["name"].startswith("_")} == TYPES


def test_sql_reaches_inside(orders):
    with orders(ORDER) as client:
        client.send("orders", EVENTS)
        for _ in range(2):
            assert client.value("SELECT customer.address.city FROM orders WHERE id = 1") == "Köln"
            assert client.value("SELECT count(*) FROM orders WHERE customer.name IS NOT NULL") == 3
            assert client.rows("SELECT line.sku, line.count FROM (SELECT unnest(lines) AS line "
                               "FROM orders WHERE id = 1)") == [("x", 1), (None, 2), (None, None)]
            assert client.value("SELECT lines[2].count FROM orders WHERE id = 1") == 2
            assert client.value("SELECT len(customer.tags) FROM orders WHERE id = 1") == 3
            assert client.value("SELECT list_sum(matrix[1]) FROM orders WHERE id = 1") == 3.5
            client.flush("orders")


def test_schema_grows(orders):
    """A version that adds members: old files lack them and give nulls; hot rows, files of either
    version and the mixture of all give the same rows."""
    newer = json.loads(json.dumps(ORDER))
    customer = newer["properties"]["customer"]["properties"]
    customer["vip"] = {"type": "boolean"}
    customer["address"]["properties"]["country"] = {"type": "string"}
    newer["properties"]["lines"]["items"]["properties"]["colour"] = {"type": "string"}
    newer["properties"]["note"] = {"type": "string"}
    with orders(ORDER) as client:
        client.send("orders", EVENTS)
        client.flush("orders")
        client.send("orders", EVENTS[6:])
    with orders(newer) as client:
        # The declared members are there at once, before any file has them.
        assert client.rows("SELECT id, customer.vip, customer.address.country, lines[1].colour, "
                           "_rescued IS NULL FROM orders WHERE id IN (1, 7) ORDER BY _offset") == [
            (1, None, None, None, True), (7, None, None, None, False),
            (7, True, None, "red", True)]
        client.send("orders", [{"id": 8, "customer": {"vip": False, "address": {"country": "DE"}},
                                "lines": [{"colour": "blue", "count": 3}], "note": "n"}])
        hot = all_rows(client)
        client.flush("orders")
        assert all_rows(client) == hot
        client.send("orders", [{"id": 9, "customer": {"vip": True}}])
        assert client.rows("SELECT id, customer.vip FROM orders WHERE customer.vip ORDER BY id") \
            == [(7, True), (9, True)]
        assert client.value("SELECT count(*) FROM orders WHERE customer.name = 'Ada'") == 1
        assert types_of(client)["lines"] \
            == 'STRUCT("sku" VARCHAR, "count" BIGINT, "colour" VARCHAR)[]'


def test_table_type_wins(orders):
    """A column that the table has with another type keeps it, whatever is declared later."""
    with orders({"type": "object", "properties": {}}) as client:
        client.send("orders", [{"id": 1, "customer": {"name": "Ada"}, "price": "free"}])
        client.flush("orders")
        before = all_rows(client)
    with orders(ORDER) as client:
        assert types_of(client)["customer"] == "VARCHAR" and types_of(client)["price"] == "VARCHAR"
        client.send("orders", EVENTS[:1])
        client.flush("orders")
        rows = client.rows("SELECT id, customer, price FROM orders ORDER BY _offset")
        assert rows[0] == (1, '{"name": "Ada"}', "free") and rows[1][2] == "2"
        assert len(before) == 1
        assert types_of(client)["lines"] == TYPES["lines"]


@pytest.mark.parametrize("schema", [
    {"properties": {}}, {"type": "array"}, {"type": "object"}, True,
    {"properties": {"_offset": {"type": "integer"}, "a b": {"type": "integer"},
                    "": {"type": "string"}, "ok": {"type": "integer"},
                    "OK": {"type": "string"},
                    "s": {"type": "object", "properties": {"a b": {"type": "integer"}}},
                    "t": {"type": "object", "properties": {"x": {"type": "integer"},
                                                           "X": {"type": "integer"},
                                                           "a,b": {"type": "integer"}}},
                    "partition": {"type": "array", "items": {"type": "string"}}}},
    {"properties": {f"c{i}": {"type": "integer"} for i in range(1100)}},
])
def test_no_declaration_stops_a_topic(orders, schema):
    with orders(schema) as client:
        client.send("orders", [{"_offset": 7, "a b": 1, "": "e", "ok": 1, "OK": "2", "id": 1,
                                "s": {"a b": 1}, "t": {"x": 1, "X": 2, "a,b": 3}, "c1099": 4}])
        hot = all_rows(client)
        client.flush("orders")
        assert all_rows(client) == hot and len(hot) == 1
