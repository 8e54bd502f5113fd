# SPDX-License-Identifier: MIT
"""The soak rig judges rightly: what grows is found, what breathes is not; and a short run is good."""
import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "soak"))

from flatness import MIB, judge  # noqa: E402
from soak import caught, run_soak  # noqa: E402


def lives(roles_and_figures):
    """Five lives of 60 s of one front, sampled each second; figures(life, age) -> figures."""
    chooser, made = random.Random(1), {}
    for life in range(5):
        made["front", life] = [(life * 60 + age, {k: v + chooser.uniform(-1, 1) * 0.01 * v for k, v
                                                  in roles_and_figures(life, age).items()})
                               for age in range(60)]
    return made


def grown(figures):
    return {row["figure"] for row in judge(lives(figures)) if not row["flat"]}


def test_what_is_flat_is_not_found():
    assert grown(lambda life, age: {"fds": 50, "threads": 8, "pss": 80 * MIB}) == set()
    # Caches fill at first, and a life may begin lower than the one before ended.
    assert grown(lambda life, age: {"pss": min(age, 15) * 4 * MIB, "fds": 30 + age % 7}) == set()


def test_growth_within_each_life_is_found():
    assert grown(lambda life, age: {"fds": 50 + age / 4, "threads": 8}) == {"fds"}
    assert grown(lambda life, age: {"threads": 8 + age / 10, "fds": 50}) == {"threads"}
    assert grown(lambda life, age: {"pss": (60 + 2 * age) * MIB}) == {"pss"}


def test_growth_from_life_to_life_is_found():
    assert grown(lambda life, age: {"fds": 50 + 4 * life}) == {"fds"}
    assert grown(lambda life, age: {"pss": (60 + 15 * life) * MIB}) == {"pss"}


@pytest.mark.timeout(180)
@pytest.mark.skipif("TARN_SANITIZER" in os.environ, reason="a sanitizer must be preloaded first")
def test_a_leak_fails_a_run_and_nothing_else_is_found(tarn_bin):
    """A server that leaks descriptors is found; the ledger is exact all the same."""
    report = run_soak(tarn_bin, 62, 1, self_check="fd")
    assert caught(report), report["grown"]
    assert report["findings"] == []
