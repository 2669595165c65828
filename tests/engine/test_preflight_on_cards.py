"""What is told of a card against what the code holds there: official sizes, counted without any card or weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from engine.contexts import for_all
from engine.model import Acestep
from engine.models.loading import build
from engine.models.planner_lm import PlannerLM
from engine.models.recorded_lm import _desk_of, _spans
from engine.models.vae import VAE, Tiling
from engine.preflight import PROMPT_TOKENS, Wish, _decode, _encode, _kept, _planner, _sampling
from tests.engine.held_memory import META, Held, as_on_a_card
from tests.engine.test_preflight import published

HALF = torch.bfloat16


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    as_on_a_card(monkeypatch)
    monkeypatch.setattr("engine.models.primitives.score_bound", lambda *norms: math.inf)
    with torch.no_grad(), Held() as held:
        yield held


@pytest.mark.parametrize(
    ("variant", "wish", "quantization"),
    [
        ("turbo", Wish(8, 30.0), None),
        ("turbo", Wish(1, 480.0, planner=True), None),
        ("turbo", Wish(2, 30.0), "int8_weight_only"),
        ("base", Wish(4, 60.0, guided=True), None),
        ("xl-turbo", Wish(2, 60.0), None),
        ("xl-turbo", Wish(1, 60.0), None),
    ],
)
def test_a_step_holds_what_is_told(held: Held, variant: str, wish: Wish, quantization: str | None) -> None:
    sizes = replace(published(variant), quantised=quantization is not None)
    held.begin()
    network = build(lambda: Acestep(sizes.dit, guided=True), META, HALF, quantization)
    assert sum(each.nbytes for each in network.parameters()) == pytest.approx(sizes.weights["music"], rel=1e-3)
    dit, frames = network.decoder, round(25 * wish.seconds)
    held.begin()
    prompts = [dit.remember(torch.empty(1, PROMPT_TOKENS, sizes.dit.encoder.hidden_size, device=META, dtype=HALF))]
    prompts += [dit.remember_null(network.null_condition_emb)] if wish.guided else []
    around = torch.empty(wish.takes if wish.planner else 1, frames, 64, device=META, dtype=HALF)
    context, rotary = dit.patch_in.context(around, torch.ones_like(around)), dit.rotary(frames)
    x, time = torch.empty(wish.takes, frames, 64, device=META), dit.time(torch.ones(1, device=META))
    for _ in range(2):  # the first one makes masks, which are kept
        rows = x.to(HALF).repeat(len(prompts), 1, 1)
        out = dit(rows, time, for_all(context, prompts), prompts, rotary).float()
        del rows, out
    told = _sampling(sizes, replace(wish, passes=2))  # without that of a recording, which is not made here
    if wish.guided:
        told = _sampling(sizes, replace(wish, passes=2, takes=2 * wish.takes))
    assert told + _kept(sizes, wish) == pytest.approx(held.most, rel=0.1)


@pytest.mark.parametrize("tile", [128, 512])
def test_a_tile_of_sound_holds_what_is_told(held: Held, tile: int) -> None:
    sizes, wish = replace(published(), tile=tile), Wish(seconds=60.0)
    vae = build(lambda: VAE(sizes.vae), META, HALF)
    latents = torch.empty(1, 1500, 64, device=META, dtype=HALF)
    held.begin()
    pieces = vae.decode_tiles(latents, Tiling(tile, None))
    for _ in range(2):
        next(pieces)
    assert _decode(sizes, wish) == pytest.approx(held.most, rel=0.1)
    audio = torch.empty(1, 2, 60 * 48_000, device=META, dtype=HALF)
    held.begin()
    pieces = vae.encode_tiles(audio, Tiling(tile, None))
    for _ in range(2):
        next(pieces)
    assert _encode(sizes, wish) == pytest.approx(held.most, rel=0.1)


@pytest.mark.parametrize(("takes", "seconds", "words"), [(1, 480.0, 500), (8, 60.0, 300), (4, 60.0, 1000)])
def test_a_planner_holds_what_is_told(held: Held, takes: int, seconds: float, words: int) -> None:
    sizes = published(planner=True)
    assert sizes.lm is not None
    wish, count = Wish(takes, seconds, planner=True, words=words), round(5 * seconds)
    network = build(lambda: PlannerLM(sizes.lm, sizes.lm.vocab_size), META, HALF)  # type: ignore[arg-type, union-attr]
    held.begin()
    read = [network.lane(1, words), network.lane(1, 50)]
    for lane in read:
        network.read(torch.zeros(lane.room, dtype=torch.int64, device=META), lane)
    lanes = [lane.copies(takes, _spans(lane.length + count), clean=True) for lane in read]
    desk = _desk_of(lanes, network)
    hidden = network.step_within(desk.tokens, lanes, desk.places, [lane.room for lane in lanes])
    chances = network.logits(hidden, network.head[:64_000]).double().log_softmax(1)
    assert chances.shape == (2 * takes, 64_000)
    assert _planner(sizes, sizes.lm, wish) == pytest.approx(held.most, rel=0.1)
