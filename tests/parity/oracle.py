"""The same random weights read twice: by this engine, and by diffusers, whose code shares nothing with it.

Parity is the project's own measure: the largest difference over a tensor, relative to the oracle's largest value.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AceStepPipeline
from diffusers.utils import logging
from torch import Tensor, nn

from engine import Engine, Request
from engine.checkpoints import open_set
from engine.config import FULL, SLIDING, DiTConfig
from engine.model import Model, load_model
from engine.testing import make_checkpoint

NETWORK = 1e-5
"""How far one network may be from the oracle."""

AUDIO = 1e-4
"""How far a whole render may be from the oracle."""

DIFFERENT = 1e-2
"""Beyond this, two results are meant to be different and no rounding explains it."""

measured: dict[str, list[float]] = {}
"""Every deviation that ``agree`` has seen, by area, for the summary."""


def deviation(ours: Tensor, theirs: Tensor) -> float:
    """``max|ours - theirs| / max|theirs|``."""
    assert ours.shape == theirs.shape
    ours, theirs = ours.double(), theirs.double()
    return float((ours - theirs).abs().max() / theirs.abs().max())


def agree(area: str, ours: Tensor, theirs: Tensor, tolerance: float) -> None:
    """Asserts parity, and remembers how close it was."""
    found = deviation(ours, theirs)
    measured.setdefault(f"{area} ({tolerance:.0e})", []).append(found)
    assert found <= tolerance, f"{area}: {found:.2e} is more than {tolerance:.0e}"


def differ(ours: Tensor, theirs: Tensor) -> None:
    """Asserts that two results are plainly not the same."""
    assert deviation(ours, theirs) > DIFFERENT


def randn(*shape: int, seed: int) -> Tensor:
    """Standard normal values that depend on nothing but the arguments."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- sets ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Twins:
    """One set of weights, loaded by both."""

    model: Model
    engine: Engine
    pipe: AceStepPipeline

    @property
    def config(self) -> DiTConfig:
        """The sizes of the DiT, the condition encoder and the codec."""
        return self.model.config

    def latents(self, frames: int, batch: int = 1, *, seed: int) -> Tensor:
        """Random latents ``[batch, frames, channels]``."""
        return randn(batch, frames, self.config.audio_acoustic_hidden_dim, seed=seed)


def load_twins(folder: Path, config: Mapping[str, Any], variant: str, seed: int, *, corrected: bool = True) -> Twins:
    """Writes a random set in both layouts and loads each with its own reader, float32 on CPU.

    ``corrected`` gives the oracle the published timbre encoder (see ``corrected_timbre``); without it diffusers is as
    it comes, which is what the tests of the differences need.
    """
    official = make_checkpoint(folder / "official", variant=variant, lm=False, seed=seed, config=config)
    pipeline = make_checkpoint(
        folder / "diffusers", variant=variant, lm=False, seed=seed, config=config, format="diffusers"
    )
    models = open_set(official, f"acestep-v15-{variant}", None)
    model = load_model(models, torch.device("cpu"), torch.float32, lambda *_: None)
    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # diffusers builds its VAE with torch's old weight norm
        pipe = AceStepPipeline.from_pretrained(pipeline)
    pipe.set_progress_bar_config(disable=True)
    if corrected:
        _correct_timbre(pipe)
    return Twins(model, Engine(model), pipe)


def _correct_timbre(pipe: AceStepPipeline) -> None:
    """Reads sizes from the oracle's own config, so that a wrong rule of the engine's cannot hide here."""
    encoder, timbre = pipe.condition_encoder.config, pipe.condition_encoder.timbre_encoder
    timbre._layer_types = list(encoder.layer_types)
    if encoder.hidden_size != pipe.transformer.config.hidden_size:
        timbre.embed_tokens.register_forward_hook(_with_token(timbre.special_token))


def _with_token(token: Tensor) -> Any:
    """A forward hook that puts a learned token in front of each sequence."""
    return lambda module, inputs, out: torch.cat((token.expand(out.shape[0], -1, -1), out), dim=1)


@contextmanager
def corrected_timbre(pipe: AceStepPipeline) -> Iterator[None]:
    """Gives diffusers' timbre encoder what it lacks for a while: XL's learned token, and the config's ``layer_types``.

    diffusers passes ``layer_types`` to every stack but this one, and never puts the token in front.
    """
    timbre = pipe.condition_encoder.timbre_encoder
    kept_types, kept_hooks = timbre._layer_types, dict(timbre.embed_tokens._forward_hooks)
    _correct_timbre(pipe)
    try:
        yield
    finally:
        timbre._layer_types = kept_types
        timbre.embed_tokens._forward_hooks.clear()
        timbre.embed_tokens._forward_hooks.update(kept_hooks)


FAST_VAE = {"decoder_channels": 8, "downsampling_ratios": [2, 4], "channel_multiples": [1, 2], "sampling_rate": 200}
"""A VAE with the true rate of 25 frames a second and eight samples to a frame, where the audio is not the point."""


def random_config(seed: int) -> dict[str, Any]:
    """Sizes that fit together and otherwise have nothing in common with the official ones, or with each other.

    Every third is XL-shaped: its condition encoder is not as wide as its DiT. Half of them have their own
    ``layer_types``, and the windows go from one position to the official 128.
    """
    pick = random.Random(seed)
    kv_heads, encoder_kv_heads = pick.randint(1, 3), pick.randint(1, 2)
    hidden = 8 * pick.randint(3, 12)
    config = {
        "hidden_size": hidden,
        "intermediate_size": 8 * pick.randint(4, 20),
        "num_attention_heads": kv_heads * pick.choice((1, 2, 3, 4)),
        "num_key_value_heads": kv_heads,
        "head_dim": pick.choice((6, 8, 16, 24, 32, 64, 128)),
        "num_hidden_layers": pick.randint(2, 4),
        "num_lyric_encoder_hidden_layers": pick.randint(1, 3),
        "num_timbre_encoder_hidden_layers": pick.randint(1, 4),
        "num_attention_pooler_hidden_layers": pick.randint(1, 3),
        "sliding_window": (1, 5, 16, 33, 64, 128)[seed % 6],
        "audio_acoustic_hidden_dim": pick.choice((6, 8, 16)),
        "text_hidden_dim": 8 * pick.randint(2, 6),
        "fsq_input_levels": [pick.randint(2, 9) for _ in range(pick.randint(2, 6))],
        "rope_theta": pick.choice((1e4, 1e6)),
        "rms_norm_eps": pick.choice((1e-6, 1e-5)),
        "text_encoder": {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8},
        "vae": FAST_VAE,
    }
    if seed % 3 == 2:
        config |= {
            "encoder_hidden_size": hidden - 8,
            "encoder_intermediate_size": 8 * pick.randint(4, 20),
            "encoder_num_attention_heads": encoder_kv_heads * pick.choice((1, 2, 3)),
            "encoder_num_key_value_heads": encoder_kv_heads,
        }
    if seed % 4 in (1, 2):
        config["layer_types"] = [pick.choice((SLIDING, FULL)) for _ in range(4)]
    return config


# --- the oracle's side of each network -------------------------------------------------------------------------------


def their_states(pipe: AceStepPipeline, captions: list[Tensor], lyrics: list[Tensor], clips: list[Tensor]) -> Any:
    """diffusers' condition encoder on a batch: item i has captions[i] ``[L, text]`` and so on, padded to the longest.

    Returns the packed states ``[B, L, E]`` and the mask of the valid ones.
    """
    caption, caption_mask = _padded(captions)
    lyric, lyric_mask = _padded(lyrics)
    owners = torch.tensor([i for i, each in enumerate(clips) for _ in each])
    return pipe.condition_encoder(caption, caption_mask, lyric, lyric_mask, torch.cat(clips), owners)


def _padded(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(row) for row in rows])
    mask = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=3.0), mask


def their_prompt(pipe: AceStepPipeline, request: Request, seconds: float) -> Any:
    """diffusers' text states and embeddings of a request: caption, its mask, lyrics, their mask."""
    return pipe.encode_prompt(
        request.caption, request.lyrics, torch.device("cpu"), audio_duration=seconds, **_words(request)
    )


def their_positions(pipe: AceStepPipeline, latents: Tensor) -> Tensor:
    """Level positions before rounding, in diffusers' codec: latents ``[B, T, C]``, T a multiple of 5, to ``[B, N, d]``.

    diffusers does not hand them out, so its own input projection is followed by the published formula.
    """
    codec = pipe.audio_tokenizer
    pooled = codec.attention_pooler(codec.audio_acoustic_proj(latents).unflatten(1, (-1, codec.pool_window_size)))
    top = torch.tensor(codec.quantizer.levels) - 1
    z = codec.quantizer.project_in(pooled)
    soft = 1 + 1 / top
    return ((torch.tanh(z / soft) * soft).clamp(-1, 1) + 1) / 2 * top


def their_velocity(pipe: AceStepPipeline, x: Tensor, t: Tensor, states: Tensor, context: Tensor) -> Tensor:
    """diffusers' DiT: latents ``[B, T, C]``, times ``[B]``, condition states ``[B, L, E]``, context ``[B, T, 2C]``."""
    return pipe.transformer(
        hidden_states=x,
        timestep=t,
        timestep_r=t,
        encoder_hidden_states=states,
        context_latents=context,
        return_dict=False,
    )[0]


# --- whole renders ---------------------------------------------------------------------------------------------------


def frames_of(twins: Twins, seconds: float) -> int:
    """Latent frames of a take."""
    return math.ceil(seconds * twins.model.vae.config.frame_rate)


def their_latents(twins: Twins, request: Request, noise: Tensor, **changes: Any) -> Tensor:
    """diffusers' clean latents ``[B, T, C]`` for a request and its noise ``[B, T, C]``; ``changes`` go on top."""
    return _call(twins, request, noise, {"output_type": "latent"} | changes)


def their_sound(twins: Twins, latents: Tensor) -> Tensor:
    """diffusers' decoding of latents ``[B, T, C]`` before it sets a level: ``[B, channels, samples]``."""
    return twins.pipe.vae.decode(latents.transpose(1, 2)).sample


def their_audio(twins: Twins, request: Request, noise: Tensor) -> Tensor:
    """diffusers' finished audio ``[B, channels, samples]``, its peak at -1 dBFS."""
    return _call(twins, request, noise, {})


def _call(twins: Twins, request: Request, noise: Tensor, changes: Mapping[str, Any]) -> Tensor:
    request = request.resolved(twins.engine.profile)
    arguments = {
        "prompt": [request.caption] * len(noise),
        "lyrics": [request.lyrics] * len(noise),
        "audio_duration": request.duration,
        "num_inference_steps": request.inference_steps,
        "guidance_scale": request.guidance_scale,
        "shift": request.shift,
        "timesteps": list(request.timesteps) if request.timesteps else None,
        "latents": noise,
        **_words(request),
        **changes,
    }
    return twins.pipe(**arguments).audios


def _words(request: Request) -> dict[str, Any]:
    """The metadata, by diffusers' names."""
    return {
        "vocal_language": request.vocal_language,
        "bpm": request.bpm,
        "keyscale": request.keyscale,
        "timesignature": request.timesignature,
    }
