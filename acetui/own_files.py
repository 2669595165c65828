"""What a person sets up for the terminal: where those files are, read so that every complaint names its line."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from engine.errors import InvalidRequest
from engine.fields import shown
from sessions.errors import BadSessionFile
from sessions.toml_text import decode, load, place


def config_folder(env: Mapping[str, str] | None = None) -> Path:
    """The user's folder for settings, keys and themes: ``ACETUI_CONFIG``, else the platform's place."""
    env = os.environ if env is None else env
    if env.get("ACETUI_CONFIG"):
        return Path(env["ACETUI_CONFIG"]).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "acetui" / "config"
    return Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config").expanduser() / "acetui"


@dataclass(frozen=True)
class TomlFile:
    """What a file says: ``tables`` is its content, ``name`` what messages call it."""

    name: str
    text: str
    tables: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> TomlFile:
        """The file at ``path``; one that is not there says nothing. Raises InvalidRequest where it cannot be read."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as cause:
            reason = cause.strerror or type(cause).__name__
            raise InvalidRequest(f"{path} cannot be read ({reason}).", "Check your rights.") from None
        return cls.of(decode(data, path.name), path.name)

    @classmethod
    def of(cls, text: str, name: str) -> TomlFile:
        """A file with this text. Raises InvalidRequest where it is no TOML."""
        return cls(name, text, load(text, name))

    def refusal(self, error: str, hint: str, *where: str) -> BadSessionFile:
        """The complaint about the key that ``where`` leads to."""
        from sessions.toml_layout import layout

        line, column = place(self.text, layout(self.text).find(where))
        return BadSessionFile(error, hint, line=line, column=column, file=self.name, field=where[-1])

    def unknown(self, known: Collection[str], *where: str) -> BadSessionFile:
        """The complaint about a key that means nothing."""
        near = get_close_matches(where[-1], known, n=1)
        hint = f"Did you mean '{near[0]}'?" if near else f"There is {', '.join(known)}."
        return self.refusal(f"{shown(where[-1])} means nothing here.", hint, *where)
