"""What the models have said of a take, as measures of its score and as the times of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.scoring import lyrics, timestamps


def sung_as(attention: npt.NDArray[np.float32], texts: Sequence[str]) -> float:
    """How well the words are followed in ``attention`` ``[heads, tokens, frames]``, 0 to 1."""
    return lyrics.measure(lyrics.energy_of(attention), lyrics.words_only(texts)).score


def aligned(attention: npt.NDArray[np.float32], texts: Sequence[str], seconds: float) -> tuple[float | None, list[Any]]:
    """How well the words are sung, and every line as ``[start, end, text]``, for a take of ``seconds``.

    ``attention`` is ``[heads, tokens, frames]`` and ``texts`` what each token says. None where nothing is to be sung.
    """
    sung = lyrics.words_only(texts)
    if not attention.size or not any(text.strip() for text, word in zip(texts, sung, strict=True) if word):
        return None, []
    score = sung_as(attention, texts)
    lines = timestamps.lines(texts, timestamps.token_times(attention, seconds))
    return score, [[line.start, line.end, line.text] for line in lines]
