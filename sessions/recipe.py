"""session.toml: read with the place of every mistake, changed without touching what a person wrote around it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import InvalidRequest
from sessions.errors import BadSessionFile, BadSetting, MissingSession
from sessions.places import SESSION_FILE
from sessions.settings import Settings
from sessions.toml_edit import with_values
from sessions.toml_layout import layout
from sessions.toml_text import decode, load, place
from sessions.whole_files import write_whole

LARGEST = 2**20
"""Bytes of a file that is read at all: a larger one was put here by mistake."""

Changes = Mapping[str, Mapping[str, Any]]
"""New values by table and key, such as ``{"recipe": {"bpm": 104}, "loop": {"takes": None}}``; None takes one back."""


def parse(text: str, file: str = SESSION_FILE) -> Settings:
    """The settings in the text of a session.toml; raises BadSessionFile with line, column and what is wrong there."""
    table = load(text, file)
    try:
        return Settings.from_dict(table)
    except BadSetting as error:
        body = text.removeprefix("\ufeff")
        line, column = place(body, layout(body).find(error.path))
        raise BadSessionFile(error.error, error.hint, line=line, column=column, file=file, field=error.field) from None


def edit(text: str, changes: Changes) -> str:
    """``text`` with other values in it; comments, order, formatting and values that stay the same are not touched.

    Raises BadSessionFile where ``text`` cannot be read, BadSetting for a value that is refused, and InvalidRequest for
    one that is written in a way that only a person can change.
    """
    before = parse(text)
    after = before.replace(changes)
    for table, values in changes.items():
        old, new = before.values(table), after.values(table)
        differ = [name for name in values if old.get(name) != new.get(name)]
        text = with_values(text, (table,), {name: None if values[name] is None else new.get(name) for name in differ})
    if _read_back(text) != after:
        tables = " and ".join(f"[{table}]" for table in changes)
        hint = "Change it there yourself, or write each table under a line with its name, such as [recipe]."
        raise InvalidRequest(f"{tables} of {SESSION_FILE} cannot be changed in the form in which it is written.", hint)
    return text


def _read_back(text: str) -> Settings | None:
    try:
        return parse(text)
    except BadSessionFile:
        return None


class SessionFile:
    """The session.toml of one session."""

    def __init__(self, session: Path) -> None:
        self.path = session / SESSION_FILE

    def data(self) -> bytes:
        """The bytes on disk; raises MissingSession, or BadSessionFile for so many that they are no session."""
        try:
            with open(self.path, "rb") as file:
                data = file.read(LARGEST + 1)
        except OSError as cause:
            reason = cause.strerror or type(cause).__name__
            hint = f"A session is a folder with a {SESSION_FILE}."
            raise MissingSession(f"{self.path} cannot be read: {reason}.", hint) from None
        if len(data) > LARGEST:
            raise BadSessionFile(f"it has more than {LARGEST} bytes.", "It cannot be a session.", line=1, column=1)
        return data

    def text(self) -> str:
        """The text as it is on disk; raises as ``data`` does, and BadSessionFile where it is not UTF-8."""
        return decode(self.data(), SESSION_FILE)

    def read(self) -> Settings:
        """The settings; raises as ``text`` and ``parse`` do."""
        return parse(self.text())

    def write(self, text: str) -> None:
        """Puts ``text`` in place of the file, whole or not at all; raises RenderFailed where that fails."""
        write_whole(self.path, text.encode("utf-8"), overwrite=True)

    def update(self, changes: Changes) -> Settings:
        """Changes values in the file and returns its settings. See ``edit``; for two hands at once, ``Revisions``."""
        text = self.text()
        changed = edit(text, changes)
        if changed != text:
            self.write(changed)
        return parse(changed)
