# SPDX-License-Identifier: MIT
"""Parts of the fault rigs: a disk that can lose power or run full, the load process, freezing."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness.client import Client  # noqa: E402
from harness.server import wait_for  # noqa: E402


def run(*words, check=True):
    return subprocess.run([str(w) for w in words], check=check, capture_output=True, text=True,
                          timeout=60)


def why_no_disk():
    """None where loop devices can be mounted, else the reason."""
    if os.geteuid() != 0:
        return "needs root for loop devices"
    for tool in ("losetup", "mkfs.ext4", "mount", "xfs_io"):
        if shutil.which(tool) is None:
            return f"needs {tool}"
    try:
        with Disk(16):
            return None
    except (subprocess.SubprocessError, OSError) as error:
        return f"no loop device can be mounted: {error}"


class Disk:
    """A small file system on a loop device, mounted at .path; everything is undone by close()."""

    def __init__(self, mebibytes, kind="ext4", options=""):
        self.kind, self.options, self.loop, self.mounted = kind, options, None, False
        self.folder = Path(tempfile.mkdtemp(prefix="tarn-disk-"))
        self.image, self.path = self.folder / "disk.img", self.folder / "mnt"
        self.path.mkdir()
        try:
            with open(self.image, "wb") as image:
                image.truncate(mebibytes << 20)
            quiet = ("-q", "-F") if kind == "ext4" else ("-q",)
            run(f"mkfs.{kind}", *quiet, self.image)
            self.loop = run("losetup", "-f", "--show", self.image).stdout.strip()
            self.mount()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def mount(self):
        extra = ("-o", self.options) if self.options else ()
        run("mount", "-t", self.kind, *extra, self.loop, self.path)
        self.mounted = True

    def umount(self):
        deadline = time.monotonic() + 10
        while run("umount", self.path, check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.path} stays busy")
            time.sleep(0.01)
        self.mounted = False

    def cut(self):
        """Stops all I/O at once: what was not sent to the device is gone."""
        run("xfs_io", "-x", "-c", "shutdown", self.path)

    def close(self):
        if self.mounted and run("umount", self.path, check=False).returncode != 0:
            run("umount", "-l", self.path, check=False)
        self.mounted = False
        if self.loop:
            run("losetup", "-d", self.loop, check=False)
            self.loop = None
        shutil.rmtree(self.folder, ignore_errors=True)


def freeze(pids):
    """Stops processes in the given order and waits until every thread is stopped. Without this
    the kernel can answer 0 to an fsync that is in flight while the disk is cut."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            continue

    def stopped(pid):
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            states = [(t / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
                      for t in tasks]
        except (OSError, IndexError):
            return not Path(f"/proc/{pid}").exists()
        return all(s in "TtZX" for s in states)

    for pid in pids:
        wait_for(lambda pid=pid: stopped(pid), 10, f"threads of {pid} to stop", 0.001)


class LoadProcess:
    """The outside ledger (load.py) in a process of its own."""

    def __init__(self, ledger, *words):
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "load.py"), str(ledger), *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)

    def _say(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def run(self, url, cycle):
        self._say(cmd="run", url=url, cycle=cycle)

    def pause(self, seconds=30):
        """Waits until nothing is in flight; returns the counts since run()."""
        self._say(cmd="pause")
        answer = []
        reader = threading.Thread(target=lambda: answer.append(self.process.stdout.readline()),
                                  daemon=True)
        reader.start()
        reader.join(seconds)
        if not answer or not answer[0]:
            raise TimeoutError(f"the load process did not pause in {seconds} s")
        return json.loads(answer[0])

    def close(self):
        try:
            self._say(cmd="quit")
            self.process.stdin.close()
            self.process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait(5)


class Background(threading.Thread):
    """Calls work(client) over and over beside the load, surviving a server that goes away.
    work returns False to end early; what it raises other than a broken connection is kept."""

    def __init__(self, url, work, pause_seconds):
        super().__init__(daemon=True)
        self.url, self.work, self.pause_seconds = url, work, pause_seconds
        self.ended, self.error, self.answers = threading.Event(), None, 0
        self.start()

    def run(self):
        import httpx
        with Client(self.url, timeout=20) as client:
            while not self.ended.is_set():
                try:
                    if self.work(client):
                        self.answers += 1
                except (httpx.TransportError, ValueError):
                    pass
                except Exception as error:  # kept for the main thread
                    self.error = error
                    return
                self.ended.wait(self.pause_seconds)

    def finish(self, seconds=30):
        self.ended.set()
        self.join(seconds)
        if self.error:
            raise self.error
        return self.answers
