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
from engine.models.loading import build, fill, read_silence, settle
from engine.models.text import TextEncoder, read_tokenizer
from engine.models.vae import VAE
from engine.moving import mover_for
from engine.naming import NULL_CONDITION
from engine.passing import Passing
from engine.profiles import Profile, profile_for
from engine.turns import Turns, guest_of

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

    passes: int = 1
    """How often the decoder is asked at a step of guidance: once for all prompts, or once (2) for each of them."""

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
    layers_pass: bool = False,
) -> Model:
    """Verifies and loads a set; ``progress`` hears of each component. Raises BadCheckpoint.

    With ``turns``, VAE and text encoder are in memory only while they work. ``quantization`` is that of the music model
    (``engine.quantisation``). With ``layers_pass`` its decoder's layers wait elsewhere (``engine.passing``).
    """
    waiting = device if turns is None else torch.device("cpu")
    progress("load", 0, 3)
    parts = {"dit": verify(models.dit), "vae": verify(models.vae), "text": verify(models.text_encoder)}
    networks = _networks(models.dit.config, parts["dit"], device, dtype, quantization, layers_pass=layers_pass)
    progress("load", 1, 3)
    vae = build(lambda: VAE(models.vae.config), waiting, dtype)
    fill(vae, parts["vae"])
    settle(vae)
    if turns is not None:
        vae.arrive = lambda: turns.take("vae")
        vae.resign = lambda: turns.dismiss("vae")
        turns.invite("vae", guest_of(vae, vae, parts["vae"], device))
    progress("load", 2, 3)
    rows = parts["text"]["embed_tokens.weight"].shape[0]
    text = build(lambda: TextEncoder(models.text_encoder.config, rows), waiting, dtype)
    fill(text.model, parts["text"])
    settle(text)
    if turns is not None:
        text.arrive = lambda: turns.take("text")
        turns.invite("text", guest_of(text, text.model, parts["text"], device))
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


def _networks(
    config: DiTConfig,
    stored: Mapping[str, StoredTensor],
    device: torch.device,
    dtype: torch.dtype,
    quantization: str | None,
    *,
    layers_pass: bool,
) -> Acestep:
    """What a DiT's folder holds, ready to compute."""
    guided, waiting = NULL_CONDITION in stored, "decoder.layers" if layers_pass else None
    networks = build(lambda: Acestep(config, guided=guided), device, dtype, quantization, waiting)
    fill(networks, stored)
    settle(networks)
    if layers_pass:
        networks.decoder.passing = Passing([*networks.decoder.layers], mover_for(device))
    return networks


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
    if device.type == "xpu":
        return str(torch.xpu.get_device_name(device))
    return platform.processor() or platform.machine() if device.type == "cpu" else device.type


def choose_device(wanted: str) -> torch.device:
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps`` to a device that is there; raises EngineError if it is not.

    A card comes with its number, because not everything in torch takes one without. Of several ``auto`` is the one with
    the most memory, as it is for whoever asks the driver (``engine.cards.card_for``).
    """
    if wanted == "auto":
        kinds = _kinds()
        if kinds["cuda"] and (known := [number for number in range(torch.cuda.device_count()) if _is_known(number)]):
            return torch.device("cuda", max(known, key=_memory_of))
        return _numbered(torch.device(next(kind for kind, there in kinds.items() if there and kind != "cuda")))
    try:
        device = torch.device(wanted)
    except RuntimeError:
        hint = "Use auto, cpu, cuda, cuda:1, xpu or mps."
        raise EngineError(f"There is no device called {wanted!r}.", hint) from None
    counts = {"cuda": torch.cuda.device_count, "xpu": torch.xpu.device_count}
    count = counts[device.type]() if device.type in counts else 1
    if not _kinds().get(device.type, False) or (device.index or 0) >= count:
        raise EngineError(
            f"The device {wanted} is not there.", "Use --device auto, or see which torch build is installed."
        )
    device = _numbered(device)
    if device.type == "cuda" and not _is_known(device.index):
        raise EngineError(
            f"{torch.cuda.get_device_name(device)} is a card that torch {torch.__version__} is not built for.",
            "Install a build of torch that knows it, or use --device cpu.",
        )
    return device


def _numbered(device: torch.device) -> torch.device:
    """The device with its number, where there may be several of its kind."""
    return torch.device(device.type, device.index or 0) if device.type in ("cuda", "xpu") else device


def _memory_of(number: int) -> int:
    return int(torch.cuda.get_device_properties(number).total_memory)


def _is_known(number: int) -> bool:
    """Whether this build of torch has code for a card: builds leave out what is old, and what came after them.

    Code of a generation (``sm_86``) runs on later cards of it, and what is only half compiled (``compute_90``) on all
    later ones.
    """
    built = torch.cuda.get_arch_list() if torch.version.cuda is not None else []
    card = torch.cuda.get_device_capability(number) if built else (0, 0)
    for name in built:
        kind, _, digits = name.partition("_")
        made_for = divmod(int(digits.rstrip("af")), 10)
        if made_for <= card and (kind == "compute" or made_for[0] == card[0]):
            return True
    return not built


def _kinds() -> dict[str, bool]:
    """The kinds of device, the fastest first, and whether torch sees one. AMD's cards are "cuda" to it."""
    there = {"cuda": torch.cuda.is_available(), "xpu": torch.xpu.is_available()}
    return {**there, "mps": torch.backends.mps.is_available(), "cpu": True}


def choose_dtype(wanted: str | None, device: torch.device) -> torch.dtype:
    """A named dtype, or the device's own: bfloat16 on CUDA from Ampere on and on XPU, float16 on older ones and MPS.

    Else it is float32.
    Source: facts, dit.md 18.
    """
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if wanted is not None:
        if wanted not in names:
            raise EngineError(f"There is no dtype called {wanted!r}.", f"Use one of {', '.join(names)}.")
        return names[wanted]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    if device.type == "xpu":
        return torch.bfloat16
    return torch.float16 if device.type == "mps" else torch.float32
