# SPDX-License-Identifier: MIT
"""The long fault runs: `python tests/fault/run.py kills|cuts|seeded [N] [options]`.

  kills N    kill -9 of front, writer, query and all in turn, under load, flushes and queries
  cuts N     power cuts (file system shutdown on a loop device); --control must lose
  seeded [n ...]  builds with one known bug each; the test named for it must fail

Each prints one machine-readable line and exits 0 only when nothing was lost, doubled or changed.
"""
import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from rig import Background, Disk, LoadProcess, freeze, why_no_disk  # noqa: E402
from verify import Verifier  # noqa: E402

from harness.client import Client  # noqa: E402
from harness.server import Tarn, tarn_binary, wait_for  # noqa: E402

TOPIC = "ledger"
PARTITIONS = 3
EPOCH_CYCLES = 200  # then a fresh folder, so that the cost of a cycle stays bounded
TABLE_EVERY = 10    # cycles between two looks at the whole Delta table
SETTINGS = {"partitions": PARTITIONS, "segment_bytes": 1 << 20, "flush_age_ms": "400ms"}


def ledger_folder():
    """On a file system of its own where there is one."""
    shm = Path("/dev/shm")
    base = shm if shm.is_dir() and os.access(shm, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="tarn-ledger-", dir=base))


class Campaign:
    """One data folder with its ledger, for at most EPOCH_CYCLES cycles."""

    def __init__(self, binary, data, log_dir, seed, settings):
        self.ledger = ledger_folder()
        self.server = Tarn(binary, data, log_path=log_dir / "tarn.log", cwd=log_dir)
        self.verifier = Verifier(self.ledger / "ledger", TOPIC, data, PARTITIONS)
        self.load = LoadProcess(self.ledger / "ledger", "--seed", str(seed), "--topic", TOPIC)
        self.random = random.Random(seed)
        self.settings = settings
        self.starts, self.flushed_version, self.last_count = [], -1, 0

    def start(self):
        self.server.start()
        self.starts.append(self.server.started_seconds * 1000)

    def create(self):
        self.start()
        with Client(self.server.url) as client:
            client.create_topic(TOPIC, **self.settings)

    def flush_once(self, client):
        response = client.http.post(f"/api/v1/tables/{TOPIC}/flush")
        if response.status_code == 200:
            self.flushed_version = max(self.flushed_version, response.json()["version"])
        return response.status_code == 200

    def count_once(self, client):
        """A count by SQL may never be smaller than one that was answered before."""
        response = client.post_query(f"SELECT count(*) FROM bronze.{TOPIC}")
        if response.status_code != 200:
            return False
        count = response.json()["rows"][0][0]
        if count < self.last_count:
            self.verifier.findings.add("count_went_back_lost", (self.last_count, count))
        self.last_count = count
        return True

    def verify(self, whole):
        with Client(self.server.url, timeout=60) as client:
            self.verifier.check(client)
            if whole:
                version = client.flush(TOPIC)["version"]
                self.flushed_version = max(self.flushed_version, version)
                self.verifier.check_table(version)
                self.verifier.check_sql_totals(client)

    def close(self):
        self.load.close()
        self.server.close()
        shutil.rmtree(self.ledger, ignore_errors=True)


class Totals:
    """What all epochs of a run add up to."""

    def __init__(self):
        self.cycles = self.acked = self.lost = self.dup = self.other = self.unknown = 0
        self.lossy_cycles = 0
        self.starts, self.began, self.extra = [], time.monotonic(), {}

    def take(self, campaign):
        verifier = campaign.verifier
        counts = verifier.findings.counts
        self.acked += verifier.acked
        self.unknown += verifier.unknown_stored
        lost = sum(n for k, n in counts.items() if k.endswith("lost"))
        dup = sum(n for k, n in counts.items() if k.endswith("dup"))
        self.lost, self.dup = self.lost + lost, self.dup + dup
        self.other += sum(counts.values()) - lost - dup
        self.starts += campaign.starts

    def add(self, name, n=1):
        self.extra[name] = self.extra.get(name, 0) + n

    def line(self, scenario):
        starts = sorted(self.starts) or [0]
        words = [scenario, f"cycles={self.cycles}", f"acked={self.acked}",
                 f"unknown_stored={self.unknown}", f"lost={self.lost}", f"dup={self.dup}",
                 f"other={self.other}", f"start_p50_ms={statistics.median(starts):.0f}",
                 f"start_max_ms={starts[-1]:.0f}"]
        words += [f"{k}={v}" for k, v in self.extra.items()]
        words.append(f"seconds={time.monotonic() - self.began:.0f}")
        return " ".join(words)

    def good(self):
        return self.lost == self.dup == self.other == 0 and self.acked > 0


def report_findings(campaign, cycle):
    if campaign.verifier.findings.total():
        print(f"findings up to cycle {cycle}:\n{campaign.verifier.findings.text()}\n"
              f"server log: {campaign.server.log_path}", file=sys.stderr, flush=True)


# kills


def kill_cycle(campaign, cycle, totals):
    server, chooser = campaign.server, campaign.random
    campaign.load.run(server.url, cycle)
    flusher = Background(server.url, campaign.flush_once, 0.1)
    counter = Background(server.url, campaign.count_once, 0.03)
    role = ("front", "writer", "query", "all")[cycle % 4]
    before = server.children()
    time.sleep(chooser.uniform(0.03, 0.35))
    totals.add(f"killed_{role}", 1 if server.kill(role) else 0)
    if role in ("front", "all"):
        campaign.start()
    else:
        wait_for(lambda: server.children().get(role) not in (None, before.get(role)), 10,
                 f"a new {role} process")
        time.sleep(chooser.uniform(0.02, 0.15))  # the load goes on beside the fresh child
    counts = campaign.load.pause()
    totals.add("flushes", flusher.finish())
    totals.add("queries", counter.finish())
    campaign.last_count = 0
    if role in ("writer", "query") and counts.get("broken", 0):
        campaign.verifier.findings.add("ingest_disturbed", (cycle, role, counts))
    return counts


def kills(binary, cycles, seed, keep=False):
    totals = Totals()
    while totals.cycles < cycles and (totals.good() or totals.cycles == 0):
        base = Path(tempfile.mkdtemp(prefix="tarn-kills-"))
        campaign = Campaign(binary, base / "data", base, seed + totals.cycles, SETTINGS)
        try:
            campaign.create()
            for n in range(min(EPOCH_CYCLES, cycles - totals.cycles)):
                kill_cycle(campaign, n, totals)
                totals.cycles += 1
                last = n == EPOCH_CYCLES - 1 or totals.cycles == cycles
                campaign.verify(whole=last or n % TABLE_EVERY == TABLE_EVERY - 1)
                if campaign.verifier.findings.total():
                    report_findings(campaign, totals.cycles)
                    break
            if not campaign.verifier.findings.total():
                campaign.server.stop()
        finally:
            totals.take(campaign)
            good = not campaign.verifier.findings.total() and sys.exc_info()[0] is None
            campaign.close()
            if good and not keep:
                shutil.rmtree(base, ignore_errors=True)
    print(totals.line("kills"), flush=True)
    return totals


# cuts


def power_cut(campaign, disk):
    """Freeze, front first; cut; end the processes; let the file system recover."""
    server = campaign.server
    pids = server.pids()
    freeze(pids)
    disk.cut()
    server.kill("all")
    disk.umount()
    disk.mount()


def check_flushed(campaign):
    """A flush that was answered names a version that must be there after the cut."""
    if campaign.flushed_version < 0:
        return
    log = campaign.verifier.table_dir / "_delta_log"
    if not (log / f"{campaign.flushed_version:020d}.json").exists():
        campaign.verifier.findings.add("flush_lost", campaign.flushed_version)


def cut_cycle(campaign, disk, cycle, totals):
    server = campaign.server
    campaign.load.run(server.url, cycle)
    flusher = Background(server.url, campaign.flush_once, 0.02)
    if cycle % 3 == 2:  # cut after a flush was answered, so that its promise is tested too
        deadline, before = time.monotonic() + 5, flusher.answers
        while flusher.answers == before and time.monotonic() < deadline:
            time.sleep(0.002)
    time.sleep(campaign.random.uniform(0.01, 0.15))
    power_cut(campaign, disk)
    campaign.load.pause()
    totals.add("flushes", flusher.finish())
    check_flushed(campaign)
    campaign.start()


def cuts(binary, cycles, seed, kind="ext4", control=False):
    """With control, the topic is set not to wait for the disk: its losses are what is counted."""
    totals = Totals()
    settings = {**SETTINGS, "durability": "page_cache"} if control else SETTINGS
    while totals.cycles < cycles and (control or totals.good() or totals.cycles == 0):
        logs = Path(tempfile.mkdtemp(prefix="tarn-cuts-"))
        disk = Disk(1024, kind)
        campaign = Campaign(binary, disk.path / "data", logs, seed + totals.cycles, settings)
        try:
            campaign.create()
            for n in range(min(EPOCH_CYCLES, cycles - totals.cycles)):
                seen = campaign.verifier.findings.counts["lost"]
                cut_cycle(campaign, disk, n, totals)
                totals.cycles += 1
                if control:
                    campaign.verifier.check_logged(campaign.server.url)
                    totals.lossy_cycles += campaign.verifier.findings.counts["lost"] > seen
                    continue
                last = n == EPOCH_CYCLES - 1 or totals.cycles == cycles
                campaign.verify(whole=last or n % TABLE_EVERY == TABLE_EVERY - 1)
                if campaign.verifier.findings.total():
                    report_findings(campaign, totals.cycles)
                    break
            if not control and not campaign.verifier.findings.total():
                campaign.server.stop()
        finally:
            totals.take(campaign)
            campaign.close()
            disk.close()
            if not campaign.verifier.findings.total() or control:
                shutil.rmtree(logs, ignore_errors=True)
    if control:
        totals.extra["lossy_cycles"] = totals.lossy_cycles
    print(totals.line(f"{'cuts_control' if control else 'cuts'} fs={kind}"), flush=True)
    return totals


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["kills", "cuts", "seeded"])
    parser.add_argument("numbers", type=int, nargs="*")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--fs", default="ext4", choices=["ext4", "xfs"])
    parser.add_argument("--control", action="store_true", help="cuts: page_cache, must lose")
    options = parser.parse_args()
    if options.what == "seeded":
        import seeded
        return seeded.main(options.numbers)
    binary = tarn_binary()
    if binary is None:
        print("no build/tarn: run ./dev build", file=sys.stderr)
        return 2
    print(f"seed {options.seed}", file=sys.stderr)
    cycles = options.numbers[0] if options.numbers else 100
    if options.what == "kills":
        return 0 if kills(binary, cycles, options.seed).good() else 1
    reason = why_no_disk()
    if reason:
        print(f"cuts cannot run here: {reason}", file=sys.stderr)
        return 2
    if options.control:
        totals = cuts(binary, cycles, options.seed, options.fs, control=True)
        return 0 if totals.lossy_cycles >= 0.9 * totals.cycles else 1
    control = cuts(binary, max(5, cycles // 50), options.seed, options.fs, control=True)
    totals = cuts(binary, cycles, options.seed, options.fs)
    proven = control.lossy_cycles >= 0.8 * control.cycles
    if not proven:
        print("the control did not lose: the rig proves nothing here", file=sys.stderr)
    return 0 if totals.good() and proven else 1


if __name__ == "__main__":
    sys.exit(main())
