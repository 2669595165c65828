"""A program in a pseudo-terminal, as a person has it: keys go in, bytes come out and are counted and timed."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import pyte

SYNCHRONISED = (b"\x1b[?2026$p", b"\x1b[?2026;2$y")
"""What a program asks, and what a terminal answers that shows whole frames at once."""

_NOT_FOR_PYTE = re.compile("\x1b\\[\\?2026\\$p|\x1b\\[[<>=][0-9;]*[a-zA-Z]|\x1b\\[\\?[0-9;]*\\$[a-z]")
_UNFINISHED = re.compile("\x1b(\\[[0-9;?<>=$]*)?$")

Piece = tuple[float, bytes]
"""When something was read (``time.perf_counter``), and what."""


class Pty:
    """One program in one pseudo-terminal, for ``with``; hung up at the end."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        environment: Mapping[str, str] | None = None,
        bytes_per_second: float = 0.0,
    ) -> None:
        surroundings = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or os.environ)}
        self.size = (columns, rows)
        self.pieces: list[Piece] = []
        self.began = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:  # the child: nothing here may fail in Python's way
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.execvpe(command[0], list(command), surroundings)
            finally:
                os._exit(127)
        self._rate = bytes_per_second
        self._debt_until = 0.0
        self._answered = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hangs up, and waits for the end."""
        if self._fd >= 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGHUP)
            os.close(self._fd)
            self._fd = -1
        with contextlib.suppress(ChildProcessError):
            for _ in range(100):
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    return
                time.sleep(0.02)
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    @property
    def written(self) -> bytes:
        """All that the program has written so far."""
        return b"".join(data for _, data in self.pieces)

    def resize(self, columns: int, rows: int) -> None:
        """Makes the terminal another size."""
        self.size = (columns, rows)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, keys: bytes) -> float:
        """Types, and returns when."""
        now = time.perf_counter()
        os.write(self._fd, keys)
        return now

    def read(self, seconds: float) -> bool:
        """Reads what comes within so long, once; whether something came. Answers what a terminal answers."""
        wait = self._debt_until - time.perf_counter()
        if wait > 0:  # a slow line: its bytes are on their way
            time.sleep(min(wait, seconds))
            return wait < seconds
        if not select.select([self._fd], [], [], max(0.0, seconds))[0]:
            return False
        try:
            data = os.read(self._fd, 65536 if not self._rate else 1024)
        except OSError:  # it has ended
            return False
        now = time.perf_counter()
        if self._rate:
            self._debt_until = now + len(data) / self._rate
        self.pieces.append((now, data))
        asked = (b"".join(each for _, each in self.pieces[-2:])).count(SYNCHRONISED[0])
        if asked > self._answered:
            self._answered = asked
            os.write(self._fd, SYNCHRONISED[1])
        return bool(data)

    def until(self, seen: Callable[[], bool], seconds: float = 30.0) -> None:
        """Reads until something is so. Raises TimeoutError."""
        end = time.perf_counter() + seconds
        while not seen():
            if time.perf_counter() > end:
                raise TimeoutError(f"not within {seconds:g} s; the screen:\n{self.text()}")
            self.read(min(0.1, end - time.perf_counter()))

    def until_written(self, *marks: bytes, seconds: float = 30.0) -> float:
        """Reads until all marks were written, and returns the time of the last read."""
        tail = b""

        def seen() -> bool:
            nonlocal tail
            tail = self.written
            return all(mark in tail for mark in marks)

        self.until(seen, seconds)
        return self.pieces[-1][0]

    def until_quiet(self, quiet: float = 0.35, seconds: float = 30.0) -> bytes:
        """Reads until nothing has come for ``quiet`` seconds, and returns what came."""
        first = len(self.pieces)
        end, last = time.perf_counter() + seconds, time.perf_counter()
        while time.perf_counter() - last < quiet and time.perf_counter() < end:
            if self.read(0.02):
                last = time.perf_counter()
        return b"".join(data for _, data in self.pieces[first:])

    def press(self, keys: bytes, quiet: float = 0.35) -> bytes:
        """What the program writes for these keys."""
        self.send(keys)
        return self.until_quiet(quiet)

    def screen(self) -> Seen:
        """What stands on the terminal now."""
        seen = Seen(*self.size)
        seen.feed(self.written)
        return seen

    def text(self) -> str:
        """The screen as lines of text."""
        return "\n".join(self.screen().lines)

    def cpu_seconds(self) -> float:
        """Processor time that the program has used so far (Linux)."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def maps(self) -> str:
        """The files that the program has in memory (Linux)."""
        with open(f"/proc/{self.pid}/maps", encoding="utf-8", errors="replace") as maps:
            return maps.read()


class Seen:
    """A terminal's screen, from the bytes that were sent to it."""

    def __init__(self, columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, data: bytes) -> None:
        """More bytes."""
        text = self._held + self._decoder.decode(data)
        cut = _UNFINISHED.search(text)
        self._held = text[cut.start() :] if cut else ""
        self._stream.feed(_NOT_FOR_PYTE.sub("", text[: cut.start()] if cut else text))

    @property
    def lines(self) -> list[str]:
        """Its lines, without the spaces at their ends."""
        return [line.rstrip() for line in self.screen.display]

    def row(self, number: int) -> tuple[tuple[object, ...], ...]:
        """The cells of a line with all that can be seen of them: a blank has no colour but the one behind it."""
        line = self.screen.buffer[number]
        return tuple(
            ("", cell.bg)
            if cell.data == " " and not (cell.underscore or cell.reverse or cell.strikethrough)
            else (cell.data, cell.fg, cell.bg, cell.bold, cell.italics, cell.underscore, cell.reverse)
            for cell in (line[column] for column in range(self.screen.columns))
        )
