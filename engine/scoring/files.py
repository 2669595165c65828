"""Audio files judged for other programs: ``python -m engine.scoring.files`` answers a JSON line for each that it reads.

A process of its own, so that whoever asks needs no library that decodes audio. A question has ``file`` (a path) and
perhaps ``asked`` (what it is held against, by the names of a recipe), which goes before the recipe inside a file that
was rendered here. Its answer has what a take has: ``score``, ``parts``, ``faults``, ``measured``; in ``asked`` what
it was held against, in ``planned`` what of it the planner chose, and in ``why`` how the score came to be; or ``error``,
``hint`` and ``missing``. It ends with its input.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from engine.answering import serve
from engine.errors import EngineError
from engine.strict_json import Mismatch, parse_object
from engine.tags import RECIPE, read_tags

_ASKED = ("bpm", "keyscale", "lyrics", "instrumental", "duration")


def score(question: dict[str, Any]) -> dict[str, Any]:
    """What is found in one file. Raises EngineError for one that cannot be read."""
    from engine import audio
    from engine.scoring.agreement import asked
    from engine.scoring.judging import judge

    path = Path(question["file"])
    samples = audio.read(path)
    request = {**recipe_inside(path), **question.get("asked", {})}
    found = judge(samples, audio.RATE, request)
    own = {name: request[name] for name in _ASKED if request.get(name) not in (None, "", False)}
    chosen = {name: asked(request, None, name) for name in ("bpm", "keyscale") if name not in own}
    return {
        "score": found.overall.score,
        "parts": dict(found.parts),
        "faults": [fault.words for fault in found.faults],
        "measured": dict(found.measured),
        "asked": own,
        "planned": {name: value for name, value in chosen.items() if value is not None},
        "why": found.overall.object(),
    }


def recipe_inside(path: Path) -> dict[str, Any]:
    """The recipe that a file rendered here has in its tags; empty for every other file."""
    try:
        return dict(parse_object(read_tags(path).get(RECIPE, "{}")))
    except (EngineError, Mismatch, OSError):
        return {}


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """The answer to a question."""
    try:
        return score(question)
    except EngineError as error:
        missing = not Path(question["file"]).exists()
        return {"error": error.error, "hint": error.hint, "missing": missing}


def main() -> int:
    """Answers until nobody asks any more."""
    return serve(answer, "numpy", "soundfile", "soxr")


if __name__ == "__main__":
    sys.exit(main())
