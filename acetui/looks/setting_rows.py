"""Settings as they are shown and turned: the values that each can have, in words. No toolkit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from acetui.looks.terminal_settings import AUTO, TerminalSettings
from engine.fields import Field

TITLES = {"slow_line": "slow line", "sound_device": "sound device", "match_loudness": "one loudness"}


@dataclass(frozen=True)
class SettingRow:
    """One setting: its name, its value, the values that one can turn to (none for free text), where it came from."""

    name: str
    value: Any
    choices: tuple[Any, ...]
    origin: str
    help: str

    @property
    def title(self) -> str:
        """Its name as people read it."""
        return TITLES.get(self.name, self.name)

    def turned(self, by: int) -> Any:
        """The value after this one, or before it; the same where it is free text."""
        if not self.choices:
            return self.value
        at = self.choices.index(self.value) if self.value in self.choices else -1 if by > 0 else 0
        return self.choices[(at + by) % len(self.choices)]


def rows(settings: TerminalSettings, origins: dict[str, str], themes: Sequence[str]) -> list[SettingRow]:
    """Every setting, in the order of the file."""
    return [
        SettingRow(name, getattr(settings, name), _choices(field, themes), origins[name], field.help)
        for name, field in TerminalSettings.fields().items()
    ]


def shown_value(value: Any) -> str:
    """A value in a word: what is chosen by itself is auto."""
    return AUTO if value is None else ("on" if value else "off") if isinstance(value, bool) else str(value)


def _choices(field: Field, themes: Sequence[str]) -> tuple[Any, ...]:
    if field.name == "theme":
        return (AUTO, *themes)
    if field.kind == "bool":
        return (None, True, False) if field.optional else (True, False)
    return field.choices
