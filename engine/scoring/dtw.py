"""Dynamic time warping of tokens to frames, with the published tie rules, as fast as whole diagonals of an array allow.

Cells of one anti-diagonal do not depend on each other, so a matrix of N tokens and M frames is N + M steps of numpy.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Path = npt.NDArray[np.intp]


def align(cost: npt.NDArray[np.floating]) -> Path:
    """The cheapest way through ``cost`` [tokens, frames] from its first cell to its last: [steps, 2], token and frame.

    A step goes on by a token, by a frame or by both. Both only if that is strictly cheaper than either, a token alone
    only if that is; else a frame alone, on ties too (facts: scoring.md B.3). Sums are kept in float32. Nothing for an
    empty matrix.
    """
    tokens, frames = cost.shape
    if not tokens or not frames:
        return np.empty((0, 2), np.intp)
    if frames == 1:
        return np.stack([np.arange(tokens), np.zeros(tokens, np.intp)], axis=1)
    return _way_back(*_choices(cost), tokens, frames)


def _choices(cost: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """For every cell, at [token + frame, token]: whether a token was gone on by, and if so whether a frame was too."""
    tokens, frames = cost.shape
    flat = np.ascontiguousarray(cost).reshape(-1)
    onward = np.zeros((tokens + frames - 1, tokens), np.bool_)
    both = np.zeros_like(onward)
    # Places are counted from 1, so that 0 can be what lies before the matrix. Beyond its edges everything is infinite.
    before, last, here = (np.full(tokens + 1, np.inf, np.float32) for _ in range(3))
    before[0] = 0.0
    lesser, differs = np.empty(tokens, np.float32), np.empty(tokens, np.bool_)
    for diagonal in range(tokens + frames - 1):
        low, high = max(0, diagonal - frames + 1), min(tokens, diagonal + 1)
        slant, up, left = before[low:high], last[low:high], last[low + 1 : high + 1]
        least, differ = lesser[: high - low], differs[: high - low]
        moves = onward[diagonal, low:high]
        np.less(slant, up, out=both[diagonal, low:high])
        np.minimum(slant, up, out=least)
        np.not_equal(slant, up, out=differ)
        np.less(least, left, out=moves)
        np.logical_and(moves, differ, out=moves)
        start = diagonal + low * (frames - 1)
        costs = flat[start : start + (high - low - 1) * (frames - 1) + 1 : frames - 1]
        np.add(np.where(moves, least, left), costs, out=here[low + 1 : high + 1], casting="same_kind")
        before[0] = np.inf
        before, last, here = last, here, before
    return onward, both


def _way_back(onward: npt.NDArray[np.bool_], both: npt.NDArray[np.bool_], tokens: int, frames: int) -> Path:
    token, frame = tokens - 1, frames - 1
    path = []
    while token >= 0 and frame >= 0:
        path.append((token, frame))
        diagonal = token + frame
        if not onward[diagonal, token]:
            frame -= 1
        elif both[diagonal, token]:
            token, frame = token - 1, frame - 1
        else:
            token -= 1
    return np.array(path[::-1], np.intp)
