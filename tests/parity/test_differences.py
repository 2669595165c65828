"""Where this engine and diffusers differ on purpose. Each test states one difference and shows both behaviours.

Numbers are those of the table of disagreements in the facts (dit.md 19).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine import Request
from engine.conditions import Prompt
from engine.config import FULL, SLIDING
from tests.parity.oracle import (
    AUDIO,
    FAST_VAE,
    NETWORK,
    Twins,
    agree,
    corrected_timbre,
    deviation,
    differ,
    frames_of,
    load_twins,
    randn,
    their_latents,
    their_prompt,
    their_sound,
    their_states,
)

pytestmark = pytest.mark.parity

SHORT = Request(caption="A slow song", lyrics="la la la", vocal_language="en", duration=6.0, seeds=(0,))
LONG = SHORT.replace(
    caption="dark techno, bright synths, a big drum fill", lyrics="[Verse]\nThe river carries on\n" * 9
)


@pytest.mark.parametrize("variant", ["xl-turbo", "xl-base"])
def test_1_xl_pools_its_timbre_from_a_learned_token_which_diffusers_leaves_out(
    twins: Callable[..., Twins], variant: str
) -> None:
    """XL was trained with a token in front of each reference clip. diffusers pools the first frame for every size, so
    its XL timbre is another vector; with the token put in front of its sequence it gives ours."""
    both = twins(variant, corrected=False)
    assert both.config.timbre_has_cls
    caption, lyrics = (randn(n, both.config.text_hidden_dim, seed=n) for n in (12, 31))
    clips = both.latents(90, 2, seed=1)
    ours = both.model.networks.encoder(caption.unsqueeze(0), lyrics.unsqueeze(0), clips)
    theirs, _ = their_states(both.pipe, [caption], [lyrics], [clips])
    agree("XL without its token", ours[:, :31], theirs[:, :31], NETWORK)
    differ(ours[:, 31:33], theirs[:, 31:33])
    agree("XL without its token", ours[:, 33:], theirs[:, 33:], NETWORK)

    with corrected_timbre(both.pipe):
        corrected, _ = their_states(both.pipe, [caption], [lyrics], [clips])
    agree("XL with its token", ours, corrected, NETWORK)


def test_timbre_encoder_follows_layer_types_which_diffusers_does_not_pass_to_it(tmp_path: Path) -> None:
    """All stacks index one ``layer_types``. diffusers' timbre encoder alone always alternates; that is the same for
    every published set, and another thing for a set that says otherwise."""
    config = {"layer_types": [FULL, SLIDING, FULL, SLIDING], "sliding_window": 8, "vae": FAST_VAE}
    both = load_twins(tmp_path, config, "turbo", seed=1, corrected=False)
    clips = both.latents(60, seed=2)
    ours = both.model.networks.encoder.timbre_encoder(clips)
    owner = torch.zeros(1, dtype=torch.long)
    differ(ours, both.pipe.condition_encoder.timbre_encoder(clips, owner)[0][0])
    with corrected_timbre(both.pipe):
        agree("timbre with layer_types", ours, both.pipe.condition_encoder.timbre_encoder(clips, owner)[0][0], NETWORK)


def test_3_prompts_are_never_padded_where_diffusers_attends_to_padding(twins: Callable[..., Twins]) -> None:
    """Of two prompts in one batch, diffusers fills the shorter up and its DiT reads the filling: the take depends on
    its neighbour. Ours is the take that diffusers makes of the same prompt alone."""
    both = twins("turbo")
    noise = both.latents(frames_of(both, 6.0), 2, seed=3)
    together = their_latents(
        both, SHORT, noise, prompt=[SHORT.caption, LONG.caption], lyrics=[SHORT.lyrics, LONG.lyrics]
    )
    for i, request in enumerate((SHORT, LONG)):
        (ours,) = both.engine.render(request, noise=noise[i : i + 1])
        alone = their_latents(both, request, noise[i : i + 1])[0]
        agree("a prompt alone", ours.latents, alone, AUDIO)
        if request is SHORT:
            differ(together[i], alone)


def test_5_audio_is_encoded_to_the_mean_where_diffusers_draws_a_sample(twins: Callable[..., Twins]) -> None:
    """The same file always gives the same latents; diffusers' pipeline gives others on every call, around that mean."""
    both = twins("turbo")
    audio = randn(1, 2, 40 * both.model.vae.config.hop, seed=4) * 0.3
    ours = both.model.vae.encode(audio)
    assert ours.equal(both.model.vae.encode(audio))

    def drawn() -> torch.Tensor:
        source, _ = both.pipe.prepare_src_latents(torch.device("cpu"), torch.float32, 1, src_audio=audio[0])
        return source

    differ(drawn(), drawn())
    distribution = both.pipe.vae.encode(audio).latent_dist
    agree("mean of what diffusers draws", ours, distribution.mean.transpose(1, 2), NETWORK)


@pytest.mark.parametrize(("start", "end"), [(0.4, 1.0), (0.0, 0.6), (0.3, 0.8)])
def test_10_guidance_interval_is_in_time_where_diffusers_counts_from_the_start(
    twins: Callable[..., Twins], start: float, end: float
) -> None:
    """Sampling runs from t = 1 to 0. Ours guides while start <= t <= end, as the reference does; diffusers tests
    1 - t, so the same sampling needs the mirrored interval there."""
    both = twins("base")
    request = SHORT.replace(inference_steps=4, shift=1.0, cfg_interval_start=start, cfg_interval_end=end)
    noise = both.latents(frames_of(both, 6.0), seed=5)
    (ours,) = both.engine.render(request, noise=noise)
    mirrored = their_latents(both, request, noise, cfg_interval_start=1 - end, cfg_interval_end=1 - start)
    same_words = their_latents(both, request, noise, cfg_interval_start=start, cfg_interval_end=end)
    agree("guidance interval, mirrored", ours.latents, mirrored[0], AUDIO)
    differ(ours.latents, same_words[0])


def test_14_own_times_are_moved_to_known_ones_on_turbo_where_diffusers_takes_them_as_they_are(
    twins: Callable[..., Twins],
) -> None:
    """A turbo model was distilled at twenty times. Ours moves each time to the nearest of them; base models, and
    diffusers always, use what they are given."""
    times, known = (0.97, 0.7, 0.31), [0.9545454545454546, 0.6666666666666666, 0.3]
    for variant, effective in (("turbo", known), ("base", list(times))):
        both = twins(variant)
        request = SHORT.replace(timesteps=times)
        noise = both.latents(frames_of(both, 6.0), seed=6)
        (ours,) = both.engine.render(request, noise=noise)
        agree("own times", ours.latents, their_latents(both, request, noise, timesteps=effective)[0], AUDIO)
        if variant == "turbo":
            verbatim = their_latents(both, request, noise, timesteps=list(times))
            assert deviation(ours.latents, verbatim[0]) > 10 * AUDIO


@pytest.mark.parametrize("variant", ["turbo", "xl-turbo"])
def test_15_guidance_is_off_on_turbo_whatever_is_asked(twins: Callable[..., Twins], variant: str) -> None:
    """Guidance is distilled into the weights. Ours records that the scale was 1; diffusers as installed warns and does
    the same, and guides as soon as it is not told that the weights are turbo."""
    both = twins(variant)
    noise = both.latents(frames_of(both, 6.0), seed=7)
    (unguided,) = both.engine.render(SHORT, noise=noise)
    (asked,) = both.engine.render(SHORT.replace(guidance_scale=7.0), noise=noise)
    assert asked.latents.equal(unguided.latents)
    assert asked.request.guidance_scale == 1
    agree("turbo unguided", asked.latents, their_latents(both, SHORT, noise, guidance_scale=7.0)[0], AUDIO)
    both.pipe.is_turbo = False
    try:
        differ(asked.latents, their_latents(both, SHORT, noise, guidance_scale=7.0)[0])
    finally:
        both.pipe.is_turbo = True


def test_16_audio_ends_where_it_was_asked_to_where_diffusers_fills_its_last_frame(twins: Callable[..., Twins]) -> None:
    """Both sample whole frames, rounded up. Ours is cut to the samples of the request."""
    both = twins("turbo")
    request = SHORT.replace(duration=6.01)
    noise = both.latents(151, seed=8)
    (ours,) = both.engine.render(request, noise=noise)
    theirs = their_latents(both, request, noise)
    rate, hop = both.model.vae.config.sampling_rate, both.model.vae.config.hop
    assert ours.latents.shape[0] == theirs.shape[1] == 151
    assert ours.audio.shape[1] == round(6.01 * rate)
    assert their_sound(both, theirs).shape[2] == 151 * hop > ours.audio.shape[1]


def test_short_takes_are_cut_from_a_longer_run_where_diffusers_samples_just_their_frames(
    twins: Callable[..., Twins],
) -> None:
    """The model was never trained below 128 frames (dit.md 10). 5 seconds are 125: ours are the first 125 frames of
    what diffusers makes of 128, which the prompt calls 5 seconds too."""
    both = twins("turbo")
    noise = both.latents(128, seed=9)
    (ours,) = both.engine.render(SHORT.replace(duration=5.0), noise=noise)
    theirs = their_latents(both, SHORT.replace(duration=5.12), noise)[:, :125]
    agree("short takes", ours.latents, theirs[0], AUDIO)
    agree("short takes", ours.audio / ours.gain, their_sound(both, theirs)[0], AUDIO)
    differ(ours.latents, their_latents(both, SHORT.replace(duration=5.0), noise[:, :125])[0])


def test_takes_of_one_request_share_their_prompt_where_diffusers_encodes_it_for_each(
    twins: Callable[..., Twins],
) -> None:
    """Three takes, one encoding; and none at all for the next batch of the same words. The states are the same."""
    both = twins("turbo", true_vae=True)
    request = SHORT.replace(caption="words that no other test has", seeds=(1, 2, 3), inference_steps=1)
    before = both.engine.conditions.encoded
    for _ in range(2):
        both.engine.render(request)
    assert both.engine.conditions.encoded == before + 1

    three = request.replace(seeds=())
    caption, caption_mask, lyrics, lyric_mask = (
        part.repeat_interleave(3, dim=0) for part in their_prompt(both.pipe, three, 6.0)
    )
    silence = both.pipe.condition_encoder.silence_latent[:, :750].expand(3, -1, -1)
    theirs, _ = both.pipe.condition_encoder(caption, caption_mask, lyrics, lyric_mask, silence, torch.arange(3))
    ours = both.engine.conditions.states(Prompt.of(three, 6.0))
    agree("shared prompt", ours.expand(3, -1, -1), theirs, NETWORK)
