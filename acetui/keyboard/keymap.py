"""People's own keys: ``keys.toml`` in their config folder, by the ids of actions.

pin = "p"
like = ["l", "f9"]
zoom = []          # no key
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from acetui.keyboard.actions import BY_ID, TEXT
from acetui.keyboard.keys import UNSENT, Keymap
from engine.errors import InvalidRequest

FILE = "keys.toml"

_NAMED = frozenset(
    "escape enter space tab backspace delete insert home end pageup pagedown up down left right".split()
    + [f"f{number}" for number in range(1, 13)]
)
_SHIFTED = frozenset("tab up down left right home end pageup pagedown f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12".split())
_TYPING = frozenset({TEXT, "lyrics"})
"""Scopes in which every letter is text."""


def load(folder: Path) -> tuple[Keymap, list[str]]:
    """The keys that count, and in sentences what of the file does not, which then is as it is shipped."""
    path = folder / FILE
    if not path.exists():
        return Keymap(), []
    import tomllib

    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
        return Keymap(), [f"{path} cannot be read, and the keys are those that came with acetui: {cause}."]
    own: dict[str, Sequence[str]] = {}
    problems = []
    for name, value in table.items():
        try:
            own[name] = read(name, value)
        except InvalidRequest as error:
            problems.append(f"{path.name}: {error}")
    keymap = Keymap(own)
    for keys, owner, other in keymap.clashes():
        problems.append(f"{path.name}: '{keys}' is the key of '{owner}' already, and not of '{other}'.")
    return keymap, problems


def read(name: str, value: object) -> tuple[str, ...]:
    """The keys in one line of the file. Raises InvalidRequest."""
    action = BY_ID.get(name)
    if action is None:
        near = get_close_matches(name, BY_ID, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else "docs/keys.md lists them."
        raise InvalidRequest(f"There is no action '{name}'.", hint)
    many = [value] if isinstance(value, str) else value
    if not isinstance(many, list) or not all(isinstance(keys, str) for keys in many):
        raise InvalidRequest(f"The keys of '{name}' are no text and no list of texts.", f'Write {name} = "x".')
    for keys in many:
        _check(name, keys, typing=action.scope in _TYPING)
    return tuple(" ".join(keys.split()) for keys in many)


def _check(name: str, keys: str, *, typing: bool) -> None:
    if not keys.split():
        raise InvalidRequest(f"A key of '{name}' is empty.", "[] takes every key from it.")
    for key in keys.split():
        if key in UNSENT:
            raise InvalidRequest(f"'{key}' arrives as {UNSENT[key]} from most terminals.", "Choose another key.")
        if not _is_key(key):
            raise InvalidRequest(f"'{key}' is no key.", "Keys are like x, X, ?, ctrl+g, f5, space, shift+tab.")
    if typing and len(keys.split()[0]) == 1:
        raise InvalidRequest(f"'{keys}' would be typed where '{name}' counts.", "Choose a key with ctrl, or f1 to f12.")


def _is_key(key: str) -> bool:
    if len(key) == 1:
        return key.isprintable() and not key.isspace()
    before, plus, last = key.rpartition("+")
    if not plus:
        return key in _NAMED
    if before == "ctrl":
        return (len(last) == 1 and last.isascii() and (last.isalnum() or last in "@^_]\\")) or last in _SHIFTED
    return before in ("shift", "alt", "ctrl+shift") and (last in _NAMED or (before == "alt" and len(last) == 1))
