"""Takes written as files for other programs: ``python -m engine.exporting`` answers a JSON line for each that it reads.

A process of its own, so that whoever asks needs no library that decodes audio. A question has ``source`` and ``target``
(paths), ``format``, ``loudness`` (LUFS, or null to leave it as it is), ``tags`` and ``overwrite``. Its answer has the
``loudness`` and the ``peak`` (dBTP) of the file, or ``error`` and ``hint``. It ends with its input.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from engine.answering import serve
from engine.errors import EngineError


def export(question: dict[str, Any]) -> dict[str, Any]:
    """Writes one file. Raises EngineError, and what keeps a file from being written."""
    from engine import audio, encoding
    from engine.limiter import true_peak, with_loudness
    from engine.loudness import loudness

    samples = audio.read(question["source"])
    wanted = question.get("loudness")
    if wanted is None:
        reached = loudness(samples, audio.RATE)
    else:
        samples, reached = with_loudness(samples, audio.RATE, float(wanted))
    encoding.write(
        question["target"],
        samples,
        format=question["format"],
        tags=question.get("tags"),
        overwrite=bool(question.get("overwrite")),
    )
    peak = true_peak(samples, audio.RATE)
    return {"loudness": reached, "peak": 20 * math.log10(peak) if peak > 0 else None}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """The answer to a question."""
    try:
        return export(question)
    except EngineError as error:
        return {"error": error.error, "hint": error.hint}


def main() -> int:
    """Answers until nobody asks any more."""
    return serve(answer, "numpy", "soundfile", "soxr")


if __name__ == "__main__":
    sys.exit(main())
