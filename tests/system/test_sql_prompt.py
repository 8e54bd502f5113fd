# SPDX-License-Identifier: MIT
"""tarn sql: typed on a terminal, read from pipes, at a server and on a folder without one."""
import json
import os
import re
import signal
import stat
import subprocess

import pytest

from harness.server import wait_for
from harness.terminal import Terminal

PROMPT = r"tarn> $"
# Long enough that nobody waits for its end: 10^11 rows.
LONG = "SELECT count(*) FROM range(100000) a, range(1000000) b WHERE a.range + b.range = 7"


@pytest.fixture
def state(tmp_path):
    """Environment of a person: a home of its own, no pager, a known terminal."""
    env = {key: value for key, value in os.environ.items() if key not in ("PAGER", "LESS", "HOME")}
    return env | {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "xterm",
                  "LC_ALL": "C.UTF-8", "PAGER": "cat"}


@pytest.fixture
def prompt(tarn_bin, shared_server, state):
    """Factory: prompt() is a prompt at the shared server that has shown its first prompt."""
    made = []

    def make(*words, env=None, **size):
        at = () if "--data" in words else ("--server", shared_server.url)
        one = Terminal([tarn_bin, "sql", *at, *words], state | (env or {}), **size)
        made.append(one)
        one.wait(PROMPT)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def run(tarn_bin, shared_server, state):
    """Factory: run("-c", SQL) runs it without a terminal at the shared server."""

    def make(*words, text=None, server=True):
        at = ("--server", shared_server.url) if server else ()
        return subprocess.run([tarn_bin, "sql", *at, *words], input=text, env=state, text=True,
                              capture_output=True, timeout=60)

    return make


def test_a_statement_may_have_many_lines(prompt):
    """Nothing runs before the semicolon, which inside a string does not count; two on one line are
    two."""
    t = prompt()
    t.enter("SELECT 'one;")
    t.wait(r"   '> $")
    t.enter("two' AS text,")
    t.wait(r"   -> $")
    t.enter("  42 AS n; SELECT 43 AS m;")
    shown = t.wait(PROMPT)
    assert r"one;\ntwo |" in shown and "42" in shown and "43" in shown
    assert shown.count("(1 row)") == 2


def test_errors_have_a_caret_and_the_next_statement_works(prompt):
    """The place of an error is marked in the line that it is in."""
    t = prompt()
    t.enter("SELECT 1,")
    t.wait(r"   -> $")
    t.enter("  'ä', nope;")
    shown = t.wait(PROMPT).replace("\r", "")
    assert "nope" in shown and "LINE 2:   'ä', nope\n               ^" in shown
    t.enter("SELECT 44;")
    assert "44" in t.wait(PROMPT)


def test_history_outlives_the_prompt(prompt, tmp_path):
    """What was typed comes back by the arrow key in the next prompt, with its lines; the file is for
    its owner alone; what begins with a space is not kept."""
    first = prompt()
    first.enter("SELECT 1000 +")
    first.wait(r"   -> $")
    first.enter("1;")
    first.wait(PROMPT)
    first.enter(" SELECT 'secret';")
    first.wait(PROMPT)
    first.enter("\\q")
    assert first.finish() == 0
    path = tmp_path / "state" / "tarn" / "sql_history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "secret" not in path.read_text() and "SELECT 1000 +\\n1;" in path.read_text()
    second = prompt()
    second.type("\x1b[A\x1b[A")  # \q, then the statement
    second.wait("SELECT 1000")
    second.enter("")
    assert "1001" in second.wait(PROMPT)


def test_tab_completes_names(prompt, client):
    """Tables behind FROM, columns of the table named, keywords and functions in the case typed. Of a
    completed word only what was missing is drawn."""
    client.send("weather_stations", [{"temperature": 20.5, "humidity": 40}])
    t = prompt()
    t.type("SELECT max(humidity) FROM weather_st\t")
    t.wait("ations")
    t.enter(";")
    assert "40" in t.wait(PROMPT)
    t.enter("SELECT 1 AS one FROM weather_stations x")
    t.wait(r"   -> $")
    t.type("WHERE x.temp\t")
    t.wait("erature")
    t.type("> 0 orde\t")
    t.wait("r by")
    t.enter("temperature;")
    assert "(1 row)" in t.wait(PROMPT)
    t.type("SELECT list_cont\t")
    t.wait(r"ains\(")
    t.type("\x03")
    t.wait(PROMPT)
    t.type("\\timi\t")
    t.wait("ng")
    t.enter("")
    assert "timing is on" in t.wait(PROMPT)


def test_tab_lists_what_could_be_meant(prompt, client):
    """Where several names begin alike, a second look shows them all, and the line stays."""
    client.send("station_a", [{"n": 1}])
    client.send("station_b", [{"n": 2}])
    t = prompt()
    t.type("SELECT n FROM station_\t")
    t.wait("station_a +station_b")
    t.type("b")
    t.enter(";")
    assert "2" in t.wait(PROMPT).rpartition("---")[2]


def test_ctrl_c_drops_what_was_typed(prompt):
    """At the prompt Ctrl-C forgets the statement and goes on."""
    t = prompt()
    t.enter("SELECT 'never")
    t.wait(r"   '> $")
    t.type("seen\x03")
    t.wait(PROMPT)
    t.enter("SELECT 45;")
    shown = t.wait(PROMPT)
    assert "45" in shown and "error" not in shown


@pytest.mark.parametrize("where", ["server", "folder"])
def test_ctrl_c_stops_the_query(prompt, client, tmp_path, where):
    """While a statement runs its progress shows; Ctrl-C stops it, at the server too, and the next
    one works."""
    (tmp_path / "empty").mkdir()
    t = prompt() if where == "server" else prompt("--data", str(tmp_path / "empty"))
    t.enter(LONG + ";")
    t.wait("Ctrl-C stops it")
    t.type("\x03")
    t.wait("stopped")
    t.wait(PROMPT)
    if where == "server":
        queries = client.http.get("/api/v1/queries").json()["queries"]
        assert [q for q in queries if q["sql"].startswith("SELECT count(*) FROM range")] == []
    t.enter("SELECT 46;")
    assert "46" in t.wait(PROMPT)


def test_the_list_of_queries_shows_progress(client, shared_server, state, tarn_bin, topic):
    """A statement under way says how much it has read and of how much; its tag finds it."""
    client.send(topic, [{"n": n, "same": "x"} for n in range(5000)])
    client.flush(topic)
    sql = (f"SELECT count(*) FROM {topic} a JOIN {topic} b ON a.same = b.same "
           f"JOIN {topic} c ON b.same = c.same WHERE (a.n + b.n + c.n) % 7 = 1")
    words = [tarn_bin, "sql", "--server", shared_server.url, "-c", sql]
    process = subprocess.Popen(words, env=state, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        def found():
            queries = client.http.get("/api/v1/queries").json()["queries"]
            return next((q for q in queries if q["sql"] == sql and q["rows_read"] > 0), None)
        query = wait_for(found, 20, "the query's progress")
        assert query["tag"] and query["rows"] == 0 and query["state"] == "running"
        assert 5000 <= query["rows_read"] < query["rows_total"] and 0 < query["percent"] < 100
        assert 0 < query["bytes_read"] < query["bytes_total"]
        assert client.http.delete(f"/api/v1/queries/{query['id']}").status_code == 202
        assert process.wait(20) == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def test_ctrl_c_ends_a_script(client, shared_server, state, tarn_bin, tmp_path):
    """Whoever stops a statement of a file does not want the rest of it."""
    script = tmp_path / "long.sql"
    script.write_text(LONG + " + 1;\nSELECT 'after';\n")
    words = [tarn_bin, "sql", "--server", shared_server.url]
    with script.open() as lines, subprocess.Popen(words, env=state, stdin=lines, text=True,
                                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as one:
        def running():
            return any("= 7 + 1" in q["sql"] for q in client.http.get("/api/v1/queries").json()["queries"])
        wait_for(running, 20, "the statement")
        one.send_signal(signal.SIGINT)
        out, err = one.communicate(timeout=30)
        assert one.returncode == 1 and "stopped" in err and "after" not in out
        assert not running()


def test_large_statements_are_refused_and_the_next_one_works(run):
    """A statement that no server takes is not gathered for ever; many statements on a line are fine."""
    text = "SELECT 1 AS a /* " + "x" * 100 + "\n" + ("y" * 1000 + "\n") * 400 + "*/;\nSELECT 54 AS n;"
    answer = run(text=text)
    assert answer.returncode == 1 and "256 KiB" in answer.stderr
    assert run("-c", "SELECT 1;" * 50).stdout.count("(1 row)") == 50


def test_tables_are_described(prompt, client, topic):
    """\\d lists the tables, \\d TABLE its columns, \\dt what they hold."""
    client.send(topic, [{"name": "x", "n": 1}])
    t = prompt()
    t.enter("\\d")
    assert topic in t.wait(PROMPT)
    t.enter(f"\\d {topic}")
    shown = t.wait(PROMPT)
    assert re.search(r"name +\| VARCHAR", shown) and re.search(r"n +\| BIGINT", shown)
    t.enter("\\dt")
    assert "lag_events" in t.wait(PROMPT)
    t.enter("\\d nowhere")
    assert "nowhere" in t.wait(PROMPT)


def test_saved_queries_are_shared(prompt, client):
    """\\save keeps the last statement at the server, \\run runs one that somebody else saved."""
    t = prompt()
    t.enter("SELECT 47 AS answer;")
    t.wait(PROMPT)
    t.enter("\\save the answer")
    t.wait(PROMPT)
    saved = client.http.get("/api/v1/saved-queries/the%20answer").json()
    assert saved["sql"] == "SELECT 47 AS answer"
    client.http.put("/api/v1/saved-queries/theirs", json={"sql": "SELECT 48 AS other;"})
    t.enter("\\saved")
    shown = t.wait(PROMPT)
    assert "the answer" in shown and "theirs" in shown
    t.enter("\\run theirs")
    assert "48" in t.wait(PROMPT)
    t.enter("\\run nobody's")
    assert "nobody's" in t.wait(PROMPT)


def test_long_answers_go_through_the_pager(prompt, tmp_path):
    """Only when they are longer than the terminal, and not when it is off."""
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho PAGED\ncat >/dev/null\n")
    pager.chmod(0o755)
    t = prompt(env={"PAGER": str(pager)})
    t.enter("SELECT * FROM range(5);")
    assert "PAGED" not in t.wait(PROMPT)
    t.enter("SELECT * FROM range(100);")
    assert "PAGED" in t.wait(PROMPT)
    t.enter("\\pager off")
    t.wait(PROMPT)
    t.enter("SELECT * FROM range(100);")
    shown = t.wait(PROMPT)
    assert "PAGED" not in shown and "99" in shown
    t.enter("\\pager on")
    t.wait(PROMPT)


def test_wide_values_are_cut_on_a_terminal_alone(prompt, run):
    """80 columns take 80 columns; a pipe gets everything; \\x shows everything too."""
    t = prompt()
    t.enter("SELECT repeat('x', 200) AS wide, 1 AS n;")
    shown = t.wait(PROMPT)
    assert "…" in shown
    assert all(len(line.rstrip()) <= 80 for line in shown.splitlines() if "…" in line)
    t.enter("\\x on")
    t.wait(PROMPT)
    t.enter("SELECT repeat('x', 200) AS wide;")
    assert "…" not in t.wait(PROMPT)
    assert "x" * 200 in run("-c", "SELECT repeat('x', 200)").stdout


def test_files_are_read_and_written(prompt, tmp_path):
    """\\i runs a file's statements; \\o sends answers to a file in the form of its name."""
    script = tmp_path / "script.sql"
    script.write_text("-- a comment; with a semicolon\nSELECT 49 AS n;\n\\x on\nSELECT 50 AS m")
    t = prompt()
    t.enter(f"\\i {script}")
    shown = t.wait(PROMPT)
    assert "49" in shown and "m | 50" in shown
    for name, wanted in (("out.csv", "n\r\n51\r\n"), ("out.ndjson", '{"n":51}\n')):
        t.enter(f"\\o {tmp_path / name}")
        t.wait(PROMPT)
        t.enter("SELECT 51 AS n;")
        assert "51\r" not in t.wait(PROMPT).partition("AS n;")[2]
        t.enter("\\o")
        t.wait(PROMPT)
        assert (tmp_path / name).read_bytes().decode() == wanted
    t.enter(f"\\i {tmp_path / 'none.sql'}")
    assert "none.sql" in t.wait(PROMPT)
    t.enter("SELECT 52 AS n;")
    assert "52" in t.wait(PROMPT)


def test_the_end_of_input_ends_it(prompt):
    """Ctrl-D at the prompt, and the word quit, end it with 0; unknown commands are said."""
    t = prompt()
    t.enter("\\nonsense")
    assert "\\nonsense" in t.wait(PROMPT)
    t.enter("\\h")
    assert "\\timing" in t.wait(PROMPT)
    assert t.finish(again="\x04") == 0
    other = prompt()
    other.enter("quit")
    assert other.finish() == 0


def test_statements_come_from_options_and_pipes(run):
    """-c takes several, a pipe too, also without a semicolon at the end; each answer shows."""
    answer = run("-c", "SELECT 1 AS a; SELECT 2 AS b")
    assert answer.returncode == 0 and answer.stdout.count("(1 row)") == 2
    answer = run(text="SELECT 5 AS e; \\x on\nSELECT 6 AS f; \\q\nSELECT 7 AS g;")
    assert answer.returncode == 0 and "f | 6" in answer.stdout and "g" not in answer.stdout
    answer = run(text="SELECT 3 AS a;\n-- nothing\nSELECT\n4 AS b")
    assert answer.returncode == 0 and "3" in answer.stdout and "4" in answer.stdout
    assert "\x1b" not in answer.stdout
    assert run("-c", "").returncode == 0 and run(text="").returncode == 0


def test_the_exit_code_tells_of_errors(run):
    """1 when a statement failed, whatever came after it; 2 for wrong words."""
    answer = run("-c", "SELECT nope; SELECT 5 AS five")
    assert answer.returncode == 1 and "five" in answer.stdout
    assert "LINE 1: SELECT nope\n               ^" in answer.stderr
    assert run("-c").returncode == 2 and run("--csv", "--json").returncode == 2
    assert run("nonsense").returncode == 2


def test_machines_get_csv_and_json(run):
    """Every row, exact numbers, nothing else on standard output."""
    answer = run("--csv", "-c", "SELECT range AS n FROM range(20000)")
    assert answer.stdout.splitlines() == ["n", *map(str, range(20000))]
    answer = run("--json", "-c", "SELECT 9007199254740993 AS big; SELECT NULL AS none")
    documents = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [d["rows"] for d in documents] == [[[9007199254740993]], [[None]]]
    answer = run("--ndjson", "-c", "SELECT 1 AS a, 'x' AS b")
    assert json.loads(answer.stdout) == {"a": 1, "b": "x"}


def test_a_table_shows_so_many_rows(run):
    """What is shown is bounded, says so, and can be raised."""
    answer = run("-c", "SELECT * FROM range(10001)")
    assert "(10000 rows; there are more" in answer.stdout
    assert "(10001 rows)" in run("-c", "\\limit 0\nSELECT * FROM range(10001)").stdout


def test_a_folder_needs_no_server(run, server, connect):
    """With --data DIR and no server the same commands and statements work, but for saved queries."""
    one = server()
    client = connect(one)
    client.send("orders", [{"n": i} for i in range(10)])
    (one.data / "files").mkdir(exist_ok=True)
    (one.data / "files" / "cities.csv").write_text("city,size\nBern,5\n")
    one.stop()
    answer = run("--data", str(one.data), "-c", "\\dt\n\\d orders\nSELECT sum(n) AS s FROM orders;"
                 "SELECT oops FROM orders; \nSELECT 53 AS n;\n\\saved", server=False)
    assert answer.returncode == 1
    assert "| cities" in answer.stdout and "BIGINT" in answer.stdout and "45" in answer.stdout and "53" in answer.stdout
    assert "LINE 1: SELECT oops" in answer.stderr and "without one" in answer.stderr


def test_no_server_is_said_at_once(tarn_bin, state):
    """Nobody types a statement before hearing that there is nobody to ask."""
    words = [tarn_bin, "sql", "--server", "http://127.0.0.1:1"]
    answer = subprocess.run(words, env=state, text=True, capture_output=True, timeout=60)
    assert answer.returncode == 1 and "tarn serve" in answer.stderr


def test_a_server_that_goes_away_is_said(prompt, server, tarn_bin, state):
    """A statement without a server fails in words, and works again when the server is back."""
    one = server()
    t = Terminal([tarn_bin, "sql", "--server", one.url], state)
    try:
        t.wait(PROMPT)
        one.kill()
        t.enter("SELECT 1;")
        assert "error" in t.wait(PROMPT)
    finally:
        t.close()
