"""Measuring a terminal: the pseudo-terminal, what a key changes and what changes by itself, and the area, small."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from benchmarks import terminal
from benchmarks.bench import Bench
from benchmarks.keystrokes import _answers, p99, strokes
from benchmarks.ptys import Pty, Seen
from benchmarks.table import show
from benchmarks.timing import Budget

ASKS = """
import os, sys, tty
tty.setraw(0)
os.write(1, b"\\x1b[?2026$p")
answer = os.read(0, 100)
os.write(1, b"\\x1b[2J\\x1b[1;1Hanswered " + answer[-3:] + b" at %d" % os.get_terminal_size().columns)
while (key := os.read(0, 1)) != b"q":
    os.write(1, b"\\x1b[2;1H" + key * 3)
"""


def test_a_program_is_answered_typed_to_and_read() -> None:
    with Pty([sys.executable, "-c", ASKS], columns=60, rows=5) as pty:
        pty.until_written(b"at 60")
        assert pty.press(b"x") == b"\x1b[2;1Hxxx"
        assert pty.text().splitlines()[:2] == ["answered 2$y at 60", "xxx"]
        pty.send(b"q")


def test_a_slow_line_is_slow() -> None:
    with Pty([sys.executable, "-c", "print('x' * 3000, flush=True)"], bytes_per_second=6000) as pty:
        took = pty.until_written(b"xx\r\n") - pty.began
        pty.until_quiet()
    assert took > 0.3


def test_a_screen_is_the_same_wherever_its_bytes_are_cut() -> None:
    written = "\x1b[?2026$p\x1b[1;31mrät\x1b[0m \x1b[>25u\x1b[2;3H♪".encode()
    for cut in range(len(written)):
        seen = Seen(10, 3)
        seen.feed(written[:cut])
        seen.feed(written[cut:])
        assert seen.lines == ["rät", "  ♪", ""]
        assert seen.row(0)[0][1:4] == ("red", "default", True)


def test_a_key_is_answered_by_a_line_that_does_not_change_by_itself() -> None:
    def frame(row: int, text: str) -> bytes:
        return f"\x1b[?2026h\x1b[{row};1H{text}\x1b[?2026l".encode()

    pieces = [
        (1.01, frame(1, "clock 1")),
        (1.02, frame(3, "second row")),
        (2.005, frame(3, "second row")),
        (2.01, frame(1, "clock 2")),
        (3.03, frame(2, "x")[:-8]),
        (3.04, frame(2, "x")[-8:]),
    ]
    sent = [("down", 1.0), ("nothing", 2.0), ("typed", 3.0)]
    found = _answers(Seen(20, 4), pieces, sent, noisy={0})
    assert {what: [round(each, 3) for each in values] for what, values in found.items()} == {
        "down": [0.02],
        "typed": [0.04],
    }


def test_one_in_a_hundred() -> None:
    assert p99([float(each) for each in range(101)]) == 99
    assert p99([3.0]) == 3


def test_keys_are_mixed() -> None:
    assert len(strokes(1000)) == 1000
    assert {what for what, _ in strokes(100)} == {"row", "page", "end", "pane", "typed"}


def test_the_area() -> None:
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc")
    areas = terminal.run(Bench(torch.device("cpu"), Budget(minutes=10, scale=0), ("fp32",)), terminal.Sizes.quick())
    assert [len(area.rows) > 1 for area in areas] == [True] * 4
    text = "\n".join(map(show, areas))
    assert "80x24, drawn" in text
    rows = {row.what: row for area in areas for row in area.rows}
    assert rows["torch and the like, ever"].met
    assert rows["all"].ours is not None
    assert rows["all"].ours > 0
