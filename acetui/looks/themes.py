"""Themes: colours as data, in the wheel's ``themes/`` and in a person's own folder.

A theme needs one colour, ``primary``; whatever else it leaves open is worked out from that, and so that it can be read.
A theme of the ``ansi`` kind has the terminal's own sixteen colours by name. Nothing here knows what draws with them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

import themes
from acetui.looks.colours import blend, contrast, is_colour, parse, readable, written
from acetui.looks.terminal_settings import AUTO
from acetui.own_files import TomlFile, config_folder
from engine.errors import EngineError, InvalidRequest
from engine.fields import shown

FOLDER = "themes"
"""Of a person's own, in their config folder."""

SUFFIX = ".toml"
KINDS = ("dark", "light", "ansi")

DARK, LIGHT, ANSI, MONO = "nocturne", "paper", "ansi", "mono"
"""The themes that are chosen where nobody chooses: on dark and light terminals, with sixteen colours, with none."""

BASE = (
    "primary", "secondary", "accent", "foreground", "background", "surface", "panel", "warning", "error", "success",
)  # fmt: skip
"""The colours that any program has."""

TEXTS = (
    "quiet", "score-high", "score-mid", "score-low", "pinned", "liked", "rejected", "new-mark", "tag", "backing",
    "syllable-good", "syllable-long", "sketch",
)  # fmt: skip
"""What is written in a colour of its own, by what it says."""

MARKS = ("wave", "wave-played", "playhead", "boundary")
"""What is drawn: a little less contrast will do."""

CURSOR = ("cursor", "cursor-text")
"""The row that is selected: its background, and what is written on it."""

TEXT_CONTRAST, MARK_CONTRAST = 4.5, 3.0
"""WCAG 2.2, 1.4.3 and 1.4.11."""

ANSI_NAMES = tuple("black red green yellow blue magenta cyan white".split())
ANSI_COLOURS = ("default", *ANSI_NAMES, *(f"bright-{name}" for name in ANSI_NAMES))


@dataclass(frozen=True)
class Theme:
    """A theme with every colour there is: ``#rrggbb``, or names of ``ANSI_COLOURS`` where its ``kind`` is ansi."""

    name: str
    title: str
    kind: str
    colours: Mapping[str, str]
    path: Path | None = None
    """The file of a person's own theme; None for one of the wheel's."""

    @property
    def dark(self) -> bool:
        """Whether it is written in light on dark; of the terminal's own colours nobody knows."""
        return self.kind != "light"

    def weak(self) -> list[str]:
        """What is hard to read in it, as sentences."""
        if self.kind == ANSI:
            return []
        pairs = [(name, ground) for name in self.colours for ground in _grounds(name)]
        return [
            f"{name} on {ground} has a contrast of {ratio:.1f}: {least:g} is what can be read well."
            for name, ground in pairs
            if (ratio := contrast(self.colours[name], self.colours[ground])) < (least := _least(name))
        ]


@dataclass(frozen=True)
class Shelf:
    """All themes by name, the wheel's first, and what is wrong with the files that are none."""

    themes: Mapping[str, Theme]
    problems: tuple[EngineError, ...] = ()


def theme_of(file: TomlFile, name: str, path: Path | None = None) -> Theme:
    """The theme that ``file`` describes. Raises InvalidRequest that says what is wrong and where."""
    table = file.tables
    kind, title = table.get("kind", "dark"), table.get("title", name)
    if kind not in KINDS:
        raise file.refusal(f"kind cannot be {shown(kind)}.", f"It is one of {', '.join(KINDS)}.", "kind")
    if not isinstance(title, str) or not title.strip() or not title.isprintable():
        raise file.refusal("title is a few words.", 'For example title = "Night train".', "title")
    marks = table.get("marks", {})
    if not isinstance(marks, dict):
        raise file.refusal("marks must be a table.", "Write a line '[marks]'.", "marks")
    given = _colours(file, {key: table[key] for key in table if key not in ("kind", "title", "marks")}, kind, BASE)
    given |= _colours(file, marks, kind, (*TEXTS, *MARKS, *CURSOR), "marks")
    if "primary" not in given:
        example = 'primary = "blue"' if kind == ANSI else 'primary = "#7aa2f7"'
        raise InvalidRequest(f"{file.name} names no primary colour.", f"Write a line such as {example}.")
    derive = _derived_ansi if kind == ANSI else _derived
    return Theme(name, title.strip(), kind, MappingProxyType(derive(given, kind != "light")), path)


def shelf(env: Mapping[str, str] | None = None) -> Shelf:
    """Every theme of the wheel and of the person's own folder; of two with a name the person's own counts."""
    found: dict[str, Theme] = {}
    problems: list[EngineError] = []
    for name in names(env):
        try:
            found[name] = find(name, env)
        except EngineError as error:
            problems.append(error)
    return Shelf(MappingProxyType(found), tuple(problems))


def names(env: Mapping[str, str] | None = None) -> list[str]:
    """The names of all themes that there are files for, none of them read."""
    return sorted({*_in_the_wheel(), *_in_folder(env)})


def find(name: str, env: Mapping[str, str] | None = None) -> Theme:
    """One theme, without reading the others. Raises InvalidRequest where there is none, or it cannot be used."""
    if own := _in_folder(env).get(name):
        return theme_of(TomlFile.read(own), name, own)
    return shipped(name, names(env))


def shipped(name: str, known: Sequence[str] = ()) -> Theme:
    """One theme of the wheel. Raises InvalidRequest, with the nearest ``known`` name, where there is none."""
    file = _in_the_wheel().get(name)
    if file is None:
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"There is {', '.join(known)}."
        raise InvalidRequest(f"There is no theme {shown(name)}.", hint, field="theme")
    return theme_of(TomlFile.read(file), name)


def choose(
    name: str, env: Mapping[str, str] | None = None, *, insisted: bool = False
) -> tuple[Theme, tuple[EngineError, ...]]:
    """The theme to use where ``name`` is asked for, and what was wrong with it if it is another one.

    ``auto`` is the one that fits the terminal. NO_COLOR asks for none at all, and goes before a name that nobody
    ``insisted`` on for this run. Never raises: the studio opens with some colours or others.
    """
    env = os.environ if env is None else env
    problems: tuple[EngineError, ...] = ()
    wanted = fitting(env) if name == AUTO or (env.get("NO_COLOR") and not insisted) else name
    try:
        return find(wanted, env), ()
    except EngineError as error:
        problems = (error,)
    return shipped(fitting(env)), problems


def fitting(env: Mapping[str, str]) -> str:
    """The name of the theme for a terminal of which only its environment is known."""
    if env.get("NO_COLOR"):
        return MONO
    if env.get("COLORTERM", "").lower() not in ("truecolor", "24bit"):
        return ANSI
    background = env.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT if background in ("7", "15") else DARK


class Watch:
    """Whether a person has changed the file of the theme in use since it was looked at last."""

    def __init__(self, theme: Theme) -> None:
        self._path = theme.path
        self._seen = self._stamp()

    def changed(self) -> bool:
        """True once for each change; a theme of the wheel never changes."""
        before, self._seen = self._seen, self._stamp()
        return self._seen is not None and self._seen != before

    def _stamp(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


def _in_the_wheel() -> dict[str, Path]:
    """The files of the themes that came with acetui, by the names of those."""
    return {path.stem: path for path in Path(themes.__path__[0]).glob(f"*{SUFFIX}")}


def _in_folder(env: Mapping[str, str] | None) -> dict[str, Path]:
    """The files of a person's own."""
    return {path.stem: path for path in (config_folder(env) / FOLDER).glob(f"*{SUFFIX}")}


def _colours(
    file: TomlFile, table: Mapping[str, Any], kind: str, known: tuple[str, ...], *where: str
) -> dict[str, str]:
    """The colours that a table gives, each checked."""
    for name, value in table.items():
        if name not in known:
            raise file.unknown(known, *where, name)
        if kind == ANSI and value not in ANSI_COLOURS:
            hint = f"An ansi theme has {', '.join(ANSI_COLOURS)}."
            raise file.refusal(f"{name} cannot be {shown(value)}.", hint, *where, name)
        if kind != ANSI and not (isinstance(value, str) and is_colour(value)):
            hint = 'A colour is written as "#7aa2f7".'
            raise file.refusal(f"{name} cannot be {shown(value)}.", hint, *where, name)
    return {name: value if kind == ANSI else written(parse(value)) for name, value in table.items()}


def _grounds(name: str) -> tuple[str, ...]:
    if name == "cursor-text":
        return ("cursor",)
    return () if name in ("background", "surface", "panel", "cursor") else ("background", "surface", "panel")


def _least(name: str) -> float:
    return MARK_CONTRAST if name in MARKS else TEXT_CONTRAST


def _derived(given: Mapping[str, str], dark: bool) -> dict[str, str]:
    """Every colour: those that are given as they are, the others from them."""
    all_of = dict(given)
    primary = given["primary"]
    paper, ink = ("#0f1116", "#ffffff") if dark else ("#fbfaf8", "#000000")

    def add(name: str, colour: Callable[[], str]) -> str:
        """Unless it was given: ``colour``, moved until it can be read."""
        if name not in all_of:
            grounds = tuple(all_of[ground] for ground in _grounds(name) if ground in all_of)
            all_of[name] = readable(colour(), grounds, _least(name)) if grounds else colour()
        return all_of[name]

    ground = add("background", lambda: blend(paper, primary, 0.04))
    add("surface", lambda: blend(ground, ink, 0.03))
    add("panel", lambda: blend(ground, ink, 0.07))
    text = add("foreground", lambda: blend(ink, ground, 0.12))
    secondary = add("secondary", lambda: blend(primary, text, 0.35))
    accent = add("accent", lambda: _opposite(primary))
    warning = add("warning", lambda: "#d9a441")
    error = add("error", lambda: "#d95757")
    success = add("success", lambda: "#5fae6b")
    quiet = add("quiet", lambda: blend(text, ground, 0.4))
    for name, colour in {
        "score-high": success,
        "score-mid": warning,
        "score-low": quiet,
        "pinned": accent,
        "liked": secondary,
        "rejected": error,
        "new-mark": accent,
        "tag": secondary,
        "backing": quiet,
        "syllable-good": success,
        "syllable-long": warning,
        "sketch": warning,
        "wave": blend(primary, ground, 0.4),
        "wave-played": primary,
        "playhead": accent,
        "boundary": blend(text, ground, 0.55),
    }.items():
        add(name, lambda colour=colour: colour)  # type: ignore[misc]
    cursor = add("cursor", lambda: blend(ground, primary, 0.3))
    if "cursor-text" not in all_of:
        all_of["cursor-text"] = readable(text, (cursor,), TEXT_CONTRAST)
    return all_of


def _derived_ansi(given: Mapping[str, str], _dark: bool) -> dict[str, str]:
    """The same where colours are names: what is left open is the terminal's default, or the primary colour."""
    plain = dict.fromkeys((*BASE, *TEXTS, *MARKS, *CURSOR), "default")
    follows = dict.fromkeys(("secondary", "accent", "wave", "wave-played", "playhead"), given["primary"])
    return plain | follows | dict(given)


def _opposite(colour: str) -> str:
    """The hue across from that of ``colour``."""
    import colorsys

    hue, lightness, saturation = colorsys.rgb_to_hls(*parse(colour))
    return written(colorsys.hls_to_rgb((hue + 0.5) % 1, lightness, saturation))
