"""A small program of the engine's beside the studio: it does what needs libraries that must not be loaded here.

It answers a JSON line for every line that it gets. It is started at the first question, ended when nobody has asked for
a while, and started again where it has died: a damaged file may well kill a library that reads it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import EngineError

NO_LIBRARIES = 3
"""What such a program ends with where its libraries are missing. It is run, and never imported."""

IDLE_SECONDS = 120.0
ANSWER_SECONDS = 30.0
"""How long an answer may take, unless a program has more to do."""

_LONGEST_LINE = 1 << 20


class NoAnswer(EngineError):
    """A question that the program has not answered: it has died over it, or takes too long."""


class NoLibraries(NoAnswer):
    """A program whose libraries are not installed here."""


def program(module: str) -> tuple[str, ...]:
    """The command that runs a module of the engine."""
    return (sys.executable, "-P", "-m", module)


class SideProcess:
    """One such program, asked one question after the other. It belongs to one event loop; ``close`` ends it.

    An answer may take ``seconds``.
    """

    def __init__(self, command: Sequence[str], seconds: float | None = None) -> None:
        self._command = command
        self._seconds = seconds
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._missing: NoLibraries | None = None
        """That there are no libraries, which is found out once."""

    @property
    def running(self) -> bool:
        """Whether there is a process right now."""
        return self._process is not None

    async def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a question. Raises NoAnswer, and NoLibraries."""
        line = json.dumps(question).encode() + b"\n"
        async with self._turn:
            if self._missing is not None:
                raise self._missing
            if self._idle is not None:
                self._idle.cancel()
            try:
                async with asyncio.timeout(self._seconds or ANSWER_SECONDS):
                    answer = await self._answer(line)
            except BaseException as cause:
                await self._end()  # its next line would be the answer to this question
                if isinstance(cause, TimeoutError | OSError | ValueError):
                    raise NoAnswer("That cannot be told at the moment.", "Ask again in a moment.") from None
                raise
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._let_go)
        return answer

    async def close(self) -> None:
        """Ends the process."""
        if self._idle is not None:
            self._idle.cancel()
        async with self._turn:
            await self._end()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LONGEST_LINE
            )
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(ConnectionError):  # it has ended, and its status says why
            process.stdin.write(line)
            await process.stdin.drain()
        told = await process.stdout.readline()
        if not told and await process.wait() == NO_LIBRARIES:
            self._missing = NoLibraries("That is not installed here.", "Install what the engine needs: `make studio`.")
            raise self._missing
        answer: dict[str, Any] = json.loads(told)
        return answer

    def _let_go(self) -> None:
        """Nobody has asked for a while: it ends with its input."""
        if not self._turn.locked() and self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process = None

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()  # and reads its pipes to their ends: nothing of it outlives the loop
