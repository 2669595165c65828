"""Timesteps from 1 (noise) to 0 (clean), as Python floats: rounding to the model's dtype is the model's affair."""

from __future__ import annotations

from collections.abc import Sequence

from engine.values import TURBO_TIMESTEPS


def schedule(steps: int, shift: float) -> list[float]:
    """``steps`` descending times and the closing 0: even ones, bent by ``shift * t / (1 + (shift - 1) * t)``."""
    even = [1 - i / steps for i in range(steps)]
    return [shift * t / (1 + (shift - 1) * t) for t in even] + [0.0]


def custom(timesteps: Sequence[float], *, snap: bool) -> list[float]:
    """A person's own descending times and the closing 0.

    ``snap`` moves each to the nearest of the times a turbo model was distilled at; times that fall together become one.
    """
    times = [min(TURBO_TIMESTEPS, key=lambda known: abs(known - t)) if snap else t for t in timesteps]
    return [*sorted(set(times), reverse=True), 0.0]


def picked(steps: int, shift: float, picks: Sequence[int], *, snap: bool) -> list[float]:
    """The times of some steps (from 1) of a schedule of ``steps``, or of as many as the last pick says, and the 0.

    Sampling starts from pure noise, so the first step is among them whether it is picked or not (facts: v1.md 4.8).
    """
    whole = schedule(max(steps, *picks), shift)
    return custom([whole[step - 1] for step in sorted({1, *picks})], snap=snap)
