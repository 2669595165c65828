"""One model of a set: its folder, its config, and the files that hold its weights. No torch.

The official folders have one ``config.json`` each. A diffusers pipeline spreads the DiT over four folders, whose
configs are put together here, so that everything after this module sees one kind of component. Facts: checkpoints.md 2
and 9.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from engine.config import DiTConfig, LMConfig, TextConfig, VAEConfig
from engine.errors import BadCheckpoint
from engine.headers import AGAIN, label
from engine.naming import DIFFUSERS_FOLDERS, from_diffusers, without_model_prefix

Config = TypeVar("Config", DiTConfig, VAEConfig, TextConfig, LMConfig, covariant=True)
Format = Literal["official", "diffusers"]

WEIGHT_STEMS = ("model", "diffusion_pytorch_model")


@dataclass(frozen=True)
class WeightFile:
    """A safetensors file; ``group`` is the diffusers folder whose names it uses, ``promised`` what an index says of it.

    ``promised`` holds stored names and is empty without an index.
    """

    path: Path
    group: str | None = None
    promised: frozenset[str] = frozenset()

    def official_name(self, stored: str) -> str:
        """The layout's name of a tensor that this file calls ``stored``."""
        return from_diffusers(self.group, stored) if self.group else without_model_prefix(stored)


@dataclass(frozen=True)
class Component(Generic[Config]):
    """A DiT, a VAE, a text encoder or a planner on disk; opening one reads its configs and no weights."""

    name: str
    folder: Path
    config: Config
    files: tuple[WeightFile, ...]
    format: Format = "official"
    tokenizer: Path | None = None
    """``tokenizer.json`` of a text encoder or a planner."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; raises BadCheckpoint where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadCheckpoint(f"{label(path)} is missing.", AGAIN) from None
    except OSError as cause:
        reason = cause.strerror or "it cannot be opened"
        raise BadCheckpoint(f"{label(path)} cannot be read: {reason}.", "Check the file and its permissions.") from None
    except (ValueError, RecursionError):
        raise BadCheckpoint(f"{label(path)} is not JSON.", AGAIN) from None
    if not isinstance(value, dict):
        raise BadCheckpoint(f"{label(path)} is not a JSON object.", AGAIN)
    return value


def weight_files(folder: Path, group: str | None = None) -> tuple[WeightFile, ...]:
    """The weights of a folder: one file, or the shards that an index names. Raises BadCheckpoint if any is missing."""
    for stem in WEIGHT_STEMS:
        single = folder / f"{stem}.safetensors"
        if single.is_file():
            return (WeightFile(single, group),)
        index = folder / f"{stem}.safetensors.index.json"
        if index.is_file():
            return _shards(index, group)
    if any(folder.glob("*.bin")):
        hint = "Only safetensors files are read: place the official files there."
        raise BadCheckpoint(f"{folder.name} has its weights in .bin files.", hint)
    raise BadCheckpoint(f"{folder.name} holds no weights.", f"Place model.safetensors in {folder}, or its shards.")


def _shards(index: Path, group: str | None) -> tuple[WeightFile, ...]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map or not all(map(_is_file_name, weight_map.values())):
        raise BadCheckpoint(f"{label(index)} does not say which file holds which tensor.", AGAIN)
    promised: dict[str, set[str]] = {}
    for tensor, file in weight_map.items():
        promised.setdefault(file, set()).add(tensor)
    for file, tensors in sorted(promised.items()):
        if not (index.parent / file).is_file():
            holds = f"which holds {min(tensors)} and {len(tensors) - 1} other tensors"
            sentence = f"{label(index)} names {file}, {holds}, but there is no such file."
            raise BadCheckpoint(sentence, "Download the missing file.")
    return tuple(WeightFile(index.parent / file, group, frozenset(promised[file])) for file in sorted(promised))


def _is_file_name(value: object) -> bool:
    """Whether an index names a file beside it, and not a place elsewhere."""
    return isinstance(value, str) and value.endswith(".safetensors") and Path(value).name == value


def _tokenizer(folder: Path, of: str) -> Path:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise BadCheckpoint(f"{of} has no tokenizer.json.", f"Place the official tokenizer.json in {folder}.")
    return path


def open_dit(folder: Path) -> Component[DiTConfig]:
    """An official DiT folder."""
    config = DiTConfig.from_dict(read_json(folder / "config.json"))
    return Component(folder.name, folder, config, weight_files(folder))


def open_vae(folder: Path) -> Component[VAEConfig]:
    """A VAE folder, which is the same in both formats."""
    config = VAEConfig.from_dict(read_json(folder / "config.json"))
    return Component(folder.name, folder, config, weight_files(folder))


def open_text_encoder(folder: Path, tokenizer: Path | None = None) -> Component[TextConfig]:
    """A text encoder, with its tokenizer in the same folder or in ``tokenizer``."""
    config = TextConfig.from_dict(read_json(folder / "config.json"))
    found = _tokenizer(tokenizer or folder, f"The text encoder {folder.name}")
    return Component(folder.name, folder, config, weight_files(folder), tokenizer=found)


def open_lm(folder: Path) -> Component[LMConfig]:
    """A planner: a 5 Hz language model folder."""
    config = LMConfig.from_dict(read_json(folder / "config.json"))
    found = _tokenizer(folder, f"The planner {folder.name}")
    return Component(folder.name, folder, config, weight_files(folder), tokenizer=found)


def is_pipeline(folder: Path) -> bool:
    """Whether a folder is a diffusers pipeline of this model family."""
    return (folder / "model_index.json").is_file() and (folder / "condition_encoder").is_dir()


def open_diffusers_dit(folder: Path) -> Component[DiTConfig]:
    """The DiT of a diffusers pipeline: four folders with a config and weights each."""
    configs = {group: read_json(folder / group / "config.json") for group in DIFFUSERS_FOLDERS}
    config = DiTConfig.from_dict(_joined(configs))
    files = tuple(file for group in DIFFUSERS_FOLDERS for file in weight_files(folder / group, group))
    return Component(pipeline_name(folder), folder, config, files, format="diffusers")


def pipeline_name(folder: Path) -> str:
    """What a pipeline's DiT is called: its folder's name, or the official one where that says nothing."""
    if folder.name.startswith("acestep-v15-"):
        return folder.name
    raw = read_json(folder / "transformer" / "config.json")
    size = "xl-" if raw.get("encoder_hidden_size") not in (None, raw.get("hidden_size")) else ""
    return f"acestep-v15-{size}{raw.get('model_version') or ('turbo' if raw.get('is_turbo') else 'base')}"


_ENCODER_FIELDS = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")


def _joined(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The official config that the four diffusers ones were made from; the encoder's sizes are always stated."""
    encoder = configs["condition_encoder"]
    joined = {**configs["audio_token_detokenizer"], **configs["audio_tokenizer"], **encoder, **configs["transformer"]}
    return joined | {f"encoder_{key}": encoder.get(key) for key in _ENCODER_FIELDS}
