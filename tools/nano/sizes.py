"""The sizes of acetui-nano, as the ``config.json`` files that it is published with.

The real architecture throughout, with few channels: what is small here is only numbers that the official files state.
"""

from __future__ import annotations

import math
from typing import Any

from engine.config import FULL, SLIDING, DiTConfig, LMConfig, TextConfig, VAEConfig

RATE = 48000
FRAME = 1920
"""Samples a latent frame: 25 a second."""

VAE: dict[str, Any] = {
    "_class_name": "AutoencoderOobleck",
    "audio_channels": 2,
    "channel_multiples": [4, 8, 16, 16],
    "decoder_channels": 12,
    "decoder_input_channels": 64,
    "downsampling_ratios": [8, 6, 10, 4],
    "encoder_hidden_size": 8,
    "sampling_rate": RATE,
}

_LAYERS = 6
_SHORT = 2

DIT: dict[str, Any] = {
    "model_type": "acestep",
    "hidden_size": 256,
    "intermediate_size": 576,
    "num_hidden_layers": _LAYERS,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "encoder_hidden_size": 128,
    "encoder_intermediate_size": 320,
    "encoder_num_attention_heads": 4,
    "encoder_num_key_value_heads": 2,
    "head_dim": 32,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "max_position_embeddings": 32768,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "use_sliding_window": True,
    "sliding_window": 32,
    "layer_types": [SLIDING if index % 2 == 0 else FULL for index in range(_LAYERS)],
    "in_channels": 192,
    "audio_acoustic_hidden_dim": 64,
    "patch_size": 2,
    "pool_window_size": 5,
    "text_hidden_dim": 128,
    "timbre_hidden_dim": 64,
    "timbre_fix_frame": 250,
    "num_lyric_encoder_hidden_layers": _SHORT,
    "num_timbre_encoder_hidden_layers": _SHORT,
    "num_attention_pooler_hidden_layers": _SHORT,
    "fsq_dim": 128,
    "fsq_input_levels": [4, 4, 4, 4, 4, 4],
    "fsq_input_num_quantizers": 1,
}

TEXT: dict[str, Any] = {
    "model_type": "qwen3",
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "max_position_embeddings": 4096,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "tie_word_embeddings": True,
}


PLANNER: dict[str, Any] = {
    "model_type": "qwen3",
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
    "head_dim": 32,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "max_position_embeddings": 4096,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "tie_word_embeddings": True,
}

CODES = math.prod(DIT["fsq_input_levels"])
"""Audio codes."""


def vae_config() -> VAEConfig:
    """The codec's sizes."""
    return VAEConfig.from_dict(VAE)


def dit_config(variant: str = "turbo") -> DiTConfig:
    """The sizes of the transformer, the condition encoder and the 5 Hz codec."""
    return DiTConfig.from_dict(dit_settings(variant))


def dit_settings(variant: str) -> dict[str, Any]:
    """``config.json`` of a variant: ``turbo`` or ``base``."""
    return DIT | {"is_turbo": variant == "turbo", "model_version": variant}


def text_config(vocabulary: int) -> TextConfig:
    """The text encoder's sizes."""
    return TextConfig.from_dict(TEXT | {"vocab_size": vocabulary})


def planner_config(vocabulary: int) -> LMConfig:
    """The planner's sizes."""
    return LMConfig.from_dict(PLANNER | {"vocab_size": vocabulary})
