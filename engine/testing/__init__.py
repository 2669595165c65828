"""Random tiny checkpoints in the official layout: for tests, demonstrations and benchmarks without a download."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engine.naming import VAE_NAMINGS
from engine.testing.folders import Recipe, write_diffusers, write_official
from engine.testing.sizes import SIZES, VARIANTS, configs

__all__ = ["SIZES", "VARIANTS", "make_checkpoint"]

_FORMATS = {"official": write_official, "diffusers": write_diffusers}
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def make_checkpoint(
    path: str | Path,
    size: str = "tiny",
    variant: str = "turbo",
    lm: bool = True,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
    format: str = "official",
    dtype: str = "float32",
    vae_naming: str = "weight_g",
) -> Path:
    """Writes a complete random set into ``path`` and returns it.

    ``path`` gets ``acestep-v15-<variant>``, ``vae``, ``Qwen3-Embedding-0.6B`` and with ``lm`` ``acestep-5Hz-lm-0.6B``;
    with ``format="diffusers"`` it becomes a pipeline folder that holds the same weights. ``size`` is ``tiny``,
    ``small`` or ``full`` (the official sizes: gigabytes). ``config`` replaces fields of the DiT's ``config.json``, and
    under the keys ``vae``, ``text_encoder`` and ``lm`` fields of the other three. Weights depend on the seed and the
    tensor's name only, so a second variant in the same folder leaves its neighbours as they were. ``vae_naming`` is one
    of ``weight_g``, ``parametrizations`` and ``fused``. Raises ValueError for an unknown choice and BadCheckpoint for a
    config that contradicts itself.
    """
    for name, value, known in (
        ("format", format, _FORMATS),
        ("dtype", dtype, _DTYPES),
        ("vae_naming", vae_naming, VAE_NAMINGS),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    recipe = Recipe(variant, configs(size, variant, config or {}), seed, _DTYPES[dtype], vae_naming)
    root = Path(path)
    root.mkdir(parents=True, exist_ok=True)
    _FORMATS[format](root, recipe, lm)
    return root
