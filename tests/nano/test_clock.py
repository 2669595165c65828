"""The ruler that stands in for silence, and the weights that read a beat off it before anything has been trained."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from engine.prompt import caption_prompt, lyric_prompt
from engine.request import Request
from tools.nano import clock, metronome
from tools.nano.networks import Networks, make_networks

pytestmark = pytest.mark.usefixtures("one_thread")

FRAMES = 500


def test_every_tempo_is_a_centre_and_an_offset() -> None:
    for bpm in range(clock.SLOWEST, clock.FASTEST + 1):
        place = clock.place(bpm)
        assert place is not None
        assert clock.CENTRES[place[0]] + place[1] == bpm
        assert abs(place[1]) <= clock.REACH
    assert clock.place(clock.SLOWEST - 1) is None
    assert clock.place(clock.FASTEST + 1) is None


def test_the_ruler_counts_time_and_repeats_without_a_seam() -> None:
    ruler = clock.ruler(clock.PERIOD + 100)
    assert ruler.shape == (1, clock.PERIOD + 100, clock.CHANNELS)
    assert torch.allclose(ruler[:, clock.PERIOD :], ruler[:, :100], atol=1e-5)
    pairs = ruler.unflatten(2, (-1, 2))
    assert torch.allclose(pairs.square().sum(3), torch.ones(()), atol=1e-5)
    second = 2 * math.pi * clock.RATES[0]
    assert pairs[0, 25, 0].tolist() == pytest.approx([math.cos(second), math.sin(second)], abs=1e-5)


@pytest.fixture(scope="module")
def networks() -> Networks:
    return make_networks("base", 5)


def streams(networks: Networks, bpm: int) -> list[Tensor]:
    """The stream ``[S, H]`` after each layer, for noise and a prompt that asks for ``bpm``."""
    decoder = networks.acestep.decoder
    ruler = clock.ruler(FRAMES)
    asked = Request(caption="calm classical music with piano, strings", bpm=bpm, keyscale="A minor", duration=20.0)
    caption, lyrics = caption_prompt(asked, 20.0), lyric_prompt(asked)
    seen: list[Tensor] = []
    hooks = [layer.register_forward_hook(lambda _, __, out: seen.append(out[0])) for layer in decoder.layers]
    with torch.no_grad():
        (states,) = networks.states([caption], [lyrics], ruler[:, :250], [0])
        context = decoder.patch_in.context(ruler, torch.ones_like(ruler))
        noise = torch.randn(1, FRAMES, 64, generator=torch.Generator().manual_seed(bpm))
        decoder(noise, decoder.time(torch.tensor([1.0])), context, networks.memories([states]))
    for hook in hooks:
        hook.remove()
    return seen


def alike(one: Tensor, other: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(one, other, dim=0))


@pytest.mark.parametrize("bpm", [60, 72, 97, 120, 151, 180])
def test_untrained_layers_count_the_beat_that_is_asked_for(networks: Networks, bpm: int) -> None:
    after = streams(networks, bpm)
    seconds = torch.arange(FRAMES // 2) * 2 / clock.FRAME_RATE
    for number, turns in enumerate(clock.BANKS):
        angle = 2 * math.pi * turns * bpm / 60 * seconds
        first = metronome.found(networks.acestep, number)
        for channel, wave in ((first + 4, angle.cos()), (first + 5, angle.sin())):
            assert alike(after[1][:, channel], wave) > 0.85
            assert abs(alike(after[1][:, channel], (angle * 1.1).cos())) < 0.35
        for channel, wave in ((first + 6, (2 * angle).cos()), (first + 7, (2 * angle).sin())):
            assert alike(after[2][:, channel], wave) > 0.5


def test_a_song_without_a_tempo_has_no_beat_to_begin_with(networks: Networks) -> None:
    decoder = networks.acestep.decoder
    ruler = clock.ruler(FRAMES)
    seen: list[Tensor] = []
    hook = decoder.layers[1].register_forward_hook(lambda _, __, out: seen.append(out[0]))
    with torch.no_grad():
        (states,) = networks.states(["calm piano"], ["[Instrumental]"], ruler[:, :250], [0])
        context = decoder.patch_in.context(ruler, torch.ones_like(ruler))
        noise = torch.zeros(1, FRAMES, 64)
        decoder(noise, decoder.time(torch.tensor([1.0])), context, networks.memories([states]))
    hook.remove()
    first = metronome.found(networks.acestep, 0)
    assert float(seen[0][:, first + 4].square().mean()) < 0.02
