# SPDX-License-Identifier: MIT
"""./dev bench [NAME...] [--peers] [--seconds N]: runs the benchmarks, prints a table, and writes
bench/results/NAME.json. Without a name, all of them; how each measures is in bench/README.md."""
import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import peers  # noqa: E402
from cases import CASES, LINES  # noqa: E402
from setting import commit, events_file, machine  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "results"


def verdict(value, least, aim, smaller):
    def within(limit):
        return limit is not None and (value <= limit if smaller else value >= limit)

    return "aim" if within(aim) else "ok" if within(least) else "NOT REACHED"


def show(number):
    return "-" if number is None else f"{number:,.0f}" if abs(number) >= 100 else f"{number:.2f}"


def save(name, result, facts):
    RESULTS.mkdir(exist_ok=True)
    checks = [{"what": what, "measured": round(value, 4), "at_least": least, "aim": aim,
               "unit": unit.rstrip("<"), "smaller_is_better": unit.endswith("<"),
               "verdict": verdict(value, least, aim, unit.endswith("<"))}
              for what, value, least, aim, unit in result["checks"]]
    document = {"name": name, "commit": commit(), "machine": facts,
                "durability": result["durability"], "settings": result["settings"],
                "values": result["values"], "checks": checks}
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return checks


def main():
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--peers", action="store_true", help="run ../shared/peers beside")
    parser.add_argument("--seconds", type=int, help="length of each timed load")
    parser.add_argument("--megabytes", type=int, default=1000, help="import_csv: size of the file")
    parser.add_argument("--rate", type=int, help="sustained: try just this rate")
    options = parser.parse_args()
    unknown = [n for n in options.names if n not in CASES]
    if unknown:
        parser.error(f"no benchmark called {unknown[0]}; there are {', '.join(CASES)}")
    facts, results, lines, failed = machine(), {}, [], False
    print(f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, "
          f"fdatasync {facts['fdatasync_4k_us']} us", flush=True)
    events_file(LINES)
    for name in options.names or CASES:
        print(f"{name}: {CASES[name].__doc__.strip()}", flush=True)
        began = time.monotonic()
        try:
            results[name] = CASES[name](options)
        except Exception as error:  # the other benchmarks go on; the exit code tells
            print(f"{name} failed: {type(error).__name__}: {error}", flush=True)
            failed = True
            continue
        for check in save(name, results[name], facts):
            lines.append((name, check["what"], show(check["measured"]), show(check["at_least"]),
                          show(check["aim"]), check["unit"], check["verdict"]))
            print("  " + " ".join(lines[-1][1:]), flush=True)
        print(f"  took {time.monotonic() - began:.0f} s", flush=True)
    head = ("benchmark", "what", "measured", "at least", "aim", "unit", "verdict")
    widths = [max(len(row[i]) for row in [head, *lines]) for i in range(len(head))]
    print()
    for row in [head, *lines]:
        print("  ".join(c.rjust(w) if 2 <= i <= 4 else c.ljust(w)
                        for i, (c, w) in enumerate(zip(row, widths))).rstrip())
    if options.peers:
        peers.print_ratios(results, peers.run_all(events_file(LINES)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
