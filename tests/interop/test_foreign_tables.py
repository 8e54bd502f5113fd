# SPDX-License-Identifier: MIT
"""Delta tables that other programs wrote, asked by tarn's SQL with no server: the rows are those that
the conformance cases of ../shared expect; what tarn cannot read is refused by name."""
import csv
import glob
import re
import shutil
import subprocess

import duckdb
import pytest

from conftest import SHARED

CASES = SHARED / "data" / "delta"
REFUSALS = {"DV(": "deletion vectors", "CM-": "column mapping", "type-widening": "widened types"}


def cases():
    if not (CASES / "cases.tsv").is_file():
        return [pytest.param(None, marks=pytest.mark.skip("../shared/data/delta is not there"))]
    with open(CASES / "cases.tsv", encoding="utf-8") as lines:
        rows = [r for r in csv.DictReader(lines, delimiter="\t")
                if r["kind"] == "rows" and r["version"] == "latest"]
    return [pytest.param(r, id=r["id"]) for r in rows]


@pytest.mark.parametrize("case", cases())
def test_a_table_of_another_program_has_its_rows(tarn_bin, tmp_path, case):
    name = re.sub("[^a-z0-9_]", "_", case["id"].lower())
    data, out = tmp_path / "data", tmp_path / "answer.parquet"
    shutil.copytree(CASES / case["table"], data / "lake" / "silver" / name, symlinks=True)
    done = subprocess.run(
        [tarn_bin, "query", "--data", data, "--format", "parquet", "--output", out,
         f"SELECT * FROM silver.{name}"], capture_output=True, text=True, timeout=60, check=False)
    refused = [words for mark, words in REFUSALS.items() if mark in case["needs"]]
    if refused:
        assert done.returncode == 1
        assert any(words in done.stderr for words in refused), done.stderr
        return
    assert done.returncode == 0, done.stderr
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    answer = f"read_parquet('{out}')"
    expected = (f"read_parquet({glob.glob(str(CASES / case['expected']))}, "
                "hive_partitioning=false, union_by_name=true)")
    types = {c[0]: c[1] for c in con.execute(f"DESCRIBE SELECT * FROM {answer}").fetchall()}
    names = [c[0] for c in con.execute(f"DESCRIBE SELECT * FROM {expected}").fetchall()]
    assert set(names) == set(types)
    left = "SELECT " + ",".join(f'CAST("{c}" AS {types[c]})' for c in names) + f" FROM {expected}"
    right = "SELECT " + ",".join(f'"{c}"' for c in names) + f" FROM {answer}"
    for one, other in ((left, right), (right, left)):
        assert con.execute(f"SELECT count(*) FROM ({one} EXCEPT ALL {other})").fetchone() == (0,)
