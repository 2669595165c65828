"""``python -m tools.pictures``: the pictures in docs/pictures, of the real thing.

A real studio makes takes with the model in the box, in a folder that is thrown away; the real terminal is driven by its
keys, and what it draws is written as SVG. It takes about a minute.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.looks.terminal_settings import read_settings

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
SESSION = "neon-drive"
CAPTION = "slow synthwave, warm analogue pads, gated drums"
LYRICS = """[Intro - pads alone]

[Verse]

[Chorus - all of it]

[Verse]

[Outro]
"""
"""The model in the box does not sing."""
TAKES = 5
CELL, LINE = 8.4, 18
_FONT = "ui-monospace, 'DejaVu Sans Mono', 'Cascadia Mono', Menlo, Consolas, monospace"
_SECONDS = 300.0


def svg(lines: list[list[Segment]], ground: str, ink: str) -> str:
    """Lines of a screen as a picture; no font and nothing else is loaded from anywhere."""
    width = max(sum(cell_len(segment.text) for segment in line) for line in lines) * CELL
    height = len(lines) * LINE
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width + 16:.0f} {height + 16}" '
        f'font-family="{_FONT}" font-size="14">',
        f'<rect width="100%" height="100%" rx="6" fill="{ground}"/>',
    ]
    for row, line in enumerate(lines):
        column = 0
        for segment in line:
            cells = cell_len(segment.text)
            parts += _drawn(segment, 8 + column * CELL, 8 + row * LINE, cells * CELL, ground, ink)
            column += cells
    return "\n".join([*parts, "</svg>", ""])


def _drawn(segment: Segment, x: float, y: float, width: float, ground: str, ink: str) -> Iterable[str]:
    style = segment.style or Style()
    fore, back = _hex(style.color, ink), _hex(style.bgcolor, ground)
    if style.reverse:
        fore, back = back, fore
    if back != ground:
        yield f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{LINE}" fill="{back}"/>'
    text = segment.text.rstrip()
    if not text:
        return
    lead = len(text) - len(text.lstrip())
    text = text[lead:]
    weight = ' font-weight="bold"' if style.bold else ""
    slant = ' font-style="italic"' if style.italic else ""
    yield (
        f'<text x="{x + lead * CELL:.1f}" y="{y + 13.5}" textLength="{cell_len(text) * CELL:.1f}" xml:space="preserve" '
        f'lengthAdjust="spacingAndGlyphs" fill="{fore}"{weight}{slant}>{escape(text)}</text>'
    )


def _hex(colour: Color | None, default: str) -> str:
    return default if colour is None or colour.is_default else colour.get_truecolor().hex


def take_picture(app: StudioApp, name: str) -> None:
    """Writes what the terminal shows."""
    colours = app.dressing.theme.colours
    lines = [list(strip) for strip in app.screen._compositor.render_strips()][: app.size.height]
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.svg").write_text(svg(lines, colours["background"], colours["foreground"]), encoding="utf-8")


async def until(pilot: Pilot[Any], true: Callable[[], object], seconds: float = _SECONDS) -> None:
    """Waits until something is so."""
    async with asyncio.timeout(seconds):
        while not true():
            await pilot.pause(0.1)
    await pilot.pause(0.5)


async def _opened(theme: str, size: tuple[int, int], act: Callable[[StudioApp, Pilot[Any]], Any]) -> None:
    from acetui.open_studio import _connect
    from sessions.places import session_path

    session = session_path(SESSION)
    app = StudioApp(session, connect=partial(_connect, session), found=read_settings({"theme": theme}))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.writing.settled)
        await act(app, pilot)


async def _write_and_listen(app: StudioApp, pilot: Pilot[Any]) -> None:
    """A caption becomes takes; some are marked while the next are made."""
    app.desk.caption.put(CAPTION)
    app.desk.lyrics.put(LYRICS)
    app.writing.typed()
    await pilot.pause(0.5)
    await pilot.press("ctrl+g")
    await until(pilot, lambda: len(app.book.list) >= 1)
    await pilot.press("f5", "a")
    await until(pilot, lambda: app.state.counts.get("total", 0) >= TAKES)
    await pilot.press("equals_sign")
    await pilot.pause(1.0)
    await pilot.press("g", "g")
    for keys in ("p", "j l", "j j x", "k v", "g g j"):
        await pilot.press(*keys.split())
        await pilot.pause(0.3)
    await until(pilot, lambda: any("pinned" in row.marks for row in map(app.book.row, app.book.list.lines) if row))
    await until(pilot, lambda: app.state.progress is not None and app.state.progress.stage == "sampling")
    take_picture(app, "desk")
    await pilot.press("a")


async def _make_a_part_anew(app: StudioApp, pilot: Pilot[Any]) -> None:
    """A part of the best take; two candidates of it come."""
    from acetui.screens.remake import Remake

    await until(pilot, lambda: not app.state.loop.on and app.state.progress is None)
    await pilot.press("r")
    await until(pilot, lambda: isinstance(app.screen, Remake))
    await pilot.press("L", "L", "L", "L", "r")
    await until(pilot, lambda: isinstance(app.screen, Remake) and len(app.screen.candidates) >= 2)
    await until(pilot, lambda: app.state.progress is None)
    take_picture(app, "repaint")


async def _look_around(app: StudioApp, pilot: Pilot[Any]) -> None:
    await until(pilot, lambda: not app.state.loop.on)
    await pilot.press("equals_sign", "j")
    await pilot.pause(1.0)
    take_picture(app, "small")
    await pilot.press("colon", *"pin")
    await pilot.pause(0.5)
    take_picture(app, "palette")


def main() -> int:
    """Draws all of them."""
    with tempfile.TemporaryDirectory(prefix="acetui-pictures-") as folder:
        for name in ("DATA", "STATE", "CONFIG"):
            os.environ[f"ACETUI_{name}"] = str(Path(folder) / name.lower())
        for name in ("ACETUI_MODELS", "ACESTEP_CHECKPOINTS_DIR", "NO_COLOR"):
            os.environ.pop(name, None)
        from sessions.new_session import create
        from sessions.places import session_path
        from sessions.settings import Settings

        session = session_path(SESSION)
        session.parent.mkdir(parents=True)
        recipe = {"duration": 20.0, "batch_size": 2, "bpm": 92, "keyscale": "A minor"}
        create(session, Settings.from_dict({"recipe": recipe, "loop": {"free_space_floor_gb": 0.0}}))
        try:
            asyncio.run(_opened("nocturne", (120, 36), _write_and_listen))
            asyncio.run(_opened("nocturne", (100, 28), _make_a_part_anew))
            asyncio.run(_opened("paper", (80, 24), _look_around))
        finally:
            subprocess.run([sys.executable, "-m", "acetui", "studio", SESSION, "--stop"], check=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
