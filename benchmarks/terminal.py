"""The studio in a terminal, driven through a pseudo-terminal: its first picture, its keys, and what it writes."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import targets
from benchmarks.keystrokes import p99, type_and_time
from benchmarks.places import DRAWN, NAME, Place, drawn
from benchmarks.ptys import Pty
from benchmarks.rows import Area, Row

if TYPE_CHECKING:
    from benchmarks.bench import Bench

_BARE = """
from textual.app import App
from textual.widgets import Static


class Bare(App):
    def compose(self):
        yield Static("a bare Textual app")


Bare().run()
"""
_BARE_MARK = b"a bare Textual app"
_LATER = ("aiohttp",)
_NEVER = ("torch", "numpy", "transformers", "tokenizers", "soundfile", "soxr")
_IMPORTED = re.compile(rb"\| +([\w.]+)\r?\n")

_F2, _F5, _RUBOUT = b"\x1bOQ", b"\x1b[15~", b"\x7f"
KEYS = (
    ("to the caption", _F2, 1),
    ("a character in the caption, its tokens counted", b"x", 3),
    ("back to the list", _RUBOUT * 3 + _F5, 1),
    ("row down", b"j", 3),
    ("page down", b"\x1b[6~", 2),
    ("open the palette", b":", 1),
    ("shut the palette", b"\x1b", 1),
    ("ask for a filter", b"/", 1),
    ("answer nothing", b"\x1b", 1),
    ("the metadata", b"\x1bOS", 1),
    ("a field further down", b"j", 2),
    ("every key", b"?", 1),
    ("back from every key", b"\x1b", 1),
)
"""What is pressed for the table of bytes, and how often: the last time counts."""


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    takes: int = 50_000
    keys: int = 1000
    pairs: int = 9
    idle_seconds: float = 10.0
    rendering: bool = True
    sizes: tuple[tuple[int, int], ...] = ((80, 24), (120, 40))

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        return cls(60, 20, 1, 1.0, False, ((80, 24),))


def run(bench: Bench, sizes: Sizes) -> list[Area]:
    """All tables of this area."""
    if not Path("/proc/self/stat").exists():
        return []
    with tempfile.TemporaryDirectory(prefix="acetui-bench-") as folder:
        bench.say(f"a session of {sizes.takes:,} takes")
        settings = {
            "recipe": {"caption": "slow synthwave", "duration": 60.0, "batch_size": 4},
            "loop": {"free_space_floor_gb": 0.0, "unheard_ceiling": 0},
        }
        with Place(Path(folder), sizes.takes, settings=settings) as place:
            place.acetui("studio", NAME, "--no-loop")
            return [
                _first_picture(bench, place, sizes),
                _written(bench, place, sizes),
                _idle(bench, place, sizes),
                _keys(bench, place, sizes),
            ]


# --- the first picture -----------------------------------------------------------------------------------------------


def _first_picture(bench: Bench, place: Place, sizes: Sizes) -> Area:
    area = Area("First picture of acetui SESSION, warm", ("acetui", "bare app"))
    bare = place.folder / "bare.py"
    bare.write_text(_BARE, encoding="utf-8")
    for columns, rows in sizes.sizes:
        bench.say(f"first picture, {columns}x{rows}")
        ours, theirs = [], []
        for pair in range(sizes.pairs + 1):
            one, other = _starts(place, bare, columns, rows)
            if pair or sizes.pairs == 1:  # the first pair warms the file cache
                ours.append(one)
                theirs.append(other)
        for i, (what, target) in enumerate((("drawn", targets.FIRST_PICTURE), ("processor time", None))):
            mine, peer = [each[i] for each in ours], [each[i] for each in theirs]
            ratios = tuple(b / a for a, b in zip(mine, peer, strict=True))
            note = f"{len(ours)} pairs"
            area.rows.append(
                Row(f"{columns}x{rows}, {what}", median(mine), median(peer), ratios=ratios, target=target, note=note)
            )
    before, after = modules(place)
    early = sum(name in before for name in (*_LATER, *_NEVER))
    late = sum(name in after for name in _NEVER)
    area.rows.append(Row("heavy libraries before it", float(early), unit="", target=targets.NO_TORCH))
    area.rows.append(Row("torch and the like, ever", float(late), unit="", target=targets.NO_TORCH))
    area.notes.append(f"{len(before)} modules are loaded before the first picture.")
    return area


def _starts(place: Place, bare: Path, columns: int, rows: int) -> tuple[tuple[float, float], tuple[float, float]]:
    found = []
    for mark, make in (
        (DRAWN, lambda: place.terminal(columns=columns, rows=rows)),
        (
            _BARE_MARK,
            lambda: Pty([sys.executable, str(bare)], columns=columns, rows=rows, environment=place.surroundings),
        ),
    ):
        with make() as terminal:
            found.append((drawn(terminal, mark), terminal.cpu_seconds()))
    return found[0], found[1]


def modules(place: Place) -> tuple[set[str], set[str]]:
    """The modules that the terminal has loaded before its first picture, and once it is attached.

    Python prints what it imports to where the toolkit draws, so the order of both is known.
    """
    with place.terminal(python=("-X", "importtime")) as terminal:
        drawn(terminal, DRAWN)
        terminal.until_quiet(1.5)
        written = terminal.written
    first = written.index(DRAWN)
    return _names(written[:first]), _names(written)


def _names(written: bytes) -> set[str]:
    return {name.decode() for name in _IMPORTED.findall(written)}


# --- bytes -----------------------------------------------------------------------------------------------------------


def bytes_of_keys(place: Place, columns: int, rows: int) -> dict[str, int]:
    """What each of ``KEYS`` makes the terminal write, with what follows it a moment later."""
    found = {}
    with place.attached(columns, rows) as terminal:
        found["start"] = len(terminal.written)
        for what, key, times in KEYS:
            for _ in range(times):
                found[what] = len(terminal.press(key, quiet=0.8))
    return found


def _written(bench: Bench, place: Place, sizes: Sizes) -> Area:
    wide = sizes.sizes[-1] if len(sizes.sizes) > 1 else None
    names = [f"{columns}x{rows}" for columns, rows in sizes.sizes]
    area = Area("Bytes that a key makes the terminal write", (names[0], names[1] if wide else "peer"))
    bench.say("bytes of keys")
    _settled(place)
    counted = [bytes_of_keys(place, *size) for size in sizes.sizes]
    for what, count in counted[0].items():
        other = float(counted[1][what]) if wide else None
        area.rows.append(Row(what, float(count), other, unit="B", target=targets.BYTES.get(what)))
    area.notes.append("A line of 20 kB/s carries 2,000 bytes in a tenth of a second. Before what ssh -C saves.")
    return area


def _settled(place: Place) -> None:
    """Waits while the studio gets its engine ready: every second of that is told, and no key's doing."""
    until = time.monotonic() + 120
    while place.status().get("progress") is not None and time.monotonic() < until:
        time.sleep(1.0)


# --- idle ------------------------------------------------------------------------------------------------------------


def _idle(bench: Bench, place: Place, sizes: Sizes) -> Area:
    area = Area(f"Attached and idle for {sizes.idle_seconds:g} s", ("acetui", "peer"))
    bench.say("idle")
    with place.attached() as terminal:
        began, used = time.perf_counter(), terminal.cpu_seconds()
        written = len(terminal.written)
        while (left := began + sizes.idle_seconds - time.perf_counter()) > 0:
            terminal.read(left)
        share = 100 * (terminal.cpu_seconds() - used) / (time.perf_counter() - began)
        resident = _resident(terminal.pid)
        area.rows.append(Row("bytes written", float(len(terminal.written) - written), unit="B", target=targets.NOTHING))
    area.rows.append(Row("of one core", share, unit="%", target=targets.IDLE_CPU))
    area.rows.append(Row("memory", resident, unit="bytes", note=f"{sizes.takes:,} takes"))
    return area


def _resident(pid: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return float(fields["VmRSS"].split()[0]) * 1024


# --- keys ------------------------------------------------------------------------------------------------------------


def _keys(bench: Bench, place: Place, sizes: Sizes) -> Area:
    title = f"From key to screen among {sizes.takes:,} takes"
    area = Area(f"{title}, while every core renders" if sizes.rendering else title, ("p50", "p99"))
    if sizes.rendering:
        bench.say("starting the loop")
        place.acetui("studio", NAME)
        until = time.monotonic() + 120
        while place.status().get("progress") is None and time.monotonic() < until:
            time.sleep(0.5)
    bench.say(f"{sizes.keys} keys")
    with place.attached(*sizes.sizes[-1]) as terminal:
        timed = type_and_time(terminal, sizes.keys)
    everything = [each for values in timed.values() for each in values]
    for what, values in timed.items():
        if values:
            area.rows.append(Row(what, median(values), p99(values), note=f"{len(values)} keys"))
    area.rows.append(
        Row("all", median(everything), p99(everything), target=targets.KEYS, note=f"slowest {max(everything):.3f} s")
    )
    if sizes.rendering:
        loop = place.status().get("loop", {})
        area.notes.append(f"The loop was {loop.get('state')}, with {loop.get('made')} takes made.")
    return area
