# SPDX-License-Identifier: MIT
"""The pages in docs/clients/ are right: their code runs as written and prints what they show.

A page's code is taken from it block by block; a ```text block after one is what it must print. The only
thing changed is the server's address. What a machine does not have is skipped, by name.
"""
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.client import Client, checked
from harness.server import wait_for

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "clients"
CONFIGS = ROOT / "packaging" / "clients"
ADDRESS = "http://127.0.0.1:8276"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
NOWHERE = "is neither in Debian 12 nor in the registries of Python, Node, Rust, Go and Java"


def blocks(page, language):
    """[(code, expected output or None)] of a page's blocks in one language."""
    found = FENCE.findall((PAGES / f"{page}.md").read_text(encoding="utf-8"))
    return [(code, found[i + 1][1] if i + 1 < len(found) and found[i + 1][0] == "text" else None)
            for i, (name, code) in enumerate(found) if name == language]


@pytest.fixture
def here(server, tmp_path):
    """A server with its data in ./tarn-data of a fresh folder, as the pages have it."""
    one = server(data=tmp_path / "tarn-data")
    one.folder = tmp_path
    return one


def run(words, here, timeout=120):
    done = subprocess.run(words, cwd=here.folder, capture_output=True, text=True, timeout=timeout,
                          check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def run_session(page, language, suffix, mark, words, here):
    """All blocks as one program; a printed mark between them tells their outputs apart."""
    code = blocks(page, language)
    assert code, f"docs/clients/{page}.md has no {language}"
    program = here.folder / f"page{suffix}"
    program.write_text("".join(c + mark for c, _ in code).replace(ADDRESS, here.url))
    outputs = run([*words, str(program)], here).split("--mark--\n")
    for (text, expected), output in zip(code, outputs, strict=False):
        assert expected is None or output == expected, text


def test_curl(here):
    for code, expected in blocks("curl", "sh"):
        output = run(["bash", "-euo", "pipefail", "-c", code.replace(ADDRESS, here.url)], here)
        output += "" if output.endswith("\n") or not output else "\n"
        assert expected is None or output == expected, code


def test_python(here):
    for package in ("pandas", "polars", "deltalake", "duckdb"):
        pytest.importorskip(package)
    run_session("python", "python", ".py", "\nprint('--mark--')\n", [sys.executable], here)


def test_node(here):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    major = int(run([node, "--version"], here).lstrip("v").split(".")[0])
    if major < 18:
        pytest.skip(f"node {major} has no fetch; 18 and later do")
    run_session("node", "js", ".mjs", "\nconsole.log('--mark--');\n", [node], here)


def test_grafanas_requests(here):
    """What the recipe lets Grafana send is answered with CSV of the columns that it names."""
    with Client(here.url) as client:
        client.send("visits", [{"page": p, "timestamp": "2026-11-20T10:00:00Z"} for p in "aab"])
        answers = []
        for body, _ in blocks("grafana", "json"):
            body = body.replace("${__from:date:iso}", "2026-11-20T00:00:00.000Z") \
                       .replace("${__to:date:iso}", "2026-11-21T00:00:00.000Z")
            answer = checked(client.http.post("/query", content=body,
                                              headers={"Content-Type": "application/json"}))
            assert answer.headers["content-type"].startswith("text/csv")
            answers.append(answer.text.splitlines())
    assert answers[0] == ["time,events", "2026-11-20T10:00:00Z,3"]
    assert answers[1] == ["page,n", "a,2", "b,1"]
    assert answers[2] == ["page", "a", "b"]


@pytest.mark.parametrize("name", ["fluent-bit", "vector"])
def test_the_pages_show_the_configurations_that_are_shipped(name):
    shown = [code for code, _ in blocks(name, "yaml")]
    assert shown == [(CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")]


def ship(name, words, here):
    """Lines of a file come out of the table, also those written while tarn was away."""
    logs = here.folder / "logs"
    logs.mkdir()
    config = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    config = config.replace("/var/log/app", str(logs)).replace("8276", str(here.port))
    for folder in ("/var/lib/fluent-bit", "/var/lib/vector"):
        config = config.replace(folder, str(here.folder / "state"))
    (here.folder / "state").mkdir()
    path = here.folder / f"{name}.yaml"
    path.write_text(config)
    field = {"fluent-bit": "log", "vector": "message"}[name]
    with open(here.folder / "shipper.log", "ab") as log, open(logs / "a.log", "a") as lines:
        shipper = subprocess.Popen([*words, str(path)], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log)
        try:
            def arrived(client, count):
                answer = client.post_query(f"SELECT count(DISTINCT {field}) FROM app_logs")
                return answer.status_code == 200 and answer.json()["rows"] == [[count]]

            lines.write("".join(f"first {n}\n" for n in range(200)))
            lines.flush()
            with Client(here.url) as client:
                wait_for(lambda: arrived(client, 200), 30, "the first lines")
            here.stop()
            lines.write("".join(f"second {n}\n" for n in range(200)))
            lines.flush()
            time.sleep(2)  # the shipper must meet a server that is away
            here.start()
            with Client(here.url) as client:
                wait_for(lambda: arrived(client, 400), 60, "the lines of the outage")
        finally:
            shipper.terminate()
            shipper.wait(20)


def test_fluent_bit(here):
    binary = shutil.which("fluent-bit")
    if binary is None:
        pytest.skip(f"fluent-bit {NOWHERE}")
    here.args += ["--http", here.url.removeprefix("http://")]
    ship("fluent-bit", [binary, "-c"], here)


def test_vector(here):
    binary = shutil.which("vector")
    if binary is None:
        pytest.skip(f"vector {NOWHERE}")
    here.args += ["--http", here.url.removeprefix("http://")]
    ship("vector", [binary, "--config"], here)


def test_every_page_is_listed_and_every_link_leads_somewhere():
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    for page in PAGES.glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (PAGES / link).exists(), f"{page.name}: {link}"
