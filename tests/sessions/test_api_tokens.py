"""Tokens of what is typed: the model's own tokenizer in a process of its own, and calm words where there is none."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from engine import nano, token_counts
from engine.prompt import caption_prompt, lyric_prompt
from engine.request import Request
from sessions import token_counter
from sessions.settings import Recipe
from sessions.token_counter import NoTokens, TokenCounter, prompts, tokenizer_of
from tests.sessions.jamming import run, state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

NANO = nano.FOLDER / "Qwen3-Embedding-nano" / "tokenizer.json"


def counted(text: str) -> int:
    return len(Tokenizer.from_file(str(NANO)).encode(text).ids)


def test_what_is_typed_is_counted_as_the_model_reads_it(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        found = await ask("POST", "/api/tokens", {"caption": "slow jazz", "lyrics": "[Verse]\nnight rain"})
        request = Request(caption="slow jazz", lyrics="[Verse]\nnight rain", bpm=96, duration=10)
        assert found == {
            "caption": {"tokens": counted(caption_prompt(request, 10)), "limit": 256},
            "lyrics": {"tokens": counted(lyric_prompt(request)), "limit": 2048},
            "tokenizer": "Qwen3-Embedding-nano",
            "reason": "",
        }
        applied = await ask("POST", "/api/tokens", {})
        assert applied["caption"]["tokens"] > found["caption"]["tokens"]
        longer = await ask("POST", "/api/tokens", {"caption": "slow jazz", "lyrics": "la la la\n" * 2000})
        assert longer["lyrics"]["tokens"] > 2048
        assert longer["caption"] == found["caption"]
        half = await ask("POST", "/api/tokens", {"caption": "half \ud83d of {a|b"})
        assert half["caption"]["tokens"] > 0
        await ask("POST", "/api/tokens", {"caption": 3}, status=400)
        await ask("POST", "/api/tokens", {"bpm": "x"}, status=400)
        assert ask.studio.tokens.running

    recipe = {"caption": "Neon drive, slow, with a very long and winding caption", "bpm": 96, "duration": 10}
    on_api(tmp_path, act, models={"models": "nano"}, recipe=recipe)


def test_without_models_it_says_why(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        found = await ask("POST", "/api/tokens", {"caption": "x"})
        assert (found["caption"], found["lyrics"], found["tokenizer"]) == (None, None, None)
        assert "is not a folder" in found["reason"]
        assert not ask.studio.tokens.running

    on_api(tmp_path, act, models={"models": str(tmp_path / "nothing")})


def test_choices_count_with_their_longest_words() -> None:
    recipe = Recipe.from_dict({"caption": "{warm|cold {dawn|evening}} mood", "instrumental": True})
    caption, lyrics = prompts(recipe, {}, None)
    assert "cold evening mood" in caption
    assert "[Instrumental]" in lyrics
    assert "a {b" in prompts(recipe, {"caption": "a {b"}, 60.0)[0]
    assert "60 seconds" in prompts(recipe, {}, 60.0)[0]


def script(*lines: str) -> tuple[str, ...]:
    return (sys.executable, "-c", "\n".join(("import sys", *lines)))


def test_the_process_is_started_once_and_goes_when_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_counter, "IDLE_SECONDS", 0.2)
    command = script("import os", "for line in sys.stdin: print('{\"counts\": [%d]}' % os.getpid(), flush=True)")

    async def act() -> None:
        counter = TokenCounter(command)
        first, second = await asyncio.gather(counter.count(NANO, ["a"]), counter.count(NANO, ["b"]))
        assert first == second
        while counter.running:
            await asyncio.sleep(0.01)
        assert await counter.count(NANO, ["c"]) != first
        await counter.close()
        assert not counter.running
        await counter.close()

    run(act())


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["raise SystemExit(3)"], "No tokenizer is installed"),
        (["raise SystemExit(1)"], "at the moment"),
        (["print('nonsense', flush=True)", "sys.stdin.read()"], "at the moment"),
        (["import time", "time.sleep(60)"], "at the moment"),
        (['for line in sys.stdin: print(\'{"error": "It is broken."}\', flush=True)'], "It is broken."),
    ],
)
def test_a_process_that_fails_is_no_trouble(lines: list[str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_counter, "ANSWER_SECONDS", 2.0)

    async def act() -> None:
        counter = TokenCounter(script(*lines))
        for _ in range(2):
            with pytest.raises(NoTokens, match=words):
                await counter.count(NANO, ["a"])
        await counter.close()

    run(act())


def test_a_question_that_is_given_up_does_not_answer_the_next_one() -> None:
    command = script(
        "for line in sys.stdin:", "    import time; time.sleep(0.3)", "    print('{\"counts\": [1]}', flush=True)"
    )

    async def act() -> None:
        counter = TokenCounter(command)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await counter.count(NANO, ["a"])
        assert not counter.running
        assert await counter.count(NANO, ["b"]) == [1]
        await counter.close()

    run(act())


def test_the_program_counts_and_says_what_is_no_tokenizer(tmp_path: Path) -> None:
    assert token_counts.answer({"tokenizer": str(NANO), "texts": ["night rain", ""]}, token_counts.opened) == {
        "counts": [counted("night rain"), counted("")]
    }
    broken = tmp_path / "tokenizer.json"
    broken.write_text("{}")
    for file in (broken, tmp_path / "none.json"):
        answer: dict[str, Any] = token_counts.answer({"tokenizer": str(file), "texts": ["x"]}, token_counts.opened)
        assert "cannot be used" in answer["error"]
    assert token_counts.NO_LIBRARY == token_counter.NO_LIBRARY
    assert tokenizer_of({"models": "nano"}) == NANO
