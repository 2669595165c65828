"""What the real terminal writes to its line, on a session with takes and its real studio: a slow line carries it.

Counts of bytes are the same on every machine. ``benchmarks/terminal.py`` measures the same and more.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.places import NAME, Place
from benchmarks.targets import BYTES
from benchmarks.terminal import bytes_of_keys, modules

if not Path("/proc/self/stat").exists():
    pytest.skip("no /proc", allow_module_level=True)

BUDGETS = {"start": 36_000} | {what: int(target.limit) for what, target in BYTES.items()}
"""At 80x24, with what follows a key a moment later: the take under the cursor, the count of tokens."""

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
