"""Tokens of what is typed: the model's own tokenizer in a process of its own, and calm words where there is none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from engine import answering, nano, token_counts
from engine.prompt import caption_prompt, lyric_prompt
from engine.request import Request
from sessions import side_process
from sessions.settings import Recipe
from sessions.side_process import SideProcess
from sessions.token_counter import NoTokens, count, prompts, tokenizer_of
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


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("raise SystemExit(3)", "No tokenizer is installed"),
        ("raise SystemExit(1)", "at the moment"),
        ('for line in sys.stdin: print(\'{"error": "It is broken."}\', flush=True)', "It is broken."),
    ],
)
def test_why_there_are_no_counts(line: str, words: str) -> None:
    async def act() -> None:
        side = SideProcess((sys.executable, "-c", f"import sys\n{line}"))
        with pytest.raises(NoTokens, match=words):
            await count(side, NANO, ["a"])
        await side.close()

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
    assert answering.NO_LIBRARIES == side_process.NO_LIBRARIES
    assert tokenizer_of({"models": "nano"}) == NANO
