# SPDX-License-Identifier: MIT
"""`tarn tail`: every line of files that grow, are rotated, cut and made anew is stored exactly once,
whatever is killed meanwhile. The test writes the lines, so it knows what has to be there."""
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness.server import wait_for

FAST = ["--interval", "20ms", "--rotate-wait", "1s"]


class Tail:
    """One `tarn tail` process; start() may follow kill()."""

    def __init__(self, binary, folder, files, topic, *words, server=None, data=None):
        self.words = [str(binary), "tail", "-F", *map(str, files), "--topic", topic,
                      "--state", str(folder / "tail.json"), *FAST, *words]
        self.words += ["--server", server] if server else ["--data", str(data)]
        self.log, self.process = folder / "tail.log", None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.log.read_text()

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()


@pytest.fixture
def tail(tarn_bin, tmp_path):
    made = []

    def make(files, topic, *words, **where):
        made.append(Tail(tarn_bin, tmp_path, files, topic, *words, **where))
        return made[-1].start()

    yield make
    for one in made:
        one.close()


class Writer:
    """Numbered NDJSON lines into a log file that it rotates; `written` is the ledger."""

    def __init__(self, path):
        self.path, self.written, self.file = path, 0, open(path, "ab", buffering=0)

    def write(self, count):
        lines = b"".join(b'{"n":%d,"pad":"%s"}\n' % (self.written + i, b"x" * 40)
                         for i in range(count))
        self.file.write(lines)
        self.written += count

    def rename(self):
        for i in (5, 4, 3, 2, 1):
            old = self.path.with_name(f"{self.path.name}.{i}")
            if old.exists():
                old.rename(self.path.with_name(f"{self.path.name}.{i + 1}"))
        self.path.rename(self.path.with_name(self.path.name + ".1"))
        self.write(3)  # a server goes on writing into the old file for a while
        self.file.close()
        self.file = open(self.path, "ab", buffering=0)

    def copytruncate(self, name="copy"):
        shutil.copy(self.path, self.path.with_name(self.path.name + "." + name))
        os.truncate(self.path, 0)

    def recreate(self):
        self.file.close()
        self.path.unlink()
        self.file = open(self.path, "ab", buffering=0)


def numbers(client, topic):
    try:
        return [r[0] for r in client.rows(f"SELECT n FROM bronze.{topic} ORDER BY n", limit=10**6)]
    except Exception:  # no table yet, or the server is away
        return []


def settled(client, topic, count, seconds=30):
    """Waits until `count` rows are there, then a little for one too many."""
    end = time.monotonic() + seconds
    while len(got := numbers(client, topic)) < count and time.monotonic() < end:
        time.sleep(0.1)
    assert got == list(range(count)), (len(got), count, sorted(set(range(count)) - set(got))[:20])


def test_rotations_truncation_and_recreation_lose_and_repeat_nothing(client, shared_server, tail,
                                                                     topic, tmp_path):
    writer = Writer(tmp_path / "app.log")
    writer.write(100)
    one = tail([writer.path], topic, "--chunk-bytes", "500", server=shared_server.url)
    settled(client, topic, 100)
    for change in (writer.rename, writer.recreate, writer.copytruncate, writer.rename):
        writer.write(50)
        if change == writer.recreate:  # what is deleted can be read only by who has it open
            settled(client, topic, writer.written)
        change()
        writer.write(50)
        settled(client, topic, writer.written)
    one.stop()
    assert client.value(f"SELECT count(*) FROM bronze.{topic}__dead") == 0


def test_rotations_while_tail_is_not_running(client, shared_server, tail, topic, tmp_path):
    writer = Writer(tmp_path / "app.log")
    writer.write(100)
    one = tail([writer.path], topic, server=shared_server.url)
    settled(client, topic, 100)
    for change in (writer.rename, writer.copytruncate, writer.rename):
        one.kill()
        writer.write(50)
        change()
        writer.write(50)
        one.start()
        settled(client, topic, writer.written)
    one.stop()


@pytest.mark.parametrize("way", ("rename", "copytruncate"))
def test_several_rotations_while_tail_is_not_running(client, shared_server, tail, topic, tmp_path,
                                                     way):
    """The files in between had the name when nobody looked, and are read all the same; those from
    before are not read again."""
    writer = Writer(tmp_path / "app.log")
    writer.write(100)
    one = tail([writer.path], topic, server=shared_server.url)
    settled(client, topic, 100)
    number = 0
    for times in (1, 3, 2):
        one.kill()
        for _ in range(times):
            writer.write(50)
            number += 1
            writer.copytruncate(f"{number:08}") if way == "copytruncate" else writer.rename()
            writer.write(50)
        one.start()
        settled(client, topic, writer.written)
    one.stop()


def test_a_last_line_waits_for_its_end_or_for_the_rotation(client, shared_server, tail, topic,
                                                           tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b'{"n":0}\n{"n":')
    one = tail([path], topic, server=shared_server.url)
    settled(client, topic, 1)
    with open(path, "ab") as f:
        f.write(b'1}\n{"n":2}')
    settled(client, topic, 2)
    path.rename(tmp_path / "app.log.1")
    path.write_bytes(b'{"n":3}')
    settled(client, topic, 3)
    one.stop()
    again = tail([path], topic, "--line-wait", "50ms", server=shared_server.url)
    settled(client, topic, 4)
    again.stop()


def test_from_the_end_only_new_lines_count(client, shared_server, tail, topic, tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b'{"old":1}\n' * 5)
    one = tail([path, tmp_path / "later.log"], topic, "--from-end", server=shared_server.url)
    wait_for(lambda: (tmp_path / "tail.json").exists(), 10, "the state file")
    with open(path, "ab") as f:
        f.write(b'{"n":0}\n')
    (tmp_path / "later.log").write_bytes(b'{"n":1}\n')
    settled(client, topic, 2)
    one.stop()


class Withholding:
    """A proxy that hands on requests and keeps the answers to itself, until told otherwise."""

    def __init__(self, port):
        self.port, self.seen, self.listener = port, 0, socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                inner, _ = self.listener.accept()
            except OSError:
                return
            outer = socket.create_connection(("127.0.0.1", self.port))
            self.sockets += [inner, outer]
            threading.Thread(target=self.up, args=(inner, outer), daemon=True).start()
            threading.Thread(target=self.down, args=(outer,), daemon=True).start()

    @staticmethod
    def up(inner, outer):
        try:
            while piece := inner.recv(65536):
                outer.sendall(piece)
        except OSError:
            pass

    def down(self, outer):
        try:
            while piece := outer.recv(65536):
                self.seen += len(piece)
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for one in self.sockets:
            one.close()


def test_a_kill_between_the_servers_and_our_knowledge_repeats_nothing(client, shared_server, tail,
                                                                      topic, tmp_path):
    writer = Writer(tmp_path / "app.log")
    writer.write(30)
    proxy = Withholding(shared_server.port)
    one = tail([writer.path], topic, server=proxy.url)
    settled(client, topic, 30)
    wait_for(lambda: proxy.seen > 0, 10, "an answer")
    one.kill()  # it never learned that the chunk is stored
    proxy.close()
    writer.write(30)
    again = tail([writer.path], topic, server=shared_server.url)
    settled(client, topic, 60)
    again.stop()
    assert numbers(client, topic) == list(range(60))


def test_a_server_that_is_away_is_waited_for(server, connect, tail, topic, tmp_path):
    one = server()
    writer = Writer(tmp_path / "app.log")
    writer.write(10)
    follower = tail([writer.path], topic, data=one.data)
    settled(connect(one), topic, 10)
    for round_ in range(3):
        one.kill()
        writer.write(10)
        if round_ == 1:
            follower.kill()
        time.sleep(0.3)
        writer.write(10)
        one.start()
        if round_ == 1:
            follower.start()
        settled(connect(one), topic, writer.written)
    follower.stop()
    assert "waiting" in follower.log.read_text()


def test_a_web_log_through_rotations_and_kills_answers_as_its_ndjson(server, connect, tail, topic,
                                                                     tmp_path, web_logs):
    raw = web_logs.with_suffix("")
    if not raw.is_file():
        pytest.skip("no ../shared/data/web/apache_logs")
    lines = raw.read_bytes().splitlines(keepends=True)
    one = server()
    client = connect(one)
    client.send("reference", [json.loads(x) for x in web_logs.read_text("utf-8").splitlines()])
    path = tmp_path / "access.log"
    path.touch()
    follower = tail([path], topic, "--format", "combined", "--chunk-bytes", "20000", data=one.data)
    for i in range(0, len(lines), 500):
        with open(path, "ab") as f:
            f.write(b"".join(lines[i:i + 500]))
        if i in (3000, 7000):
            path.rename(tmp_path / f"access.log.{i}")
            path.touch()
        if i in (1000, 4000, 8500):
            follower.kill()
        if i in (2000, 8000):
            one.kill()
            one.start()
        if i in (1500, 5500, 9000):
            follower.start()
        time.sleep(0.05)
    client = connect(one)
    columns = ("remote_addr, \"user\", method, path, query, protocol, status, bytes, referrer, "
               "agent, _time")
    wait_for(lambda: client.post_query(f"SELECT count(*) FROM bronze.{topic}").json()
             .get("rows") == [[9999]], 60, "9,999 rows", step=0.2)
    follower.stop()
    for a, b in ((topic, "reference"), ("reference", topic)):
        assert client.value(f"SELECT count(*) FROM (SELECT {columns} FROM bronze.{a} EXCEPT ALL "
                            f"SELECT {columns} FROM bronze.{b})") == 0
    dead = client.rows(f"SELECT reason, base64(value) FROM bronze.{topic}__dead")
    assert [d[0] for d in dead] == ["bad_line"]
    client.flush(topic)
    assert client.value(f"SELECT count(*) FROM bronze.{topic}") == 9999
    assert client.value(f"SELECT count(*) FROM bronze.{topic}__dead") == 1


def test_csv_files_have_headers_of_their_own(client, shared_server, tail, topic, tmp_path):
    path = tmp_path / "sales.csv"
    path.write_bytes(b'n;"the; name"\n0;a\n1;"b\nc"\n')  # a name that no column can have
    one = tail([path], topic, "--format", "csv", "--chunk-bytes", "8", server=shared_server.url)
    settled(client, topic, 2)
    path.rename(tmp_path / "sales.1.csv")
    path.write_bytes(b"extra,n\n7,2\nragged\n")
    settled(client, topic, 3)
    one.stop()
    got = client.rows(f'SELECT n, the__name, extra FROM bronze.{topic} ORDER BY n')
    assert got == [(0, "a", None), (1, "b\nc", None), (2, None, 7)]
    assert client.value(f"SELECT count(*) FROM bronze.{topic}__dead") == 1


def test_one_state_file_has_one_tail(client, shared_server, tail, topic, tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b'{"n":0}\n')
    one = tail([path], topic, server=shared_server.url)
    settled(client, topic, 1)
    two = tail([path], topic, server=shared_server.url)
    assert two.process.wait(10) == 1 and "another tarn tail" in two.log.read_text()
    one.stop()


def test_what_cannot_pass_ends_it_with_words(shared_server, tail, topic, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,2\n")
    one = tail([path], topic, "--format", "csv", "--types", "z:string", server=shared_server.url)
    assert one.process.wait(20) == 1
    assert 'the column "z"' in one.log.read_text()
    two = tail([path], "another", server=shared_server.url)
    assert two.process.wait(20) == 1
    assert f"is of the topic {topic}" in two.log.read_text()


def test_more_files_than_one_tail_follows_are_told(tarn_bin, tmp_path):
    done = subprocess.run([str(tarn_bin), "tail", "-F", *[f"f{i}" for i in range(1025)], "--topic",
                           "t"], capture_output=True, text=True, timeout=20, cwd=tmp_path)
    assert done.returncode == 2 and "at most 1024" in done.stderr


def test_many_files_can_be_open(client, shared_server, tarn_bin, topic, tmp_path):
    """The soft limit of open files is lifted; where the hard one is too low, that is said."""
    paths = [tmp_path / f"{i}.log" for i in range(100)]
    for i, path in enumerate(paths):
        path.write_text('{"n":%d}\n' % i)

    def run(soft, hard):
        return subprocess.run(
            [str(tarn_bin), "tail", "-F", *map(str, paths), "--topic", topic, "--once", *FAST,
             "--server", shared_server.url], capture_output=True, text=True, timeout=100,
            cwd=tmp_path,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard)))

    low = run(64, 128)
    assert low.returncode == 1 and "ulimit -n" in low.stderr, low
    enough = run(64, 256)
    assert enough.returncode == 0, enough
    settled(client, topic, 100)


def test_once_reads_to_the_end_and_ends(client, shared_server, tail, topic, tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b'{"n":0}\n\n{"n":1}')
    one = tail([path], topic, "--once", server=shared_server.url)
    assert one.process.wait(20) == 0, one.log.read_text()
    assert numbers(client, topic) == [0, 1]


def test_lines_are_lines_whatever_the_first_looks_like(client, shared_server, tail, topic,
                                tmp_path):
    """With --format json a first line that is a list loses nothing behind it."""
    path = tmp_path / "app.log"
    path.write_bytes(b'[1,2]\n{"n":0}\n{"n":1}\n')
    one = tail([path], topic, "--format", "json", server=shared_server.url)
    settled(client, topic, 2)
    one.stop()
    assert client.value(f"SELECT count(*) FROM bronze.{topic}__dead") == 1


def test_a_path_that_is_no_file_holds_up_no_other(client, shared_server, tail, topic, tmp_path):
    """The others are read to their ends, with the last line; the trouble is told once."""
    path, bad = tmp_path / "app.log", tmp_path / "folder"
    bad.mkdir()
    path.write_bytes(b'{"n":0}\n{"n":1}')
    one = tail([bad, path], topic, "--once", server=shared_server.url)
    assert one.process.wait(20) == 1 and "folder is not a file" in one.log.read_text()
    assert numbers(client, topic) == [0, 1]
    again = tail([bad, path], topic, server=shared_server.url)
    with open(path, "ab") as f:
        f.write(b'\n{"n":2}\n')
    settled(client, topic, 3)
    again.stop()
    assert again.log.read_text().count("trying again") == 1
