# SPDX-License-Identifier: MIT
"""The list of seeded bugs is the one of the source, and each names tests that exist.
Each is caught by the unit test named for it; `./dev fault seeded` shows the same for the whole
program, with the system and fault tests."""
import re
import subprocess
import sys

import pytest
import seeded


def test_every_seeded_bug_has_its_test():
    header = (seeded.ROOT / "src" / "base" / "seeded.h").read_text(encoding="utf-8")
    assert set(map(int, re.findall(r"SEEDED_\w+ = (\d+)", header))) == set(seeded.BUGS)
    tests = sorted({t for _, names, _ in seeded.BUGS.values() for t in names or ()})
    done = subprocess.run([sys.executable, "-m", "pytest", "--collect-only", "-q", "-p",
                           "no:cacheprovider", *tests], cwd=seeded.ROOT, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_seeded_bug_is_in_the_source():
    source = "".join(p.read_text(encoding="utf-8") for p in (seeded.ROOT / "src").rglob("*.c"))
    header = (seeded.ROOT / "src" / "base" / "seeded.h").read_text(encoding="utf-8")
    for name in re.findall(r"(SEEDED_\w+) = \d+", header):
        assert f"SEEDED_BUG({name})" in source, name


@pytest.mark.timeout(1200)
def test_unit_tests_catch_seeded_bugs():
    """With a known bug built in, the unit test named for it fails; without one it passes. The quick
    ones, so that the tier stays short."""
    missed = [number for number in (1, 3, 4, 5, 6, 7, 11) if not seeded.fails_unit_test(number)]
    seeded.configure(0)
    assert missed == []
