# SPDX-License-Identifier: MIT
"""`./dev soak [30m]`: everything at once for a long time, and at the end nothing lost, nothing doubled,
nothing grown.

Senders with an outside ledger, producers, tails, queries, flushes and re-drives run beside each
other while each minute (in short runs more often) something is killed or restarted. Memory,
descriptors, threads and processes are sampled and must be flat (flatness.py); the ledger must be
exact at the end. --self-check makes the front leak, or the ledger lie, and expects the run to fail
for that reason. Writes a report as JSON; exits 0 only when all is well.
"""
import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "fault"), str(HERE.parent)]

import httpx  # noqa: E402
from actors import Ledger, actors_for  # noqa: E402
from flatness import Sampler, judge, table  # noqa: E402
from run import ledger_folder  # noqa: E402

from harness.client import Client, Refused  # noqa: E402
from harness.server import StartFailed, Tarn, is_running, tarn_binary, wait_for  # noqa: E402

DISTURBANCES = ["restart", "query", "writer", "front", "all"]
LEAKS = {"fd": "fds", "thread": "threads", "memory": "pss", "child": "processes"}
SLOW_SECONDS = 60  # for a start or a stop while everything else runs too
UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds_of(text):
    match = re.fullmatch(r"(\d+)([smh])", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90s, 30m or 2h")
    return int(match[1]) * UNITS[match[2]]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def build_leak(folder):
    out = folder / "leak.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(out), str(HERE / "leak.c"),
                    "-lpthread"], check=True, timeout=60)
    return out


class Soak:
    """One run: a server on a fixed port, its actors, its disturbances, its verdict."""

    def __init__(self, binary, seconds, seed, self_check=None, out=None):
        self.binary, self.seconds, self.seed, self.self_check = binary, seconds, seed, self_check
        self.folder = Path(tempfile.mkdtemp(prefix="tarn-soak-"))
        self.ledger_folder = ledger_folder()
        self.data, self.address = self.folder / "data", ("127.0.0.1", free_port())
        self.url, self.out = f"http://127.0.0.1:{self.address[1]}", out
        env = {}
        if self_check in LEAKS:
            env = {"LD_PRELOAD": str(build_leak(self.folder)), "TARN_LEAK": self_check}
        words = ["--http", self.url.removeprefix("http://"), "--memory", "512MiB",
                 "--log-level", "warn"]
        self.server = Tarn(binary, self.data, words, env, log_path=self.folder / "tarn.log")
        self.disturbed, self.findings, self.actors, self.missing = {}, [], [], []
        # Short runs disturb more often, so that they see every kind.
        self.period = min(60.0, max(20.0, seconds / 8))

    def front_pid(self):
        process = self.server.process
        return process.pid if process is not None and process.poll() is None else None

    # the run
    def run(self):
        began = time.monotonic()
        self.server.start()
        self.actors, self.missing = actors_for(self)
        for actor in self.actors:
            actor.start()
        sampler = Sampler(self.front_pid, 0.5 if self.seconds <= 600 else 2)
        turn = 0
        while (left := began + self.seconds - time.monotonic()) > 0:
            time.sleep(min(self.period, left))
            what = DISTURBANCES[turn % len(DISTURBANCES)]
            try:
                if left > self.period * 1.2:  # the last life is long enough to be judged
                    self.disturb(what)
                    turn += 1
                self.compare()
            except (AssertionError, StartFailed, TimeoutError, Refused) as error:
                self.findings.append(f"after {what}: {error}")
            if self.findings:
                break
        for actor in self.actors:
            if not isinstance(actor, Ledger):
                actor.stop()
        self.ledger.stop()
        sampler.finish()
        try:
            self.final_check()
        except (AssertionError, TimeoutError, OSError, httpx.TransportError) as error:
            self.findings.append(f"the end: {error!r}")
        rows = judge(sampler.lives)
        return self.report(rows, time.monotonic() - began)

    @property
    def ledger(self):
        return next(actor for actor in self.actors if isinstance(actor, Ledger))

    def disturb(self, what):
        """Kills or restarts under load; whoever talks to the server must cope."""
        self.disturbed[what] = self.disturbed.get(what, 0) + 1
        if what == "restart":
            self.server.stop(SLOW_SECONDS)
            self.server.start(SLOW_SECONDS)
        elif what in ("front", "all"):
            self.server.kill(what)
            self.server.start(SLOW_SECONDS)
        else:
            before = self.server.child(what)
            self.server.kill(what)
            wait_for(lambda: self.server.children().get(what) not in (None, before), SLOW_SECONDS,
                     f"a new {what} process")

    def compare(self):
        """What is settled by now, while everybody else goes on."""
        self.ledger.pause()
        with Client(self.url, timeout=120) as client:
            if self.self_check == "lost":
                self.lie()
            self.findings += self.ledger.check(client)
        self.ledger.resume()

    def lie(self):
        """For the self-check: the ledger claims an event that was never sent."""
        with open(self.ledger.verifier.ledger_path, "a", encoding="ascii") as ledger:
            ledger.write("S 999 0 1 0\nA 999 0 1 0:0:1\n")

    def final_check(self):
        with Client(self.url, timeout=300) as client:
            wait_for(lambda: client.health()["state"] == "ok", 60, "health to be ok", 0.2)
            for actor in self.actors:
                more = {"whole": True} if isinstance(actor, Ledger) else {}
                try:
                    found = actor.check(client, **more)
                except (Refused, AssertionError) as error:
                    found = [f"{actor.name}: {error}"]
                self.findings += [f for f in found if f not in self.findings]
        pids = self.server.pids()
        try:
            self.server.stop()
        except AssertionError as error:
            self.findings.append(f"the end: {error}")
        self.findings += [f"process {pid} is left" for pid in pids if is_running(pid)]
        self.findings += [f"{path} is left" for path in self.leavings()]

    def leavings(self):
        """Files that nobody needs after an orderly end."""
        lake = self.data / "lake" / "bronze"
        return [*(self.data / "topics").glob("*/*/*.tmp"), *lake.glob("*/_staging/*"),
                *(self.data / "run" / "spill").glob("*")]

    # the verdict
    def report(self, rows, seconds):
        grown = [f"{row['role']} {row['figure']}" for row in rows if not row["flat"]]
        roles = {row["role"] for row in rows}
        unseen = [f"no life of {role} was long enough to judge"
                  for role in ("front", "writer", "query") if role not in roles]
        report = {"seconds": round(seconds), "seed": self.seed, "self_check": self.self_check,
                  "disturbances": self.disturbed, "left_out": self.missing,
                  "actors": {actor.name: actor.report() for actor in self.actors},
                  "flatness": rows, "grown": grown, "findings": self.findings + unseen}
        report["good"] = not report["grown"] and not report["findings"]
        if self.out:
            Path(self.out).parent.mkdir(parents=True, exist_ok=True)
            Path(self.out).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        return report

    def close(self, keep):
        for actor in self.actors:
            if hasattr(actor, "close"):
                actor.close()
        self.server.close()
        shutil.rmtree(self.ledger_folder, ignore_errors=True)
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def run_soak(binary, seconds, seed, self_check=None, out=None):
    soak, good = Soak(binary, seconds, seed, self_check, out), False
    try:
        report = soak.run()
        good = report["good"] or self_check is not None
        return report
    finally:
        soak.close(keep=not good)
        if not good:
            print(f"kept: {soak.folder}", file=sys.stderr)


def caught(report):
    """Whether a self-check's run failed for the reason that was planted, and no other process grew."""
    if report["self_check"] == "lost":
        return any("lost" in finding for finding in report["findings"])
    return f"front {LEAKS[report['self_check']]}" in report["grown"]


def show(report):
    print(table(report["flatness"]))
    print()
    for name, numbers in report["actors"].items():
        print(f"{name}: " + ", ".join(f"{k}={v}" for k, v in numbers.items()))
    if report["left_out"]:
        print("not in this build, left out: " + ", ".join(report["left_out"]))
    for finding in report["findings"]:
        print(f"FOUND {finding}")
    disturbed = " ".join(f"{k}={v}" for k, v in report["disturbances"].items())
    print(f"soak seconds={report['seconds']} seed={report['seed']} disturbances: {disturbed}; "
          f"findings={len(report['findings'])} grown={len(report['grown'])} "
          f"{'good' if report['good'] else 'BAD'}", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__.split("\n\n")[0])
    parser.add_argument("time", nargs="?", type=seconds_of, default=1800, help="such as 2m; 30m")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--out", default=str(HERE.parents[1] / "build" / "soak.json"))
    parser.add_argument("--self-check", choices=[*LEAKS, "lost"],
                        help="plant this fault; the run must fail for it")
    options = parser.parse_args()
    binary = tarn_binary()
    binary = binary and binary.resolve()
    if binary is None:
        print("no build/tarn: run ./dev build", file=sys.stderr)
        return 2
    report = run_soak(binary, options.time, options.seed, options.self_check, options.out)
    show(report)
    if options.self_check:
        print(f"self-check {options.self_check}: {'caught' if caught(report) else 'NOT caught'}")
        return 0 if caught(report) else 1
    return 0 if report["good"] else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
