"""The ``config.json`` files that ``make_checkpoint`` writes: official ones, and smaller ones in proportion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.config import FULL, SLIDING, DiTConfig

Raw = dict[str, Any]

VARIANTS = (
    "turbo",
    "turbo-shift1",
    "turbo-shift3",
    "turbo-continuous",
    "sft",
    "base",
    "xl-turbo",
    "xl-sft",
    "xl-base",
)

_OFFICIAL_DIT: Raw = {
    "model_type": "acestep",
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "max_position_embeddings": 32768,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "use_sliding_window": True,
    "sliding_window": 128,
    "in_channels": 192,
    "audio_acoustic_hidden_dim": 64,
    "patch_size": 2,
    "pool_window_size": 5,
    "text_hidden_dim": 1024,
    "timbre_hidden_dim": 64,
    "timbre_fix_frame": 750,
    "num_lyric_encoder_hidden_layers": 8,
    "num_timbre_encoder_hidden_layers": 4,
    "num_attention_pooler_hidden_layers": 2,
    "num_audio_decoder_hidden_layers": 24,
    "fsq_input_levels": [8, 8, 8, 5, 5, 5],
    "fsq_input_num_quantizers": 1,
    "timestep_mu": -0.4,
    "timestep_sigma": 1.0,
    "data_proportion": 0.5,
    "use_cache": True,
}

_OFFICIAL_XL: Raw = {
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "encoder_hidden_size": 2048,
    "encoder_intermediate_size": 6144,
    "encoder_num_attention_heads": 16,
    "encoder_num_key_value_heads": 8,
}

_OFFICIAL_VAE: Raw = {
    "_class_name": "AutoencoderOobleck",
    "encoder_hidden_size": 128,
    "downsampling_ratios": [2, 4, 4, 6, 10],
    "channel_multiples": [1, 2, 4, 8, 16],
    "decoder_channels": 128,
    "decoder_input_channels": 64,
    "audio_channels": 2,
    "sampling_rate": 48000,
}

_OFFICIAL_QWEN3: Raw = {
    "model_type": "qwen3",
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000,
    "max_position_embeddings": 32768,
    "max_window_layers": 28,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "use_sliding_window": False,
    "sliding_window": None,
    "tie_word_embeddings": True,
    "initializer_range": 0.02,
    "use_cache": True,
}


@dataclass(frozen=True)
class Size:
    """What a size changes in the official configs: of the DiT, of its XL form on top, of the VAE and of both Qwen3s."""

    dit: Raw = field(default_factory=dict)
    xl: Raw = field(default_factory=dict)
    vae: Raw = field(default_factory=dict)
    qwen3: Raw = field(default_factory=dict)


def _stack(hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int) -> Raw:
    return {
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
    }


def _xl(hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, dit: Raw) -> Raw:
    encoder = {f"encoder_{key}": dit[key] for key in _stack(0, 0, 0, 0, 0) if key != "num_hidden_layers"}
    return _stack(hidden, intermediate, layers, heads, kv_heads) | encoder


_TINY_DIT = _stack(128, 384, 4, 4, 2) | {
    "head_dim": 32,
    "sliding_window": 32,
    "text_hidden_dim": 64,
    "num_lyric_encoder_hidden_layers": 2,
    "num_timbre_encoder_hidden_layers": 2,
    "fsq_input_levels": [4, 4, 4, 3, 3, 3],
}
_SMALL_DIT = _stack(512, 1536, 8, 4, 2) | {
    "text_hidden_dim": 256,
    "num_lyric_encoder_hidden_layers": 4,
    "num_timbre_encoder_hidden_layers": 2,
}

SIZES = {
    "tiny": Size(
        dit=_TINY_DIT,
        xl=_xl(160, 608, 6, 8, 2, _TINY_DIT),
        vae={"decoder_channels": 16, "channel_multiples": [1, 1, 1, 2, 2]},
        qwen3=_stack(64, 192, 4, 4, 2) | {"head_dim": 32},
    ),
    "small": Size(
        dit=_SMALL_DIT,
        xl=_xl(640, 2432, 10, 8, 2, _SMALL_DIT),
        vae={"decoder_channels": 32, "channel_multiples": [1, 1, 2, 2, 4]},
        qwen3=_stack(256, 768, 6, 4, 2),
    ),
    "full": Size(xl=_OFFICIAL_XL),
}
"""``tiny`` is for tests, with a window short enough for short songs to feel it; ``full`` has the official sizes."""


@dataclass(frozen=True)
class Configs:
    """The parsed ``config.json`` of each folder to write; the Qwen3 ones still lack their ``vocab_size``."""

    dit: Raw
    vae: Raw
    text: Raw
    lm: Raw


def configs(size: str, variant: str, overrides: Mapping[str, Any]) -> Configs:
    """The four configs of a size and variant.

    ``overrides`` replaces fields of the DiT's config, and under the keys ``vae``, ``text_encoder`` and ``lm`` fields of
    the others. What a field implies follows it, such as the text encoder's width from ``text_hidden_dim``.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, not {size!r}")
    others = {key: overrides.get(key, {}) for key in ("vae", "text_encoder", "lm")}
    dit = _dit(SIZES[size], variant, {key: value for key, value in overrides.items() if key not in others})
    acoustic = {
        "encoder_hidden_size": 2 * dit["audio_acoustic_hidden_dim"],
        "decoder_input_channels": dit["audio_acoustic_hidden_dim"],
    }
    qwen3 = _OFFICIAL_QWEN3 | SIZES[size].qwen3
    return Configs(
        dit=dit,
        vae=_OFFICIAL_VAE | SIZES[size].vae | acoustic | others["vae"],
        text={"architectures": ["Qwen3Model"]}
        | qwen3
        | {"hidden_size": dit["text_hidden_dim"]}
        | others["text_encoder"],
        lm={"architectures": ["Qwen3ForCausalLM"]} | qwen3 | others["lm"],
    )


_DEPTHS = (
    "num_hidden_layers",
    "num_lyric_encoder_hidden_layers",
    "num_timbre_encoder_hidden_layers",
    "num_attention_pooler_hidden_layers",
)


def _dit(size: Size, variant: str, overrides: Mapping[str, Any]) -> Raw:
    flavour = variant.removeprefix("xl-")
    raw = _OFFICIAL_DIT | size.dit | (size.xl if variant.startswith("xl-") else {})
    raw |= {"is_turbo": flavour.startswith("turbo"), "model_version": flavour, "torch_dtype": "bfloat16"}
    raw |= overrides
    layers = range(DiTConfig(**{key: raw[key] for key in _DEPTHS}).deepest)
    acoustic = raw["audio_acoustic_hidden_dim"]
    implied = {
        "layer_types": [FULL if layer % 2 else SLIDING for layer in layers],
        "fsq_dim": raw.get("encoder_hidden_size") or raw["hidden_size"],
        "in_channels": 3 * acoustic,
        "timbre_hidden_dim": acoustic,
        "vocab_size": math.prod(raw["fsq_input_levels"]) + 3,
    }
    raw |= {key: overrides.get(key, value) for key, value in implied.items()}
    DiTConfig.from_dict(raw)
    return raw
