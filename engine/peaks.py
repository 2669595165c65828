"""Outlines of audio files for drawing: ``python -m engine.peaks`` answers a JSON line for each that it reads.

A process of its own, so that whoever asks needs no library that decodes audio; a file is read in pieces. A question is
``{"file": PATH}``, its answer the outline, or ``{"error": sentence}``. It ends with its input.
"""

from __future__ import annotations

import sys
from typing import Any

from engine.answering import serve

COLUMNS = 1000
"""Into how many equal stretches a file is divided, at most; a shorter one has a column for every frame."""

_FRAMES = 1 << 15


def outline(path: str) -> dict[str, object]:
    """``seconds``, and for every column the lowest (``low``) and highest (``high``) sample of all channels, -1 to 1.

    Raises ImportError where the libraries are missing, and what soundfile raises for a file that it cannot read.
    """
    import numpy as np
    import soundfile

    with soundfile.SoundFile(path) as file:
        frames = max(file.frames, 0)
        columns = min(COLUMNS, frames)
        low, high = np.zeros(columns), np.zeros(columns)
        done = 0
        while columns and len(piece := file.read(_FRAMES, dtype="float32", always_2d=True)):
            column = np.minimum((done + np.arange(len(piece))) * columns // frames, columns - 1)
            starts = np.flatnonzero(np.diff(column, prepend=-1))
            begun = column[starts]  # a column may go over the end of a piece
            low[begun] = np.minimum(low[begun], np.minimum.reduceat(piece, starts).min(axis=1))
            high[begun] = np.maximum(high[begun], np.maximum.reduceat(piece, starts).max(axis=1))
            done += len(piece)
        rounded = [np.clip(each, -1, 1).round(3).tolist() for each in (low, high)]
        return {"seconds": frames / file.samplerate, "low": rounded[0], "high": rounded[1]}


def answer(question: dict[str, Any]) -> dict[str, object]:
    """The answer to a question."""
    try:
        return outline(question["file"])
    except (OSError, RuntimeError, ValueError):
        return {"error": "The audio cannot be decoded."}


def main() -> int:
    """Answers until nobody asks any more."""
    return serve(answer, "numpy", "soundfile")


if __name__ == "__main__":
    sys.exit(main())
