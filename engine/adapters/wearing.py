"""A stack of adapters on a loaded model: merged into its weights, so that a step costs what it costs without them.

A weight that is to be as it was is read from the model's own file again, so nothing is kept twice in memory, and it is
compared with what it was: taking an adapter off is exact, or it is an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.adapters.arithmetic import adapted
from engine.adapters.reading import AdapterFile, Change, find_adapter, open_adapter, stamp
from engine.errors import BadCheckpoint, InvalidRequest
from engine.keeping import Kept
from engine.layout import dit_tensors
from engine.model import Model
from engine.models.loading import Slot, fill, read_tensor, slots
from engine.models.packed import PackedSlot
from engine.readers import Adapter


class Wardrobe:
    """What a model can wear and wears. ``home`` is where adapters lie that are called by name."""

    def __init__(self, model: Model, home: Path) -> None:
        self._model = model
        self._home = home
        self._shapes = dit_tensors(model.config)
        self._worn: tuple[tuple[AdapterFile, float], ...] = ()
        self._known: Kept[tuple[object, ...], AdapterFile] = Kept()
        self._bare: dict[str, str] = {}
        """The digests of weights as they were before they were first changed."""

    @property
    def identity(self) -> list[dict[str, Any]]:
        """What a take remembers of the adapters that it was made with, in their order."""
        return [{"name": file.name, "sha256": file.digest, "scale": scale} for file, scale in self._worn]

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences about what is worn."""
        return tuple(remark for file, _ in self._worn for remark in file.remarks)

    @torch.no_grad()
    def wear(self, adapters: Sequence[Adapter]) -> bool:
        """Puts on these adapters and nothing else; whether any weight is another one now.

        They are merged in their order: what one leaves of a weight is what the next one changes. Raises NoAdapter,
        InvalidRequest and BadCheckpoint; the model is then as it was without any.
        """
        wanted = tuple((self._opened(adapter.path), adapter.scale) for adapter in adapters if adapter.scale > 0)
        if _key(wanted) == _key(self._worn):
            return False
        self._undress()
        try:
            self._merge(wanted)
        except BaseException:
            self._undress(self._weights(wanted))
            raise
        self._worn = wanted
        return True

    def _opened(self, name: str) -> AdapterFile:
        path, model = find_adapter(name, self._home), f"this {self._model.profile.name} model"
        return self._known.get(stamp(path), lambda: open_adapter(path, self._shapes, model))

    def _merge(self, worn: Sequence[tuple[AdapterFile, float]]) -> None:
        places = slots(self._model.networks)
        by_weight: dict[str, list[tuple[AdapterFile, Change, float]]] = {}
        for file, scale in worn:
            for change in file.changes:
                by_weight.setdefault(change.weight, []).append((file, change, scale))
        for name, changes in by_weight.items():
            self._bare.setdefault(name, digest(places[name].value))
            places[name].write(self._changed(self._whole(name, places[name]), changes))

    def _whole(self, name: str, place: Slot | PackedSlot) -> Tensor:
        """A weight as it is without adapters; of a quantised one what it was made from, so that it is rounded once."""
        if isinstance(place, PackedSlot):
            return read_tensor(self._model.stored[name]).to(self._model.device, torch.float32)
        return place.value.float()

    def _changed(self, weight: Tensor, changes: Sequence[tuple[AdapterFile, Change, float]]) -> Tensor:
        """A weight under all that changes it; InvalidRequest where it would not be numbers any more."""
        eps = torch.finfo(self._model.dtype).eps
        for file, change, scale in changes:
            parts = {role: read_tensor(tensor).to(weight) for role, tensor in change.parts.items()}
            weight = adapted(weight, change, parts, scale, eps)
            if not torch.isfinite(weight.to(self._model.dtype)).all():
                raise InvalidRequest(
                    f"The adapter {file.name} makes {change.weight} of values that are not numbers.",
                    "Its file is damaged, or its scale too large.",
                    field="adapters",
                )
        return weight

    def _undress(self, weights: Iterable[str] = ()) -> None:
        """Reads every changed weight again. Raises BadCheckpoint where it is not what it was."""
        names = self._weights(self._worn) | {*weights}
        self._worn = ()
        fill(self._model.networks, self._model.stored, only=names)
        places = slots(self._model.networks)
        for name in names & self._bare.keys():
            if digest(places[name].value) != self._bare[name]:
                raise BadCheckpoint(
                    f"{name} is not what it was when the model was loaded: its file has changed since.",
                    "Start the engine again, and it is loaded as it is now.",
                )

    @staticmethod
    def _weights(worn: Sequence[tuple[AdapterFile, float]]) -> set[str]:
        return {change.weight for file, _ in worn for change in file.changes}


def _key(worn: Sequence[tuple[AdapterFile, float]]) -> list[tuple[str, float]]:
    return [(file.digest, scale) for file, scale in worn]


def digest(weight: Tensor) -> str:
    """The SHA-256 of a weight's bytes, as they are in memory."""
    return hashlib.sha256(weight.contiguous().view(torch.uint8).cpu().numpy().tobytes()).hexdigest()
