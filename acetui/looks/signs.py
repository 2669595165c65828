"""What is drawn with which signs: in Unicode where the terminal can, in plain ASCII everywhere else.

Every state has a sign of its own, so that none is told by its colour alone. Signs are one cell wide in every terminal:
none of them has a picture among the emoji, whose width terminals disagree about.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from acetui.looks.terminal_settings import AUTO, TerminalSettings


@dataclass(frozen=True)
class Glyphs:
    """One sign for each thing there is to say."""

    pinned: str
    liked: str
    rejected: str
    faulty: str
    playing: str
    unheard: str
    marked: str
    """Chosen, for what is done to several takes at once."""

    noted: str
    trashed: str
    child: str
    """A take that was made from a take."""

    tie: str
    """A score that is not apart from its neighbour's."""

    no_score: str
    changed: str
    """Typed and not applied."""

    locked: str
    yes: str
    no: str
    loop_on: str
    loop_off: str
    loop_waits: str
    trouble: str
    sketch: str
    arrow: str
    up: str
    down: str
    folded: str
    unfolded: str
    dash: str
    bar: str
    """Beside what is active."""

    dot: str
    """Between two things on a line."""

    more: str
    """Something was left out."""

    degree: str
    branch: str
    last_branch: str
    trunk: str
    playhead: str
    section: str
    """Where a section of a song begins."""


UNICODE = Glyphs(
    pinned="★",
    liked="♡",
    rejected="✗",
    faulty="!",
    playing="►",
    unheard="•",
    marked="◆",
    noted="¶",
    trashed="⌫",
    child="↳",
    tie="~",
    no_score="–",
    changed="∗",
    locked="=",
    yes="✓",
    no="✗",
    loop_on="●",
    loop_off="○",
    loop_waits="◐",
    trouble="!",
    sketch="≈",
    arrow="→",
    up="↑",
    down="↓",
    folded="▸",
    unfolded="▾",
    dash="─",
    bar="▌",
    dot="·",
    more="…",
    degree="°",
    branch="├",
    last_branch="└",
    trunk="│",
    playhead="│",
    section="▏",
)

ASCII = Glyphs(
    pinned="*",
    liked="+",
    rejected="x",
    faulty="!",
    playing=">",
    unheard=".",
    marked="#",
    noted="n",
    trashed="d",
    child="^",
    tie="~",
    no_score="-",
    changed="*",
    locked="=",
    yes="y",
    no="x",
    loop_on="@",
    loop_off="o",
    loop_waits="=",
    trouble="!",
    sketch="~",
    arrow=">",
    up="^",
    down="v",
    folded="+",
    unfolded="-",
    dash="-",
    bar=">",
    dot="-",
    more=".",
    degree=" ",
    branch="|",
    last_branch="`",
    trunk="|",
    playhead="|",
    section="|",
)

BRAILLE, BLOCKS, PLAIN = "braille", "blocks", "ascii"
"""What waveforms are drawn with: two by four dots a cell, eighths of a cell, or signs of a typewriter."""

FAST, SLOW = 0.25, 1.0
"""Seconds between two pictures of what moves by itself, and the same on a slow line."""

_TO_ASCII: Mapping[int, str] = MappingProxyType(
    {ord(getattr(UNICODE, sign.name)): getattr(ASCII, sign.name) for sign in fields(Glyphs)}
    | {ord(sign): plain for sign, plain in (("’", "'"), ("“", '"'), ("”", '"'), ("←", "<"), ("×", "x"), ("█", "#"))}
)


@dataclass(frozen=True)
class Looks:
    """How this terminal is drawn to."""

    glyphs: Glyphs
    waveform: str
    redraw_seconds: float = FAST
    """How often at most something that moves by itself is drawn anew."""

    @property
    def ascii(self) -> bool:
        """Whether only ASCII may be written."""
        return self.glyphs is ASCII

    def words(self, text: str) -> str:
        """A sentence of the studio's own with the signs that this terminal has; what a person wrote stays as it is."""
        return text.translate(_TO_ASCII) if self.ascii else text

    def bar(self, share: float, cells: int) -> str:
        """A bar of so many cells, filled to ``share``: in eighths of a cell, or in whole ones."""
        eighths = round(min(max(share, 0.0), 1.0) * cells * 8)
        if self.ascii:
            return "#" * (eighths // 8) + "." * (cells - eighths // 8)
        whole, part = divmod(eighths, 8)
        return ("█" * whole + (" ▏▎▍▌▋▊▉"[part] if part else "")).ljust(cells)


def looks_of(settings: TerminalSettings, env: Mapping[str, str] | None = None) -> Looks:
    """How to draw with these settings, in a terminal of which only the environment is known."""
    env = os.environ if env is None else env
    ascii_only = not speaks_unicode(env) if settings.ascii is None else settings.ascii
    waveform = settings.waveform
    if ascii_only:
        waveform = PLAIN
    elif waveform == AUTO:
        waveform = BRAILLE
    slow = over_ssh(env) if settings.slow_line is None else settings.slow_line
    return Looks(ASCII if ascii_only else UNICODE, waveform, SLOW if slow else FAST)


def over_ssh(env: Mapping[str, str]) -> bool:
    """Whether the terminal is at the other end of a line."""
    return bool(env.get("SSH_CONNECTION") or env.get("SSH_TTY"))


def speaks_unicode(env: Mapping[str, str]) -> bool:
    """Whether the terminal shows more than ASCII, as its locale and its kind say.

    The console of Linux has 512 signs, and none of those that waveforms and marks are drawn with.
    """
    if env.get("TERM", "") in ("dumb", "linux", "vt100", "vt220", "ansi"):
        return False
    locale = next((env[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if env.get(name)), "")
    return "utf8" in locale.lower().replace("-", "")
