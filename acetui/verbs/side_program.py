"""A program of the engine's beside a verb, asked one question after the other: the verb itself loads no libraries."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from engine import EngineError
from sessions.side_process import NO_LIBRARIES, program


class NoLibrariesHere(EngineError):
    """What the verb does needs libraries that are not installed on this machine."""

    exit_code = 3


class Asking:
    """A program that answers a JSON line for every line that it gets; ``does`` says what, as the subject of a sentence.

    Raises NoLibrariesHere where it cannot, and EngineError where it has died over a question.
    """

    def __init__(self, process: subprocess.Popen[str], does: str) -> None:
        self._process, self._does = process, does

    def __call__(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = ""
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            pass  # it has ended, and its status says why
        if not line and self._process.wait() == NO_LIBRARIES:
            raise NoLibrariesHere(
                f"{self._does} needs the engine's libraries, which are missing here.", "Install them: `make studio`."
            )
        if not line:
            raise EngineError(f"{self._does} failed: the program that does it has died.", "Run it again.")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def side_program(module: str, does: str) -> Iterator[Asking]:
    """A module of the engine, running until the end of the block."""
    process = subprocess.Popen(program(module), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Asking(process, does)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what it was not told before it died
                    pipe.close()
