"""Pictures of the terminal as text: what stands on the screen, and a digest of each line's colours and styles.

They are kept in ``pictures/screens/``, one file for each screen and size, with the digests of every theme below the
text. ``ACETUI_NEW_PICTURES=1`` draws them anew; what changed is then read in the diff.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.segment import Segment
from textual.app import App

FOLDER = Path(__file__).parent / "pictures" / "screens"
_RULE = "=" * 8
_IN_A_ROW = 10


def lines_of(app: App[Any]) -> list[list[Segment]]:
    """The lines of the screen, as they are drawn."""
    height = app.size.height
    strips = app.screen._compositor.render_strips()
    return [list(strip) for strip in strips[:height]]


def text_of(app: App[Any]) -> list[str]:
    """The lines of the screen as text, without blanks at their ends."""
    return ["".join(segment.text for segment in line).rstrip() for line in lines_of(app)]


def styles_of(app: App[Any]) -> list[str]:
    """A digest for each line of the colours and styles in it, cell by cell; what no one can see does not count."""
    return [hashlib.sha256(_cells(line).encode()).hexdigest()[:6] for line in lines_of(app)]


def _cells(line: list[Segment]) -> str:
    runs: list[tuple[str, int]] = []
    for segment in line:
        for sign in segment.text:
            look = _look(segment, blank=sign == " ")
            if runs and runs[-1][0] == look:
                runs[-1] = (look, runs[-1][1] + 1)
            else:
                runs.append((look, 1))
    return "|".join(f"{look}*{count}" for look, count in runs)


def _look(segment: Segment, *, blank: bool) -> str:
    style = segment.style
    if style is None:
        return ""
    back = style.bgcolor.name if style.bgcolor else ""
    fore = style.color.name if style.color else ""
    if blank and not style.reverse and not style.underline:
        return back
    looks = {"b": style.bold, "d": style.dim, "i": style.italic, "u": style.underline, "r": style.reverse}
    marks = "".join(sign for sign, on in looks.items() if on)
    return f"{fore} on {back} {marks}"


def check(name: str, text: list[str], styles: Mapping[str, list[str]]) -> None:
    """Compares with the picture of that name. Raises AssertionError that shows what differs."""
    path = FOLDER / f"{name}.txt"
    drawn = _written(text, styles)
    if os.environ.get("ACETUI_NEW_PICTURES"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        path.write_text(drawn, encoding="utf-8")
        return
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    if drawn != kept:
        told = "\n".join(difflib.unified_diff(kept.splitlines(), drawn.splitlines(), "kept", "drawn", lineterm="", n=1))
        raise AssertionError(f"{path.name} is not what is drawn; ACETUI_NEW_PICTURES=1 draws it anew.\n{told}")


def _written(text: list[str], styles: Mapping[str, list[str]]) -> str:
    parts = ["\n".join(text)]
    for theme, digests in styles.items():
        rows = (digests[at : at + _IN_A_ROW] for at in range(0, len(digests), _IN_A_ROW))
        parts.append(f"{_RULE} {theme}\n" + "\n".join(" ".join(row) for row in rows))
    return "\n".join(parts) + "\n"
