# SPDX-License-Identifier: MIT
"""Fixtures that all tiers share: the binary, servers over temporary folders, clients."""
import itertools
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness.client import Client  # noqa: E402
from harness.server import Tarn, tarn_binary  # noqa: E402

SHARED = Path(__file__).resolve().parents[2] / "shared"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def tarn_bin():
    """Path of the tarn binary; tests that need it are skipped where it was not built."""
    path = tarn_binary()
    if path is None:
        if os.environ.get("TARN_BIN"):
            pytest.fail("TARN_BIN does not name a program")
        pytest.skip("no build/tarn: run ./dev build")
    return path


@pytest.fixture
def server(tarn_bin, tmp_path):
    """Factory: server() starts a fresh tarn; server(data=DIR, args=[...]) over a given folder."""
    made = []

    def make(data=None, args=(), env=None, start=True, config=None):
        number = len(made)
        folder = Path(data) if data else tmp_path / f"data{number}"
        words = list(args)
        if config is not None:
            path = tmp_path / f"config{number}.yaml"
            path.write_text(config, encoding="utf-8")
            words += ["--config", str(path)]
        one = Tarn(tarn_bin, folder, words, env, log_path=tmp_path / f"tarn{number}.log")
        made.append(one)
        return one.start() if start else one

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def shared_server(tarn_bin, tmp_path_factory):
    """One server for all tests of a module that only need topics of their own."""
    folder = tmp_path_factory.mktemp("shared")
    one = Tarn(tarn_bin, folder / "data", log_path=folder / "tarn.log").start()
    yield one
    try:
        one.stop()
    finally:
        one.close()


@pytest.fixture
def client(shared_server):
    with Client(shared_server.url) as one:
        yield one


@pytest.fixture
def connect():
    """Factory of further clients, closed at the end of the test."""
    made = []

    def make(server, **options):
        made.append(Client(server.url, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def topic():
    """A topic name that no other test uses."""
    return f"t{next(_numbers)}"


@pytest.fixture(scope="session")
def web_logs():
    path = SHARED / "data" / "web" / "apache_logs.ndjson"
    if not path.is_file():
        pytest.skip("../shared/data/web is not there")
    return path
