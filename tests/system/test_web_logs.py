# SPDX-License-Identifier: MIT
"""Real input: 9,999 requests to a web site go in, and SQL answers what a few lines of Python
answer, while part of the rows is still hot, with most landed, and with all landed."""
import json
from collections import Counter, defaultdict

import pytest
from deltalake import DeltaTable

T = "bronze.web_logs"


def top(counter, n=10):
    return sorted(counter.items(), key=lambda kv: (-kv[1], kv[0]))[:n]


def hour(r):
    return r["timestamp"][:13].replace("T", " ")


def bytes_per_hour(rows):
    total = defaultdict(int)
    for r in rows:
        total[hour(r)] += r["bytes"] or 0
    return sorted(total.items())


def errors_by_agent(rows):
    return top(Counter(r["agent"] for r in rows if r["status"] >= 400))


def distinct_per_day(rows):
    seen = defaultdict(set)
    for r in rows:
        seen[r["timestamp"][:10]].add(r["remote_addr"])
    return sorted((d, len(s)) for d, s in seen.items())


def average_by_method(rows):
    total = defaultdict(list)
    for r in rows:
        if r["bytes"] is not None:
            total[r["method"]].append(r["bytes"])
    return sorted((m, len(v), min(v), max(v), sum(v)) for m, v in total.items())


QUESTIONS = {
    "rows": (f"SELECT count(*) FROM {T}", lambda rows: [(len(rows),)]),
    "status counts": (f"SELECT status, count(*) FROM {T} GROUP BY 1 ORDER BY 1",
                      lambda rows: sorted(Counter(r["status"] for r in rows).items())),
    "top paths": (f"SELECT path, count(*) AS n FROM {T} GROUP BY 1 ORDER BY n DESC, path LIMIT 10",
                  lambda rows: top(Counter(r["path"] for r in rows))),
    "bytes per hour": (f"SELECT strftime(_time, '%Y-%m-%d %H') AS h, "
                       f"sum(coalesce(bytes, 0))::BIGINT FROM {T} GROUP BY 1 ORDER BY 1",
                       bytes_per_hour),
    "errors by agent": (f"SELECT agent, count(*) AS n FROM {T} WHERE status >= 400 "
                        f"GROUP BY 1 ORDER BY n DESC, agent LIMIT 10", errors_by_agent),
    "methods": (f"SELECT method, count(bytes), min(bytes), max(bytes), sum(bytes)::BIGINT FROM {T} "
                f"WHERE bytes IS NOT NULL GROUP BY 1 ORDER BY 1", average_by_method),
    "clients per day": (f"SELECT _date::VARCHAR, count(DISTINCT remote_addr) FROM {T} "
                        f"GROUP BY 1 ORDER BY 1", distinct_per_day),
    "busiest clients": (f"SELECT remote_addr, count(*) AS n FROM {T} GROUP BY 1 "
                        f"ORDER BY n DESC, remote_addr LIMIT 10",
                        lambda rows: top(Counter(r["remote_addr"] for r in rows))),
    "referrers missing": (f"SELECT count(*) FILTER (referrer IS NULL), count(referrer) FROM {T}",
                          lambda rows: [(sum(r["referrer"] is None for r in rows),
                                         sum(r["referrer"] is not None for r in rows))]),
    "largest answer": (f"SELECT path, bytes FROM {T} WHERE bytes IS NOT NULL "
                       f"ORDER BY bytes DESC, path LIMIT 1",
                       lambda rows: sorted(((r["path"], r["bytes"]) for r in rows
                                            if r["bytes"] is not None),
                                           key=lambda x: (-x[1], x[0]))[:1]),
    "first and last": (f"SELECT strftime(min(_time), '%Y-%m-%dT%H:%M:%SZ'), "
                       f"strftime(max(_time), '%Y-%m-%dT%H:%M:%SZ') FROM {T}",
                       lambda rows: [(min(r["timestamp"] for r in rows),
                                      max(r["timestamp"] for r in rows))]),
    "one hour": (f"SELECT count(*) FROM {T} WHERE _time >= '2015-05-18 03:00:00+00' "
                 f"AND _time < '2015-05-18 04:00:00+00'",
                 lambda rows: [(sum(hour(r) == "2015-05-18 03" for r in rows),)]),
    "bots": (f"SELECT count(*) FROM {T} WHERE lower(agent) LIKE '%bot%'",
             lambda rows: [(sum("bot" in (r["agent"] or "").lower() for r in rows),)]),
    "protocols": (f"SELECT protocol, count(*) FROM {T} GROUP BY 1 ORDER BY 1",
                  lambda rows: sorted(Counter(r["protocol"] for r in rows).items())),
    "queries": (f"SELECT count(DISTINCT query) FROM {T}",
                lambda rows: [(len({r["query"] for r in rows} - {None}),)]),
}


@pytest.fixture(scope="module")
def events(web_logs):
    return [json.loads(line) for line in web_logs.read_text(encoding="utf-8").splitlines()]


def check_all(client, rows):
    for name, (sql, answer) in QUESTIONS.items():
        assert client.rows(sql, limit=10_000) == answer(rows), name


def test_the_answers_are_pythons_hot_and_landed(server, connect, web_logs, events):
    one = server()
    client = connect(one)
    client.create_topic("web_logs", flush_age_ms="1h")
    lines = web_logs.read_bytes().splitlines(keepends=True)
    assert len(lines) == 9999
    client.post("web_logs", b"".join(lines[:4000]))
    check_all(client, events[:4000])  # all hot
    client.flush("web_logs")
    check_all(client, events[:4000])  # all landed
    client.post("web_logs", b"".join(lines[4000:]))
    check_all(client, events)         # part landed, part hot
    ends = client.query(f"SELECT count(*) FROM {T}")["as_of"]["web_logs"]
    assert sum(p["table"] for p in ends.values()) == 4000
    assert sum(p["log"] for p in ends.values()) == 9999
    one.kill()
    one.start()
    client = connect(one)
    check_all(client, events)
    client.flush("web_logs")
    check_all(client, events)
    table = DeltaTable(str(one.data / "lake" / "bronze" / "web_logs"))
    assert table.to_pyarrow_table().num_rows == 9999
    assert client.value(f"SELECT count(*) FROM {T} WHERE _rescued IS NOT NULL") == 0
    assert client.value("SELECT count(*) FROM bronze.web_logs__dead") == 0
