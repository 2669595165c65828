"""What sounds when and how high, for drawing: ``python -m engine.spectrogram`` answers a JSON line for each it reads.

A process of its own, as ``engine.peaks`` is. A question is ``{"file": PATH, "columns": N, "rows": M}``; its answer has
``seconds``, ``low_hz`` and ``high_hz``, and ``rows``, the lowest tones first, of levels from 0 to 15 in every column;
or ``error``. It ends with its input.
"""

from __future__ import annotations

import sys
from typing import Any

from engine.answering import serve

LEVELS = 16
"""Steps of loudness: as many as an eye tells apart on a terminal, and few enough to be sent quickly."""

RANGE_DB = 72.0
"""What is softer than the loudest by so much is nothing."""

LOW_HZ, HIGH_HZ = 40.0, 16_000.0
"""The tones that are drawn, each octave as high as the others."""

MOST_COLUMNS, MOST_ROWS = 1000, 200

_WINDOW = 4096


def spectrogram(path: str, columns: int, rows: int) -> dict[str, object]:
    """The picture of a file in so many columns (fewer for a short one) and rows.

    Raises ImportError where the libraries are missing, and what soundfile raises for a file that it cannot read.
    """
    import numpy as np
    import soundfile

    with soundfile.SoundFile(path) as file:
        windows = max(file.frames // _WINDOW, 1)
        columns = min(columns, windows)
        power, counts = np.zeros((columns, rows)), np.zeros(columns)
        edges = np.geomspace(LOW_HZ, min(HIGH_HZ, file.samplerate / 2), rows + 1)
        tones = np.fft.rfftfreq(_WINDOW, 1 / file.samplerate)
        shape = np.hanning(_WINDOW)
        for index in range(windows):
            piece = file.read(_WINDOW, dtype="float32", always_2d=True)
            spectrum = np.fft.rfft(np.pad(piece.mean(axis=1), (0, _WINDOW - len(piece))) * shape)
            # Where a row is narrower than the tones lie apart, it has what lies between them.
            strength = np.abs(spectrum) ** 2
            between = np.interp((edges[1:] + edges[:-1]) / 2, tones, strength)
            summed = np.concatenate(([0.0], np.cumsum(strength)))[np.searchsorted(tones, edges)]
            column = index * columns // windows
            power[column] += np.maximum(between, np.diff(summed))
            counts[column] += 1
        level = 10 * np.log10(power / np.maximum(counts, 1)[:, None] + 1e-12)
        steps = np.clip((level - level.max() + RANGE_DB) / RANGE_DB, 0, 1) * (LEVELS - 1)
        picture = np.where(power > 0, steps.round(), 0).astype(int).T.tolist()
        seconds = file.frames / file.samplerate
        return {"seconds": seconds, "low_hz": LOW_HZ, "high_hz": float(edges[-1]), "rows": picture}


def answer(question: dict[str, Any]) -> dict[str, object]:
    """The answer to a question."""
    try:
        return spectrogram(question["file"], question["columns"], question["rows"])
    except (OSError, RuntimeError, ValueError):
        return {"error": "The audio cannot be decoded."}


def main() -> int:
    """Answers until nobody asks any more."""
    return serve(answer, "numpy", "soundfile")


if __name__ == "__main__":
    sys.exit(main())
