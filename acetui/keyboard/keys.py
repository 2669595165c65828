"""Which action a key means: from the table of actions, people's own keys, and where the focus is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from acetui.keyboard.actions import ACTIONS, EVERYWHERE, SCOPES, Action

Typed = tuple[str, ...]
"""Keys in a row, as ``key_name`` names them."""

_SHOWN = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn", "up": "↑", "down": "↓", "left": "←", "right": "→"}

_WRITTEN = frozenset({"space", "enter"})
"""Keys that write, beside those with a sign."""

UNSENT = {"ctrl+h": "backspace", "ctrl+i": "tab", "ctrl+m": "enter", "ctrl+j": "enter"}
"""Keys that a plain terminal sends as another one."""


class Unknown(Enum):
    """What keys may mean that are no action: nothing at all, or the beginning of several."""

    NOTHING = "nothing"
    BEGINNING = "beginning"


def key_name(key: str, character: str | None) -> str:
    """A key as the table writes it: by the sign it types if it types one, so ``?`` and not ``question_mark``."""
    if character and character.isprintable() and not character.isspace():
        return character
    return key


def writes(key: str) -> bool:
    """Whether a key writes something where one is typing."""
    return len(key) == 1 or key in _WRITTEN


def shown(keys: str) -> str:
    """Keys as people read them: ``^g``, ``esc``, ``g g``."""
    return " ".join(_one_shown(key) for key in keys.split())


def _one_shown(key: str) -> str:
    if key.startswith("ctrl+") and len(key) == len("ctrl+x"):
        return f"^{key[-1]}"
    if key.startswith("shift+"):
        return f"s-{_one_shown(key.removeprefix('shift+'))}"
    return _SHOWN.get(key, key)


@dataclass
class Keymap:
    """The keys of every action. ``own`` has those that a person has changed, by action; no keys at all unbind it."""

    own: Mapping[str, Sequence[str]] = field(default_factory=dict)
    actions: Sequence[Action] = ACTIONS

    def __post_init__(self) -> None:
        self._by_id = {action.id: action for action in self.actions}
        self._meant: dict[str, dict[Typed, str]] = {scope: {} for scope in SCOPES}
        for action in self.actions:
            for keys in self.keys(action.id):
                self._meant[action.scope].setdefault(tuple(keys.split()), action.id)
        self._beginnings = {
            scope: {keys[:length] for keys in meant for length in range(1, len(keys))}
            for scope, meant in self._meant.items()
        }

    def keys(self, action_id: str) -> Sequence[str]:
        """The keys of an action, the main one first."""
        return self.own.get(action_id, self._by_id[action_id].keys)

    def find(self, scopes: Iterable[str], typed: Typed) -> Action | Unknown:
        """What ``typed`` means where ``scopes`` count, the nearest first."""
        beginning = False
        for scope in (*scopes, EVERYWHERE):
            if (found := self._meant[scope].get(typed)) is not None:
                return self._by_id[found]
            beginning = beginning or typed in self._beginnings[scope]
        return Unknown.BEGINNING if beginning else Unknown.NOTHING

    def going_on(self, scopes: Iterable[str], typed: Typed) -> list[tuple[str, Action]]:
        """What can follow ``typed``: the next key, and what it would do."""
        going: dict[str, Action] = {}
        for scope in (*scopes, EVERYWHERE):
            for keys, action_id in self._meant[scope].items():
                if len(keys) > len(typed) and keys[: len(typed)] == typed:
                    going.setdefault(" ".join(keys[len(typed) :]), self._by_id[action_id])
        return sorted(going.items())

    def bar(self, scopes: Iterable[str], *, typing: bool = False) -> list[tuple[str, Action]]:
        """What the key bar offers where ``scopes`` count: a key and its action, in the table's order.

        While one is ``typing`` a letter or a sign is text, so that only other keys are offered.
        """
        counted = {EVERYWHERE, *scopes}
        offered = []
        for action in sorted(self.actions, key=lambda action: action.bar):
            if action.bar and action.scope in counted:
                keys = [each for each in self.keys(action.id) if not (typing and writes(each.split()[0]))]
                offered += [(key, action) for key in keys[:1]]
        return offered

    def clashes(self) -> list[tuple[str, str, str]]:
        """Keys with two actions in one scope: the keys, who has them, and who does not get them."""
        found = []
        for scope in SCOPES:
            owners: dict[Typed, str] = {}
            for action in (action for action in self.actions if action.scope == scope):
                for typed in (tuple(keys.split()) for keys in self.keys(action.id)):
                    owner = owners.setdefault(typed, action.id)
                    if owner != action.id:
                        found.append((" ".join(typed), owner, action.id))
            for keys in owners:
                for length in range(1, len(keys)):
                    if keys[:length] in owners:
                        found.append((" ".join(keys[:length]), owners[keys[:length]], owners[keys]))
        return found
