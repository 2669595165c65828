"""How the layout's official tensor names are stored: prefixes, weight-norm namings, diffusers names. No torch.

Facts: checkpoints.md 5.6, 6 and 9.
"""

from __future__ import annotations

from collections.abc import Collection

NULL_CONDITION = "null_condition_emb"
SILENCE_BUFFER = "encoder.silence_latent"
"""Where diffusers-format sets keep the silence latent, ``[1, frames, 64]``; official ones a ``.pt`` file."""

MODEL_PREFIX = "model."
_QUANTIZER = "tokenizer.quantizer."
_QUANTIZER_TENSORS = tuple(f"{_QUANTIZER}project_{end}.{part}" for end in ("in", "out") for part in ("weight", "bias"))

VAE_NAMINGS = {
    "weight_g": ("weight_g", "weight_v"),
    "parametrizations": ("parametrizations.weight.original0", "parametrizations.weight.original1"),
    "fused": None,
}
"""How a convolution's weight may be stored: as gain and direction under two namings of torch's, or fused."""


def weight_norm_names(conv: str, naming: str) -> tuple[str, str] | None:
    """Names of the gain ``g`` and the direction ``v`` of a convolution such as ``decoder.conv1``; None when fused."""
    suffixes = VAE_NAMINGS[naming]
    return None if suffixes is None else (f"{conv}.{suffixes[0]}", f"{conv}.{suffixes[1]}")


def vae_naming(conv: str, present: Collection[str]) -> str:
    """The naming under which ``present`` stores a convolution; torch's old one where nothing of it is there."""
    if f"{conv}.weight" in present:
        return "fused"
    new = weight_norm_names(conv, "parametrizations") or ()
    return "parametrizations" if any(name in present for name in new) else "weight_g"


DIFFUSERS_FOLDERS = {
    "transformer": "decoder.",
    "condition_encoder": "encoder.",
    "audio_tokenizer": "tokenizer.",
    "audio_token_detokenizer": "detokenizer.",
}
"""The folders over which a diffusers pipeline spreads the DiT, each with the official prefix of what it holds."""

_DIFFUSERS_RENAMES = (
    ("proj_in.1.", "proj_in_conv."),
    ("proj_out.1.", "proj_out_conv."),
    (".q_proj.", ".to_q."),
    (".k_proj.", ".to_k."),
    (".v_proj.", ".to_v."),
    (".o_proj.", ".to_out.0."),
    (".q_norm.", ".norm_q."),
    (".k_norm.", ".norm_k."),
)


def to_diffusers(name: str) -> tuple[str, str]:
    """An official DiT tensor name as the diffusers folder and name that hold it."""
    if name == NULL_CONDITION:
        return "condition_encoder", name
    for folder, prefix in DIFFUSERS_FOLDERS.items():
        if name.startswith(prefix):
            stored = name.removeprefix(prefix)
            for official, diffusers in _DIFFUSERS_RENAMES:
                stored = stored.replace(official, diffusers)
            return folder, stored
    raise KeyError(name)


def from_diffusers(folder: str, name: str) -> str:
    """The official name of the tensor ``name`` in one of ``DIFFUSERS_FOLDERS``."""
    if name == NULL_CONDITION:
        return name
    for official, diffusers in _DIFFUSERS_RENAMES:
        name = name.replace(diffusers, official)
    return DIFFUSERS_FOLDERS[folder] + name


def without_model_prefix(name: str) -> str:
    """The name without the ``model.`` that some sets carry; the layout's names never start with it."""
    return name.removeprefix(MODEL_PREFIX)


def ignorable(name: str) -> bool:
    """Whether an extra tensor is harmless: derived tables, the quantizer's buffers, a tied head, the silence buffer."""
    if name.startswith(_QUANTIZER):
        return name not in _QUANTIZER_TENSORS
    return name.endswith("rotary_emb.inv_freq") or name in (SILENCE_BUFFER, "lm_head.weight")
