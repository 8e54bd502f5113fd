# SPDX-License-Identifier: MIT
"""Does the test tier see the bugs it is there for? `python tests/fault/run.py seeded [NUMBER...]`.

For each number: a build with that one known bug (src/base/seeded.h), and the tests named for it,
which must fail; None: the unit test. A bug that nothing catches is a failure of this run, and so is a test that could
not run at all. Prints one line a bug and one in all.
"""
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SYSTEM, FAULT = "tests/system", "tests/fault"
CUTS = f"{FAULT}/test_cuts.py::test_power_cuts_lose_and_double_nothing"

# number: (what the bug is, tests of which at least one must fail, environment)
BUGS = {
    1: ("acknowledges before the sync", [CUTS], {"TARN_CUTS": "20"}),
    # A power cut cannot show it on ext4: the fsync of the commit that follows takes the folder's entry
    # along. The unit test's file system, which forgets what was not synced, does.
    2: ("no directory fsync", None, {}),
    3: ("a failed fsync is tried again", [f"{FAULT}/test_failed_writes.py"], {}),
    4: ("the last batch is trusted unchecked",
        [f"{SYSTEM}/test_serve.py::test_a_torn_tail_is_cut_and_nothing_else"], {}),
    5: ("damage before the mark is cut",
        [f"{SYSTEM}/test_serve.py::test_damage_in_the_middle_is_quarantined_not_cut"], {}),
    6: ("retention passes the table",
        [f"{SYSTEM}/test_serve.py::test_retention_never_passes_what_the_table_has"], {}),
    7: ("a commit overwrites another's",
        [f"{SYSTEM}/test_tables.py::test_commits_of_others_are_kept"], {}),
    8: ("the txn is off by one",
        [f"{SYSTEM}/test_query.py::test_a_query_sees_what_was_acknowledged_to_anyone_before",
         f"{SYSTEM}/test_tables.py::test_the_commit_carries_offsets_and_metrics"], {}),
    9: ("hot rows ignore the txn",
        [f"{SYSTEM}/test_query.py::test_a_query_sees_what_was_acknowledged_to_anyone_before"], {}),
    10: ("dead letters vanish", [f"{SYSTEM}/test_dead_letters.py"], {}),
    11: ("a repeated request appends again",
         [f"{SYSTEM}/test_ingest.py::test_a_repeated_request_gets_the_first_offsets_and_appends_"
          f"nothing", f"{SYSTEM}/test_ingest.py::test_a_retry_after_a_kill_appends_nothing_twice"],
         {}),
    12: ("a full queue answers 200", [f"{FAULT}/test_overload.py"], {}),
    13: ("a cut-off re-drive counts as never appended", [f"{FAULT}/test_redrive_kills.py"], {}),
    20: ("tail writes its state after sending",
         [f"{SYSTEM}/test_tail_files.py::test_a_kill_between_the_servers_and_our_knowledge_repeats_"
          f"nothing"], {}),
    30: ("a published import is not recognised",
         [f"{FAULT}/test_import_kills.py::test_a_publish_sent_twice_adds_its_rows_once"], {}),
}


# The same bugs as the unit tests see them: seconds each, so that every run of the tier proves some.
UNIT = {1: "topic_store", 2: "lake_commit", 3: "topic_fault", 4: "topic_recovery",
        5: "topic_recovery", 6: "topic_store", 7: "lake_commit", 8: "flow_land", 9: "flow_hot",
        10: "flow_land", 11: "topic_idempotency", 20: "app_tail", 30: "flow_import"}


def configure(number):
    """build-seeded with that bug. One folder for all, so that a bug costs only the files that know
    of its number."""
    folder, log = ROOT / "build-seeded", subprocess.DEVNULL
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(folder), str(ROOT)], check=True, stdout=log,
                       timeout=300)
    subprocess.run(["meson", "configure", str(folder), f"-Dseeded_bug={number}"], check=True,
                   stdout=log, timeout=120)
    return folder


def fails_unit_test(number):
    """True when the unit test named for the bug fails with it (and could be built)."""
    folder, name = configure(number), UNIT[number]
    program = next(f"tests/unit/{area}/test_{name}" for area in ("topic", "lake", "flow", "app")
                   if name.startswith(area))
    subprocess.run(["ninja", "-C", str(folder), program], check=True, stdout=subprocess.DEVNULL,
                   timeout=900)
    done = subprocess.run([folder / program], cwd=folder, capture_output=True, timeout=300)
    return done.returncode != 0


def build(number):
    """build-seeded/.../tarn with that bug; None when it does not compile."""
    folder, log = configure(number), subprocess.DEVNULL
    done = subprocess.run(["meson", "compile", "-C", str(folder), "tarn"], stdout=log, timeout=1800)
    found = [p for p in (folder / "tarn", folder / "src" / "app" / "tarn") if p.is_file()]
    return found[0] if done.returncode == 0 and found else None


def run_tests(binary, tests, env):
    """(failed, ran) of pytest with that binary."""
    done = subprocess.run([sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider",
                           *tests], cwd=ROOT, capture_output=True, text=True, timeout=900,
                          env={**os.environ, **env, "TARN_BIN": str(binary)})
    ran = done.returncode in (0, 1) and (" passed" in done.stdout or " failed" in done.stdout)
    if not ran:
        print(done.stdout[-2000:], done.stderr[-1000:], file=sys.stderr)
    return done.returncode == 1, ran


def main(numbers):
    numbers, caught, missed, broken = numbers or sorted(BUGS), [], [], []
    for number in numbers:
        text, tests, env = BUGS[number]
        began = time.monotonic()
        if tests is None:
            failed, ran = fails_unit_test(number), True
        else:
            binary = build(number)
            failed, ran = run_tests(binary, tests, env) if binary else (False, False)
        (broken if not ran else caught if failed else missed).append(number)
        verdict = "not run" if not ran else "caught" if failed else "MISSED"
        print(f"seeded bug={number} what='{text}' verdict={verdict.replace(' ', '_')} "
              f"seconds={time.monotonic() - began:.0f}", flush=True)
    print(f"seeded bugs={len(numbers)} caught={len(caught)} missed={missed} not_run={broken}",
          flush=True)
    return 0 if len(caught) == len(numbers) else 1
