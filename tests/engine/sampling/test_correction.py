"""The wavelet correction against Haar's transform written out (facts: dit.md 17)."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engine.sampling.correction import Correction
from engine.sampling.schedule import schedule
from engine.sampling.solvers import Plan, solve


def latents(seed: int, frames: int) -> Tensor:
    return torch.randn((2, frames, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def bands(x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Haar's coefficients over time, an odd last frame beside zeros."""
    frames = [*x.unbind(1), *([torch.zeros_like(x[:, 0])] if x.shape[1] % 2 else [])]
    pairs = list(zip(frames[::2], frames[1::2], strict=True))
    return [(a + b) / math.sqrt(2) for a, b in pairs], [(a - b) / math.sqrt(2) for a, b in pairs]


def back(low: list[Tensor], high: list[Tensor], frames: int) -> Tensor:
    pairs = [((p + q) / math.sqrt(2), (p - q) / math.sqrt(2)) for p, q in zip(low, high, strict=True)]
    return torch.stack([frame for pair in pairs for frame in pair], dim=1)[:, :frames]


@pytest.mark.parametrize("frames", [1, 2, 7, 8])
@pytest.mark.parametrize("t", [1.0, 0.3, 0.0])
@pytest.mark.parametrize(
    ("mode", "weights"),
    [
        ("low", lambda t: (t * 0.05, 0.0)),
        ("high", lambda t: (0.0, (1 - t) * 0.05)),
        ("double", lambda t: (t * 0.05, (1 - t) * 0.02)),
    ],
)
def test_bands(mode: str, weights: object, t: float, frames: int) -> None:
    x, clean = latents(0, frames), latents(1, frames)
    low_weight, high_weight = weights(t)  # type: ignore[operator]
    (low, high), (clean_low, clean_high) = bands(x), bands(clean)
    expected = back(
        [a + low_weight * (a - b) for a, b in zip(low, clean_low, strict=True)],
        [a + high_weight * (a - b) for a, b in zip(high, clean_high, strict=True)],
        frames,
    )
    torch.testing.assert_close(Correction(mode, 0.05, 0.02)(x, clean, t), expected)


def test_without_bands_time_does_not_count() -> None:
    x, clean = latents(0, 5), latents(1, 5)
    for t in (1.0, 0.2):
        torch.testing.assert_close(Correction("pix", 0.1)(x, clean, t), x + 0.1 * (x - clean))


@pytest.mark.parametrize("method", ["ode", "sde"])
@pytest.mark.parametrize("heun", [False, True])
def test_it_is_applied_after_every_step_with_the_estimate_that_the_step_began_with(method: str, heun: bool) -> None:
    plain = Plan(schedule(4, 2.0), method, heun=heun, turbo=True)
    corrected = Plan(schedule(4, 2.0), method, heun=heun, turbo=True, correction=Correction())
    x = latents(0, 6)

    def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, ...]:
        return (torch.sin(x) + plain.times[step],)

    for step, moved in enumerate(solve(corrected, x, velocity, lambda step: latents(9 + step, 6))):
        t, after = plain.times[step], plain.times[step + 1]
        one = Plan([t, after], method, heun=heun and after > 0)
        (alone,) = solve(one, x, lambda x, i, guided, step=step: velocity(x, step + i, guided), _one(step, after))
        clean = x - (torch.sin(x) + t) * t
        torch.testing.assert_close(moved, Correction()(alone, clean, t))
        x = moved


def _one(step: int, after: float) -> object:
    return (lambda _: latents(9 + step, 6)) if after else None


def test_where_a_step_ends_at_its_estimate_nothing_is_left_to_correct() -> None:
    """The last plain step."""
    x = latents(0, 6)
    plan = Plan([0.4, 0.0], correction=Correction(scaler=1.0))
    (moved,) = solve(plan, x, lambda x, step, guided: (torch.cos(x),))
    torch.testing.assert_close(moved, x - 0.4 * torch.cos(x))
