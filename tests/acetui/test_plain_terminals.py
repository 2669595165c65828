"""The real terminal where there are no colours, sixteen of them, or no Unicode: nothing else is ever written."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.places import DRAWN, NAME, Place
from benchmarks.ptys import Pty

if not Path("/proc/self/stat").exists():
    pytest.skip("no /proc", allow_module_level=True)

_STYLE = re.compile(rb"\x1b\[([\d;:]*)m")
_SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;?<>=:$]*[ -/]*[@-~]|[PX^_\]].*?(?:\x1b\\|\x07)|[ -/]*[0-~])", re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A session of a few takes whose studio runs, with its loop off."""
    with Place(tmp_path_factory.mktemp("plain"), 12) as made:
        assert made.acetui("studio", NAME, "--no-loop").returncode == 0
        yield made


def written(place: Place, keys: bytes, *options: str, **variables: str) -> bytes:
    """All that the terminal writes from its start until it has answered some keys."""
    surroundings = {**place.surroundings, **variables}
    with Pty([sys.executable, "-m", "acetui", NAME, *options], environment=surroundings) as terminal:
        terminal.until_written(DRAWN)
        terminal.until(lambda: "connecting" not in terminal.screen().lines[0] and bool(terminal.screen().lines[0]))
        terminal.until_quiet(1.0)
        for key in keys.split():
            terminal.press(key)
        return terminal.written


def colours(data: bytes) -> set[bytes]:
    """The parameters of every style that is a colour: of sixteen, of 256, or any."""
    found = set()
    for style in _STYLE.findall(data):
        numbers = [int(part or 0) for part in re.split(b"[;:]", style)]
        if any(30 <= number <= 38 or 40 <= number <= 48 or 90 <= number <= 107 for number in numbers):
            found.add(style)
    return found


def rich(styles: set[bytes]) -> set[bytes]:
    """Those that sixteen colours do not have."""
    return {style for style in styles if re.search(rb"(?:38|48)[;:][25]", style)}


KEYS = b"j k \t L \x1b[19~ j j q"
"""Through the list, to the next pane, the log, and the settings."""


def test_no_color_writes_no_colour(place: Place) -> None:
    data = written(place, KEYS, NO_COLOR="1", COLORTERM="truecolor", TERM="xterm-256color")
    assert colours(data) == set()
    assert b"\x1b[7m" in data or b";7m" in data or b"[7;" in data, "what is chosen is reversed"


def test_without_a_word_of_true_colour_there_are_sixteen(place: Place) -> None:
    data = written(place, KEYS, COLORTERM="", TERM="xterm-256color")
    assert colours(data)
    assert rich(colours(data)) == set()


def test_with_all_colours_the_theme_is_the_one_that_was_asked_for(place: Place) -> None:
    assert rich(colours(written(place, b"j", "--theme", "moss", COLORTERM="truecolor")))


def test_without_unicode_only_ascii_is_written(place: Place) -> None:
    data = _SEQUENCE.sub(b"", written(place, KEYS, LC_ALL="C"))
    other = {bytes([sign]) for sign in data if sign > 126}
    assert not other, data.decode("utf-8", "replace")
