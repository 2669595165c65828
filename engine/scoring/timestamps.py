"""When each line is sung: from the same attention as the alignment, cleaned in another way.

Facts: scoring.md C. Times are as exact as a frame, 80 ms. A take has them as ``measured["timestamps"]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.scoring.dtw import align

Float = npt.NDArray[np.floating]

SUPPRESSED = 2.0
"""How often a row's and a column's median is taken away: what is attended to all the time tells no time."""


@dataclass(frozen=True)
class Line:
    """A line of the lyrics and when it is sung, in seconds."""

    start: float
    end: float
    text: str


def sharpened(attention: Float) -> npt.NDArray[np.float64]:
    """Attention [heads, tokens, frames] with what stands out of its row and column alone: [tokens, frames]."""
    found = np.empty(attention.shape, np.float32)
    for head, raw in zip(found, attention.astype(np.float32), strict=True):
        lifted = _softmax(raw, 1) * _softmax(raw, 0)
        lifted = np.maximum(lifted - np.float32(SUPPRESSED) * np.median(lifted, axis=1, keepdims=True), 0)
        lifted = np.maximum(lifted - np.float32(SUPPRESSED) * np.median(lifted, axis=0, keepdims=True), 0)
        head[:] = lifted**2
    spread = (found - found.mean()) / (found.std() + 1e-9)
    mean: npt.NDArray[np.float64] = spread.mean(axis=0).astype(np.float64)
    return mean


def token_times(attention: Float, seconds: float) -> npt.NDArray[np.float64]:
    """When each token of ``attention`` [heads, tokens, frames] begins and ends, of ``seconds`` in all: [tokens, 2]."""
    _, tokens, frames = attention.shape
    path = align(-sharpened(attention))
    times = np.zeros((tokens, 2))
    if not len(path):
        return times
    frame = seconds / frames
    ended = 0.0
    for token in range(tokens):
        at = path[path[:, 0] == token, 1]
        start, ended = (at[0] * frame, max(at[-1] * frame, at[0] * frame)) if len(at) else (ended, ended)
        times[token] = start, ended
    return times


def lines(texts: Sequence[str], times: npt.NDArray[np.float64]) -> list[Line]:
    """The lines that the texts of tokens make up, with the times of their first and last token.

    A line ends with the token in which a newline is; empty ones are left out.
    """
    found: list[Line] = []
    begun = 0
    for index, text in enumerate(texts):
        if "\n" in text or index == len(texts) - 1:
            words = "".join(texts[begun : index + 1]).strip()
            if words:
                start, end = float(times[begun, 0]), float(times[index, 1])
                found.append(Line(round(start, 3), round(end, 3), words))
            begun = index + 1
    return found


def _softmax(values: npt.NDArray[np.float32], axis: int) -> npt.NDArray[np.float32]:
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    shares: npt.NDArray[np.float32] = powers / powers.sum(axis=axis, keepdims=True)
    return shares
