# SPDX-License-Identifier: MIT
"""Compares what a server has with what the outside ledger says it must have.

Three paths are read: the records API (the log), SQL (table + hot rows), and the Delta table with
delta-rs and DuckDB. ok -> exactly once on every path; refused -> never; unknown -> 0 or 1, and the
same on all paths; offsets dense; no payload differs. The work of one cycle is proportional to what
is new: the records API is read from where it was left, SQL is asked for the cycles since then, and
per-cycle sums are kept, which the whole table is compared with every so often.
"""
import json
from collections import Counter, defaultdict
from pathlib import Path

import duckdb
from deltalake import DeltaTable

from events import check_row, check_value
from harness.client import Client

PAGE = 5000


class Findings:
    """Counts by kind, with the first few examples of each."""

    def __init__(self):
        self.counts, self.examples = Counter(), defaultdict(list)

    def add(self, kind, example):
        self.counts[kind] += 1
        if len(self.examples[kind]) < 5:
            self.examples[kind].append(example)

    def total(self):
        return sum(self.counts.values())

    def text(self):
        return "\n".join(f"  {kind} x{self.counts[kind]}: {examples}"
                         for kind, examples in self.examples.items())


class Verifier:
    def __init__(self, ledger_path, topic, data, partitions):
        self.ledger_path, self.topic, self.data = Path(ledger_path), topic, Path(data)
        self.table_dir = self.data / "lake" / "bronze" / topic
        self.position = 0                      # bytes of the ledger taken in
        self.next = [0] * partitions           # records API: read up to here
        self.requests = {}                     # open since the last check: (p, first) -> request
        self.sums = {}                         # cycle -> [rows, sum of offsets, sum of seqs]
        self.acked = self.unknown_stored = 0
        self.findings = Findings()

    # the ledger
    def take_ledger(self):
        """Requests settled since the last call; those of repeating producers stay until settled."""
        with open(self.ledger_path, "rb") as ledger:
            ledger.seek(self.position)
            data = ledger.read()
        data = data[:data.rfind(b"\n") + 1]
        self.position += len(data)
        for line in data.decode("ascii").splitlines():
            kind, producer, first, count, *rest = line.split()
            key = (int(producer), int(first))
            if kind == "S":
                self.requests[key] = {"count": int(count), "cycle": int(rest[0]), "outcome": "open"}
            elif kind == "A":
                ranges = [tuple(map(int, r.split(":"))) for r in rest[0].split(",") if r]
                self.requests[key].update(outcome="ok", ranges=ranges)
            elif kind == "U":
                self.requests[key]["outcome"] = "unknown"
            elif kind == "F":
                self.requests[key]["outcome"] = "fail"
            elif kind == "X":
                self.findings.add("wrong_answer", line)

    # the three paths
    def read_new_records(self, client):
        """{(p, s): [(partition, offset, cycle), ...]} of what the log has beyond the last check."""
        found = defaultdict(list)
        for partition in range(len(self.next)):
            while True:
                page = client.records(self.topic, partition, self.next[partition], PAGE)
                if not page["records"]:
                    break
                for record in page["records"]:
                    offset = record["offset"]
                    if offset != self.next[partition]:
                        self.findings.add("offset_gap", (partition, self.next[partition], offset))
                    self.next[partition] = offset + 1
                    value = record["value"]
                    text = value if isinstance(value, str) else None
                    who = check_value(text) if text is not None else _object(value)
                    if who is None:
                        self.findings.add("corrupt", (partition, offset, str(value)[:80]))
                        continue
                    found[who[:2]].append((partition, offset, who[2]))
        return found

    def read_rows(self, client, cycles):
        """The same from SQL, for the given cycles."""
        found = defaultdict(list)
        wanted = ",".join(str(c) for c in sorted(cycles))
        response = client.post_query(
            f"SELECT p, s, c, h, _partition, _offset FROM bronze.{self.topic} "
            f"WHERE c IN ({wanted})", format="ndjson")
        assert response.status_code == 200, response.text[:2000]
        for line in response.text.splitlines():
            row = json.loads(line)
            if not check_row(row["p"], row["s"], row["c"], row["h"]):
                self.findings.add("corrupt_row", row)
            found[row["p"], row["s"]].append((row["_partition"], row["_offset"], row["c"]))
        return found

    # the comparison
    def check(self, client):
        """Everything settled since the last check, on the log and in SQL."""
        self.take_ledger()
        records = self.read_new_records(client)
        cycles = {r["cycle"] for r in self.requests.values()}
        cycles |= {place[2] for places in records.values() for place in places}
        # A topic that has stored nothing has no columns to ask for.
        rows = self.read_rows(client, cycles) if any(self.next) else {}
        fresh = {who: places for who, places in rows.items()
                 if who in records or any(o >= self.next[p] for p, o, _ in places)}
        for who in records.keys() | fresh.keys():
            if sorted(records.get(who, ())) != sorted(fresh.get(who, ())):
                kind = "sql_lost" if len(fresh.get(who, ())) < len(records[who]) else "sql_dup"
                self.findings.add(kind, (who, records.get(who), fresh.get(who)))
        self._check_requests(records)
        for who, places in records.items():
            for _, offset, cycle in places:
                total = self.sums.setdefault(cycle, [0, 0, 0])
                total[0] += 1
                total[1] += offset
                total[2] += who[1]

    def check_logged(self, url):
        """Only the log path, for a control that is meant to lose: nothing else is compared."""
        self.take_ledger()
        with Client(url) as client:
            records = self.read_new_records(client)
        self._check_requests(records)

    def _check_requests(self, records):
        explained = set()
        for (producer, first), request in list(self.requests.items()):
            places = []
            for seq in range(first, first + request["count"]):
                who = (producer, seq)
                seen = records.get(who, [])
                explained.add(who)
                if len(seen) > 1:
                    self.findings.add("dup", (who, seen))
                if request["outcome"] == "ok" and not seen and "kept" not in request:
                    self.findings.add("lost", (who, request))
                if request["outcome"] == "fail" and seen:
                    self.findings.add("refused_but_stored", (who, seen))
                places += [(p, o) for p, o, _ in seen]
            if request["outcome"] == "open":
                # Half of a repeated request may be there already; it is judged when it is answered.
                request.setdefault("places", []).extend(places)
                if places:
                    request["kept"] = True
                continue
            places += request.get("places", [])
            if request["outcome"] == "ok":
                self._check_offsets(producer, first, request, places)
                self.acked += request["count"]
            else:
                self.unknown_stored += len(places)
            del self.requests[producer, first]
        for who in records.keys() - explained:
            self.findings.add("dup", (who, "stored again after it was settled", records[who]))

    def _check_offsets(self, producer, first, request, places):
        promised = {(p, o) for p, begin, end in request["ranges"] for o in range(begin, end)}
        if len(promised) != request["count"]:
            self.findings.add("wrong_ranges", (producer, first, request))
        missing = promised - set(places)
        if missing:
            kind = "lost" if "kept" in request else "wrong_offsets"
            self.findings.add(kind, (producer, first, sorted(missing)[:3]))
        if len(places) > request["count"]:
            self.findings.add("dup", (producer, first, len(places), request["count"]))

    def check_table(self, version=None):
        """The whole Delta table, read by delta-rs's log and DuckDB, against all cycles so far."""
        table = DeltaTable(str(self.table_dir), version=version)
        files = table.file_uris()
        con = duckdb.connect()
        try:
            rows = con.execute(
                "SELECT c, count(*), sum(_offset), sum(s), "
                "count(DISTINCT _partition * 1099511627776 + _offset) "
                "FROM read_parquet(?, union_by_name=true) GROUP BY c", [files]).fetchall()
        finally:
            con.close()
        self._compare_sums("table", rows)
        return table.version()

    def check_sql_totals(self, client):
        rows = client.rows(f"SELECT c, count(*), sum(_offset), sum(s), "
                           f"count(DISTINCT _partition * 1099511627776 + _offset) "
                           f"FROM bronze.{self.topic} GROUP BY c")
        self._compare_sums("sql", rows)

    def _compare_sums(self, path, rows):
        seen = {int(r[0]): [int(x) for x in r[1:5]] for r in rows}
        for cycle in seen.keys() | self.sums.keys():
            want = self.sums.get(cycle, [0, 0, 0])
            have = seen.get(cycle, [0, 0, 0, 0])
            if have[3] != have[0]:
                self.findings.add(f"{path}_dup", (cycle, have))
            if have[:3] != want:
                kind = "lost" if have[0] < want[0] else "dup" if have[0] > want[0] else "differs"
                self.findings.add(f"{path}_{kind}", (cycle, have, want))

    def summary(self):
        counts = self.findings.counts
        lost = sum(n for kind, n in counts.items() if kind.endswith("lost"))
        dup = sum(n for kind, n in counts.items() if kind.endswith("dup"))
        other = sum(counts.values()) - lost - dup
        return f"acked={self.acked} unknown_stored={self.unknown_stored} " \
               f"lost={lost} dup={dup} other={other}"


def _object(value):
    """An answer may show a JSON value as an object; its bytes are then compared field by field."""
    if not isinstance(value, dict):
        return None
    text = json.dumps(value, separators=(",", ":"))
    return check_value(text)
