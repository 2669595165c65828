"""What is found out about a take by listening to it: its faults, the measures of its score, and its score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.limiter import true_peak
from engine.scoring import outline
from engine.scoring.agreement import as_asked, asked
from engine.scoring.hearing import hear
from engine.scoring.ranking import Overall, overall
from engine.scoring.signal import SILENT, Fault, examine
from engine.scoring.spectra import Float, one_channel

Audio = npt.NDArray[np.float32]

EXCERPT_SECONDS = 60.0
"""Tempo and key are heard in so much from the middle of a take: more made neither surer."""

OVER_DB = 2.0
"""dBTP above which converters distort what the samples do not; music that is brought to its level stays below 0."""

REPEATED = 0.98
"""Share of a take that is one loop, nearly exactly, above which it is a fault; honest loop music stays below it."""

_LOUDEST_BLOCKS = 5
_BLOCK_SECONDS = 0.1


@dataclass(frozen=True)
class Judgement:
    """What was found."""

    faults: tuple[Fault, ...]
    parts: Mapping[str, float]
    """Measures from 0 to 1 by name: ``signal``, and ``tempo`` and ``key`` where they were asked for and heard."""

    measured: Mapping[str, Any]
    """What was measured, in its own units: ``bpm``, ``keyscale``, how sure each is, ``true_peak`` (dBTP), ``repeated``
    (a share), ``colour`` and ``fingerprint``."""

    overall: Overall


def judge(
    audio: Audio,
    rate: int,
    request: Mapping[str, Any] = MappingProxyType({}),
    plan: Mapping[str, Any] | None = None,
    *,
    duration: float | None = None,
    told: Mapping[str, float] = MappingProxyType({}),
) -> Judgement:
    """Judges audio [channels, n], float in [-1, 1], by what was asked for; ``duration`` is the wanted length.

    ``told`` are measures that were found otherwise: what the models say of a take.
    """
    gate = examine(audio, rate, duration)
    faults = list(gate.faults)
    if any(fault.name in ("broken", "silent") for fault in faults) and not _sounds(audio):
        parts = {"signal": 0.0, **told}
        return Judgement(tuple(faults), parts, {}, overall(parts, request))
    mono = one_channel(audio, rate, outline.RATE)
    levels = outline.outline(mono)
    share, apart = outline.repeated(levels)
    over = _true_peak_db(audio, rate)
    faults += _more_faults(share, apart, over)
    heard = hear(_middle(mono, outline.RATE), outline.RATE)
    clean = 0.0 if faults else gate.cleanness * (1 - 0.5 * min(share / REPEATED, 1.0) ** 4)
    parts = {"signal": round(clean, 3), **told}
    parts |= as_asked(heard, asked(request, plan, "bpm"), asked(request, plan, "keyscale"))
    measured = {
        "bpm": round(heard.bpm, 1),
        "bpm_confidence": round(heard.bpm_confidence, 3),
        "keyscale": heard.keyscale,
        "key_confidence": round(heard.key_confidence, 3),
        "true_peak": round(over, 2),
        "repeated": round(share, 3),
        "colour": outline.colour(levels),
        "fingerprint": outline.fingerprint(levels),
    }
    return Judgement(tuple(faults), parts, measured, overall(parts, request))


def _sounds(audio: Audio) -> bool:
    """Whether there is anything to listen to."""
    return bool(audio.size) and bool(np.isfinite(audio).all()) and bool(np.abs(audio).max() > SILENT)


def _more_faults(share: float, apart: float, over: float) -> Iterator[Fault]:
    if share > REPEATED:
        yield Fault("repeated", f"the same {apart:.0f} s for {100 * share:.0f} % of the time")
    if over > OVER_DB:
        yield Fault("over", f"reaches {over:+.1f} dBTP between samples")


def _middle(mono: Float, rate: int) -> Float:
    spare = max(len(mono) - int(EXCERPT_SECONDS * rate), 0)
    return mono[spare // 2 : len(mono) - (spare - spare // 2)]


def _true_peak_db(audio: Audio, rate: int) -> float:
    """The true peak in dBTP, looked for where the samples themselves are highest."""
    size = max(int(_BLOCK_SECONDS * rate), 1)
    starts = np.arange(0, audio.shape[1], size)
    tops = np.maximum.reduceat(np.abs(audio).max(axis=0), starts)
    loudest = np.argsort(tops)[-_LOUDEST_BLOCKS:]
    peak = max(true_peak(audio[:, max(starts[i] - size // 8, 0) : starts[i] + size + size // 8], rate) for i in loudest)
    return 20 * math.log10(max(peak, 1e-9))
