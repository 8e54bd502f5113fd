# SPDX-License-Identifier: MIT
"""events.py N FILE: the N events of about 200 bytes that every benchmark sends, as NDJSON.

Seeded, so the same N gives the same bytes anywhere; the same bytes, too, as the rigs of other
systems use, so that all are measured on one load: seven fields, 28 days, six types, 100,000
customers, a nested object.
"""
import random
import sys

KINDS = ("page_view", "click", "purchase", "signup", "search", "error")
DEVICES = ("ios", "android", "web")
TEMPLATE = ('{"event_id":"%016x","timestamp":"2026-10-%02dT%02d:%02d:%02d.%03dZ",'
            '"event_type":"%s","customer_id":%d,"session_id":"s%08x","amount":%.2f,'
            '"properties":{"page":"/p/%d","device":"%s"}}\n')


def lines(count, seed=1):
    chance = random.Random(seed)
    for i in range(count):
        event_id = chance.getrandbits(64)
        kind, customer = chance.choice(KINDS), chance.randrange(100_000)
        session, amount = chance.getrandbits(32), chance.random() * 500
        yield TEMPLATE % (event_id, 1 + i % 28, i % 24, i % 60, i // 7 % 60, i % 1000, kind,
                          customer, session, amount, chance.randrange(2000),
                          chance.choice(DEVICES))


def write(count, path):
    with open(path, "w", encoding="ascii") as out:
        out.writelines(lines(count))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.splitlines()[0])
    write(int(sys.argv[1]), sys.argv[2])
