"""Editing along the difference of two velocities, on fields whose ends are known (facts: dit.md 17)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from engine.sampling.flow_edit import Span, edit
from engine.sampling.guidance import Guidance
from engine.sampling.schedule import schedule
from engine.sampling.solvers import Plan, Steering, Velocity


def latents(seed: int) -> Tensor:
    return torch.randn((2, 6, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noise(step: int, draw: int) -> Tensor:
    return latents(1000 * step + draw)


def towards(plan: Plan, clean: Tensor) -> Velocity:
    """A perfect model of one piece of music."""

    def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, ...]:
        assert not guided
        return ((x - clean) / plan.times[step],)

    return velocity


def last(steps: Iterator[Tensor]) -> Tensor:
    *_, x = steps
    return x


@pytest.mark.parametrize("span", [Span(), Span(0.3, 1.0), Span(0.0, 0.5), Span(0.2, 0.6, draws=3), Span(0.5, 0.5)])
def test_two_perfect_models_lead_from_one_piece_to_the_other(span: Span) -> None:
    """Whatever the noise, and wherever the editing begins and ends."""
    clean, other = latents(1), latents(2)
    plan = Plan(schedule(10, 2.0))
    reached = last(edit(plan, clean, towards(plan, clean), towards(plan, other), noise, span))
    torch.testing.assert_close(reached, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("draws", [1, 4])
@pytest.mark.parametrize("variant", ["cfg", "apg_classic"])
def test_the_same_words_on_both_sides_change_nothing(variant: str, draws: int) -> None:
    clean = latents(1)
    plan = Plan(schedule(7, 1.0), steering=Steering(Guidance(variant, 4.0), 0.9, 0.2))

    def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, ...]:
        return torch.sin(3 * x), torch.cos(x)

    for x in edit(plan, clean, velocity, velocity, noise, Span(0.2, 1.0, draws)):
        torch.testing.assert_close(x, clean)


def test_steps_before_the_span_are_left_out_and_none_may_remain() -> None:
    clean, plan = latents(1), Plan(schedule(10, 1.0))
    side = towards(plan, clean)
    assert len(list(edit(plan, clean, side, side, noise, Span(0.35, 0.8)))) == 7
    assert list(edit(plan, clean, side, side, noise, Span(1.0, 1.0))) == []


@pytest.mark.parametrize("draws", [1, 3])
def test_a_restatement_with_guidance_limit_and_average(draws: int) -> None:
    """Both sides with a memory of their own, which the draws of a step share and advance once."""
    scale, threshold, factor = 5.0, 0.8, 0.25
    plan = Plan(schedule(8, 1.5), steering=Steering(Guidance("apg_classic", scale), threshold, factor))
    clean = latents(1)

    def field(sign: float) -> Velocity:
        def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, ...]:
            return sign * torch.sin(x) + plan.times[step], torch.cos(x)

        return velocity

    source, target = field(1.0), field(-1.0)
    memory: dict[str, Tensor] = {}
    means: dict[str, Tensor] = {}

    def look(name: str, velocity: Velocity, x: Tensor, step: int) -> tuple[Tensor, Tensor]:
        cond, uncond = velocity(x, step, True)
        d = cond - uncond - 0.75 * memory.get(name, torch.zeros_like(x))
        short = d * torch.clamp(2.5 / d.norm(dim=1, keepdim=True), max=1)
        unit = cond / cond.norm(dim=1, keepdim=True)
        v = cond + (scale - 1) * (short - (short * unit).sum(1, keepdim=True) * unit)
        v = v * torch.clamp(threshold * x.flatten(1).norm(dim=1) / v.flatten(1).norm(dim=1), max=1).view(-1, 1, 1)
        return (v if name not in means else (1 - factor) * v + factor * means[name]), d

    def keep(name: str, looks: list[tuple[Tensor, Tensor]]) -> None:
        means[name] = torch.stack([v for v, _ in looks]).mean(0)
        memory[name] = torch.stack([d for _, d in looks]).mean(0)

    x = clean
    steps = edit(plan, clean, source, target, noise, Span(0.25, 0.75, draws))
    for step, actual in zip(range(2, 8), steps, strict=True):
        t, after = plan.times[step], plan.times[step + 1]
        if step < 6:
            noised = [(1 - t) * clean + t * noise(step, draw) for draw in range(draws)]
            here = [look("source", source, at, step) for at in noised]
            there = [look("target", target, x + at - clean, step) for at in noised]
            keep("source", here)
            keep("target", there)
            x = x + (after - t) * (means["target"] - means["source"])
        else:
            if step == 6:
                x = x + (1 - t) * clean + t * noise(step, 0) - clean
            there = [look("target", target, x, step)]
            keep("target", there)
            x = x + (after - t) * means["target"]
        torch.testing.assert_close(actual, x, rtol=1e-9, atol=1e-9)
