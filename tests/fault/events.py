# SPDX-License-Identifier: MIT
"""The events of the fault rigs: every byte follows from (producer, sequence, cycle), so that the
verifier can tell a changed payload from the right one without having stored any."""
import hashlib
import json


def event_line(producer, seq, cycle, pad):
    digest = hashlib.sha256(b"%d.%d.%d" % (producer, seq, cycle)).hexdigest()
    filler = (digest * (pad // 64 + 1))[:pad]
    return (f'{{"timestamp":"2026-10-01T{seq % 24:02d}:00:00Z","p":{producer},"s":{seq},'
            f'"c":{cycle},"h":"{digest[:16]}","pad":"{filler}"}}\n').encode()


def check_value(value):
    """(producer, seq, cycle) of a stored value, or None when it is not exactly what was sent."""
    text = value if isinstance(value, bytes) else value.encode()
    try:
        found = json.loads(text)
        producer, seq, cycle = found["p"], found["s"], found["c"]
        pad = len(found["pad"])
    except (ValueError, KeyError, TypeError):
        return None
    return (producer, seq, cycle) if event_line(producer, seq, cycle, pad).strip() == text.strip() \
        else None


def check_row(producer, seq, cycle, digest):
    """Whether a row's h column is the one that its other columns ask for."""
    return hashlib.sha256(b"%d.%d.%d" % (producer, seq, cycle)).hexdigest()[:16] == digest
