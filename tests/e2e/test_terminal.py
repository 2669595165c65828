"""A person's day at the real terminal, in tmux: the real studio, the real engine, the model in the box."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("torch")

from benchmarks.places import NAME, Place
from benchmarks.ptys import Pty
from sessions.discovery import who_has
from tests.e2e.tmux import Tmux, Window

if not Tmux.there():
    pytest.skip("tmux is not installed", allow_module_level=True)

pytestmark = pytest.mark.timeout(400)

SETTINGS = {
    "recipe": {"duration": 10.0, "inference_steps": 2, "batch_size": 1},
    "loop": {"free_space_floor_gb": 0.0, "unheard_ceiling": 0, "faulty_before_parking": 0},
    "models": {"device": "cpu", "threads": 1},
}
COLOUR = re.compile(r"\x1b\[[0-9;]*(?:3[0-7]|38;|4[0-7]|48;|9[0-7])")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A session whose studio is started by the first terminal."""
    with Place(tmp_path_factory.mktemp("day"), settings=SETTINGS) as made:
        yield made


@pytest.fixture(scope="module")
def tmux(tmp_path_factory: pytest.TempPathFactory, place: Place) -> Iterator[Tmux]:
    with Tmux(tmp_path_factory.mktemp("x"), place.surroundings) as server:
        yield server


def opened(tmux: Tmux, place: Place, name: str, *options: str, **size: Any) -> Window:
    """The terminal on the session, attached."""
    window = tmux.open(name, sys.executable, "-m", "acetui", NAME, *options, **size)
    window.sees("takes", "rev ")
    return window


def found_again(window: Window, words: str, pane: str) -> None:
    """What was typed is there again: by itself, or taken over, where the device's name went to somebody else."""
    told = ("What was typed here before is back", "taken over")
    if told[1] in window.until(lambda text: any(each in text for each in told), "what became of the draft"):
        window.press("w", "o")
    if words not in window.text():
        window.press(pane)
    window.sees(words)


def takes(place: Place, filter: str = "") -> list[dict[str, Any]]:
    """The takes of the session, as the command line has them."""
    said = place.acetui("takes", NAME, "--json", *(["--filter", filter] if filter else [])).stdout
    return [json.loads(line) for line in said.splitlines()]


def test_a_day(tmux: Tmux, place: Place) -> None:
    window = opened(tmux, place, "day")
    window.press("F2")
    window.type("slow synthwave, warm pads")
    window.sees("slow synthwave, warm pads")
    window.press("C-g")
    window.press("F5")
    window.until(lambda text: "takes · 1" in text, "the first take", 150)
    window.press("p")
    window.sees("★")
    window.press("C-g")
    window.until(lambda text: "takes · 2" in text, "the second take", 60)
    window.press("/")
    window.type("pinned")
    window.press("Enter")
    window.sees("takes · 1 · filter pinned")
    window.press("r")
    window.sees("a part anew", "none yet")
    window.press("r")
    window.until(lambda text: "2 so far" in text, "candidates of a part", 120)
    window.press("Escape")
    window.sees("takes · 1 · filter pinned")
    window.press("F2")
    window.press("End")
    window.type(", and a choir")
    window.sees("and a choir", "not applied")
    window.press("F5", "q")
    window.until(lambda _: window.ended, "the end")
    window.sees("comes back", "ended with 0")
    window.close()

    back = opened(tmux, place, "back")
    found_again(back, "warm pads, and a choir", "F2")
    back.sees("not applied", "takes · ")
    back.press("F5", "w", "x")
    back.until(lambda text: "and a choir" not in text, "the draft put away")
    back.press("q")
    back.until(lambda _: back.ended, "the end")
    back.close()
    assert [take["pinned"] for take in takes(place, "pinned")] == [True]


def test_two_terminals_and_a_studio_that_is_killed_under_them(tmux: Tmux, place: Place) -> None:
    one, two = opened(tmux, place, "one"), opened(tmux, place, "two", columns=200, rows=50)
    before = len(takes(place))
    one.press("a")
    for window in (one, two):
        window.until(lambda text: "loop on" in text or "●" in text.splitlines()[0], "the loop on")
    holder = who_has(place.session)
    assert holder is not None
    os.kill(holder.pid, signal.SIGKILL)
    one.until(lambda text: "lost" in text or "looked for" in text, "trouble", 15)
    for window in (one, two):
        window.until(lambda text: "●" in text.splitlines()[0], "the loop, going on", 90)
    assert len(takes(place)) >= before
    two.press("a")
    one.until(lambda text: "○" in text.splitlines()[0], "the loop off", 60)
    for window in (one, two):
        window.press("q")
        window.until(lambda _, window=window: window.ended, "the end")
        window.close()


def test_a_terminal_that_is_killed_keeps_what_was_typed(tmux: Tmux, place: Place) -> None:
    window = opened(tmux, place, "killed")
    window.press("F3")
    window.type("[Verse]")
    window.sees("[Verse]")
    window.press("Enter")
    window.type("Headlights bend along the shore")
    window.sees("Headlights bend", "not applied")
    time.sleep(1.0)  # saved as it is typed, and a busy machine takes a moment for it
    os.kill(window.pid, signal.SIGKILL)
    window.until(lambda _: window.ended, "the end")
    window.close()
    back = opened(tmux, place, "again")
    found_again(back, "Headlights bend along the shore", "F3")
    back.close()


def test_without_colours_and_at_every_size(tmux: Tmux, place: Place) -> None:
    window = opened(tmux, place, "plain", NO_COLOR="1", COLUMNS="80", LINES="24")
    assert not [line for line in window.lines(styled=True) if COLOUR.search(line)]
    for columns, rows in ((200, 50), (60, 15), (120, 40), (80, 24)):
        window.resize(columns, rows)
        text = window.until(lambda text, rows=rows: len(text.splitlines()) == rows and "takes" in text, "the desk")
        assert "Traceback" not in text
        window.press("?")
        window.sees("help")
        window.press("Escape")
        window.sees("takes ·")
    window.close()


def test_a_slow_line_carries_it(place: Place) -> None:
    command = [sys.executable, "-m", "acetui", NAME]
    with Pty(command, environment=place.surroundings, bytes_per_second=20_000) as terminal:
        terminal.until(lambda: "takes ·" in terminal.text(), 60)
        terminal.until_quiet(1.0)
        terminal.send(b"\x1bOQ")
        terminal.until_quiet(0.5)
        began = len(terminal.written)
        for sign in b"rain on a tin roof":
            terminal.press(bytes([sign]), quiet=0.0)
        terminal.until(lambda: "rain on a tin roof" in terminal.text(), 5)
        assert len(terminal.written) - began < 20_000
        with contextlib.suppress(TimeoutError):
            terminal.until_quiet(0.5, 2)
