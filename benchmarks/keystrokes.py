"""How long after a key what it changes has been drawn. What changes by itself meanwhile is told from it."""

from __future__ import annotations

import time

from benchmarks.ptys import Piece, Pty, Seen

_CALIBRATION = 4.0
"""Seconds without a key, to see which lines change by themselves."""

_PACE = 0.1
_QUIET = 0.04
_PATIENCE = 0.6
"""A key a tenth of a second at most, and not into what the one before still draws, unless that goes on for long."""

_FRAME_ENDS = b"\x1b[?2026l"


def strokes(count: int) -> list[tuple[str, bytes]]:
    """``count`` keys as a person mixes them: moving in the list, paging, going to the caption and typing there.

    Each of them changes something: below the last take a key would be answered by whatever else happens next.
    """
    moves = [("row", b"j")] * 12 + [("row", b"k")] * 4 + [("page", b"\x1b[6~")] * 4 + [("page", b"\x1b[5~")] * 2
    ends = [("end", b"G"), ("row", b"k"), ("row", b"k"), ("end", b"gg")]
    typing = [("pane", b"\x1bOQ"), *[("typed", bytes([97 + i])) for i in range(14)], ("pane", b"\x1b[15~")]
    once = moves + ends + typing
    return [once[i % len(once)] for i in range(count)]


def type_and_time(terminal: Pty, count: int) -> dict[str, list[float]]:
    """Seconds from key to drawn, by kind of key. Keys that change nothing (the end of a list) are left out."""
    first = len(terminal.pieces)
    _listen(terminal, _CALIBRATION)
    calibrated = len(terminal.pieces)
    sent = []
    for what, key in strokes(count):
        sent.append((what, terminal.send(key)))
        _settle(terminal)
    seen = Seen(*terminal.size)
    for _, data in terminal.pieces[:first]:
        seen.feed(data)
    noisy = {0} | _changes(seen, terminal.pieces[first:calibrated])
    return _answers(seen, terminal.pieces[calibrated:], sent, noisy)


def _listen(terminal: Pty, seconds: float) -> None:
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        terminal.read(left)


def _settle(terminal: Pty) -> None:
    began = last = time.perf_counter()
    while True:
        now = time.perf_counter()
        if now - began > _PATIENCE or (now - began > _PACE and now - last > _QUIET):
            return
        if terminal.read(0.02):
            last = time.perf_counter()


def _changes(seen: Seen, pieces: list[Piece]) -> set[int]:
    """The lines that these pieces change."""
    before = {row: seen.row(row) for row in range(seen.screen.lines)}
    for _, data in pieces:
        seen.feed(data)
    return {row for row, cells in before.items() if seen.row(row) != cells}


def _answers(seen: Seen, pieces: list[Piece], sent: list[tuple[str, float]], noisy: set[int]) -> dict[str, list[float]]:
    """Plays the terminal back: for each key the end of the first frame in which another line has changed."""
    found: dict[str, list[float]] = {}
    shown = {row: seen.row(row) for row in range(seen.screen.lines)}
    at = 0
    for i, (what, when) in enumerate(sent):
        until = sent[i + 1][1] if i + 1 < len(sent) else float("inf")
        changed = False
        while at < len(pieces) and pieces[at][0] < until:
            moment, data = pieces[at]
            at += 1
            seen.screen.dirty.clear()
            seen.feed(data)
            for row in list(seen.screen.dirty):
                cells = seen.row(row)
                changed = changed or (row not in noisy and cells != shown[row] and moment > when)
                shown[row] = cells
            if changed and _FRAME_ENDS in data:
                found.setdefault(what, []).append(moment - when)
                break
        while at < len(pieces) and pieces[at][0] < until:
            seen.screen.dirty.clear()
            seen.feed(pieces[at][1])
            for row in list(seen.screen.dirty):
                shown[row] = seen.row(row)
            at += 1
    return found


def p99(values: list[float]) -> float:
    """The value that one in a hundred exceeds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))]
