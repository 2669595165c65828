"""Guidance in two passes: the decoder is asked for half as much at once, and what comes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from engine.checkpoints import open_set
from engine.pipeline import Engine
from engine.preflight import Wish, need
from engine.profiles import profile_for
from engine.request import Request
from sessions.fitting import wish_of
from tests.engine.test_preflight import published

REQUEST = Request(caption="slow jazz", lyrics="la", duration=1.0, inference_steps=2, bpm=96, seeds=[3], thinking=False)
SPLIT = REQUEST.replace(guidance_scale_text=5.0, guidance_scale_lyric=3.0)


@pytest.fixture(scope="module")
def one(tiny_base: Path) -> Engine:
    return Engine.load(tiny_base, lm="none", device="cpu")


@pytest.fixture(scope="module")
def two(tiny_base: Path) -> Engine:
    return Engine.load(tiny_base, lm="none", device="cpu", guidance_passes=2)


def asked(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Notes how many rows each question to the decoder has."""
    rows: list[int] = []
    decoder = engine._model.networks.decoder
    forward = decoder.forward

    def noted(x: Tensor, *given: object) -> Tensor:
        rows.append(x.shape[0])
        return forward(x, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(decoder, "forward", noted)
    return rows


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("request_", "prompts"), [(REQUEST, 2), (SPLIT, 3)])
def test_each_prompt_goes_through_by_itself(
    one: Engine, two: Engine, request_: Request, prompts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, apart = asked(one, monkeypatch), asked(two, monkeypatch)
    first, second = one.render(request_)[0], two.render(request_)[0]
    assert (together, apart) == ([prompts] * 2, [1] * 2 * prompts)
    # On a processor in float32 a row's numbers are its own; where they are not, the take says how it was made.
    assert float((first.latents - second.latents).abs().max()) <= 1e-5 * float(first.latents.abs().max())
    assert second.identity == {**first.identity, "passes": 2}
    assert two.saving["guidance_passes"] == 2


def test_without_guidance_there_is_nothing_to_take_apart(two: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = asked(two, monkeypatch)
    take = two.render(REQUEST.replace(guidance_scale=1.0))[0]
    assert rows == [1, 1]
    assert "passes" not in take.identity


def test_it_is_told_to_take_half_as_much(tiny_base: Path) -> None:
    sizes = replace(published("base"), tile=32)  # so that sampling is the dearest stage
    guided = Wish(takes=4, seconds=240.0, guided=True)
    whole, half, plain = (
        need(sizes, wish) for wish in (guided, replace(guided, passes=2), replace(guided, guided=False))
    )
    assert {each.stage for each in (whole, half, plain)} == {"sampling"}
    assert half.peak < plain.peak < whole.peak  # no pass is recorded either
    models = open_set(tiny_base, None, "none")
    profile = profile_for(models.dit.name, models.dit.config)
    wish = wish_of(SPLIT.to_dict(), profile, planner=False, passes=2)
    assert (wish.guided, wish.split, wish.passes) == (True, True, 2)
