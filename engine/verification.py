"""Whether a component's files hold what its config promises, from headers alone: milliseconds, whatever the size."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.components import Component, WeightFile
from engine.config import DiTConfig, LMConfig, VAEConfig
from engine.errors import BadCheckpoint
from engine.headers import AGAIN, WHOLE_FLOATS, StoredTensor, header_bytes, label, read_header
from engine.layout import OPTIONAL, PROBE, TABLES, Shape, Shapes, dit_tensors, qwen3_tensors, stored_vae_tensors
from engine.naming import SILENCE_BUFFER, ignorable

Found = Mapping[str, StoredTensor]

SAMPLED_BLOCKS = 64
BLOCK_BYTES = 4096


def verify(component: Component[Any]) -> dict[str, StoredTensor]:
    """Where each of the component's tensors lies, by its official name; ignorable extras are left out.

    A VAE's convolutions keep the weight-norm names they are stored under. Raises BadCheckpoint, naming a file and a
    tensor, for anything missing, unexpected, of the wrong shape or kind, cut off or damaged.
    """
    found = _found(component)
    expected = _expected(component, found)
    if isinstance(component.config, DiTConfig):
        _check_variant(component, component.config, found)
        silence_latent_path(component)
    for name, tensor in found.items():
        if name in expected:
            _check_tensor(name, tensor, expected[name])
    _check_names(component, found, expected)
    return {name: tensor for name, tensor in found.items() if name in expected}


def _found(component: Component[Any]) -> dict[str, StoredTensor]:
    """Every tensor in the component's files by its official name."""
    found: dict[str, StoredTensor] = {}
    for file in component.files:
        for stored, tensor in read_header(file.path).items():
            name = file.official_name(stored)
            if name in found:
                sentence = f"{label(file.path)} holds {name}, which {label(found[name].file)} holds as well."
                raise BadCheckpoint(sentence, f"Remove all of {component.name} and download it again.")
            found[name] = tensor
    return found


def _expected(component: Component[Any], found: Found) -> Shapes:
    config = component.config
    if isinstance(config, DiTConfig):
        return dit_tensors(config)
    if isinstance(config, VAEConfig):
        return stored_vae_tensors(config, found)
    return qwen3_tensors(config, lm=isinstance(config, LMConfig))


def _check_variant(component: Component[Any], config: DiTConfig, found: Found) -> None:
    """Raises BadCheckpoint where a config of one size lies beside weights of another: the likeliest mix-up."""
    probe = found.get(PROBE)
    if probe and probe.shape and probe.shape[0] != config.hidden_size:
        raise BadCheckpoint(
            f"{label(probe.file)} belongs to another variant: {PROBE} is {probe.shape[0]} wide, "
            f"and the config.json of {component.name} says {config.hidden_size}.",
            f"Download all of {component.name} again.",
        )


def _check_tensor(name: str, tensor: StoredTensor, shape: Shape) -> None:
    """Raises BadCheckpoint unless a tensor has the expected shape and holds plain floats."""
    same = tensor.shape[1:] == shape[1:] and len(tensor.shape) == 2 if name in TABLES else tensor.shape == shape
    if not same:
        sentence = f"{label(tensor.file)} holds {name} of shape {_shown(tensor.shape)} instead of {_shown(shape)}."
        raise BadCheckpoint(sentence, "The weights and the config.json are of different models: download both again.")
    if tensor.dtype not in WHOLE_FLOATS:
        sentence = f"{label(tensor.file)} holds {name} as {tensor.dtype}, and weights must be F32, F16 or BF16."
        raise BadCheckpoint(sentence, "Quantized files are not read: place the official ones.")


def _shown(shape: Shape) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _check_names(component: Component[Any], found: Found, expected: Shapes) -> None:
    """Raises BadCheckpoint where tensors are missing, or where there are some that the model has no place for."""
    missing = [name for name in expected if name not in found and name not in OPTIONAL]
    if missing:
        file = label(_home(component, missing[0]))
        hint = f"It is unfinished or of another model: download {component.name} again."
        raise BadCheckpoint(f"{file} lacks {_listed(missing)}.", hint)
    extra = [name for name in found if name not in expected and not ignorable(name)]
    if extra:
        sentence = f"{label(found[extra[0]].file)} holds {_listed(extra)}, which {component.name} has no place for."
        raise BadCheckpoint(sentence, "The weights and the config.json are of different models: download both again.")


def _listed(names: list[str]) -> str:
    """The first three names and how many more there are."""
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more tensors"


def _home(component: Component[Any], name: str) -> Path:
    """The file in which a missing tensor should be: the one that an index promises it in, or the first of its group."""
    for file in component.files:
        if any(file.official_name(stored) == name for stored in file.promised):
            return file.path
    return max(component.files, key=lambda file: _belongs(file, name)).path


def _belongs(file: WeightFile, name: str) -> bool:
    return file.group is None or name.startswith(file.official_name(""))


def silence_latent_path(component: Component[DiTConfig]) -> Path:
    """The file with a DiT's silence latent: ``silence_latent.pt``, whose one tensor is ``[1, 64, 15000]`` float32.

    A diffusers set may have it among its weights instead; then this is the ``.safetensors`` file that holds it as the
    tensor ``silence_latent``, ``[1, 15000, 64]``. Raises BadCheckpoint where neither is there or the file is cut off.
    """
    path = component.folder / "silence_latent.pt"
    if path.is_file():
        if not zipfile.is_zipfile(path):
            raise BadCheckpoint(f"{label(path)} is cut off or not what torch writes.", AGAIN)
        return path
    for file in component.files:
        if file.group and SILENCE_BUFFER in map(file.official_name, read_header(file.path)):
            return file.path
    hint = "It belongs to the official folder: place it there, or download the folder again."
    raise BadCheckpoint(f"{component.name} has no silence_latent.pt.", hint)


def weights_hash(component: Component[Any]) -> str:
    """An identity of the weights for takes to remember: 64 hex digits, in milliseconds.

    It is the SHA-256 over each file's header, its size and 64 evenly spaced blocks of 4 KiB, and not over all of its
    gigabytes: other weights, another dtype or an edited layer change it, a single flipped bit most likely does not.
    """
    digest = hashlib.sha256()
    for file in component.files:
        digest.update(header_bytes(file.path))
        size = file.path.stat().st_size
        digest.update(size.to_bytes(8, "little"))
        last = max(size - BLOCK_BYTES, 0)
        with file.path.open("rb") as stream:
            for number in range(SAMPLED_BLOCKS):
                stream.seek(last * number // (SAMPLED_BLOCKS - 1))
                digest.update(stream.read(BLOCK_BYTES))
    return digest.hexdigest()


def settings_hash(component: Component[Any]) -> str:
    """An identity of the small files that shape the samples too: configs, tokenizer, silence. 64 hex digits."""
    digest = hashlib.sha256()
    silence = component.folder / "silence_latent.pt"
    for path in (*sorted(component.folder.glob("*config.json")), component.tokenizer, silence):
        if path is not None and path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
