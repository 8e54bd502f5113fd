# SPDX-License-Identifier: MIT
"""One `tarn serve` process under test: start, wait until it answers, stop, kill, its children.

Every wait has a deadline, and close() leaves no process behind whatever happened before.
"""
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

START_SECONDS = 20
STOP_SECONDS = 20


def tarn_binary():
    """The binary under test: TARN_BIN, or build/tarn of this checkout; None when there is none."""
    root = Path(__file__).resolve().parents[2]
    path = Path(os.environ.get("TARN_BIN", root / "build" / "tarn"))
    return path if path.is_file() and os.access(path, os.X_OK) else None


def wait_for(condition, seconds, what, step=0.005):
    """Returns the first true value of condition(); fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(step)


def process_state(pid):
    """The one-letter state of a process, or None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()[0]


def is_running(pid):
    return process_state(pid) not in (None, "Z", "X")


def child_processes(pid):
    """{role: pid} of the direct children of `pid`, by their command lines."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text(encoding="utf-8", errors="replace")
            if int(stat.rpartition(")")[2].split()[1]) != pid:
                continue
            words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
        except (OSError, IndexError, ValueError):
            continue
        if process_state(int(entry)) in (None, "Z", "X"):
            continue
        role = next((w.decode() for w in words if w in (b"writer", b"query", b"job")), f"other-{entry}")
        found[role] = int(entry)
    return found


def proportional_bytes(pid):
    """PSS of a process in bytes, 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


class StartFailed(Exception):
    """The server ended, or did not answer in time; carries its exit code and its log."""

    def __init__(self, reason, code, log):
        super().__init__(f"{reason} (exit code {code})\n{log[-4000:]}")
        self.code, self.log = code, log


class Tarn:
    """A server over one data folder. The folder outlives the process: start() may follow stop()."""

    def __init__(self, binary, data, args=(), env=None, log_path=None, cwd=None):
        self.binary, self.data = Path(binary), Path(data)
        self.args, self.env = [str(a) for a in args], dict(env or {})
        self.log_path = Path(log_path or self.data.with_name(self.data.name + ".log"))
        self.cwd = cwd
        self.process = None
        self.url = self.port = None
        self.host_header = None
        self.started_seconds = None
        self.headers = {}

    @property
    def pid(self):
        return self.process.pid

    def children(self):
        return child_processes(self.process.pid) if self.process else {}

    def child(self, role, seconds=10):
        """The pid of the writer or query process, waiting for it where it is being restarted."""
        return wait_for(lambda: self.children().get(role), seconds, f"a {role} process")

    def pids(self):
        return [self.process.pid, *self.children().values()] if self.process else []

    def proportional_bytes(self):
        return sum(proportional_bytes(pid) for pid in self.pids())

    def log(self):
        try:
            return self.log_path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def start(self, seconds=START_SECONDS, wait_health=True):
        assert self.process is None or self.process.poll() is not None, "already running"
        addresses = self.data / "run" / "addresses.json"
        addresses.unlink(missing_ok=True)
        words = [str(self.binary), "serve", "--data", str(self.data), *self.args]
        if "--http" not in self.args:
            words += ["--http", "127.0.0.1:0"]
        if "--kafka" not in self.args:
            words += ["--kafka", "off"]
        began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env={**os.environ, **self.env},
                                            cwd=self.cwd or self.log_path.parent)
        deadline = began + seconds
        while True:
            if self.process.poll() is not None:
                raise StartFailed("the server ended", self.process.returncode, self.log())
            if self._answers(addresses, wait_health):
                break
            if time.monotonic() > deadline:
                self.kill()
                raise StartFailed(f"no answer in {seconds} s", None, self.log())
            time.sleep(0.004)
        self.started_seconds = time.monotonic() - began
        return self

    def _answers(self, addresses, wait_health):
        try:
            self.url = json.loads(addresses.read_text(encoding="utf-8"))["http"]
        except (OSError, ValueError, KeyError):
            return False
        self.port = int(self.url.rsplit(":", 1)[1])
        if not wait_health:
            return True
        request = urllib.request.Request(self.url + "/health", headers=self.headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=5) as answer:
                return answer.status == 200
        except urllib.error.HTTPError:
            return True  # it answers; a bad state is for the test to judge
        except OSError:
            return False

    def stop(self, seconds=STOP_SECONDS):
        """SIGTERM; requires exit code 0 and that no child is left."""
        children = self.children()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {seconds} s after SIGTERM\n{self.log()[-4000:]}")
        assert code == 0, f"exit code {code} after SIGTERM\n{self.log()[-4000:]}"
        for role, pid in children.items():
            wait_for(lambda pid=pid: not is_running(pid), 5, f"the end of the {role} process")
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def kill(self, role="all"):
        """kill -9 of "front", "writer", "query" or "all"; waits until the victims are gone."""
        children = self.children()
        victims = {"front": [self.pid], "all": [self.pid, *children.values()]}.get(role)
        if victims is None:
            victims = [children[role]] if role in children else []
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.pid in victims:
            self.process.wait(10)
            self.process = None
            for name, pid in children.items():  # they must follow their parent by themselves
                wait_for(lambda pid=pid: not is_running(pid), 10, f"the end of the {name} process")
        else:
            for pid in victims:
                wait_for(lambda pid=pid: not is_running(pid), 10, f"the end of {role}")
        return len(victims)

    def close(self):
        """Ends whatever is left; for the end of a test, never raises."""
        if self.process is None:
            return
        for pid in [*self.children().values(), self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        self.process = None
