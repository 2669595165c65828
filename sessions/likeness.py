"""Takes made from a take are to keep its tempo and its key, where nobody asked for others: are they as there?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.scoring.agreement import SURE, Heard, as_asked
from sessions.take import Take

KEEPING = ("cover", "cover-nofsq", "repaint", "extend", "complete", "finish")
"""Operations whose takes go on with the tempo and the key of the take that they are made from."""

_MEASURES = {"bpm": "tempo", "keyscale": "key"}


def beside(take: Take, parent: Take) -> Take:
    """``take`` with the measures that it lacks, held against what was surely heard in its ``parent``.

    What it was held against is in ``measured["kept"]``. The take itself where there is nothing to add.
    """
    heard = _heard(take.measured)
    if take.operation not in KEEPING or heard is None:
        return take
    wanted = {name: parent.measured.get(name) for name in SURE if _surely(parent.measured, name)}
    wanted = {name: value for name, value in wanted.items() if _MEASURES[name] not in take.parts}
    found = as_asked(heard, wanted.get("bpm"), wanted.get("keyscale"))
    if not found:
        return take
    kept = {name: value for name, value in wanted.items() if _MEASURES[name] in found}
    return take.replace(parts={**take.parts, **found}, measured={**take.measured, "kept": kept})


def _surely(measured: Mapping[str, Any], name: str) -> bool:
    confidence, least = SURE[name]
    told = measured.get(confidence)
    return isinstance(told, int | float) and told >= least


def _heard(measured: Mapping[str, Any]) -> Heard | None:
    """What was heard in a take; None where nobody listened, or somebody wrote what is none."""
    bpm, key = measured.get("bpm"), measured.get("keyscale")
    sure = [measured.get(name) for name, _ in SURE.values()]
    if not isinstance(bpm, int | float) or bpm <= 0 or not isinstance(key, str):
        return None
    tempo, tonality = (float(each) if isinstance(each, int | float) else 0.0 for each in sure)
    return Heard(float(bpm), tempo, key, tonality)
