"""The 5 Hz codec: latents to codes, codes to vectors, vectors to latents."""

from __future__ import annotations

import math

import pytest
import torch

from tests.parity.oracle import NETWORK, Twins, agree, randn, their_positions

pytestmark = pytest.mark.parity

BOUNDARY = 1e-4
"""A value that comes this close to the middle between two levels may be rounded either way."""


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("frames", [1, 5, 13, 250])
def test_latents_to_codes(random_twins: Twins, frames: int, batch: int) -> None:
    """Equal codes, but for values on a boundary before rounding; silence fills up the last five frames."""
    codec, theirs = random_twins.model.networks.tokenizer, random_twins.pipe.audio_tokenizer
    latents, silence = random_twins.latents(frames, batch, seed=frames), random_twins.model.silence
    codes = codec(latents, silence)
    _, indices = theirs.tokenize(latents, silence)

    whole = torch.cat((latents, silence[:, : -frames % 5].expand(batch, -1, -1)), dim=1)
    positions = their_positions(random_twins.pipe, whole)
    agree("FSQ before rounding", codec.quantizer.before_rounding(codec.pooled(latents, silence)), positions, NETWORK)

    doubtful = ((positions % 1 - 0.5).abs() < BOUNDARY).any(-1)
    assert codes.shape == (batch, math.ceil(frames / 5))
    assert codes[~doubtful].equal(indices.squeeze(-1)[~doubtful])


def test_codes_to_vectors(random_twins: Twins) -> None:
    """Every code of the book, up to a few thousand."""
    ours, theirs = random_twins.model.networks.tokenizer.quantizer, random_twins.pipe.audio_tokenizer.quantizer
    assert ours.codes == theirs.codebook_size
    codes = torch.arange(ours.codes)[:: max(1, ours.codes // 3000)].view(1, -1)
    agree("FSQ vectors", ours.decode(codes), theirs.get_output_from_indices(codes), NETWORK)


@pytest.mark.parametrize(("batch", "count"), [(1, 1), (1, 50), (3, 7)])
def test_vectors_to_latents(random_twins: Twins, batch: int, count: int) -> None:
    vectors = randn(batch, count, random_twins.config.encoder.hidden_size, seed=count)
    ours = random_twins.model.networks.detokenizer(vectors)
    agree("detokenizer", ours, random_twins.pipe.audio_token_detokenizer(vectors), NETWORK)


def test_there_and_back(random_twins: Twins) -> None:
    """Latents to codes to latents, as a cover hears its source; frames whose code is in doubt are left out."""
    networks, pipe = random_twins.model.networks, random_twins.pipe
    latents = random_twins.latents(60, 2, seed=5)
    codes = networks.tokenizer(latents, random_twins.model.silence)
    quantized, indices = pipe.audio_tokenizer.tokenize(latents)
    same = (codes == indices.squeeze(-1)).repeat_interleave(5, dim=1)
    assert same.float().mean() > 0.9
    ours = networks.detokenizer(networks.tokenizer.quantizer.decode(codes))
    theirs = pipe.audio_token_detokenizer(quantized)
    agree("codec there and back", ours[same], theirs[same], NETWORK)
