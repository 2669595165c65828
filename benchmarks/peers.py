"""Twins: a network of ours with random weights, and diffusers' with the same ones.

The peer is always made, filled and cast outside inference mode: under it, a cast leaves weights on which every linear
takes a slower way with copies, and the peer would look worse than it is.
"""

from __future__ import annotations

import copy
import math
import warnings
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from engine.config import DiTConfig, VAEConfig
from engine.layout import vae_tensors
from engine.models.dit import DiT
from engine.models.loading import Slot, build, settle, slots
from engine.models.vae import VAE
from engine.naming import to_diffusers
from engine.testing.weights import random_vae_weights

_NORMS = ("norm.weight", "norm_out.weight")
_BRANCHES = ("o_proj.weight", "down_proj.weight", "time_proj.weight")
_TRANSPOSED = "proj_out.1.weight"

_PEER_FIELDS = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "in_channels",
    "audio_acoustic_hidden_dim",
    "patch_size",
    "rope_theta",
    "rms_norm_eps",
    "sliding_window",
    "encoder_hidden_size",
    "is_turbo",
)


def have_diffusers() -> bool:
    """Whether there is a peer at all."""
    return find_spec("diffusers") is not None


def quiet() -> None:
    """Keeps the peer from printing between the tables: notices of its own deprecations, and bars of progress."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    if have_diffusers():
        from diffusers.utils import logging
        from transformers.utils import logging as transformers_logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        transformers_logging.disable_progress_bar()


# --- DiT ---------------------------------------------------------------------------------------------------------


def random_dit(config: DiTConfig, device: torch.device, dtype: torch.dtype, seed: int = 0) -> DiT:
    """Our DiT, its weights drawn on the device: activations stay of order one through all layers."""
    dit = build(lambda: DiT(config), device, dtype)
    generator = torch.Generator(device).manual_seed(seed)
    for name, slot in slots(dit).items():
        mean, deviation = _spread(name, slot.shape)
        rows_of(slot).normal_(mean, deviation, generator=generator)
    settle(dit)
    return dit


def rows_of(slot: Slot) -> Tensor:
    """The values at a place, as a view."""
    return slot.target.narrow(0, slot.start, slot.rows)


def _spread(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Mean and standard deviation of a tensor's values; what is added to a residual stream keeps half its scale."""
    if name.endswith(_NORMS):
        return 1.0, 0.1
    if not name.endswith(".weight"):
        return 0.0, 0.05
    inputs = shape[0] if name == _TRANSPOSED else math.prod(shape[1:])
    return 0.0, (0.5 if name.endswith(_BRANCHES) else 1.0) / math.sqrt(inputs)


def enlarge_norms(dit: DiT, gain: float) -> None:
    """Multiplies the weights of all query norms: attention's scores grow by as much."""
    for name, slot in slots(dit).items():
        if name.endswith("q_norm.weight"):
            rows_of(slot).mul_(gain)
    settle(dit)


def dit_as(dit: DiT, dtype: torch.dtype) -> DiT:
    """The same DiT in another dtype, filled the way the loader does it."""
    other = build(lambda: DiT(dit.config), dit.scale_shift_table.device, dtype)
    values = slots(dit)
    for name, slot in slots(other).items():
        slot.write(rows_of(values[name]))
    settle(other)
    return other


def peer_dit(dit: DiT) -> Any:
    """Diffusers' DiT with the weights of ours, on its device and in its dtype."""
    from diffusers import AceStepTransformer1DModel

    config = asdict(dit.config)
    like = dit.scale_shift_table
    with torch.device(like.device):
        peer = AceStepTransformer1DModel(
            **{key: config[key] for key in _PEER_FIELDS}, layer_types=list(dit.config.layer_types) or None
        )
    peer.to(like.dtype)
    state = {to_diffusers(f"decoder.{name}")[1]: rows_of(slot) for name, slot in slots(dit).items()}
    return _filled(peer, state)


# --- VAE ---------------------------------------------------------------------------------------------------------


def random_vae(config: VAEConfig, device: torch.device, dtype: torch.dtype, seed: int = 0) -> VAE:
    """Our VAE with random weights that decode to something like audio."""
    vae = build(lambda: VAE(config), device, dtype)
    weights = random_vae_weights(vae_tensors(config), seed, "fused")
    for name, slot in slots(vae).items():
        slot.write(weights[name])
    settle(vae)
    return vae


def vae_as(vae: VAE, dtype: torch.dtype) -> VAE:
    """The same VAE in another dtype."""
    other = copy.deepcopy(vae).to(dtype)
    settle(other)
    return other


def peer_vae(vae: VAE) -> Any:
    """Diffusers' VAE with the weights of ours, in tiles as its pipeline decodes: 512 frames, 64 shared on each side.

    It keeps weight norm apart: a gain and a direction for each convolution, multiplied in every call.
    """
    from diffusers import AutoencoderOobleck

    places = slots(vae)
    like = rows_of(next(iter(places.values())))
    sizes = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(vae.config).items()}
    peer = AutoencoderOobleck(**sizes).to(like.device, like.dtype)
    names = peer.state_dict().keys()
    state: dict[str, Tensor] = {}
    for name, slot in places.items():
        value = rows_of(slot)
        if f"{name}_g" in names:
            state[f"{name}_g"] = value.float().flatten(1).norm(dim=1).view(-1, *[1] * (value.dim() - 1))
            state[f"{name}_v"] = value
        else:
            state[name] = value
    peer.enable_tiling()
    return _filled(peer, state)


def _filled(peer: nn.Module, state: dict[str, Tensor]) -> Any:
    peer.load_state_dict(state, strict=True)
    return peer.requires_grad_(False).eval()


def peer_as(peer: Any, dtype: torch.dtype) -> Any:
    """The same peer in another dtype. Made anew: modules with weight norm cannot be copied once they have run."""
    with torch.device(peer.device):
        other = type(peer).from_config(peer.config)
    if getattr(peer, "use_tiling", False):
        other.enable_tiling()
    return _filled(other.to(peer.dtype), peer.state_dict()).to(dtype)
