"""What can be wrong with a session: failures of the engine's family, each with a sentence and a hint."""

from __future__ import annotations

from pathlib import Path

from engine.errors import EngineError, InvalidRequest


class MissingSession(EngineError):
    """A session that is not where it was said to be."""

    exit_code = 3


class BadSetting(InvalidRequest):
    """A table or a key of a session that cannot be used.

    ``path`` leads to it: ``("loop", "takes")``. ``field`` is the same in one word; fields of the recipe have their
    published names alone.
    """

    def __init__(self, error: str, hint: str, path: tuple[str, ...]) -> None:
        inner = path[1:] if path[:1] == ("recipe",) and path[1:] else path
        super().__init__(error, hint, field=".".join(inner) or None)
        self.path = path


class BadSessionFile(InvalidRequest):
    """A file of a session that cannot be read as it is; ``line`` and ``column`` count from 1, in characters."""

    def __init__(
        self, error: str, hint: str, *, line: int, column: int, file: str = "session.toml", field: str | None = None
    ) -> None:
        super().__init__(f"{file}, line {line}, column {column}: {error}", hint, field=field)
        self.line = line
        self.column = column


class Clash(EngineError):
    """Two changes of one session at the same time. Both are kept: ``theirs`` holds, ``mine`` is in the file ``kept``.

    ``mine`` and ``theirs`` are whole texts of session.toml.
    """

    def __init__(self, error: str, *, mine: str, theirs: str, kept: Path) -> None:
        super().__init__(error, f"Yours is kept in {kept}: compare the two, and apply what you want of it.")
        self.mine = mine
        self.theirs = theirs
        self.kept = kept
