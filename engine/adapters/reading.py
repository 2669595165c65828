"""What an adapter's files hold, and whether they fit a model: from headers alone. No torch."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.adapters.naming import places, role_of, weight_of
from engine.components import read_json
from engine.errors import BadCheckpoint, EngineError, InvalidRequest
from engine.headers import WHOLE_FLOATS, StoredTensor, header_bytes, label, read_header
from engine.layout import Shape, Shapes
from engine.own_folder import data_folder

PEFT_WEIGHTS = "adapter_model.safetensors"
PEFT_CONFIG = "adapter_config.json"
_PIECE = 1 << 20
_HINT = "Choose an adapter that was made for this model, or the model that it was made for."


class NoAdapter(EngineError):
    """An adapter that is named and not there."""

    exit_code = 3


@dataclass(frozen=True)
class Change:
    """What an adapter does to one weight: its tensors by what they are of it, and how strong they are.

    They are times ``alpha / divisor``, and the alpha among ``parts`` goes first; where one is not known, times 1.
    """

    weight: str
    parts: Mapping[str, StoredTensor]
    alpha: float | None
    divisor: float | None

    @property
    def kind(self) -> str:
        """LoRA or LoKr, and whether it scales the weight's rows as well (DoRA)."""
        kind = "LoRA" if "down" in self.parts else "LoKr"
        return f"{kind} with DoRA" if {"magnitude", "dora_scale"} & {*self.parts} else kind


@dataclass(frozen=True)
class AdapterFile:
    """An adapter that fits a model. ``digest`` is the SHA-256 of all that decides what it does."""

    name: str
    file: Path
    digest: str
    changes: tuple[Change, ...]
    remarks: tuple[str, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """What kinds of changes it holds."""
        return tuple(dict.fromkeys(change.kind for change in self.changes))


def adapters_folder() -> Path:
    """Where a person's adapters lie that are called by name."""
    return data_folder() / "adapters"


def find_adapter(name: str, home: Path) -> Path:
    """The file or folder that ``name`` is: the name of one in ``home``, or a path. Raises NoAdapter."""
    path = Path(name).expanduser()
    called = [home / (name + suffix) for suffix in ("", ".safetensors")] if path.name == name else []
    for candidate in (*called, path):
        if candidate.is_file() or candidate.is_dir():
            return candidate
    known = installed(home)
    hint = f"There is: {', '.join(known[:12])}." if known else f"Place adapters in {home}, or name a file."
    raise NoAdapter(f"There is no adapter called {name[:120]!r}.", hint, field="adapters")


def installed(home: Path) -> list[str]:
    """The names of the adapters in ``home``: safetensors files, and folders with one."""
    there = sorted(home.iterdir()) if home.is_dir() else []
    found = [path for path in there if path.suffix == ".safetensors" or any(path.glob("*.safetensors"))]
    return [path.name.removesuffix(".safetensors") for path in found]


def stamp(path: Path) -> tuple[object, ...]:
    """What is different once an adapter's files have been changed. Raises InvalidRequest where there are none."""
    states = [file.stat() for file in _files(weights_file(path))]
    return str(path), *((state.st_mtime_ns, state.st_size) for state in states)


def open_adapter(path: Path, shapes: Shapes, model: str) -> AdapterFile:
    """The adapter in a file, or in a folder of PEFT's, for a model of these shapes.

    Raises InvalidRequest for one that does not fit or is none, and BadCheckpoint for files that are damaged.
    """
    file = weights_file(path)
    config, remarks = _config(file), list[str]()
    stored, known = read_header(file), places(shapes)
    modules: dict[str, dict[str, StoredTensor]] = {}
    for name, tensor in stored.items():
        module, role = _named(name, file, config)
        modules.setdefault(module, {})[role] = tensor
    changes = []
    for module, parts in modules.items():
        weight = weight_of(module, known)
        if weight is None:
            raise _refusal(file, f"changes {_short(module)}, which {model} does not have", _made_for(config))
        _check(file, module, parts, shapes[weight], model, config)
        changes.append(Change(weight, parts, _alpha(module, config), _divisor(parts, config)))
    if not changes:
        raise _refusal(file, "holds nothing", "Choose a LoRA or a LoKr.")
    if any(change.alpha is None and "alpha" not in change.parts for change in changes if "down" in change.parts):
        remarks.append(f"{label(file)} does not say its alpha: it is taken to be its rank.")
    return AdapterFile(path.name.removesuffix(".safetensors"), file, _digest(file), tuple(changes), tuple(remarks))


def weights_file(path: Path) -> Path:
    """The file with the tensors of an adapter. Raises InvalidRequest for a folder without one."""
    if path.is_file():
        return path
    if (path / PEFT_WEIGHTS).is_file():
        return path / PEFT_WEIGHTS
    files = sorted(path.glob("*.safetensors"))
    if len(files) == 1:
        return files[0]
    other = "only safetensors files are read" if any(path.glob("*.bin")) else f"there is no {PEFT_WEIGHTS} in it"
    raise InvalidRequest(
        f"{path.name} is not an adapter: {other}.", "Name a safetensors file, or a folder of PEFT's.", field="adapters"
    )


def _files(file: Path) -> list[Path]:
    """The file with the tensors, and the config that counts beside it."""
    beside = file.with_name(PEFT_CONFIG)
    return [file, beside] if file.name == PEFT_WEIGHTS and beside.is_file() else [file]


def _config(file: Path) -> Mapping[str, Any]:
    """What an adapter says of itself: in PEFT's file beside it, or in the header as LyCORIS and diffusers do."""
    if beside := _files(file)[1:]:
        return read_json(beside[0])
    metadata = json.loads(header_bytes(file)[8:]).get("__metadata__")
    for key in ("lokr_config", "lora_adapter_metadata"):
        if isinstance(metadata, dict) and key in metadata:
            try:
                found = json.loads(metadata[key])
            except (TypeError, ValueError, RecursionError):
                raise BadCheckpoint(f"{label(file)} says something unreadable of itself.", "Save it again.") from None
            if isinstance(found, dict):
                return {name.removeprefix("transformer."): value for name, value in found.items()}
    return {}


def _named(name: str, file: Path, config: Mapping[str, Any]) -> tuple[str, str]:
    found = role_of(name)
    if found is None:
        kind = str(config.get("peft_type", "")).upper()
        what = (
            f"is a {kind}" if kind not in ("", "LORA", "LOKR") else f"holds {_short(name)}, which is of no LoRA or LoKr"
        )
        raise _refusal(file, what, "LoRA, DoRA and LoKr are understood.")
    return found


def _check(
    file: Path,
    module: str,
    parts: Mapping[str, StoredTensor],
    shape: Shape,
    model: str,
    config: Mapping[str, Any],
) -> None:
    """Raises InvalidRequest unless the tensors of a module are all there, of plain floats, and fit its weight."""
    for role, tensor in parts.items():
        if role == "alpha" and math.prod(tensor.shape) != 1:
            raise _refusal(file, f"has no single alpha of {_short(module)}", "Save it again, or download it again.")
        if role != "alpha" and tensor.dtype not in WHOLE_FLOATS:  # an alpha is often written as a whole number
            raise _refusal(file, f"holds {_short(tensor.name)} as {tensor.dtype}", "Save it as F32, F16 or BF16.")
    try:
        made = _made(parts)
    except _Incomplete as reason:
        raise _refusal(file, f"{reason} of {_short(module)}", "Save it again, or download it again.") from None
    if made != shape:
        sizes = f"{list(made)}, and that of {model} is {list(shape)}"
        raise _refusal(file, f"does not fit: its {_short(module)} is {sizes}", _made_for(config))
    scale = parts.get("magnitude") or parts.get("dora_scale")
    if scale is not None and tuple(scale.shape) not in {(shape[0],), (shape[0], 1), (1, shape[1])}:
        raise _refusal(file, f"has magnitudes of {_short(module)} in the shape {list(scale.shape)}", _HINT)


class _Incomplete(Exception):
    pass


def _made(parts: Mapping[str, StoredTensor]) -> Shape:
    """The shape of the weight that tensors make together."""
    if "down" in parts or "up" in parts:
        return _product(parts, "up", "down")
    first, second = (
        parts[name].shape if name in parts else _product(parts, f"{name}_a", f"{name}_b") for name in ("w1", "w2")
    )
    if len(first) != 2 or len(second) != 2:
        raise _Incomplete("has parts that are no matrices")
    return first[0] * second[0], first[1] * second[1]


def _product(parts: Mapping[str, StoredTensor], left: str, right: str) -> Shape:
    for name in (left, right):
        if name not in parts:
            raise _Incomplete(f"lacks the part {name}")
    a, b = parts[left].shape, parts[right].shape
    if len(a) != 2 or len(b) != 2:
        raise _Incomplete("has parts that are no matrices")
    if a[1] != b[0]:
        raise _Incomplete(f"has parts of the ranks {a[1]} and {b[0]}")
    return a[0], b[1]


def _alpha(module: str, config: Mapping[str, Any]) -> float | None:
    """The alpha that an adapter says it has, for one module or for all."""
    patterns = config.get("alpha_pattern")
    if isinstance(patterns, Mapping):
        for pattern, alpha in patterns.items():
            if module == pattern or module.endswith(f".{pattern}") or fnmatch.fnmatch(module, pattern):
                return _number(alpha)
    return next((_number(config[key]) for key in ("lora_alpha", "alpha", "linear_alpha") if key in config), None)


def _divisor(parts: Mapping[str, StoredTensor], config: Mapping[str, Any]) -> float | None:
    """What alpha is divided by: the rank, or its root where the adapter says so. None where there is no rank.

    A LoKr whose matrices are whole has none but the one that it says it has.
    """
    said = config.get("r" if config.get("peft_type") == "LOKR" else "linear_dim")
    rank = next((parts[name].shape[0] for name in ("down", "w2_b", "w1_b") if name in parts), said)
    if not isinstance(rank, int) or rank <= 0:
        return None
    return math.sqrt(rank) if config.get("use_rslora") is True else float(rank)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _digest(file: Path) -> str:
    """The SHA-256 of the tensors' file and of the config that counts beside it."""
    hasher = hashlib.sha256()
    for path in _files(file):
        with open(path, "rb") as stream:
            while piece := stream.read(_PIECE):
                hasher.update(piece)
    return hasher.hexdigest()


def _refusal(file: Path, what: str, hint: str) -> InvalidRequest:
    return InvalidRequest(f"The adapter {label(file)} {what}.", hint, field="adapters")


def _made_for(config: Mapping[str, Any]) -> str:
    """What to do about an adapter of another model, which it may name."""
    base = config.get("base_model_name_or_path")
    return f"It was made for {base[:80]}." if isinstance(base, str) and base else _HINT


def _short(name: str) -> str:
    return name if len(name) <= 100 else f"...{name[-97:]}"
