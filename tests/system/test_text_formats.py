# SPDX-License-Identifier: MIT
"""Text at the door: web logs and CSV become events, and what cannot be read becomes a dead letter."""
import base64
import gzip
import json
import subprocess

import pytest

NAMES = ["timestamp", "remote_addr", "user", "method", "path", "query", "protocol", "status",
         "bytes", "referrer", "agent"]


def post(client, topic, text, content_type="text/plain", **options):
    body = text if isinstance(text, bytes) else text.encode()
    params = {k: v for k, v in options.items() if k not in ("idempotency_key", "encoding")}
    return client.post(topic, body, content_type=content_type, params=params,
                       idempotency_key=options.get("idempotency_key"))


def stored(client, topic):
    """The topic's dead letters as (reason, detail, bytes)."""
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


LINE = '1.2.3.4 - - [17/May/2015:10:05:03 +0200] "GET /a?b=c HTTP/1.1" 200 10'


def test_csv_becomes_typed_columns(client, topic):
    text = 'id;name;price;ok;zip\n1;"a;""b""";2.5;true;007\n2;;;FALSE;12\n'
    answer = post(client, topic, text, "text/csv", types="zip:string").json()
    assert answer["accepted"] == 2 and answer["dead"] == 0
    assert rows(client, topic, "id, name, price, ok, zip", "id") == [
        (1, 'a;"b"', 2.5, True, "007"), (2, None, None, False, "12")]


def test_tabs_between_values_need_no_parameter(client, topic):
    """text/tab-separated-values is CSV whose delimiter is known."""
    answer = post(client, topic, "a,b\tc\n1,5\t2\n", "text/tab-separated-values").json()
    assert answer["accepted"] == 1
    assert client.rows(f"SELECT a_b, c FROM {topic}") == [("1,5", 2)]


def test_bad_records_of_a_csv_are_dead_letters_and_the_rest_goes_in(client, topic):
    text = b'a,b\n1,2\n3\n4,5,6\ncaf\xe9,7\n"x"y,8\n"never,9\n10,11\n'
    answer = post(client, topic, text, "text/csv").json()
    assert answer["accepted"] == 2 and answer["rejected_count"] == 5 and answer["dead"] == 5
    assert [r["line"] for r in answer["rejected"]] == [3, 4, 5, 6, 7]
    assert rows(client, topic, "a, b", "a") == [(1, 2), (10, 11)]
    dead = stored(client, topic)
    assert sorted(d[2] for d in dead) == sorted([b"3", b"4,5,6", b"caf\xe9,7", b'"x"y,8',
                                                 b'"never,9'])
    assert {d[0] for d in dead} == {"bad_line"}
    assert sorted(d[1] for d in dead) == sorted(r["detail"] for r in answer["rejected"])


def test_the_other_formats(client, topic):
    for i, (name, text) in enumerate({
            "common": LINE, "nginx": LINE + ' "-" "agent" "1.5"',
            "nginx_json": '{"time_iso8601":"2015-05-17T08:05:03+00:00","request_uri":"/a?b=c",'
                          '"status":"200","remote_addr":"1.2.3.4"}',
            "apache_error": "[Sun May 17 10:05:03 2015] [core:error] [pid 1:tid 2] "
                            "[client 1.2.3.4:5] AH00128: File does not exist: /a",
            "ndjson": '{"timestamp":"2015-05-17T08:05:03Z","remote_addr":"1.2.3.4"}',
            "json": '[{"timestamp":"2015-05-17T08:05:03Z","remote_addr":"1.2.3.4"}]'}.items()):
        options = {"zone": "+02:00"} if name == "apache_error" else {}
        answer = post(client, f"{topic}_{i}", text, format=name, **options)
        assert answer.status_code == 200 and answer.json()["accepted"] == 1, (name, answer.text)
        assert rows(client, f"{topic}_{i}", "strftime(_time, '%H:%M:%S'), remote_addr") == [
            ("08:05:03", "1.2.3.4")], name


def test_what_is_unclear_is_asked_back(client, topic):
    def code(*args, **options):
        answer = post(client, topic, *args, **options)
        return answer.status_code, answer.json()["code"], answer.json()["detail"]

    status, name, detail = code(LINE)
    assert (status, name) == (415, "unsupported_media_type") and "?format=" in detail
    assert code(LINE, format="clf")[0] == 400
    assert code(LINE, format="common", delimiter=",")[0] == 400
    assert code(LINE, delimiter=",", content_type="application/json")[0] == 400
    assert code("a,b\n1,2\n", "text/csv", delimiter="ab")[0] == 400
    assert code("a,b\n1,2\n", "text/csv; charset=iso-8859-1")[:2] == (
        415, "unsupported_media_type")
    assert code("a,b\n1,2\n", "text/csv", types="z:string")[:2] == (400, "bad_text")
    assert code("a,b\n1,2\n".encode("utf-16"), "text/csv")[:2] == (400, "bad_text")
    assert code("a,b\n", "text/csv")[:2] == (400, "no_events")
    assert code("x", "text/csv", on_bad="keep")[0] == 400
    assert client.http.get(f"/api/v1/topics/{topic}").json()["events"] == 0


def test_on_bad_says_what_becomes_of_bad_lines(client, topic):
    text = LINE + "\nnonsense\n"
    answer = post(client, topic, text, format="common", on_bad="reject").json()
    assert answer["accepted"] == 1 and answer["rejected_count"] == 1 and answer["dead"] == 0
    answer = post(client, topic, text, format="common", atomic="true")
    assert answer.status_code == 400 and answer.json()["code"] == "no_event_accepted"
    answer = post(client, topic, b'{"a":1}\n[2]\n' + b"x" * 2_000_000 + b"\n", format="ndjson",
                  on_bad="dead").json()
    assert answer["accepted"] == 1 and answer["dead"] == 2
    assert sorted(d[0] for d in stored(client, topic)) == ["not_an_object", "record_too_large"]
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 2


def test_only_bad_lines_are_kept_too(client, topic):
    answer = post(client, topic, "nonsense\n", format="combined")
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 0 and answer.json()["dead"] == 1


def test_a_repeated_text_is_stored_once_and_only_as_the_same_format(client, topic):
    text, key = LINE + "\nnonsense\n", f"{topic}-key"
    first = post(client, topic, text, format="common", idempotency_key=key).json()
    assert post(client, topic, text, format="common", idempotency_key=key).json() == first
    other = post(client, topic, text, format="combined", idempotency_key=key)
    assert other.status_code == 422 and other.json()["code"] == "idempotency_key_reused"
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 1
    assert len(stored(client, topic)) == 1


def test_pieces_and_gzip_make_no_difference(client, topic):
    text = b"a,b\n" + b"".join(b'%d,"x\ny"\n' % i for i in range(20000))
    pieces = (text[i:i + 977] for i in range(0, len(text), 977))
    assert client.post(topic, pieces, content_type="text/csv").json()["accepted"] == 20000
    answer = client.post(topic, gzip.compress(text), content_type="text/csv", encoding="gzip")
    assert answer.json()["accepted"] == 20000
    assert client.value(f"SELECT count(DISTINCT a) FROM bronze.{topic} WHERE b = 'x\ny'") == 20000


def test_a_declared_schema_judges_and_types_text(client, topic):
    schema = {"type": "object", "properties": {"zip": {"type": "string"},
                                               "n": {"type": "integer", "minimum": 1}}}
    client.create_topic(topic)
    answer = client.http.put(f"/api/v1/topics/{topic}/schema", json=schema)
    if answer.status_code == 404:
        pytest.skip("no schemas yet")
    answer = post(client, topic, "zip,n\n007,1\n123,2\n4,0\n5,x\n", "text/csv").json()
    assert answer["accepted"] == 2 and answer["dead"] == 2
    assert {r["code"] for r in answer["rejected"]} == {"schema"}
    assert rows(client, topic, "zip, n", "n") == [("007", 1), ("123", 2)]
    assert {d[0] for d in stored(client, topic)} == {"schema"}


def test_send_takes_formats(client, shared_server, tarn_bin, topic, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a|b\n1|2\n3\n")
    done = subprocess.run([tarn_bin, "send", topic, path, "--format", "csv", "--delimiter", "|",
                           "--server", shared_server.url], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    assert "1 accepted, 1 rejected (1 kept as dead letters)" in done.stdout
    assert rows(client, topic, "a, b") == [(1, 2)]
