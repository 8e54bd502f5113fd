# SPDX-License-Identifier: MIT
"""`./dev bench --peers`: the rigs of ../shared/peers, run on this machine in the same minutes, and
the ratios to them. Each rig installs into its own work folder; one that cannot run is named and
left out. Returns {name: {figure: number}}."""
import os
import re
import subprocess
import sys
from pathlib import Path

from setting import ROOT, work_folder

RIGS = ROOT.parent / "shared" / "peers"
NUMBER = r"([\d.,]+)"

# rig: (command, {figure: pattern of its output}, seconds)
COMMANDS = {
    "stack": (["bash", str(RIGS / "stack" / "run.sh")],
              {"requests_per_second": r"one event per request:.*?Requests/sec:\s*" + NUMBER,
               "batch_requests_per_second": r"a thousand per request:.*?Requests/sec:\s*" + NUMBER,
               "landed_events_per_second": r"Redis -> Delta:\s*" + NUMBER}, 900),
    "deltalake": ([sys.executable, str(RIGS / "deltalake" / "run.py"), "{events}"],
                  {"json_to_delta_events_per_second":
                   r"read_json -> write_deltalake:\s*" + NUMBER}, 600),
    "kafka": (["bash", str(RIGS / "kafka" / "run.sh")],
              # the second run of the first line: the broker is warm then
              {"records_per_second": r"batches, ev:[^\n]*\n[^\n]*batches, ev:[^\n]*?" + NUMBER +
               " records/sec",
               "fsync_records_per_second": r"batches, evsync:[^\n]*?" + NUMBER + " records/sec",
               "one_fsync_records_per_second":
               r"per request, evsync:[^\n]*?" + NUMBER + " records/sec"}, 1200),
    # On the topic that the rig before it has filled; that one takes its broker down at the end.
    "spark": (["bash", "-c", f"bash '{RIGS}/kafka/broker.sh' start; trap \"bash '{RIGS}/kafka/broker.sh' "
               f"stop\" EXIT; bash '{RIGS}/spark/run.sh'"],
              {"warm_rows_per_second": r"warm: .*?s,\s*" + NUMBER + " rows/s"}, 1200),
}

# case, figure of ours, rig, figure of theirs, factor, what is compared
RATIOS = [
    ("single", "requests_per_second", "stack", "requests_per_second", 1,
     "one event per request / FastAPI + Redis"),
    ("ndjson", "events_per_second", "stack", "batch_requests_per_second", 1000,
     "1,000 per request / FastAPI + Redis"),
    ("sustained", "events_per_second", "stack", "landed_events_per_second", 1,
     "in and landing / FastAPI -> Redis -> deltalake"),
    ("backlog", "events_per_second", "deltalake", "json_to_delta_events_per_second", 1,
     "backlog -> Delta / DuckDB read_json -> write_deltalake"),
    ("backlog", "events_per_second", "spark", "warm_rows_per_second", 1,
     "backlog -> Delta / Spark Structured Streaming"),
    ("ndjson", "events_per_second", "kafka", "fsync_records_per_second", 1,
     "1,000 per request / Kafka producer perf test, fsync"),
    ("ndjson", "events_per_second", "kafka", "records_per_second", 1,
     "1,000 per request, fsync / Kafka producer, page cache only"),
    ("single", "requests_per_second", "kafka", "one_fsync_records_per_second", 1,
     "one event per request / Kafka, one record per request, fsync"),
]


def run_all(events_path):
    if not RIGS.is_dir():
        print("peers: ../shared/peers is not there", flush=True)
        return {}
    work = work_folder() / "peers"
    work.mkdir(exist_ok=True)
    link = work / "ev1m.ndjson"
    if not link.exists():
        link.symlink_to(events_path)
    found = {}
    for name, (words, patterns, seconds) in COMMANDS.items():
        words = [w.replace("{events}", str(events_path)) for w in words]
        folder = work / f"run-{name}"
        folder.mkdir(exist_ok=True)
        print(f"peers: {name} ...", flush=True)
        try:
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True,
                                  timeout=seconds, env={**os.environ, "WORK": str(work)})
        except (subprocess.TimeoutExpired, OSError) as error:
            print(f"peers: {name} left out: {error}", flush=True)
            continue
        if done.returncode != 0:
            print(f"peers: {name} left out: exit code {done.returncode}: "
                  f"{done.stderr.strip()[-300:]}", flush=True)
        figures = {}
        for figure, pattern in patterns.items():
            match = re.search(pattern, done.stdout, re.S)
            if match:
                figures[figure] = float(match.group(1).replace(",", ""))
        Path(folder / "output.txt").write_text(done.stdout, encoding="utf-8")
        if figures:
            found[name] = figures
    return found


def print_ratios(results, found):
    print(f"\n{'tarn / peer':58} {'tarn':>12} {'peer':>12} {'ratio':>7}")
    for case, ours, rig, theirs, factor, text in RATIOS:
        mine = results.get(case, {}).get("values", {}).get(ours)
        peer = found.get(rig, {}).get(theirs)
        if mine and peer:
            print(f"{text:58} {mine:12,.0f} {peer * factor:12,.0f} {mine / (peer * factor):7.1f}")
