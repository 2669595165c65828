"""How much of what is typed the model reads: its prompts, counted in tokens by the model's own tokenizer.

Tokenizers are counted with in a small process of its own (``engine.token_counts``), which is started at the first
question and ended when nobody has asked for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.checkpoints import NO_LM, find_models, open_set
from engine.errors import BadCheckpoint, EngineError, InvalidRequest
from engine.prompt import MAX_CAPTION_TOKENS, MAX_LYRIC_TOKENS, caption_prompt, lyric_prompt
from engine.request import Request
from sessions import wildcards
from sessions.settings import Recipe

COMMAND = (sys.executable, "-P", "-m", "engine.token_counts")
NO_LIBRARY = 3
"""What the process ends with where the tokenizer library is missing. It is run, and never imported."""

IDLE_SECONDS = 120.0
ANSWER_SECONDS = 30.0
"""How long an answer may take: the first one reads a file of some ten megabytes."""

_LONGEST_LINE = 1 << 16


class NoTokens(EngineError):
    """There is nothing to count with here."""


class TokenCounter:
    """Counts tokens, one question after the other. It belongs to one event loop; ``close`` ends its process."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None
        self._missing: NoTokens | None = None
        """That there is no library, which is found out once."""

    @property
    def running(self) -> bool:
        """Whether there is a process right now."""
        return self._process is not None

    async def count(self, tokenizer: Path, texts: Sequence[str]) -> list[int]:
        """The tokens of each text. Raises NoTokens where they cannot be counted."""
        question = json.dumps({"tokenizer": os.fspath(tokenizer), "texts": list(texts)}) + "\n"
        async with self._turn:
            if self._missing is not None:
                raise self._missing
            if self._idle is not None:
                self._idle.cancel()
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    answer = await self._asked(question.encode())
            except BaseException as cause:
                await self._end()  # its next line would be the answer to this question
                if isinstance(cause, TimeoutError | OSError | ValueError):
                    raise NoTokens("Tokens cannot be counted at the moment.", "The next look tries again.") from None
                raise
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._let_go)
        if "counts" not in answer:
            raise NoTokens(str(answer.get("error")), "Download the text encoder again.")
        return list(answer["counts"])

    async def close(self) -> None:
        """Ends the process."""
        if self._idle is not None:
            self._idle.cancel()
        async with self._turn:
            await self._end()

    async def _asked(self, question: bytes) -> dict[str, Any]:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, limit=_LONGEST_LINE
            )
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(ConnectionError):  # it has ended, and its status says why
            process.stdin.write(question)
            await process.stdin.drain()
        line = await process.stdout.readline()
        if not line and await process.wait() == NO_LIBRARY:
            self._missing = NoTokens("No tokenizer is installed here.", "Install what the engine needs: `make studio`.")
            raise self._missing
        answer: dict[str, Any] = json.loads(line)
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
            await process.wait()


def prompts(recipe: Recipe, typed: Mapping[str, str], default_seconds: float | None) -> list[str]:
    """The prompts of caption and lyrics as the model would get them. Raises InvalidRequest for what cannot be.

    Of choices in the texts, those are taken that make them longest: none of the others is cut where these are not.
    """
    # Half a character, as a terminal may deliver it in the middle of a paste, is no reason not to count the rest.
    whole = {name: text.encode("utf-8", "replace").decode() for name, text in typed.items()}
    texts = {name: _longest(text) for name, text in {**_texts(recipe), **whole}.items()}
    request = Request.from_dict({**recipe.template, **texts})
    return [caption_prompt(request, request.duration or default_seconds), lyric_prompt(request)]


def tokenizer_of(options: Mapping[str, Any]) -> Path:
    """The tokenizer of the text encoder that ``options`` (as for a load) choose. Raises BadCheckpoint. Reads disks."""
    models = open_set(find_models(options.get("models")), options.get("dit"), NO_LM)
    if models.text_encoder.tokenizer is None:
        raise BadCheckpoint("The text encoder has no tokenizer.", "Download it again.")
    return models.text_encoder.tokenizer


LIMITS = {"caption": MAX_CAPTION_TOKENS, "lyrics": MAX_LYRIC_TOKENS}


def _texts(recipe: Recipe) -> dict[str, str]:
    return {name: recipe.template[name] for name in LIMITS if name in recipe.template}


def _longest(text: str) -> str:
    """The text with the longest alternative of every choice; as it is where its choices are not finished yet."""
    try:
        return _spelled(wildcards.parse(text))
    except InvalidRequest:
        return text


def _spelled(choice: wildcards.Choice) -> str:
    spelled = ["".join(part if isinstance(part, str) else _spelled(part) for part in each) for each in choice.options]
    return max(spelled, key=len)
