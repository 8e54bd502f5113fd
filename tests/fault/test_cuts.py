# SPDX-License-Identifier: MIT
"""Power cuts under load. The control, with a topic that does not wait for the disk, must lose:
otherwise the rig proves nothing."""
import os

import pytest
import run

CYCLES = int(os.environ.get("TARN_CUTS", "150"))
CONTROL = 10


@pytest.mark.timeout(60 + 10 * CONTROL)
def test_the_control_loses(tarn_bin, loop_disks):
    totals = run.cuts(tarn_bin, CONTROL, seed=7, control=True)
    assert totals.lossy_cycles >= 0.8 * CONTROL, totals.line("cuts_control")


@pytest.mark.timeout(60 + 5 * CYCLES)
def test_power_cuts_lose_and_double_nothing(tarn_bin, loop_disks):
    totals = run.cuts(tarn_bin, CYCLES, seed=20261120)
    assert totals.good() and totals.cycles == CYCLES, totals.line("cuts")
    assert totals.extra["flushes"] > 0
