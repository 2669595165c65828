"""Models that share a small memory by being there in turns: what has its turn is loaded, the others wait elsewhere.

The music model stays. Text encoder, VAE and planner each have one stretch of a batch to work in, so each of them comes
and goes once a batch. On a card they wait in the computer's own memory, pinned, and nothing is copied back when they
leave; on a CPU, where that is the same memory, their weights are let go and read from their files again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from engine.headers import StoredTensor
from engine.models.loading import fill, settle
from engine.moving import Mover, mover_for
from engine.passing import Block


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

    def dismiss(self, name: str) -> None:
        """Has a guest take no turns any more, wherever it is now."""
        del self._guests[name]
        self._here = None if self._here == name else self._here

    def take(self, name: str) -> None:
        """Has a guest there, and no other."""
        if self._here == name:
            return
        if self._here is not None:
            here, self._here = self._here, None
            self._guests[here].leave()
        self._guests[name].enter()
        self._here = name


class Reread:
    """Weights of a network that are let go, and read again; ``target`` is the part that is filled from ``found``."""

    def __init__(self, module: nn.Module, target: nn.Module, found: Mapping[str, StoredTensor]) -> None:
        self._module, self._target, self._found = module, target, found
        self._forms: list[tuple[nn.Parameter, torch.Size, tuple[int, ...]]] = []

    @property
    def guest(self) -> Guest:
        """It as one of those that take turns."""
        return Guest(self.enter, self.leave)

    def leave(self) -> None:
        """Gives the memory back."""
        self._forms = [(each, each.shape, each.stride()) for each in self._module.parameters()]
        for parameter, _, _ in self._forms:
            parameter.data = parameter.data.new_empty(0)

    def enter(self) -> None:
        """Brings the weights back, and what is derived from them."""
        for parameter, shape, stride in self._forms:
            parameter.data = torch.empty_strided(shape, stride, dtype=parameter.dtype)
        fill(self._target, self._found)
        settle(self._module)


class Waiting:
    """The weights of a network that wait in the computer's memory, and come to the device as one block."""

    def __init__(self, module: nn.Module, mover: Mover) -> None:
        self._module, self._mover = module, mover
        self._block: Block | None = None

    @property
    def guest(self) -> Guest:
        """It as one of those that take turns."""
        return Guest(self.enter, self.leave)

    def leave(self) -> None:
        """Gives the device's memory back: the weights are those that wait, and have not changed."""
        if self._block is None:
            self._block = Block(self._module, self._mover)
        self._block.move(self._block.home)
        self._mover.let_go()

    def enter(self) -> None:
        """Brings the weights, and what is derived from them."""
        assert self._block is not None  # a guest leaves before it comes
        place = self._mover.place(self._block.home.numel())
        self._mover.reach(self._mover.fetch(self._block.home, place, self._mover.now()))
        self._block.move(place)
        settle(self._module)


def guest_of(module: nn.Module, target: nn.Module, found: Mapping[str, StoredTensor], device: torch.device) -> Guest:
    """A network as one of those that take turns on a device."""
    return Reread(module, target, found).guest if device.type == "cpu" else Waiting(module, mover_for(device)).guest
