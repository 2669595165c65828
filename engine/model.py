"""A set of checkpoints in memory: the networks, on one device, ready to run."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

import engine
from engine.checkpoints import ModelSet, settings_hash, silence_latent_path, verify, weights_hash
from engine.config import DiTConfig
from engine.errors import EngineError
from engine.headers import StoredTensor
from engine.models.codec import AudioDetokenizer, AudioTokenizer
from engine.models.condition import ConditionEncoder
from engine.models.dit import DiT
from engine.models.loading import M, build, fill, read_silence, settle
from engine.models.text import TextEncoder, read_tokenizer
from engine.models.vae import VAE
from engine.naming import NULL_CONDITION
from engine.profiles import Profile, profile_for
from engine.turns import Turns, Weights

LoadProgress = Callable[[str, int, int], None]
"""``(stage, done, total)``."""


class Acestep(nn.Module):
    """All that one DiT folder holds, under the official names."""

    def __init__(self, config: DiTConfig, *, guided: bool) -> None:
        super().__init__()
        self.decoder = DiT(config)
        self.encoder = ConditionEncoder(config)
        self.tokenizer = AudioTokenizer(config)
        self.detokenizer = AudioDetokenizer(config)
        if guided:
            self.null_condition_emb = nn.Parameter(torch.zeros(1, 1, config.encoder.hidden_size))


@dataclass(frozen=True)
class Model:
    """A loaded set. ``identity`` is what a take remembers of it."""

    profile: Profile
    config: DiTConfig
    networks: Acestep
    vae: VAE
    text: TextEncoder
    tokenizer: Tokenizer
    silence: Tensor
    """The latents of silence, ``[1, frames, 64]`` in the model's dtype."""

    device: torch.device
    dtype: torch.dtype
    identity: dict[str, Any]
    stored: Mapping[str, StoredTensor]
    """Where each tensor of the DiT's folder lies: what an adapter has changed is read from there again."""

    turns: Turns | None = None
    """Who is in memory, where not everybody can be at once."""

    @property
    def null(self) -> Tensor | None:
        """The unconditional prompt ``[1, 1, E]``; None in merges that dropped it."""
        return getattr(self.networks, NULL_CONDITION, None)


def load_model(
    models: ModelSet,
    device: torch.device,
    dtype: torch.dtype,
    progress: LoadProgress,
    turns: Turns | None = None,
    quantization: str | None = None,
) -> Model:
    """Verifies and loads a set; ``progress`` hears of each component. Raises BadCheckpoint.

    With ``turns``, VAE and text encoder are in memory only while they work. ``quantization`` is that of the music model
    (``engine.quantisation``).
    """
    waiting = device if turns is None else torch.device("cpu")
    progress("load", 0, 3)
    parts = {"dit": verify(models.dit), "vae": verify(models.vae), "text": verify(models.text_encoder)}
    guided = NULL_CONDITION in parts["dit"]
    networks = _filled(lambda: Acestep(models.dit.config, guided=guided), parts["dit"], device, dtype, quantization)
    progress("load", 1, 3)
    vae = _filled(lambda: VAE(models.vae.config), parts["vae"], waiting, dtype)
    if turns is not None:
        vae.arrive = lambda: turns.take("vae")
        turns.invite("vae", Weights(vae, vae, parts["vae"], device).guest)
    progress("load", 2, 3)
    rows = parts["text"]["embed_tokens.weight"].shape[0]
    text = build(lambda: TextEncoder(models.text_encoder.config, rows), waiting, dtype)
    fill(text.model, parts["text"])
    settle(text)
    if turns is not None:
        text.arrive = lambda: turns.take("text")
        turns.invite("text", Weights(text, text.model, parts["text"], device).guest)
    progress("load", 3, 3)
    assert models.text_encoder.tokenizer is not None  # open_text_encoder refuses a folder without one
    return Model(
        profile=profile_for(models.dit.name, models.dit.config),
        config=models.dit.config,
        networks=networks,
        vae=vae,
        text=text,
        tokenizer=read_tokenizer(models.text_encoder.tokenizer),
        silence=read_silence(silence_latent_path(models.dit), models.dit.config.audio_acoustic_hidden_dim).to(
            device, dtype
        ),
        device=device,
        dtype=dtype,
        identity=_identity(models, device, dtype, quantization),
        stored=parts["dit"],
        turns=turns,
    )


def _filled(
    make: Callable[[], M],
    found: Mapping[str, StoredTensor],
    device: torch.device,
    dtype: torch.dtype,
    quantization: str | None = None,
) -> M:
    """A network with its weights in place, ready to run."""
    module = build(make, device, dtype, quantization)
    fill(module, found)
    settle(module)
    return module


def _identity(models: ModelSet, device: torch.device, dtype: torch.dtype, quantization: str | None) -> dict[str, Any]:
    """What must be the same for the same request to give the same samples."""
    return {
        "engine": engine.__version__,
        "profile": profile_for(models.dit.name, models.dit.config).name,
        "torch": torch.__version__,
        "models": {component.name: weights_hash(component) for component in models.components[:3]},
        "settings": {component.name: settings_hash(component) for component in models.components[:3]},
        "device": device_name(device),
        "dtype": str(dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "instruction_set": torch.backends.cpu.get_cpu_capability() if device.type == "cpu" else None,
        **({"quantization": quantization} if quantization else {}),
    }


def device_name(device: torch.device) -> str:
    """The device as a person knows it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return platform.processor() or platform.machine() if device.type == "cpu" else device.type


def choose_device(wanted: str) -> torch.device:
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps`` to a device that is there; raises EngineError if it is not."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise EngineError(f"There is no device called {wanted!r}.", "Use auto, cpu, cuda, cuda:1 or mps.") from None
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _has_mps()}.get(device.type, False)
    if not there or (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()):
        raise EngineError(
            f"The device {wanted} is not there.", "Use --device auto, or see which torch build is installed."
        )
    return device


def _has_mps() -> bool:
    return torch.backends.mps.is_available()


def choose_dtype(wanted: str | None, device: torch.device) -> torch.dtype:
    """A named dtype, or the device's own: bfloat16 on CUDA from Ampere on, float16 on older ones and MPS, else float32.

    Source: facts, dit.md 18.
    """
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if wanted is not None:
        if wanted not in names:
            raise EngineError(f"There is no dtype called {wanted!r}.", f"Use one of {', '.join(names)}.")
        return names[wanted]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    return torch.float16 if device.type == "mps" else torch.float32
