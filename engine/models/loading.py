"""Filling modules from safetensors files: built without memory, allocated once, written straight into place.

Fused matrices are filled row range by row range, so no tensor exists twice. Files are read through memory maps that are
dropped every 64 MiB; otherwise the pages that were read would stay counted against the process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from engine.errors import BadCheckpoint
from engine.headers import AGAIN, BITS, StoredTensor, label
from engine.models.packed import Packed, PackedSlot, pack, packed_slots
from engine.models.primitives import Fused
from engine.naming import vae_naming, weight_norm_names

_MAP_BYTES = 64 * 2**20

M = TypeVar("M", bound=nn.Module)

Source = tuple[str, str, StoredTensor]
"""A parameter's official name, the name of a stored tensor it is made from, and where that lies."""


@dataclass(frozen=True)
class Slot:
    """Where one stored tensor goes: a parameter, or a range of its rows."""

    target: Tensor
    start: int
    rows: int

    def write(self, value: Tensor) -> None:
        """Copies, casts and moves ``value`` into place."""
        self.value.copy_(value)

    @property
    def value(self) -> Tensor:
        """What is there now: a view."""
        return self.target.narrow(0, self.start, self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that the stored tensor must have."""
        return (self.rows, *self.target.shape[1:])


def build(
    make: Callable[[], M],
    device: torch.device,
    dtype: torch.dtype,
    quantization: str | None = None,
    waiting: str | None = None,
) -> M:
    """Makes a module without initialising anything, then allocates it on ``device``. Its weights are undefined.

    With ``quantization`` its large matrices are of one byte a number. ``waiting`` is the path of a list in it that is
    allocated in the computer's memory, wherever the rest is.
    """
    with torch.device("meta"), _Undrawn():
        module = make()
    module.to(dtype)
    for part in module.modules():
        if getattr(part, "keep_float32", False):
            part.float()
    if quantization is not None:
        pack(module, quantization)
    if waiting is not None:
        # Put aside while the rest is allocated: the device may have no room for it even for a moment.
        apart, (above, _, name) = module.get_submodule(waiting), waiting.rpartition(".")
        setattr(module.get_submodule(above), name, nn.ModuleList())
        _allocate(module, device)
        setattr(module.get_submodule(above), name, _allocate(apart, torch.device("cpu")))
    else:
        _allocate(module, device)
    return module.requires_grad_(False).eval()


class _Undrawn(TorchFunctionMode):
    """Modules do not draw their weights, which are read from files afterwards.

    Drawing numbers without memory would have torch load its compiler: half a second, and 40 MB for good.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def _allocate(module: M, device: torch.device) -> M:
    """Gives a module without memory its own, as ``to_empty`` does; that would load a library for algebra."""

    def there(tensor: Tensor) -> Tensor:
        return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)

    module._apply(there)  # type: ignore[no-untyped-call]
    return module


def slots(module: nn.Module) -> dict[str, Slot | PackedSlot]:
    """The official name of every tensor a module is filled from, with its place."""
    found: dict[str, Slot | PackedSlot] = {}
    for path, part in module.named_modules():
        if isinstance(part, Packed):
            found |= packed_slots(path, part)
            continue
        for name, parameter in part.named_parameters(recurse=False):
            if isinstance(part, Fused):
                found |= _fused_slots(path, part)
            else:
                rows = parameter.shape[0] if parameter.dim() else 1
                found[f"{path}.{name}".lstrip(".")] = Slot(parameter.data, 0, rows)
    return found


def _fused_slots(path: str, part: Fused) -> dict[str, Slot]:
    """``attn.qkv`` is stored as ``attn.q_proj``, ``attn.k_proj``, ``attn.v_proj``."""
    parent, found, start = path.rpartition(".")[0], {}, 0
    for name, rows in part.parts.items():
        found[f"{parent}.{name}.weight".lstrip(".")] = Slot(part.weight.data, start, rows)
        start += rows
    return found


@torch.no_grad()
def fill(module: nn.Module, stored: Mapping[str, StoredTensor], only: Collection[str] | None = None) -> None:
    """Writes every parameter of ``module`` from the tensors that ``checkpoints.verify`` found, by official name.

    Those of ``only`` alone, where it is given. Raises BadCheckpoint, naming file and tensor, where a file changed since
    it was verified.
    """
    places = {name: place for name, place in slots(module).items() if only is None or name in only}
    sources = [(name, part, stored[part]) for name in places for part in _parts(name, stored)]
    by_file: dict[Path, list[Source]] = {}
    for source in sources:
        by_file.setdefault(source[2].file, []).append(source)
    gains = {name: read_tensor(stored[part]) for name, part, _ in sources if _is_gain(part)}
    for path, wanted in by_file.items():
        for group in _groups([source for source in wanted if not _is_gain(source[1])]):
            with _opened(path) as file:
                for name, _, tensor in group:
                    value = _tensor(file, tensor)
                    places[name].write(_normed(value, gains[name]) if name in gains else value)


def _parts(name: str, stored: Mapping[str, StoredTensor]) -> tuple[str, ...]:
    """The stored tensors that make one parameter: itself, or gain and direction of a weight-normed convolution."""
    if name in stored or not name.endswith(".weight"):
        return (name,)
    conv = name.removesuffix(".weight")
    return weight_norm_names(conv, vae_naming(conv, stored)) or (name,)


def _is_gain(part: str) -> bool:
    return part.endswith((".weight_g", ".original0"))


def _normed(direction: Tensor, gain: Tensor) -> Tensor:
    """Weight norm multiplied out in float32; the norm runs over every axis but the first, also where that is the input.

    Source: facts, checkpoints.md 6.
    """
    direction = direction.float()
    length = torch.linalg.vector_norm(direction, dim=(1, 2), keepdim=True)
    scale: Tensor = gain.float() / length
    return direction * scale


def read_tensor(tensor: StoredTensor) -> Tensor:
    """One tensor, copied out of its file."""
    with _opened(tensor.file) as file:
        return _tensor(file, tensor).clone()


def _tensor(file: Any, stored: StoredTensor) -> Tensor:
    try:
        value: Tensor = file.get_tensor(stored.name)
    except SafetensorError as cause:
        raise BadCheckpoint(f"{label(stored.file)} no longer holds {stored.name}.", AGAIN) from cause
    return value


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as cause:
        raise BadCheckpoint(f"{label(path)} cannot be read: {cause}.", AGAIN) from cause


def _groups(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Sources of one file, a map's worth at a time."""
    group: list[Source] = []
    total = 0
    for source in sources:
        size = math.prod(source[2].shape) * BITS[source[2].dtype] // 8
        if group and total + size > _MAP_BYTES:
            yield group
            group, total = [], 0
        group.append(source)
        total += size
    if group:
        yield group


def settle(module: nn.Module) -> None:
    """Lets every part derive what it keeps from its weights."""
    for part in module.modules():
        derive = getattr(part, "settle", None)
        if callable(derive):
            derive()


def read_silence(path: Path, channels: int) -> Tensor:
    """The silence latent ``[1, frames, channels]`` float32, from ``silence_latent.pt`` or a diffusers weight file.

    Only plain tensors are ever unpickled. Raises BadCheckpoint for anything else.
    """
    whole = path.suffix == ".safetensors"
    silence = read_tensor(StoredTensor(path, "silence_latent", "F32", ())) if whole else _unpickled(path)
    shape = "[1, frames, channels]" if whole else "[1, channels, frames]"
    if not isinstance(silence, Tensor) or silence.dim() != 3 or silence.shape[0] != 1:
        raise BadCheckpoint(f"{label(path)} does not hold a {shape} tensor.", AGAIN)
    silence = (silence if whole else silence.transpose(1, 2)).float().contiguous()
    if silence.shape[1] == 0 or silence.shape[2] != channels or not torch.isfinite(silence).all():
        raise BadCheckpoint(f"{label(path)} does not hold the latents of silence in {channels} channels.", AGAIN)
    return silence


def _unpickled(path: Path) -> object:
    try:
        stored: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as cause:
        raise BadCheckpoint(f"{label(path)} is damaged, or holds more than a tensor.", AGAIN) from cause
    return stored
