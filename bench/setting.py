# SPDX-License-Identifier: MIT
"""What every benchmark stands on: the machine, a fresh server, the load generator, the events."""
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

import events  # noqa: E402
from harness.client import Client  # noqa: E402
from harness.server import Tarn, tarn_binary  # noqa: E402

NEVER_LAND = {"flush_bytes": "16GiB", "flush_age_ms": "24h", "flush_rows": 0}


def work_folder():
    """On a real disk: a memory file system would make fsync free."""
    folder = Path(os.environ.get("TARN_BENCH_DIR", "/var/tmp/tarn-bench"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def events_file(count):
    """The shared load as a file, made once."""
    path = work_folder() / f"events-{count}.ndjson"
    if not path.exists():
        events.write(count, str(path) + ".part")
        os.replace(str(path) + ".part", path)
    return path


def sync_cost_us(folder):
    """Median cost of a 4 KiB append with fdatasync on the disk that is measured on."""
    path, costs = folder / "sync-probe", []
    with open(path, "wb", buffering=0) as probe:
        for _ in range(200):
            began = time.monotonic()
            probe.write(b"\0" * 4096)
            os.fdatasync(probe.fileno())
            costs.append((time.monotonic() - began) * 1e6)
    path.unlink()
    return round(statistics.median(costs))


def machine():
    """Facts that the numbers depend on."""
    cpu = next((line.split(":", 1)[1].strip() for line in
                Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
                if line.startswith("model name")), platform.machine())
    folder = work_folder()
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cpu": cpu, "cores": os.cpu_count(), "memory_gib": round(pages / 2**30, 1),
            "kernel": platform.release(), "file_system": kind.stdout.strip(),
            "fdatasync_4k_us": sync_cost_us(folder)}


def commit():
    done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
                          capture_output=True, text=True)
    return done.stdout.strip() or None


class Bench:
    """A server over a fresh folder for one benchmark; a context manager."""

    def __init__(self, name, *args):
        binary = tarn_binary()
        if binary is None:
            sys.exit("no build/tarn: run ./dev build")
        self.folder = work_folder() / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.server = Tarn(binary, self.folder / "data", args,
                           log_path=self.folder / "tarn.log")

    def __enter__(self):
        self.server.start()
        self.client = Client(self.server.url, timeout=600)
        return self

    def __exit__(self, *failure):
        self.client.close()
        self.server.close()
        if failure[0] is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"kept {self.folder}", file=sys.stderr)

    def restart(self):
        self.client.close()
        self.server.restart()
        self.client = Client(self.server.url, timeout=600)

    def load_words(self, path, options):
        load = os.environ.get("TARN_LOAD", str(ROOT / "build" / "bench" / "tarn-load"))
        words = [load, "--port", str(self.server.port), "--file", str(path)]
        for name, value in options.items():
            words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        return words

    def start_load(self, path, **options):
        """The load generator beside what the caller does; finish with finish_load()."""
        return subprocess.Popen(self.load_words(path, options), stdout=subprocess.PIPE, text=True)

    @staticmethod
    def finish_load(process, seconds=900):
        try:
            out, _ = process.communicate(timeout=seconds)
        except BaseException:
            process.kill()
            process.wait()
            raise
        answer = json.loads(out)
        if process.returncode != 0:
            raise RuntimeError(f"load failed: {answer['error']}")
        return answer

    def load(self, path, **options):
        return self.finish_load(self.start_load(path, **options))

    def lag_events(self, table="bench"):
        answer = self.client.http.get(f"/api/v1/tables/{table}")
        return answer.json().get("lag_events", 0) if answer.status_code == 200 else 0


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
