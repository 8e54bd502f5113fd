# SPDX-License-Identifier: MIT
"""Samples of processes, and the judgement whether they stay flat.

A run restarts processes on purpose, so growth is looked for in two ways. Between lives: the median of
each life's last third, over the lives of a role in order; its robust slope (Theil-Sen), over the
whole run, is what the run has grown by. Within lives: the slope after a life's first third, per
minute; the median over the lives. For memory, which caches take at first, only lives of some length
count, after their first WARM_SECONDS. A leak that a restart hides shows within, one that a restart
does not end (on disk, in what is read again) shows between.
"""
import os
import statistics
import threading
import time
from collections import defaultdict
from pathlib import Path

from harness.server import child_processes

MIB = 1 << 20
# What may come and go without being a leak: for each figure, per run between lives and per minute
# within, the larger of a number and a share of the median.
ALLOWED = {
    "fds": {"between": (6, 0.10), "within": (4, 0.05)},
    "threads": {"between": (2, 0.05), "within": (1.5, 0.05)},
    "pss": {"between": (24 * MIB, 0.25), "within": (24 * MIB, 0.25)},
    "processes": {"between": (0.5, 0), "within": (0.5, 0)},
}
# The query process keeps what it has read of files within its share of `memory` (35 % of the 512 MiB
# of a run), and the tables of a run have more and more of them: from life to life it may fill that
# share. What it leaks itself shows within a life.
QUERY_CACHE_BYTES = 179 * MIB
SAMPLES_MIN = 9  # of a life that is judged
WARM_SECONDS, LONG_SECONDS = 20, 40


def figures(pid):
    """What one process holds now, or None when it is gone."""
    try:
        pss = next(int(line.split()[1]) * 1024
                   for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                   if line.startswith("Pss:"))
        return {"pss": pss, "fds": len(os.listdir(f"/proc/{pid}/fd")),
                "threads": len(os.listdir(f"/proc/{pid}/task"))}
    except (OSError, StopIteration):
        return None


class Sampler(threading.Thread):
    """Looks at a server's processes every `seconds`: lives[(role, pid)] = [(time, figures)]."""

    def __init__(self, front_pid, seconds):
        super().__init__(daemon=True)
        self.front_pid, self.seconds = front_pid, seconds  # front_pid() is None while it is down
        self.lives, self.began, self.ended = defaultdict(list), time.monotonic(), threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(self.seconds):
            front = self.front_pid()
            if front is None:
                continue
            children = child_processes(front)
            now = time.monotonic() - self.began
            for role, pid in [("front", front), *children.items()]:
                role = "other" if role.startswith("other") else role
                seen = figures(pid)
                if seen is not None:
                    if role == "front":
                        seen["processes"] = 1 + len(children)
                    self.lives[role, pid].append((now, seen))

    def finish(self):
        self.ended.set()
        self.join(10)


def slope(points):
    """Theil-Sen: the median of the slopes between all pairs; 0 for fewer than two points."""
    step = max(1, len(points) // 120)
    points = points[::step]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for i, a in enumerate(points) for b in points[i + 1:]
              if b[0] > a[0]]
    return statistics.median(slopes) if slopes else 0.0


def allowed(role, figure, which, median):
    number, share = ALLOWED[figure][which]
    if (role, figure, which) == ("query", "pss", "between"):
        number = QUERY_CACHE_BYTES
    return max(number, share * median)


def judge(lives):
    """Rows {role, figure, lives, median, max, between, within, flat} for a Sampler's lives."""
    rows = []
    roles = defaultdict(list)
    for (role, _), samples in lives.items():
        if len(samples) >= SAMPLES_MIN:
            roles[role].append(samples)
    for role, list_of_lives in sorted(roles.items()):
        list_of_lives.sort(key=lambda samples: samples[0][0])
        for figure in ALLOWED:
            if figure in list_of_lives[0][0][1]:
                rows.append(judge_figure(role, figure, list_of_lives))
    return rows


def judge_figure(role, figure, list_of_lives):
    ends, slopes, values = [], [], []
    for samples in list_of_lives:
        points = [(t, seen[figure]) for t, seen in samples if figure in seen]
        third = len(points) // 3
        ends.append((points[-1][0], statistics.median(v for _, v in points[-third:])))
        if figure != "pss":
            slopes.append(slope(points[third:]) * 60)
        elif points[-1][0] - points[0][0] >= LONG_SECONDS:
            warm = [p for p in points if p[0] - points[0][0] >= WARM_SECONDS]
            slopes.append(slope(warm) * 60)
        values += [v for _, v in points]
    median = statistics.median(values)
    settled = ends[1:] if len(ends) > 3 else ends  # the first life makes the topics
    between = slope(settled) * (settled[-1][0] - settled[0][0])
    within = statistics.median(slopes) if slopes else 0.0
    flat = between <= allowed(role, figure, "between", median) and \
        within <= allowed(role, figure, "within", median)
    return {"role": role, "figure": figure, "lives": len(ends), "median": median,
            "max": max(values), "between": between, "within_per_minute": within, "flat": flat}


def table(rows):
    def text(row, key):
        value = row[key]
        return f"{value / MIB:.1f} MiB" if row["figure"] == "pss" else f"{value:.1f}"

    lines = [f"{'process':8} {'figure':10} {'lives':>5} {'median':>11} {'most':>11} "
             f"{'grown in all':>13} {'per minute':>11}"]
    for row in rows:
        lines.append(f"{row['role']:8} {row['figure']:10} {row['lives']:5} "
                     f"{text(row, 'median'):>11} {text(row, 'max'):>11} "
                     f"{text(row, 'between'):>13} {text(row, 'within_per_minute'):>11}"
                     f"{'' if row['flat'] else '   GROWS'}")
    return "\n".join(lines)
