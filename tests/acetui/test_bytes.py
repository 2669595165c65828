"""What the real terminal writes to its line, on a session with takes and its real studio: a slow line carries it.

Counts of bytes are the same on every machine. ``benchmarks/terminal.py`` measures the same and more.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.places import NAME, Place
from benchmarks.ptys import Pty, Seen
from benchmarks.targets import BYTES
from benchmarks.terminal import bytes_of_keys, modules

if not Path("/proc/self/stat").exists():
    pytest.skip("no /proc", allow_module_level=True)

BUDGETS = {"start": 9_000} | {what: int(target.limit) for what, target in BYTES.items()}
"""At 80x24, with what follows a key a moment later: the take under the cursor, the count of tokens. They are a third of
what the toolkit writes by itself, so that whatever is painted past ``acetui.screens.painting`` is noticed."""

NO_ENGINE = {"recipe": {"caption": "slow synthwave"}, "models": {"models": "/nowhere", "device": "cpu"}}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A session of 300 takes whose studio runs, with its loop off."""
    with Place(tmp_path_factory.mktemp("line"), 300, settings=NO_ENGINE) as made:
        assert made.acetui("studio", NAME, "--no-loop").returncode == 0
        yield made


def test_a_key_writes_little(place: Place) -> None:
    written = bytes_of_keys(place, 80, 24)
    assert {what: count for what, count in written.items() if count > BUDGETS[what]} == {}
    silent = {what for what, count in written.items() if count == 0}
    assert silent == set(), "keys that did nothing measure nothing"


def test_idle_it_writes_nothing(place: Place) -> None:
    with place.attached() as terminal:
        assert terminal.until_quiet(quiet=3.0, seconds=3.5) == b""


def test_the_first_picture_needs_no_heavy_library_and_nothing_ever_torch(place: Place) -> None:
    before, after = modules(place)
    assert "textual.app" in before
    heavy = {"aiohttp", "torch", "numpy", "transformers", "tokenizers", "soundfile", "tomlkit", "sqlite3"}
    assert before & heavy == set()
    assert "aiohttp" in after
    assert after & (heavy - {"aiohttp", "tomlkit", "sqlite3"}) == set()


def resized(terminal: Pty, columns: int) -> bytes:
    """What is written for another width, however long a busy machine takes to begin."""
    terminal.resize(columns, 24)
    first = len(terminal.pieces)
    terminal.read(20.0)
    terminal.until_quiet(0.5)
    return b"".join(data for _, data in terminal.pieces[first:])


STEPS = {
    "to the caption": b"\x1bOQ",
    "typed": b"rain",
    "to the metadata": b"\x1bOS",
    "back to the list": b"\x1b[15~",
    "rows down": b"jjj",
    "the beginning of two keys": b"w",
    "the log": b"\x1b\x1b[20~",
    "zoomed": b"z",
    "not zoomed": b"z",
    "the palette": b":zo",
    "shut": b"\x1b",
}


def test_what_was_painted_bit_by_bit_is_what_is_painted_at_once(place: Place) -> None:
    """The screen does not paint itself anew when the focus moves (``KeyedScreen.focused``), and widgets paint cells."""
    with place.attached() as terminal:
        shown = terminal.screen()
        for step, keys in STEPS.items():
            shown.feed(terminal.press(keys, quiet=0.6))
            resized(terminal, 81)
            at_once = Seen(80, 24)
            at_once.feed(resized(terminal, 80))
            differ = {shown.lines[row]: at_once.lines[row] for row in range(24) if shown.row(row) != at_once.row(row)}
            assert differ == {}, step


def test_after_the_own_editor_all_is_painted_again(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What another program left on the terminal is not what the painting remembers."""
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nprintf '\\033[2J\\033[HNOTHING OF OURS'\n", encoding="utf-8")
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    with place.attached() as terminal:
        shown = terminal.screen()
        shown.feed(terminal.press(b"\x1bOQ\x05", quiet=1.0))
        assert "NOTHING OF OURS" in terminal.written.decode("utf-8", "replace")
        shown.feed(terminal.press(b"\x1bOR\x1bOQ", quiet=0.6))
        resized(terminal, 81)
        at_once = Seen(80, 24)
        at_once.feed(resized(terminal, 80))
        assert shown.lines == at_once.lines
