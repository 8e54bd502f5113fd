# SPDX-License-Identifier: MIT
"""kill -9 of front, writer, query and all, under load with flushes and queries: nothing that was
acknowledged is lost, nothing is doubled, on the log, in SQL and in the Delta table."""
import os

import pytest
import run

CYCLES = int(os.environ.get("TARN_KILLS", "100"))


@pytest.mark.timeout(60 + 5 * CYCLES)
def test_kills_lose_and_double_nothing(tarn_bin):
    totals = run.kills(tarn_bin, CYCLES, seed=20261120)
    assert totals.good() and totals.cycles == CYCLES, totals.line("kills")
    for role in ("front", "writer", "query", "all"):
        assert totals.extra[f"killed_{role}"] == CYCLES // 4
    assert totals.extra["flushes"] > 0 and totals.extra["queries"] > 0
