# SPDX-License-Identifier: MIT
"""The outside ledger and the load: a process of its own that sends events and writes down, on a
file system that is not faulted, what it sent and what was answered.

Started once per campaign; commands arrive as JSON lines on stdin, answers leave on stdout:
  {"cmd": "run", "url": "http://127.0.0.1:1234", "cycle": 7}   load until told otherwise
  {"cmd": "pause"}   -> {"acked": n, "unknown": n, "failed": n, ...} once nothing is in flight
  {"cmd": "quit"}

Ledger lines (text, one per fact; a request is events first..first+count-1 of a producer):
  S producer first count cycle                 about to be sent
  A producer first count p:first:next,...      answered 200, with its offsets
  U producer first count                       no answer, or a 5xx: may or may not be there
  F producer first count code                  refused for certain: must never be there
Odd producers send an Idempotency-Key and repeat a request until it is answered, also across
restarts of the server; even producers never repeat.
"""
import argparse
import asyncio
import json
import random
import sys
import time
from urllib.parse import urlsplit

from events import event_line

REFUSED = {400, 409, 413, 422, 429, 507}
STEP_SECONDS = 0.02
THINK_SECONDS = 0.002  # keeps a cycle small enough to be verified whole


class Gone(Exception):
    """The connection broke before an answer."""


class Connection:
    def __init__(self, host, port):
        self.host, self.port, self.reader, self.writer = host, port, None, None

    async def request(self, head, body):
        try:
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
            self.writer.write(head)
            self.writer.write(body)
            await self.writer.drain()
            status = int((await self.reader.readline()).split()[1])
            length, chunked, closing = 0, False, False
            while (line := await self.reader.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                name, value = name.lower(), value.strip().lower()
                if name == b"content-length":
                    length = int(value)
                elif name == b"transfer-encoding":
                    chunked = value == b"chunked"
                elif name == b"connection":
                    closing = value == b"close"
            content = await (self._chunks() if chunked else self.reader.readexactly(length))
            if closing:
                self.close()
            return status, content
        except (OSError, IndexError, ValueError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Gone(str(error)) from error

    async def _chunks(self):
        content = b""
        while size := int(await self.reader.readline(), 16):
            content += await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()
        return content

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


class Load:
    def __init__(self, options):
        self.options = options
        self.ledger = open(options.ledger, "a", encoding="ascii")
        self.random = random.Random(options.seed)
        self.running, self.cycle, self.host, self.port = False, 0, "127.0.0.1", 0
        self.idle, self.counts, self.ack_ms = 0, {}, []

    def note(self, *words):
        self.ledger.write(" ".join(str(w) for w in words) + "\n")

    def count(self, kind, n):
        self.counts[kind] = self.counts.get(kind, 0) + n

    async def producer(self, number):
        """Sends until paused; a repeating one takes an unanswered request into the next run."""
        connection, seq, pending = Connection(self.host, self.port), 0, None
        repeats = number % 2 == 1
        chooser = random.Random(self.options.seed * 1000 + number)
        while True:
            while not self.running:
                self.idle += 1
                await self.wait_running()
                self.idle -= 1
                connection.close()
                connection = Connection(self.host, self.port)
            if pending is None:
                count = chooser.choice(self.options.batches)
                pending = (seq, count, self.cycle)
                self.note("S", number, seq, count, self.cycle)
                seq += count
            outcome = await self.attempt(connection, number, pending, repeats)
            if outcome == "again":
                await asyncio.sleep(STEP_SECONDS)
                continue
            pending = None
            await asyncio.sleep(STEP_SECONDS if outcome == "slow" else self.options.think)

    async def wait_running(self):
        while not self.running:
            await asyncio.sleep(0.005)

    async def attempt(self, connection, number, request, repeats):
        first, count, cycle = request
        body = b"".join(event_line(number, s, cycle, self.options.pad)
                        for s in range(first, first + count))
        path = f"/api/v1/topics/{self.options.topic}/events"
        heads = [f"POST {path} HTTP/1.1", f"Host: {self.host}:{self.port}",
                 "Content-Type: application/x-ndjson", f"Content-Length: {len(body)}"]
        if repeats:
            heads.append(f"Idempotency-Key: {self.options.seed}-{number}-{first}")
        began = time.monotonic()
        try:
            status, content = await asyncio.wait_for(
                connection.request(("\r\n".join(heads) + "\r\n\r\n").encode(), body), 10)
        except (Gone, asyncio.TimeoutError):
            connection.close()
            self.count("broken", 1)
            return self.unknown(number, first, count, repeats)
        if status == 200:
            self.ack_ms.append((time.monotonic() - began) * 1000)
            return self.acked(number, first, count, json.loads(content))
        if status in REFUSED and not (repeats and status in (409, 429, 507)):
            self.note("F", number, first, count, status)
            self.count("failed", count)
            self.count(f"status_{status}", 1)
            return "slow"
        self.count(f"status_{status}", 1)
        return self.unknown(number, first, count, repeats)

    def acked(self, number, first, count, answer):
        ranges = ",".join(f"{o['partition']}:{o['first']}:{o['next']}" for o in answer["offsets"])
        if answer["accepted"] != count:
            self.note("X", number, first, count, answer["accepted"])
            self.count("wrong_answers", 1)
        self.note("A", number, first, count, ranges)
        self.count("acked", count)
        return "done"

    def unknown(self, number, first, count, repeats):
        if repeats:
            return "again"
        self.note("U", number, first, count)
        self.count("unknown", count)
        return "slow"

    async def commands(self):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        producers = [asyncio.create_task(self.producer(n)) for n in range(self.options.producers)]
        while line := await reader.readline():
            command = json.loads(line)
            if command["cmd"] == "quit":
                break
            if command["cmd"] == "run":
                parts = urlsplit(command["url"])
                self.host, self.port = parts.hostname, parts.port
                self.cycle, self.counts, self.ack_ms = command["cycle"], {}, []
                self.running = True
            else:
                self.running = False
                while self.idle < self.options.producers:
                    await asyncio.sleep(0.002)
                self.ledger.flush()
                self.ack_ms.sort()
                answer = dict(self.counts)
                if self.ack_ms:
                    answer["ack_p99_ms"] = round(self.ack_ms[int(len(self.ack_ms) * 0.99)], 2)
                print(json.dumps(answer), flush=True)
        for task in producers:
            task.cancel()
        self.ledger.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ledger")
    parser.add_argument("--topic", default="ledger")
    parser.add_argument("--producers", type=int, default=6)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 1, 10, 60])
    parser.add_argument("--pad", type=int, default=40)
    parser.add_argument("--think", type=float, default=THINK_SECONDS)
    parser.add_argument("--seed", type=int, default=1)
    asyncio.run(Load(parser.parse_args()).commands())


if __name__ == "__main__":
    main()
