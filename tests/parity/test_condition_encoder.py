"""Lyrics, timbre and caption to one sequence for cross-attention."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from engine import Request
from engine.conditions import Prompt
from tests.parity.oracle import NETWORK, Twins, agree, randn, their_prompt, their_states

pytestmark = pytest.mark.parity


def words(twins: Twins, count: int, seed: int) -> Tensor:
    """Text states or lyric embeddings ``[count, text]``."""
    return randn(count, twins.config.text_hidden_dim, seed=seed)


def our_states(twins: Twins, caption: Tensor, lyrics: Tensor, clips: Tensor) -> Tensor:
    return twins.model.networks.encoder(caption.unsqueeze(0), lyrics.unsqueeze(0), clips)


@pytest.mark.parametrize("lyric_length", ["one token", "a window", "a window and one", "long"])
@pytest.mark.parametrize("clips", [1, 3])
def test_one_prompt(random_twins: Twins, lyric_length: str, clips: int) -> None:
    """Lyrics from an all but empty prompt to several windows, and one or several reference clips."""
    window = random_twins.config.sliding_window
    length = {"one token": 1, "a window": window, "a window and one": window + 2, "long": 4 * window + 131}
    caption, lyrics = words(random_twins, 37, 1), words(random_twins, length[lyric_length], 2)
    references = random_twins.latents(2 * window + 11, clips, seed=3)
    theirs, valid = their_states(random_twins.pipe, [caption], [lyrics], [references])
    assert valid.all()
    agree("condition encoder", our_states(random_twins, caption, lyrics, references), theirs, NETWORK)


def test_each_prompt_of_a_padded_batch(random_twins: Twins) -> None:
    """Prompts of three lengths with one, three and two clips: ours go alone, theirs are padded and masked."""
    captions = [words(random_twins, length, seed) for seed, length in enumerate((19, 1, 40))]
    lyrics = [words(random_twins, length, seed) for seed, length in enumerate((5, 180, 61))]
    clips = [random_twins.latents(50, count, seed=count) for count in (1, 3, 2)]
    theirs, valid = their_states(random_twins.pipe, captions, lyrics, clips)
    for i in range(3):
        ours = our_states(random_twins, captions[i], lyrics[i], clips[i])
        agree("condition encoder", ours, theirs[i : i + 1, valid[i]], NETWORK)


@pytest.mark.parametrize("variant", ["turbo", "base", "xl-turbo", "xl-base"])
@pytest.mark.parametrize(
    "request_",
    [
        Request(caption="a", bpm=60),
        Request(caption="A warm piano and a soft voice", lyrics="[Verse]\nThe river\n" * 120, vocal_language="en"),
        Request(instrumental=True, keyscale="A minor"),
    ],
    ids=["no lyrics", "long lyrics", "instrumental"],
)
def test_prompts_of_a_request_with_silence_as_their_reference(
    twins: Callable[..., Twins], variant: str, request_: Request
) -> None:
    """From words to states; both hear 750 frames of silence where there is no reference (dit.md 19, #2)."""
    both = twins(variant)
    caption, caption_mask, lyrics, lyric_mask = their_prompt(both.pipe, request_, 33.3)
    silence = both.pipe.condition_encoder.silence_latent[:, :750]
    theirs, _ = both.pipe.condition_encoder(
        caption, caption_mask, lyrics, lyric_mask, silence, torch.zeros(1, dtype=torch.long)
    )
    ours = both.engine.conditions.states(Prompt.of(request_, 33.3))
    agree("condition encoder", ours, theirs, NETWORK)
