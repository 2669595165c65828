"""How much of what is typed the model reads: its prompts, counted in tokens by the model's own tokenizer.

The tokenizer library must not be loaded here: ``engine.token_counts`` counts, in a process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.checkpoints import NO_LM, find_models, open_set
from engine.errors import BadCheckpoint, EngineError, InvalidRequest
from engine.prompt import MAX_CAPTION_TOKENS, MAX_LYRIC_TOKENS, caption_prompt, lyric_prompt
from engine.request import Request
from sessions import wildcards
from sessions.settings import Recipe
from sessions.side_process import NoAnswer, NoLibraries, SideProcess

LIMITS = {"caption": MAX_CAPTION_TOKENS, "lyrics": MAX_LYRIC_TOKENS}
"""How many tokens of each prompt the model reads."""


class NoTokens(EngineError):
    """There is nothing to count with here."""


async def count(side: SideProcess, tokenizer: Path, texts: Sequence[str]) -> list[int]:
    """The tokens of each text. Raises NoTokens where they cannot be counted."""
    try:
        answer = await side.ask({"tokenizer": os.fspath(tokenizer), "texts": list(texts)})
    except NoLibraries as missing:
        raise NoTokens("No tokenizer is installed here.", missing.hint) from None
    except NoAnswer as trouble:
        raise NoTokens("Tokens cannot be counted at the moment.", trouble.hint) from None
    if "counts" not in answer:
        raise NoTokens(str(answer.get("error")), "Download the text encoder again.")
    return list(answer["counts"])


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
