# SPDX-License-Identifier: MIT
"""A program on a pseudo-terminal: type, wait for what it shows. Every wait has a deadline."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

WAIT_SECONDS = 30
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\([A-Z]|[\x00\x07\x0f]")


class Terminal:
    """Starts `words` on a terminal of its own; `text` is what was shown since the last wait."""

    def __init__(self, words, env, rows=24, columns=80):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(words[0], [str(w) for w in words], env)
        self.resize(rows, columns)
        self.text = ""
        self.everything = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def enter(self, text):
        self.type(text + "\r")

    def read(self, seconds):
        """Takes in what is there; False when the program has ended."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        new = ESCAPES.sub("", data.decode(errors="replace"))
        self.text += new
        self.everything += new
        return bool(data)

    def wait(self, pattern, seconds=WAIT_SECONDS):
        """Returns what was shown up to and with the first match, and forgets it."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.text)
            if match:
                shown, self.text = self.text[:match.end()], self.text[match.end():]
                return shown
            if time.monotonic() > deadline or not self.read(0.1):
                raise AssertionError(f"no {pattern!r} in:\n{self.everything[-3000:]}")

    def finish(self, seconds=WAIT_SECONDS, again=""):
        """Waits for the program's end; its exit code. Types `again` until then: a key that comes between
        the prompt's text and the line editor's mode is lost with the mode before it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if again:
                self.type(again)
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"it goes on:\n{self.everything[-3000:]}")

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
        os.close(self.fd)
