"""Step rules on equations whose solutions are known, and the order of what happens to a velocity (facts: dit.md 13)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from engine.controls import granularity
from engine.sampling.guidance import Guidance
from engine.sampling.schedule import schedule
from engine.sampling.solvers import Plan, Steering, Velocity, granular, limited_to, solve

SHAPE = (2, 6, 4)


def latents(seed: int, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(SHAPE, generator=generator, dtype=torch.float64) * scale


def field(plan: Plan, law: Callable[[Tensor, float], Tensor]) -> Velocity:
    """A velocity that depends on latents and time, as a solver calls it: by the number of the step."""

    def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, ...]:
        assert not guided
        return (law(x, plan.times[step]),)

    return velocity


def last(steps: Iterator[Tensor]) -> Tensor:
    *_, x = steps
    return x


SOLVERS = {"euler": {}, "heun": {"heun": True}, "dpm3m": {"multistep": True}}


def error(steps: int, solver: str, shift: float = 1.0) -> float:
    """How far a solver is from the solution of dx/dt = 1.5 x, over all of time."""
    plan = Plan(schedule(steps, shift), **SOLVERS[solver])
    x = latents(0)
    return float((last(solve(plan, x, field(plan, lambda x, t: 1.5 * x))) - x * math.exp(-1.5)).norm())


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize(("solver", "least", "most"), [("euler", 1, 1), ("heun", 2, 2), ("dpm3m", 2, 3)])
def test_the_order_of_a_solver(solver: str, least: int, most: int, shift: float) -> None:
    """Half the step, and the error falls to 1/2, 1/4 or 1/8: a multistep solver is held up by its plain first step."""
    for coarse, fine in pairwise([error(steps, solver, shift) for steps in (40, 80, 160)]):
        assert 0.9 * 2**least < coarse / fine < 1.1 * 2**most


@pytest.mark.parametrize("shift", [1.0, 3.0])
@pytest.mark.parametrize("evaluations", [20, 50])
def test_the_multistep_solver_is_nearer_than_heun_for_the_same_number_of_evaluations(
    evaluations: int, shift: float
) -> None:
    assert error(evaluations, "dpm3m", shift) < error(evaluations // 2, "heun", shift) < error(evaluations, "euler")


def test_the_multistep_solver_has_the_published_weights_where_steps_are_even() -> None:
    """Adams and Bashforth's: 3/2 and -1/2, then 23/12, -16/12 and 5/12."""
    plan = Plan(schedule(8, 1), multistep=True)
    vs = [latents(50 + step) for step in range(8)]
    xs = list(solve(plan, latents(0), lambda x, step, guided: (vs[step],)))
    torch.testing.assert_close(xs[1], xs[0] - (1.5 * vs[1] - 0.5 * vs[0]) / 8)
    for i in range(2, 8):
        torch.testing.assert_close(xs[i], xs[i - 1] - (23 * vs[i] - 16 * vs[i - 1] + 5 * vs[i - 2]) / 12 / 8)


def test_the_multistep_solver_is_exact_where_the_velocity_bends_evenly() -> None:
    """From its third step on, whatever the distances between the times."""
    plan = Plan([1.0, 0.9, 0.62, 0.5, 0.13, 0.0], multistep=True)
    xs = list(solve(plan, latents(0), field(plan, lambda x, t: latents(1) * t * t + latents(2) * t)))
    for (t, after), before, x in zip(list(pairwise(plan.times))[2:], xs[1:], xs[2:], strict=False):
        moved = latents(1) * (after**3 - t**3) / 3 + latents(2) * (after**2 - t**2) / 2
        torch.testing.assert_close(x - before, moved, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_euler_is_exact_where_the_velocity_is_constant(shift: float) -> None:
    noise, clean = latents(0), latents(1)
    plan = Plan(schedule(8, shift))
    reached = last(solve(plan, noise, field(plan, lambda x, t: noise - clean)))
    torch.testing.assert_close(reached, clean, rtol=0, atol=1e-14)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_heun_is_exact_where_the_velocity_is_linear_in_time(shift: float) -> None:
    direction, plan = latents(0), Plan(schedule(7, shift), heun=True)
    reached = last(solve(plan, latents(1), field(plan, lambda x, t: direction * t)))
    torch.testing.assert_close(reached, latents(1) - direction / 2, rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", ["ode", "sde"])
@pytest.mark.parametrize("heun", [False, True])
def test_a_perfect_model_ends_at_the_clean_latents(method: str, heun: bool) -> None:
    """``v = (x - clean) / t``: whatever noise is added on the way, the last step removes it."""
    clean = latents(1)
    plan = Plan(schedule(5, 2.0), method, heun=heun, turbo=True)
    law = field(plan, lambda x, t: (x - clean) / t)
    reached = last(solve(plan, latents(0), law, lambda step: latents(100 + step)))
    torch.testing.assert_close(reached, clean, rtol=0, atol=1e-13)


def test_every_step_is_yielded() -> None:
    plan = Plan([1.0, 0.6, 0.5, 0.0])
    xs = list(solve(plan, latents(0), field(plan, lambda x, t: x * t)))
    assert len(xs) == plan.steps == 3
    x = latents(0)
    for (t, after), actual in zip(pairwise(plan.times), xs, strict=True):
        x = x - x * t * (t - after)
        torch.testing.assert_close(actual, x, rtol=0, atol=1e-15)


def test_nothing_is_computed_ahead() -> None:
    """Cancelling is to stop iterating: the model runs once for every step that was asked for."""
    calls = []

    def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, ...]:
        calls.append(step)
        return (x,)

    steps = solve(Plan(schedule(8, 1)), latents(0), velocity)
    assert calls == []
    next(steps)
    next(steps)
    assert calls == [0, 1]


def test_the_given_latents_are_left_alone() -> None:
    x = latents(0)
    plan = Plan(schedule(4, 1), heun=True, steering=Steering(norm_threshold=0.5, ema_factor=0.5))
    last(solve(plan, x, field(plan, lambda x, t: x * 2)))
    assert torch.equal(x, latents(0))


# --- SDE -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turbo", [True, False])
def test_an_sde_noises_its_estimate_again_to_the_schedules_next_time(turbo: bool) -> None:
    """With the schedule's own times also where it is bent; base models of the reference forget the shift there."""
    plan = Plan(schedule(5, 3.0), "sde", turbo=turbo)
    asked: list[int] = []

    def fresh(step: int) -> Tensor:
        asked.append(step)
        return latents(100 + step)

    xs = list(solve(plan, latents(0), field(plan, lambda x, t: torch.sin(x) * t), fresh))
    x = latents(0)
    for step, actual in enumerate(xs):
        t, after = plan.times[step], plan.times[step + 1]
        clean = x - torch.sin(x) * t * t
        x = after * latents(100 + step) + (1 - after) * clean if after > 0 else clean
        torch.testing.assert_close(actual, x, rtol=0, atol=1e-14)
    assert asked == [0, 1, 2, 3]


# --- Heun ------------------------------------------------------------------------------------------------------------


def steps_seen(plan: Plan) -> list[int]:
    """The steps whose time the model is asked about, in order."""
    seen = []

    def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, ...]:
        seen.append(step)
        return (x, x) if guided else (x,)

    last(solve(plan, latents(0), velocity, lambda step: latents(step)))
    return seen


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (Plan(schedule(3, 1)), [0, 1, 2]),
        (Plan(schedule(3, 1), "sde"), [0, 1, 2]),
        (Plan(schedule(3, 1), heun=True), [0, 1, 1, 2, 2, 3]),
        (Plan(schedule(3, 1), heun=True, turbo=True), [0, 1, 1, 2, 2]),
        (Plan(schedule(3, 1), "sde", heun=True), [0, 1, 2]),
        (Plan(schedule(1, 1), heun=True, turbo=True), [0]),
        (Plan(schedule(3, 1), multistep=True), [0, 1, 2]),
    ],
    ids=[
        "euler",
        "sde",
        "heun looks at time 0 too",
        "but not on turbo",
        "an sde has no heun",
        "one turbo step",
        "one look a step",
    ],
)
def test_the_model_is_asked_about_the_right_times(plan: Plan, expected: list[int]) -> None:
    assert steps_seen(plan) == expected


def test_turbo_heun_ends_with_an_euler_step() -> None:
    law = torch.cos
    heun = Plan(schedule(4, 3), heun=True, turbo=True)
    *_, before, after = solve(heun, latents(0), field(heun, lambda x, t: law(x)))
    torch.testing.assert_close(after, before - law(before) * heun.times[-2], rtol=0, atol=1e-15)


def test_an_sde_on_a_gaussian_has_the_mean_and_the_spread_that_can_be_computed() -> None:
    """The velocity to a Gaussian is known, so the mean and the variance after every step are too."""
    mean, variance = 0.7, 0.16
    plan = Plan(schedule(12, 2.0), "sde")
    generator = torch.Generator().manual_seed(5)

    def noise(step: int) -> Tensor:
        return torch.randn((1, 40_000, 1), generator=generator, dtype=torch.float64)

    def share(t: float) -> float:
        return (1 - t) * variance / (t * t + (1 - t) ** 2 * variance)

    def velocity(x: Tensor, t: float) -> Tensor:
        return (x - mean - share(t) * (x - (1 - t) * mean)) / t

    expected_mean, expected_variance = 0.0, 1.0
    for step, x in enumerate(solve(plan, noise(-1), field(plan, velocity), noise)):
        t, after = plan.times[step], plan.times[step + 1]
        clean_mean = mean + share(t) * (expected_mean - (1 - t) * mean)
        clean_variance = share(t) ** 2 * expected_variance
        expected_mean = (1 - after) * clean_mean
        expected_variance = after**2 + (1 - after) ** 2 * clean_variance
        assert float(x.mean()) == pytest.approx(expected_mean, abs=0.02)
        assert float(x.var()) == pytest.approx(expected_variance, rel=0.05)


# --- granularity (v1's omega) ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("omega", "moved"),
    [
        (0.0, [0.971538, -1.056923, 0.585385, 1.886154]),
        (10.0, [0.971538, -1.058238, 0.590646, 1.882208]),
    ],
)
def test_a_step_of_v1(omega: float, moved: list[float]) -> None:
    """The control guide's own numbers (facts: v1.md, appendix A)."""
    x = torch.tensor([[[1.0], [-1.0], [0.5], [2.0]]], dtype=torch.float64)
    v = torch.tensor([[[0.2], [0.4], [-0.6], [0.8]]], dtype=torch.float64)
    plan = Plan([1.0, 0.857692, 0.0], granularity=literal(omega))
    first = next(solve(plan, x, lambda *_: (v,)))
    torch.testing.assert_close(first.flatten(), torch.tensor(moved, dtype=torch.float64), rtol=0, atol=2e-6)


def literal(omega: float) -> float:
    """v1's factor as v1 has it; here it is divided by that of 10."""
    return granularity(omega) * 1.046212


def test_the_deviation_of_a_step_from_its_mean_is_scaled_item_by_item() -> None:
    plan, plain = Plan([1.0, 0.4, 0.0], granularity=1.25), Plan([1.0, 0.4, 0.0])
    law = torch.sin
    x = latents(0)
    there, beside = (next(solve(each, x, field(each, lambda x, t: law(x)))) - x for each in (plan, plain))
    torch.testing.assert_close(there.mean(dim=(1, 2)), beside.mean(dim=(1, 2)))
    torch.testing.assert_close(there.std(dim=(1, 2)), 1.25 * beside.std(dim=(1, 2)))
    alone = next(solve(plan, x[:1], field(plan, lambda x, t: law(x)))) - x[:1]
    torch.testing.assert_close(alone, there[:1])


def test_heun_scales_its_foresight_and_its_step() -> None:
    plan = Plan([1.0, 0.4, 0.0], heun=True, granularity=1.1)
    x = latents(0)
    v = torch.cos(x)
    again = torch.cos(x - granular(0.6 * v, 1.1))
    expected = x - granular(0.6 * (v + again) / 2, 1.1)
    torch.testing.assert_close(next(solve(plan, x, field(plan, lambda x, t: torch.cos(x)))), expected)


# --- steering --------------------------------------------------------------------------------------------------------


def test_the_norm_limit() -> None:
    """Each item's length over time and channels, against that of its own latents."""
    v, x = latents(0), latents(1)
    v[1] *= 0.01
    limited = limited_to(v, x, 0.3)
    torch.testing.assert_close(limited[0].norm(), 0.3 * x[0].norm(), rtol=1e-9, atol=0)
    torch.testing.assert_close(limited[0] / limited[0].norm(), v[0] / v[0].norm())
    assert torch.equal(limited[1], v[1])
    assert limited_to(torch.zeros_like(v), x, 0.3).abs().max() == 0


@pytest.mark.parametrize("heun", [False, True])
@pytest.mark.parametrize("variant", ["cfg", "apg_classic", "adg"])
def test_guidance_then_limit_then_average(variant: str, heun: bool) -> None:
    """A restatement of the published order: the average runs over what guidance and limit have left."""
    scale, threshold, factor = 3.0, 0.8, 0.3
    steering = Steering(Guidance(variant, scale, 0.3, 0.9), threshold, factor)
    plan = Plan(schedule(6, 1.5), heun=heun, steering=steering)
    asked: list[tuple[int, bool]] = []

    def both(x: Tensor, t: float) -> tuple[Tensor, Tensor]:
        return torch.sin(x) + t, torch.cos(x) - t

    def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, ...]:
        asked.append((step, guided))
        cond, uncond = both(x, plan.times[step])
        return (cond, uncond) if guided else (cond,)

    xs = list(solve(plan, latents(0), velocity))

    own = Guidance(variant, scale)
    expected_asked: list[tuple[int, bool]] = []

    def look(x: Tensor, step: int, earlier: Tensor | None, *, again: bool) -> Tensor:
        t = plan.times[step]
        cond, uncond = both(x, t)
        inside = 0.3 <= t <= 0.9
        expected_asked.append((step, inside))
        v = (own.plain if again else own)(x, cond, uncond, t) if inside else cond
        longest = threshold * x.flatten(1).norm(dim=1)
        shrink = torch.clamp(longest / v.flatten(1).norm(dim=1), max=1).view(-1, 1, 1)
        v = v * shrink
        return v if earlier is None else (1 - factor) * v + factor * earlier

    x, previous = latents(0), None
    for step, actual in enumerate(xs):
        dt = plan.times[step] - plan.times[step + 1]
        v = look(x, step, previous, again=False)
        if heun:
            second = look(x - v * dt, step + 1, v, again=True)
            x = x - dt * (v + second) / 2
        else:
            x = x - dt * v
        previous = v
        torch.testing.assert_close(actual, x, rtol=1e-9, atol=1e-9)
    assert asked == expected_asked


@pytest.mark.parametrize("variant", ["apg_classic", "cfg"])
def test_a_plan_can_be_solved_again(variant: str) -> None:
    """The items of a batch go one after another with one plan: no trajectory may hear of the one before."""
    plan = Plan(schedule(5, 1), steering=Steering(Guidance(variant, 4.0)))

    def velocity(x: Tensor, step: int, guided: bool) -> tuple[Tensor, ...]:
        return (torch.sin(x), torch.cos(x)) if guided else (torch.sin(x),)

    assert torch.equal(last(solve(plan, latents(0), velocity)), last(solve(plan, latents(0), velocity)))


def test_steering_that_is_off_changes_nothing() -> None:
    plain, steered = Plan(schedule(4, 1)), Plan(schedule(4, 1), steering=Steering(Guidance("cfg", 1.0), 0.0, 0.0))

    def law(x: Tensor, t: float) -> Tensor:
        return torch.sin(x) * t

    assert torch.equal(
        last(solve(plain, latents(0), field(plain, law))), last(solve(steered, latents(0), field(steered, law)))
    )
