"""Models that share a small memory by being there in turns: what has its turn is loaded, the others wait elsewhere.

The music model stays. Text encoder, VAE and planner each have one stretch of a batch to work in, so each of them comes
and goes once a batch. On a card they wait in the computer's own memory; on a CPU, where that is the same memory, their
weights are let go and read from their files again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from engine.headers import StoredTensor
from engine.models.loading import fill, settle


@dataclass(frozen=True)
class Guest:
    """Something that comes when it is its turn, and leaves when it is another's."""

    enter: Callable[[], None]
    leave: Callable[[], None]


class Turns:
    """Whose turn it is; at most one guest is there."""

    def __init__(self) -> None:
        self._guests: dict[str, Guest] = {}
        self._here: str | None = None

    def invite(self, name: str, guest: Guest) -> None:
        """Makes ``guest`` one of those that take turns; it leaves until it is asked for."""
        self._guests[name] = guest
        guest.leave()

    def take(self, name: str) -> None:
        """Has a guest there, and no other."""
        if self._here == name:
            return
        if self._here is not None:
            here, self._here = self._here, None
            self._guests[here].leave()
        self._guests[name].enter()
        self._here = name


class Weights:
    """The weights of a network that comes and goes; ``target`` is the part of it that is filled from ``found``."""

    def __init__(
        self, module: nn.Module, target: nn.Module, found: Mapping[str, StoredTensor], device: torch.device
    ) -> None:
        self._module, self._target, self._found, self._device = module, target, found, device
        self._forms: list[tuple[nn.Parameter, torch.Size, tuple[int, ...]]] = []

    @property
    def guest(self) -> Guest:
        """It as one of those that take turns."""
        return Guest(self.enter, self.leave)

    def leave(self) -> None:
        """Gives the memory back."""
        if self._device.type != "cpu":
            self._module.to("cpu")
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            return
        self._forms = [(each, each.shape, each.stride()) for each in self._module.parameters()]
        for parameter, _, _ in self._forms:
            parameter.data = parameter.data.new_empty(0)

    def enter(self) -> None:
        """Brings the weights back, and what is derived from them."""
        if self._device.type != "cpu":
            self._module.to(self._device)
        else:
            for parameter, shape, stride in self._forms:
                parameter.data = torch.empty_strided(shape, stride, dtype=parameter.dtype)
            fill(self._target, self._found)
        settle(self._module)
