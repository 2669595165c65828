"""Guidance against slow restatements of what is published, one number at a time (facts: dit.md 14)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from engine.sampling.guidance import Constants, Guidance
from engine.sampling.window import Window

VARIANTS = ("apg_classic", "cfg", "cfg_star", "adg", "adg_w_norm", "adg_wo_clip")
BATCH, FRAMES, CHANNELS = 2, 7, 5

Rows = list[list[float]]
"""One item: frames of channels."""


def latents(seed: int, batch: int = BATCH, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, FRAMES, CHANNELS, generator=generator, dtype=torch.float64) * scale


def rows(f: Callable[[int, int], float]) -> Rows:
    return [[f(t, c) for c in range(CHANNELS)] for t in range(FRAMES)]


def length(numbers: Sequence[float]) -> float:
    return math.sqrt(sum(x * x for x in numbers))


def column(item: Rows, c: int) -> list[float]:
    """A channel over time."""
    return [frame[c] for frame in item]


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def cfg(cond: Rows, uncond: Rows, scale: float) -> Rows:
    return rows(lambda t, c: uncond[t][c] + scale * (cond[t][c] - uncond[t][c]))


def apg(cond: Rows, uncond: Rows, scale: float, momentum: Rows) -> tuple[Rows, Rows]:
    """The guided velocity and the momentum for the next step."""
    d = rows(lambda t, c: cond[t][c] - uncond[t][c] - 0.75 * momentum[t][c])
    clipped = rows(lambda t, c: d[t][c] * min(1.0, 2.5 / length(column(d, c))))
    unit = rows(lambda t, c: cond[t][c] / max(length(column(cond, c)), 1e-12))
    orthogonal = rows(lambda t, c: clipped[t][c] - dot(column(clipped, c), column(unit, c)) * unit[t][c])
    return rows(lambda t, c: cond[t][c] + (scale - 1) * orthogonal[t][c]), d


def adg(x: Rows, cond: Rows, uncond: Rows, scale: float, sigma: float, variant: str) -> Rows:
    weight = max(scale - 1, 0) + 1e-3
    limit = {"adg": 3.14 / 6, "adg_w_norm": 3.14 / 3, "adg_wo_clip": math.inf}[variant]
    clean_cond = rows(lambda t, c: x[t][c] - sigma * cond[t][c])
    clean_uncond = rows(lambda t, c: x[t][c] - sigma * uncond[t][c])
    guided = []
    for a, b in zip(clean_cond, clean_uncond, strict=True):
        cosine = max(-1 + 1e-6, min(1 - 1e-6, dot(a, b) / (length(a) * length(b))))
        theta = math.acos(cosine)
        wide = max(-limit, min(limit, weight * theta))
        d = [p - q for p, q in zip(a, b, strict=True)]
        along = dot(d, b) / (dot(b, b) + 1e-8)
        stretch = math.sin(wide) / math.sin(theta) if math.sin(theta) > 1e-3 else weight
        guided.append([math.cos(wide) * p + stretch * (q - along * r) for p, q, r in zip(a, d, b, strict=True)])
    if variant == "adg_w_norm":
        kept = [length(column(clean_cond, c)) / length(column(guided, c)) for c in range(CHANNELS)]
        guided = [[value * kept[c] for c, value in enumerate(frame)] for frame in guided]
    return rows(lambda t, c: (x[t][c] - guided[t][c]) / sigma)


def close(actual: Tensor, expected: Sequence[Rows], tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(
        actual, torch.tensor(expected, dtype=actual.dtype), rtol=tolerance, atol=tolerance * float(actual.abs().max())
    )


@pytest.mark.parametrize("scale", [1.5, 7.0, 15.0])
def test_cfg(scale: float) -> None:
    x, cond, uncond = (latents(seed) for seed in range(3))
    actual = Guidance("cfg", scale)(x, cond, uncond, 0.5)
    close(actual, [cfg(c, u, scale) for c, u in zip(cond.tolist(), uncond.tolist(), strict=True)])


@pytest.mark.parametrize("scale", [1.5, 7.0, 15.0])
@pytest.mark.parametrize("spread", [0.1, 1.0, 10.0])
def test_apg_over_a_trajectory(scale: float, spread: float) -> None:
    """Five steps: with small differences nothing is clipped, with large ones every channel is."""
    guidance = Guidance("apg_classic", scale)
    momenta = [rows(lambda t, c: 0.0)] * BATCH
    for step in range(5):
        cond = latents(10 + step)
        uncond = cond + latents(20 + step, scale=spread)
        actual = guidance(latents(30 + step), cond, uncond, 1 - step / 5)
        steps = [apg(c, u, scale, m) for c, u, m in zip(cond.tolist(), uncond.tolist(), momenta, strict=True)]
        close(actual, [guided for guided, _ in steps])
        momenta = [momentum for _, momentum in steps]


@pytest.mark.parametrize("variant", ["adg", "adg_w_norm", "adg_wo_clip"])
@pytest.mark.parametrize("scale", [1.5, 3.0, 7.0])
@pytest.mark.parametrize("spread", [0.01, 0.3, 2.0])
@pytest.mark.parametrize("t", [1.0, 0.4, 0.02])
def test_adg(variant: str, scale: float, spread: float, t: float) -> None:
    """Small angles and wide ones: with the former nothing is clipped, with the latter everything is."""
    x, cond = latents(0), latents(1)
    uncond = cond + latents(2, scale=spread)
    actual = Guidance(variant, scale)(x, cond, uncond, t)
    expected = [
        adg(a, c, u, scale, t, variant) for a, c, u in zip(x.tolist(), cond.tolist(), uncond.tolist(), strict=True)
    ]
    # acos is steep near 1: an angle of 1e-3 is known to 1e-13, and dividing by its sine costs three more digits.
    close(actual, expected, 1e-8)


@pytest.mark.parametrize("variant", ["adg", "adg_w_norm", "adg_wo_clip"])
def test_adg_stays_finite_where_both_branches_agree(variant: str) -> None:
    x, cond = latents(0), latents(1)
    assert Guidance(variant, 7.0)(x, cond, cond.clone(), 0.5).isfinite().all()


@pytest.mark.parametrize("variant", ["adg", "adg_w_norm", "adg_wo_clip"])
def test_adg_is_cfg_at_time_zero(variant: str) -> None:
    x, cond, uncond = (latents(seed) for seed in range(3))
    assert torch.equal(Guidance(variant, 3.0)(x, cond, uncond, 0.0), Guidance("cfg", 3.0)(x, cond, uncond, 0.0))


def test_apg_leaves_the_prediction_alone_where_both_branches_agree() -> None:
    cond = latents(1)
    torch.testing.assert_close(Guidance("apg_classic", 7.0)(latents(0), cond, cond.clone(), 0.5), cond)


def test_apg_survives_silence() -> None:
    """A prediction of nothing has no direction, and a difference of nothing no length."""
    nothing = torch.zeros(1, FRAMES, CHANNELS)
    assert torch.equal(Guidance("apg_classic", 7.0)(nothing, nothing, nothing, 0.5), nothing)


@pytest.mark.parametrize("variant", VARIANTS)
def test_items_never_mix(variant: str) -> None:
    together = Guidance(variant, 5.0)
    alone = [Guidance(variant, 5.0) for _ in range(3)]
    for step in range(3):
        x, cond, uncond = (latents(10 * step + part, batch=3).float() for part in range(3))
        t = 1 - step / 3
        batch = together(x, cond, uncond, t)
        for i, guidance in enumerate(alone):
            item = slice(i, i + 1)
            assert torch.equal(batch[item], guidance(x[item], cond[item], uncond[item], t))


@pytest.mark.parametrize("variant", VARIANTS)
def test_float32_stays_float32_and_close(variant: str) -> None:
    x, cond, uncond = (latents(seed) for seed in range(3))
    exact = Guidance(variant, 3.0)(x, cond, uncond, 0.5)
    single = Guidance(variant, 3.0)(x.float(), cond.float(), uncond.float(), 0.5)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), exact, rtol=1e-5, atol=1e-5 * float(exact.abs().max()))


def test_a_second_look_does_not_advance_the_momentum() -> None:
    x, cond, uncond = (latents(seed) for seed in range(3))
    once, twice = Guidance("apg_classic", 5.0), Guidance("apg_classic", 5.0)
    once(x, cond, uncond, 1.0)
    twice(x, cond, uncond, 1.0)
    looked = twice.plain(x, uncond, cond, 0.5)
    assert torch.equal(looked, Guidance("cfg", 5.0)(x, uncond, cond, 0.5))
    assert torch.equal(once(x, cond, uncond, 0.5), twice(x, cond, uncond, 0.5))


@pytest.mark.parametrize("variant", [variant for variant in VARIANTS if variant != "apg_classic"])
def test_rules_without_memory_look_the_same_twice(variant: str) -> None:
    guidance = Guidance(variant, 3.0)
    x, cond, uncond = (latents(seed) for seed in range(3))
    first = guidance(x, cond, uncond, 0.5)
    assert torch.equal(guidance(x, cond, uncond, 0.5), first)
    assert torch.equal(guidance.plain(x, cond, uncond, 0.5), first)


def test_the_interval_is_one_of_time_and_includes_its_ends() -> None:
    """On ``t`` itself, where 1 is the start of sampling (facts: dit.md 19, row 10)."""
    guidance = Guidance("cfg", 3.0, start=0.25, stop=0.75)
    assert [guidance.active(t) for t in (1.0, 0.76, 0.75, 0.5, 0.25, 0.24, 0.0)] == [
        False,
        False,
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_scale_of_one_is_no_guidance() -> None:
    assert not Guidance("cfg", 1.0).active(0.5)
    assert Guidance("cfg", 1.01).active(0.5)


# --- the control guide's ---------------------------------------------------------------------------------------------


def guide(numbers: Sequence[float]) -> Tensor:
    """A prediction of the guide's examples: one item, one channel (facts: v1.md, appendix A)."""
    return torch.tensor(numbers, dtype=torch.float64).view(1, -1, 1)


COND, UNCOND = guide([1, 2, 3, 4]), guide([0.5, 2.5, 1, 5])


def shows(actual: Tensor, expected: Sequence[float]) -> None:
    torch.testing.assert_close(actual, guide(expected), rtol=0, atol=1e-5)


def test_the_guides_numbers_for_cfg() -> None:
    shows(Guidance("cfg", 3.0)(COND, COND, UNCOND, 0.5), [2, 1, 7, 2])


def test_the_guides_numbers_for_apg() -> None:
    guidance = Guidance("apg_classic", 3.0)
    shows(guidance(COND, COND, UNCOND, 0.5), [1.9, 0.8, 6.7, 1.6])
    shows(guidance(COND, 1.1 * COND, 0.9 * UNCOND, 0.5), [1.235, 2.02, 3.855, 4.04])
    shows(guidance.fresh()(COND, 4 * COND, UNCOND, 0.5), [4.133396, 7.822139, 12.548404, 15.644279])


def test_the_guides_numbers_for_cfg_star() -> None:
    standing = Guidance("cfg_star", 3.0, constants=Constants(zero_init_steps=2)).fresh(10)
    shows(standing(COND, COND, UNCOND, 0.5, step=1), [0, 0, 0, 0])
    shows(standing(COND, COND, UNCOND, 0.5, step=2), [2.123077, 1.615385, 7.246154, 3.230769])
    shows(Guidance("cfg_star", 3.0)(COND, COND, UNCOND, 0.5), [2.123077, 1.615385, 7.246154, 3.230769])


def test_the_guides_numbers_for_caption_and_lyrics_apart() -> None:
    split = Guidance("cfg", 15.0, text_scale=5.0, lyric_scale=1.5)
    assert split.split
    wordless = (COND + UNCOND) / 2
    shows(split(COND, COND, UNCOND, 0.5, wordless=wordless), [2.125, 0.875, 7.5, 1.75])
    assert not Guidance("cfg", 15.0, text_scale=5.0, lyric_scale=1.0).split


def test_projected_guidance_by_caption_and_lyrics_has_two_memories() -> None:
    """Each part is what the lone rule makes of its own difference, also in the second step."""
    split = Guidance("apg_classic", 9.0, text_scale=4.0, lyric_scale=2.5)
    lyric, text = Guidance("apg_classic", 2.5), Guidance("apg_classic", 4.0)
    for step in range(3):
        x, cond, uncond, wordless = (latents(40 * step + part) for part in range(4))
        by_lyric = lyric(x, cond, wordless, 0.5) - cond
        by_text = text(x, wordless, uncond, 0.5) - wordless
        torch.testing.assert_close(split(x, cond, uncond, 0.5, wordless=wordless), cond + by_lyric + by_text)


@pytest.mark.parametrize(
    ("interval", "steps", "bounds"),
    [
        (0.5, 60, (15, 45)),
        (0.3, 50, (17, 32)),
        (0.5, 27, (6, 20)),
        (0.3, 60, (21, 39)),
        (0.6, 60, (12, 48)),
        (0.7, 80, (12, 68)),
        (0.65, 60, (10, 49)),
        (1.0, 60, (0, 60)),
        (0.0, 60, (30, 30)),
        (0.97, 60, (0, 59)),
    ],
)
def test_the_guides_windows(interval: float, steps: int, bounds: tuple[int, int]) -> None:
    guidance = Guidance("cfg", 3.0, window=Window(interval)).fresh(steps)
    assert Window(interval).bounds(steps) == bounds
    assert [step for step in range(steps) if guidance.active(0.5, step)] == list(range(*bounds))


def test_the_scale_falls_over_the_window() -> None:
    falling = Window(0.5, decay=0.5, least=3.0)
    scales = [falling.scale(15.0, step, 60) for step in range(15, 45)]
    assert (scales[0], scales[-1]) == (15.0, 9.0)
    assert scales == sorted(scales, reverse=True)
    assert Window(0.5, decay=0.5, least=3.0).scale(15.0, 0, 2) == 15.0  # one step alone does not divide by zero
    guidance = Guidance("cfg", 15.0, window=falling).fresh(60)
    x, cond, uncond = (latents(seed) for seed in range(3))
    close(
        guidance(x, cond, uncond, 0.5, step=44),
        [cfg(c, u, 9.0) for c, u in zip(cond.tolist(), uncond.tolist(), strict=True)],
    )


def test_constants_can_be_others() -> None:
    """Without a limit, a memory or a projection, the projected rule is the plain one."""
    x, cond, uncond = (latents(seed, scale=9.0) for seed in range(3))
    free = Guidance("apg_classic", 5.0, constants=Constants(momentum=0.0, norm_threshold=0.0, eta=1.0))
    for _ in range(2):
        torch.testing.assert_close(free(x, cond, uncond, 0.5), Guidance("cfg", 5.0)(x, cond, uncond, 0.5))


def test_forks_go_their_own_way_and_come_together_as_their_mean() -> None:
    guidance, restated = Guidance("apg_classic", 5.0), Guidance("apg_classic", 5.0)
    x, cond, uncond = (latents(seed) for seed in range(3))
    assert torch.equal(guidance(x, cond, uncond, 0.9), restated(x, cond, uncond, 0.9))
    draws = [(latents(10 + i), latents(20 + i)) for i in range(3)]
    forks = [guidance.forked() for _ in draws]
    for fork, (c, u) in zip(forks, draws, strict=True):
        torch.testing.assert_close(fork(x, c, u, 0.8), restated.forked()(x, c, u, 0.8))
    guidance.join(forks)
    zero = torch.zeros_like(cond)
    mean = torch.stack([c - u for c, u in draws]).mean(dim=0)
    restated(x, mean, zero, 0.8)
    torch.testing.assert_close(guidance(x, cond, uncond, 0.7), restated(x, cond, uncond, 0.7))
