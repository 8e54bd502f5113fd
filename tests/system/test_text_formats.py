# SPDX-License-Identifier: MIT
"""Text at the door: web logs and CSV become events, and what cannot be read becomes a dead letter."""
import base64
import json
import time

import pytest

from harness.server import wait_for

NAMES = ["timestamp", "remote_addr", "user", "method", "path", "query", "protocol", "status",
         "bytes", "referrer", "agent"]


def post(client, topic, text, content_type="text/plain", **options):
    body = text if isinstance(text, bytes) else text.encode()
    params = {k: v for k, v in options.items() if k not in ("idempotency_key", "encoding")}
    return client.post(topic, body, content_type=content_type, params=params,
                       idempotency_key=options.get("idempotency_key"))


def stored(client, topic, partitions=4):
    """The JSON of the topic's records, and its dead letters as (reason, detail, bytes)."""
    dead = client.rows(f"SELECT reason, detail, base64(value) FROM bronze.{topic}__dead "
                       f"ORDER BY _partition, _offset")
    return [(reason, detail, base64.b64decode(value)) for reason, detail, value in dead]


def rows(client, topic, columns, order="_partition, _offset"):
    return client.rows(f"SELECT {columns} FROM bronze.{topic} ORDER BY {order}")


def test_a_web_log_as_text_is_the_same_as_its_ndjson(client, topic, web_logs):
    raw = web_logs.with_suffix("")
    if not raw.is_file():
        pytest.skip("no ../shared/data/web/apache_logs")
    lines = raw.read_bytes().splitlines(keepends=True)
    want = [json.loads(line) for line in web_logs.read_text(encoding="utf-8").splitlines()]
    answer = post(client, topic, b"".join(lines), format="combined").json()
    assert answer["accepted"] == 9999 and answer["dead"] == 1 and answer["rejected_count"] == 1
    assert answer["rejected"][0]["line"] == 8899 and answer["rejected"][0]["index"] == 8898
    assert answer["rejected"][0]["code"] == "bad_line"
    assert "agent is not closed" in answer["rejected"][0]["detail"]
    assert sum(o["next"] - o["first"] for o in answer["offsets"]) == 10000

    def look():
        got = client.rows(f"SELECT strftime(_time, '%Y-%m-%dT%H:%M:%SZ'), "
                          f"{', '.join(NAMES[1:])} FROM bronze.{topic}", limit=20000)
        key = [json.dumps([e[n] for n in NAMES]) for e in want]
        assert sorted(json.dumps(list(r)) for r in got) == sorted(key)
        assert stored(client, topic) == [("bad_line", answer["rejected"][0]["detail"],
                                          lines[8898].rstrip(b"\n"))]

    look()
    client.flush(topic)
    look()
    assert client.value(f"SELECT count(*) FROM bronze.{topic} WHERE _rescued IS NOT NULL") == 0
