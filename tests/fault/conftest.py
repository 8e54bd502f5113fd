# SPDX-License-Identifier: MIT
"""Fixtures of the fault tier."""
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))


@pytest.fixture(scope="session")
def faults_library(tmp_path_factory):
    """faults.c, compiled."""
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    out = tmp_path_factory.mktemp("faults") / "faults.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(out), str(HERE / "faults.c"),
                    "-ldl", "-lpthread"], check=True, timeout=60)
    return out


@pytest.fixture(scope="session")
def loop_disks():
    """Skips, with the reason, where no loop device can be mounted."""
    from rig import why_no_disk
    reason = why_no_disk()
    if reason:
        pytest.skip(reason)


@pytest.fixture
def small_disk(loop_disks):
    """Factory of mounted disks of a few MiB, undone at the end."""
    from rig import Disk
    made = []

    def make(mebibytes, kind="ext4"):
        made.append(Disk(mebibytes, kind))
        return made[-1]

    yield make
    for disk in made:
        disk.close()
