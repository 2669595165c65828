"""Where models are, and which of them make a set: a DiT, a VAE, a text encoder and perhaps a planner. No torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import nano
from engine.components import (
    Component,
    WeightFile,
    is_pipeline,
    open_diffusers_dit,
    open_dit,
    open_lm,
    open_text_encoder,
    open_vae,
    pipeline_name,
)
from engine.config import DiTConfig, LMConfig, TextConfig, VAEConfig
from engine.errors import BadCheckpoint
from engine.own_folder import ARRIVING, data_folder
from engine.verification import settings_hash, silence_latent_path, verify, weights_hash

__all__ = [
    "Component",
    "Inventory",
    "ModelSet",
    "WeightFile",
    "data_folder",
    "find_models",
    "inventory",
    "open_set",
    "settings_hash",
    "silence_latent_path",
    "verify",
    "weights_hash",
]

DIT_PREFIX = "acestep-v15-"
LM_PREFIX = "acestep-5Hz-lm-"
TEXT_PREFIX = "Qwen3-Embedding"
DEFAULT_LM = "acestep-5Hz-lm-1.7B"
NO_LM = "none"

PLACE_THEM = (
    "'acetui models get' downloads them; or place the official folders (acestep-v15-turbo, vae, Qwen3-Embedding-0.6B) "
    "in one folder and name it with --models."
)


def find_models(explicit: str | Path | None = None, env: Mapping[str, str] | None = None) -> Path:
    """The folder that holds the models: ``explicit``, ``ACETUI_MODELS``, ``ACESTEP_CHECKPOINTS_DIR`` or the user's own.

    The first one that is named decides, even if it does not exist. Where nothing was ever named and the user has no
    models folder, or one whose music model is still on its way, it is the model in the box; its name, ``nano``, asks
    for it by itself. Raises BadCheckpoint where there is no such folder.
    """
    env = os.environ if env is None else env
    named = {"--models": explicit} | {key: env.get(key) for key in ("ACETUI_MODELS", "ACESTEP_CHECKPOINTS_DIR")}
    for source, value in named.items():
        if value:
            folder = Path(value).expanduser()
            if folder.is_dir():
                return folder
            if str(value) == nano.NAME and nano.is_there():
                return nano.FOLDER
            raise BadCheckpoint(f"{source} names {folder}, which is not a folder.", PLACE_THEM)
    folder = data_folder(env) / "models"
    if folder.is_dir():
        return nano.FOLDER if nano.is_there() and _is_begun(folder) else folder
    if os.path.lexists(folder) or not nano.is_there():  # a link to a disk that is not there was configured once
        raise BadCheckpoint("No models are installed.", PLACE_THEM)
    return nano.FOLDER


def _is_begun(folder: Path) -> bool:
    """Whether a download fills a folder, and its music model, the last to come, is not there."""
    return (folder / ARRIVING).is_dir() and not inventory(folder).dits


@dataclass(frozen=True)
class Inventory:
    """What a folder seems to hold, by folder names alone: each name with its folder, the preferred one first."""

    root: Path
    dits: Mapping[str, Path]
    lms: Mapping[str, Path]
    vaes: Mapping[str, Path]
    text_encoders: Mapping[str, Path]


def inventory(root: Path) -> Inventory:
    """Lists the models in ``root``, whole or not. A diffusers pipeline counts as a DiT; ``root`` may itself be one."""
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir())
    except OSError as cause:
        raise BadCheckpoint(f"{root} cannot be read: {cause.strerror}.", PLACE_THEM) from None
    pipelines = {pipeline_name(path): path for path in (root, *folders) if is_pipeline(path)}
    named = {path.name: path for path in folders if path not in pipelines.values()}
    return Inventory(
        root,
        dits=_ordered(_starting(named, DIT_PREFIX) | pipelines, _dit_rank),
        lms=_ordered(_starting(named, LM_PREFIX), lambda name: name != DEFAULT_LM),
        vaes=_ordered(
            {name: path for name, path in named.items() if "vae" in name.lower()}, lambda name: name != "vae"
        ),
        text_encoders=_starting(named, TEXT_PREFIX),
    )


def _starting(folders: Mapping[str, Path], prefix: str) -> dict[str, Path]:
    return {name: path for name, path in folders.items() if name.startswith(prefix)}


def _ordered(folders: Mapping[str, Path], rank: Callable[[str], int]) -> dict[str, Path]:
    return {name: folders[name] for name in sorted(folders, key=lambda name: (rank(name), name))}


def _dit_rank(name: str) -> int:
    """The plain turbo first, then its relatives, then the models that need many steps."""
    if name == f"{DIT_PREFIX}turbo":
        return 0
    return 1 if "turbo" in name else 2


@dataclass(frozen=True)
class ModelSet:
    """The components that render together. Opening a set reads configs; ``verify`` reads headers; neither loads."""

    root: Path
    dit: Component[DiTConfig]
    vae: Component[VAEConfig]
    text_encoder: Component[TextConfig]
    lm: Component[LMConfig] | None

    @property
    def components(self) -> tuple[Component[Any], ...]:
        """All that is there, the DiT first."""
        return (self.dit, self.vae, self.text_encoder, *((self.lm,) if self.lm else ()))


def open_set(root: str | Path, dit: str | None = None, lm: str | None = None, vae: str | None = None) -> ModelSet:
    """Opens the set that the names pick from ``root``, or that the preferred models make: turbo, planner 1.7B.

    Names are folder names; the family's prefix may be left out (``sft``, ``0.6B``). ``lm="none"`` leaves the planner
    out; unnamed, it is left out too if it is unfinished. Raises BadCheckpoint for what is missing, listing what there
    is.
    """
    found = inventory(Path(root))
    dit_name = _pick(found, "DiT", found.dits, dit, DIT_PREFIX)
    folder = found.dits[dit_name]
    pipeline = is_pipeline(folder)
    vaes = {"vae": folder / "vae"} | dict(found.vaes) if pipeline else found.vaes
    opened = ModelSet(
        root=found.root,
        dit=open_diffusers_dit(folder) if pipeline else open_dit(folder),
        vae=open_vae(vaes[_pick(found, "VAE", vaes, vae)]),
        text_encoder=_open_text_encoder(found, folder if pipeline else None),
        lm=_open_lm(found, lm),
    )
    _check_fit(opened)
    return opened


def _pick(found: Inventory, what: str, there: Mapping[str, Path], wanted: str | None, prefix: str = "") -> str:
    """The wanted name, or the first; raises BadCheckpoint where it is not there."""
    if wanted is None and there:
        return next(iter(there))
    for name in there:
        if wanted and name.lower() in (wanted.lower(), (prefix + wanted).lower()):
            return name
    names = ", ".join(there)
    sentence = (
        f"There is no {what} named {wanted} in {found.root}." if wanted else f"There is no {what} in {found.root}."
    )
    raise BadCheckpoint(sentence, f"There is: {names}." if names else _where_instead(found.root))


def _where_instead(root: Path) -> str:
    """What to do about a folder without models; people often name one model's folder instead of the one around it."""
    if (root / "config.json").is_file():
        return f"That is the folder of one model: name the one around it, {root.absolute().parent}."
    return PLACE_THEM


def _open_text_encoder(found: Inventory, pipeline: Path | None) -> Component[TextConfig]:
    if pipeline:
        return open_text_encoder(pipeline / "text_encoder", pipeline / "tokenizer")
    return open_text_encoder(found.text_encoders[_pick(found, "text encoder", found.text_encoders, None)])


def _open_lm(found: Inventory, wanted: str | None) -> Component[LMConfig] | None:
    if wanted == NO_LM:
        return None
    if wanted:
        return open_lm(found.lms[_pick(found, "planner", found.lms, wanted, LM_PREFIX)])
    for folder in found.lms.values():
        try:
            return open_lm(folder)
        except BadCheckpoint:
            continue
    return None


def open_planner(root: str | Path, name: str) -> Component[LMConfig]:
    """Opens a planner in ``root`` by itself; BadCheckpoint where there is none of that name."""
    found = inventory(Path(root))
    return open_lm(found.lms[_pick(found, "planner", found.lms, name, LM_PREFIX)])


def _check_fit(models: ModelSet) -> None:
    """Raises BadCheckpoint where components of different families meet: their common widths must agree."""
    dit = models.dit.config
    if models.text_encoder.config.hidden_size != dit.text_hidden_dim:
        raise BadCheckpoint(
            f"{models.text_encoder.name} is {models.text_encoder.config.hidden_size} wide, "
            f"and {models.dit.name} wants a text encoder of {dit.text_hidden_dim}.",
            "Place the text encoder that belongs to the model.",
        )
    if models.vae.config.decoder_input_channels != dit.audio_acoustic_hidden_dim:
        raise BadCheckpoint(
            f"The VAE {models.vae.name} has {models.vae.config.decoder_input_channels} latent channels, "
            f"and {models.dit.name} has {dit.audio_acoustic_hidden_dim}.",
            "Place the VAE that belongs to the model.",
        )
