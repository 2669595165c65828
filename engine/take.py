"""A take as the engine hands it over: the samples, what they were made from, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from engine.audio import RATE
from engine.loudness import loudness
from engine.request import Request

if TYPE_CHECKING:
    from engine.overhearing import Overheard


@dataclass(frozen=True)
class Take:
    """One result of a batch."""

    audio: Tensor
    """float32 ``[2, samples]``, 48 kHz, on CPU, in [-1, 1], already at the level that was asked for."""

    latents: Tensor
    """float32 ``[T, 64]``, exactly what the VAE was given, before any cast."""

    seed: int
    request: Request
    """Everything resolved: enough to render it again."""

    gain: float
    """What the VAE's output was multiplied by; takes made from this one use it again."""

    timings: dict[str, float]
    """Seconds by stage: ``conditions``, ``planner``, ``sampling``, ``decode``, ``write``."""

    identity: dict[str, Any] = field(default_factory=dict)
    layout: dict[str, int] = field(default_factory=lambda: {"index": 0, "size": 1, "lanes": 1})
    """Its place in its batch: ``index`` of ``size`` takes, of which ``lanes`` were sampled together."""

    codes: list[int] | None = None
    plan: dict[str, Any] | None = None
    overheard: Overheard | None = None
    """What the models have said of it, for its scores."""

    @cached_property
    def loudness(self) -> float | None:
        """Integrated loudness in LUFS; None for a take too short or too quiet to have one. Measured when asked for."""
        samples: np.ndarray[Any, np.dtype[np.float32]] = self.audio.numpy()
        return loudness(samples, RATE)
