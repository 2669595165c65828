"""Every failure a person can cause or meet: one sentence that says what is wrong, one that says what to do.

The classes follow the exit codes of the command line, because that is the only distinction callers make.
"""

from __future__ import annotations


class EngineError(Exception):
    """A failure with a sentence for a person and a hint; ``field`` names the request field it is about, if any."""

    exit_code = 1

    def __init__(self, error: str, hint: str = "", *, field: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.hint = hint
        self.field = field

    def __str__(self) -> str:
        return f"{self.error} {self.hint}".strip()

    def to_dict(self) -> dict[str, str | None]:
        """The JSON form that the command line, the engine process and the HTTP API share."""
        return {"error": self.error, "hint": self.hint, "field": self.field}


class RenderFailed(EngineError):
    """The model ran, but what came out is not a take: silent, not finite, out of memory, disk full."""


class OutOfMemory(RenderFailed):
    """Memory ran out, on whichever device; the same again with less of something may fit."""

    def __init__(
        self,
        error: str = "There is not enough memory for this.",
        hint: str = "Try a smaller batch, a shorter duration, or a smaller model.",
        *,
        field: str | None = None,
    ) -> None:
        super().__init__(error, hint, field=field)


class InvalidRequest(EngineError):
    """A value that nobody can render; ``field`` is the published name of the parameter."""

    exit_code = 2


class BadCheckpoint(EngineError):
    """A model that is missing, unfinished, damaged or not what its name says."""

    exit_code = 3


class Cancelled(EngineError):
    """The person asked to stop, and it stopped."""

    exit_code = 130

    def __init__(self, error: str = "Cancelled.", hint: str = "Nothing was written.") -> None:
        super().__init__(error, hint)
