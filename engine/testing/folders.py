"""Writes the folders of a random set: the official layout, and the diffusers pipeline that holds the same weights."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from engine.config import DiTConfig, LMConfig, TextConfig, VAEConfig
from engine.layout import Shape, dit_tensors, qwen3_tensors, vae_tensors
from engine.naming import MODEL_PREFIX, to_diffusers
from engine.testing.sizes import Configs, Raw
from engine.testing.vocabulary import END_OF_TEXT, build_tokenizer, reserved_codes, write_tokenizer
from engine.testing.weights import random_silence, random_tensor, random_vae_weights, random_weights

TEXT_ENCODER = "Qwen3-Embedding-0.6B"
LANGUAGE_MODEL = "acestep-5Hz-lm-0.6B"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a set's bytes."""

    variant: str
    configs: Configs
    seed: int
    dtype: torch.dtype
    vae_naming: str

    @property
    def shards(self) -> int:
        """XL sets come in several files with an index."""
        return 2 if self.variant.startswith("xl-") else 1


def write_official(root: Path, recipe: Recipe, lm: bool) -> None:
    """The unified repository's folders: DiT, VAE, text encoder, and the language model if ``lm``."""
    write_dit(root / f"acestep-v15-{recipe.variant}", recipe)
    write_vae(root / "vae", recipe)
    write_text_encoder(root / TEXT_ENCODER, root / TEXT_ENCODER, recipe)
    if lm:
        write_language_model(root / LANGUAGE_MODEL, recipe)


def write_dit(folder: Path, recipe: Recipe) -> None:
    """``config.json``, the weights, sharded for XL, and ``silence_latent.pt``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", {"architectures": ["AceStepConditionGenerationModel"]} | recipe.configs.dit)
    shapes = dit_tensors(DiTConfig.from_dict(recipe.configs.dit))
    write_random_shards(folder, "model", shapes, {name: name for name in shapes}, recipe)
    torch.save(random_silence(recipe.configs.dit["audio_acoustic_hidden_dim"], recipe.seed), silence_file(folder))


def silence_file(folder: Path) -> Path:
    """Where a folder keeps its silence latent, ``[1, channels, 15000]`` float32."""
    return folder / "silence_latent.pt"


def write_vae(folder: Path, recipe: Recipe) -> None:
    """``config.json`` and the weights under the recipe's weight-norm naming."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", recipe.configs.vae)
    shapes = vae_tensors(VAEConfig.from_dict(recipe.configs.vae))
    weights = random_vae_weights(shapes, recipe.seed, recipe.vae_naming)
    write_weights(folder / "diffusion_pytorch_model.safetensors", weights, recipe.dtype)


def write_text_encoder(folder: Path, tokenizer_folder: Path, recipe: Recipe) -> None:
    """A Qwen3 model stored without the ``model.`` prefix, and its tokenizer in a folder of its own or the same."""
    tokenizer = build_tokenizer(end_every_text=True)
    raw = _with_vocabulary(recipe.configs.text, tokenizer, END_OF_TEXT)
    for each in (folder, tokenizer_folder):
        each.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", raw)
    write_tokenizer(tokenizer_folder, tokenizer, END_OF_TEXT)
    shapes = qwen3_tensors(TextConfig.from_dict(raw))
    write_weights(folder / "model.safetensors", random_weights(shapes, recipe.seed), recipe.dtype)


def write_language_model(folder: Path, recipe: Recipe) -> None:
    """A Qwen3 language model stored with the ``model.`` prefix, and a tokenizer with the audio codes."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(audio_codes=reserved_codes(tuple(recipe.configs.dit["fsq_input_levels"])))
    raw = _with_vocabulary(recipe.configs.lm, tokenizer, "<|im_end|>")
    write_json(folder / "config.json", raw)
    write_tokenizer(folder, tokenizer, "<|im_end|>")
    shapes = qwen3_tensors(LMConfig.from_dict(raw), lm=True)
    stored = {name if name == "lm_head.weight" else MODEL_PREFIX + name: shape for name, shape in shapes.items()}
    write_weights(folder / "model.safetensors", random_weights(stored, recipe.seed), recipe.dtype)


def _with_vocabulary(raw: Raw, tokenizer: Tokenizer, end: str) -> Raw:
    ids = {"eos_token_id": tokenizer.token_to_id(end), "pad_token_id": tokenizer.token_to_id(END_OF_TEXT)}
    return {"vocab_size": tokenizer.get_vocab_size(), **ids, **raw}


def write_diffusers(root: Path, recipe: Recipe, lm: bool) -> None:
    """The same weights as a diffusers pipeline in ``root``; the language model stays an official folder inside it."""
    shapes = dit_tensors(DiTConfig.from_dict(recipe.configs.dit))
    silence = random_silence(recipe.configs.dit["audio_acoustic_hidden_dim"], recipe.seed)
    for name, config in _diffusers_configs(recipe.configs.dit).items():
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "config.json", config)
        names = {official: to_diffusers(official)[1] for official in shapes if to_diffusers(official)[0] == name}
        extra = {"silence_latent": silence.mT.contiguous()} if name == "condition_encoder" else {}
        write_random_shards(folder, "diffusion_pytorch_model", shapes, names, recipe, extra)
    torch.save(silence, silence_file(root))
    write_vae(root / "vae", recipe)
    write_text_encoder(root / "text_encoder", root / "tokenizer", recipe)
    _write_pipeline_files(root)
    if lm:
        write_language_model(root / LANGUAGE_MODEL, recipe)


def _write_pipeline_files(root: Path) -> None:
    (root / "scheduler").mkdir(exist_ok=True)
    scheduler = {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1, "shift": 1.0}
    write_json(root / "scheduler" / "scheduler_config.json", scheduler)
    write_json(
        root / "model_index.json",
        {
            "_class_name": "AceStepPipeline",
            "transformer": ["diffusers", "AceStepTransformer1DModel"],
            "condition_encoder": ["ace_step", "AceStepConditionEncoder"],
            "audio_tokenizer": ["ace_step", "AceStepAudioTokenizer"],
            "audio_token_detokenizer": ["ace_step", "AceStepAudioTokenDetokenizer"],
            "vae": ["diffusers", "AutoencoderOobleck"],
            "text_encoder": ["transformers", "Qwen3Model"],
            "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
            "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        },
    )


_SHARED = ("head_dim", "rope_theta", "attention_bias", "attention_dropout", "rms_norm_eps", "sliding_window")
_STACK = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
_DIFFUSERS_FIELDS = {
    "condition_encoder": (
        "AceStepConditionEncoder",
        (
            "text_hidden_dim",
            "timbre_hidden_dim",
            "num_lyric_encoder_hidden_layers",
            "num_timbre_encoder_hidden_layers",
        ),
    ),
    "audio_tokenizer": (
        "AceStepAudioTokenizer",
        (
            "audio_acoustic_hidden_dim",
            "pool_window_size",
            "num_attention_pooler_hidden_layers",
            "fsq_dim",
            "fsq_input_levels",
            "fsq_input_num_quantizers",
        ),
    ),
    "audio_token_detokenizer": (
        "AceStepAudioTokenDetokenizer",
        ("audio_acoustic_hidden_dim", "pool_window_size", "num_attention_pooler_hidden_layers"),
    ),
}


def _diffusers_configs(raw: Raw) -> dict[str, Raw]:
    """The one official config spread over the four diffusers folders."""
    shared = {key: raw[key] for key in (*_SHARED, "layer_types")}
    encoder = {key: raw.get(f"encoder_{key}") or raw[key] for key in _STACK}
    decoder_fields = (
        *_STACK,
        "num_hidden_layers",
        "in_channels",
        "audio_acoustic_hidden_dim",
        "patch_size",
        "is_turbo",
        "model_version",
    )
    configs = {
        "transformer": {"_class_name": "AceStepTransformer1DModel"}
        | shared
        | {key: raw[key] for key in decoder_fields}
        | {"encoder_hidden_size": encoder["hidden_size"]}
    }
    for folder, (class_name, keys) in _DIFFUSERS_FIELDS.items():
        configs[folder] = {"_class_name": class_name} | shared | encoder | {key: raw[key] for key in keys}
    return configs


def write_random_shards(
    folder: Path,
    stem: str,
    shapes: Mapping[str, Shape],
    stored_names: Mapping[str, str],
    recipe: Recipe,
    extra: Mapping[str, Tensor] | None = None,
) -> None:
    """Random tensors of the official names in ``stored_names``, under the stored ones; one shard in memory at a time.

    ``extra`` tensors go into the last shard. A single shard has no index.
    """
    shards = _split(shapes, list(stored_names), recipe.shards)
    weight_map: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        last = number == len(shards)
        file = f"{stem}.safetensors" if len(shards) == 1 else f"{stem}-{number:05d}-of-{len(shards):05d}.safetensors"
        tensors = {stored_names[name]: random_tensor(name, shapes[name], recipe.seed) for name in names}
        tensors |= dict(extra or {}) if last else {}
        write_weights(folder / file, tensors, recipe.dtype)
        weight_map |= dict.fromkeys(tensors, file)
    if len(shards) > 1:
        size = sum((folder / file).stat().st_size for file in set(weight_map.values()))
        index = {"metadata": {"total_size": size}, "weight_map": weight_map}
        write_json(folder / f"{stem}.safetensors.index.json", index)


def _split(shapes: Mapping[str, Shape], names: list[str], count: int) -> list[list[str]]:
    """The names in order, cut into ``count`` runs of about the same number of parameters."""
    total = sum(math.prod(shapes[name]) for name in names)
    runs: list[list[str]] = [[] for _ in range(count)]
    done = 0
    for name in names:
        runs[done * count // total].append(name)
        done += math.prod(shapes[name])
    return [run for run in runs if run]


def write_weights(path: Path, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> None:
    """One safetensors file, all tensors in ``dtype``."""
    save_file({name: value.to(dtype).contiguous() for name, value in tensors.items()}, path, metadata={"format": "pt"})


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A JSON object, indented, as the official files are."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
