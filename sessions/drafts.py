"""What is typed and not yet applied: one file a terminal, and texts that lost a clash. Nothing here is rendered."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from engine.errors import InvalidRequest, RenderFailed
from engine.fields import shown
from sessions.toml_text import key_written, written
from sessions.whole_files import write_whole

FOLDER = "drafts"
ASIDE = "aside"
"""The folder in it for whole texts that lost a clash."""

# Small letters only: on some file systems "A" and "a" would be one file.
_TERMINAL = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Draft:
    """What a terminal holds: fields as they were typed, unchecked, and the revision that they were typed on."""

    terminal: str
    based_on: int
    typed: Mapping[str, str]


class Drafts:
    """The drafts of one session. The studio knows which terminals are attached; files do not."""

    def __init__(self, session: Path) -> None:
        self.folder = session / FOLDER
        self._saved: dict[str, bytes] = {}

    def save(self, draft: Draft) -> None:
        """Keeps a draft, on disk when this returns; one that holds nothing is taken away.

        Meant to be called as a person types: what is on disk already is not written again. Raises InvalidRequest for a
        terminal that is no name, and RenderFailed where the disk refuses.
        """
        path = self._path(draft.terminal)
        if not draft.typed:
            self.discard(draft.terminal)
            return
        data = _text(draft).encode("utf-8")
        if self._saved.get(draft.terminal) != data:
            write_whole(path, data, overwrite=True)
            self._saved[draft.terminal] = data

    def get(self, terminal: str) -> Draft | None:
        """The draft of a terminal; None where there is none that can be read."""
        path = self._path(terminal)
        try:
            table = tomllib.loads(path.read_bytes().decode("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        based_on, typed = table.get("based_on"), table.get("typed")
        if type(based_on) is not int or not isinstance(typed, dict):
            return None
        return Draft(terminal, based_on, {name: text for name, text in typed.items() if isinstance(text, str)})

    def all(self) -> list[Draft]:
        """Every draft that can be read, in the order of its terminals' names."""
        try:
            names = sorted(path.stem for path in self.folder.iterdir() if path.suffix == ".toml")
        except OSError:
            return []
        drafts = (self.get(name) for name in names if _TERMINAL.fullmatch(name))
        return [draft for draft in drafts if draft]

    def orphans(self, attached: Collection[str]) -> list[Draft]:
        """The drafts whose terminals are gone."""
        return [draft for draft in self.all() if draft.terminal not in attached]

    def adopt(self, orphan: Draft, terminal: str) -> Draft:
        """Hands a draft on to another terminal; raises InvalidRequest where that one is typing something itself."""
        if self.get(terminal):
            raise InvalidRequest(
                f"The terminal {terminal} has a draft of its own.", "Apply or discard it, then take the other one."
            )
        adopted = Draft(terminal, orphan.based_on, orphan.typed)
        self.save(adopted)  # two copies for a moment, rather than none
        self.discard(orphan.terminal)
        return adopted

    def discard(self, terminal: str) -> None:
        """Takes a draft away: it was applied, or is not wanted."""
        path = self._path(terminal)
        try:
            path.unlink(missing_ok=True)
        except OSError as cause:
            reason = cause.strerror or type(cause).__name__
            raise RenderFailed(f"The draft {path} cannot be removed ({reason}).", "Check your rights.") from cause
        self._saved.pop(terminal, None)

    def set_aside(self, text: str, based_on: int) -> Path:
        """Keeps a whole session.toml that lost a clash, as it is; a text that is kept already is kept once."""
        data = text.encode("utf-8", "surrogateescape")
        paths = (self.folder / ASIDE / f"{based_on:04}-{number}.toml" for number in count(1))
        path = next(path for path in paths if not path.exists() or _holds(path, data))
        if not path.exists():
            write_whole(path, data)
        return path

    def _path(self, terminal: str) -> Path:
        if not _TERMINAL.fullmatch(terminal):
            hint = "It is made of small letters, digits, dots, dashes and underscores."
            raise InvalidRequest(f"{shown(terminal)} is not the name of a terminal.", hint)
        return self.folder / f"{terminal}.toml"


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def _text(draft: Draft) -> str:
    lines = [
        "# What was being typed and is not applied; the studio keeps this file.",
        f"based_on = {draft.based_on}",
        "",
        "[typed]",
        *(f"{key_written(_whole(name))} = {written(_whole(text))}" for name, text in draft.typed.items()),
    ]
    return "\n".join(lines) + "\n"


def _whole(text: str) -> str:
    """Half a character, as a terminal may deliver it in the middle of a paste, becomes the sign for that."""
    return text.encode("utf-8", "replace").decode("utf-8")
