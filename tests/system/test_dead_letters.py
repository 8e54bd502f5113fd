# SPDX-License-Identifier: MIT
"""Records that are not JSON objects. The HTTP door lets none in, so they are written into the log
of a stopped server, as batches of another producer would lie there."""
import base64
import time

from deltalake import DeltaTable

from harness.batches import append_values

BAD = [b"not json", b"[1,2]", b"17", None, b'{"a":"\xff"}', b'{"a":', b"", b"null",
       b"[" * 100_000]
GOOD = [b'{"n":100}', b'{"n":101}']


def partition_dir(server, topic, partition=0):
    return server.data / "topics" / topic / str(partition)


def test_dead_letters_are_kept_with_reason_bytes_and_place(server, connect, topic):
    one = server()
    client = connect(one)
    client.create_topic(topic, partitions=1, flush_age_ms="1h")
    client.send(topic, [{"n": i} for i in range(10)])
    one.stop()
    base = append_values(partition_dir(one, topic), BAD + GOOD, int(time.time() * 1000))
    assert base == 10
    one.start()
    client = connect(one)

    def look():
        assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 12
        return client.rows(f"SELECT _partition, _offset, reason, base64(value), "
                           f"_timestamp IS NOT NULL FROM bronze.{topic}__dead ORDER BY _offset")

    hot = look()
    assert [(r[0], r[1]) for r in hot] == [(0, 10 + i) for i in range(len(BAD))]
    assert all(r[2] and r[4] for r in hot)
    assert [None if r[3] is None else base64.b64decode(r[3]) for r in hot] == BAD
    client.flush(topic)
    assert look() == hot
    one.kill()
    one.start()
    client = connect(one)
    assert look() == hot
    table = DeltaTable(str(one.data / "lake" / "bronze" / f"{topic}__dead"))
    assert table.to_pyarrow_table().num_rows == len(BAD)
    client.send(topic, [{"n": 1}])
    client.flush(topic)
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 13
    assert client.value(f"SELECT count(*) FROM bronze.{topic}__dead") == len(BAD)


def test_a_topic_without_dead_letters_answers_with_none(client, topic):
    client.send(topic, [{"n": 1}])
    assert client.value(f"SELECT count(*) FROM bronze.{topic}__dead") == 0
    client.flush(topic)
    assert client.value(f"SELECT count(*) FROM bronze.{topic}__dead") == 0
