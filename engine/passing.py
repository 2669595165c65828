"""Layers that pass through a small memory: two places on the device, one to compute in and one that fills meanwhile.

All of a decoder's layers wait in the computer's memory, each as one block. While a layer computes, the next one comes
to the other place; after the last comes the first again, because the next step begins with it. What is computed is the
same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from engine.moving import Moment, Mover

PLACES = 2
"""How many layers are on the device at once."""

_ALIGNED = 256
"""Bytes; where a tensor of a block may begin."""

Layer = TypeVar("Layer", bound=nn.Module)


@dataclass(frozen=True)
class _Piece:
    """One parameter of a layer, and where it lies in the layer's block."""

    parameter: nn.Parameter
    start: int
    size: int
    dtype: torch.dtype
    shape: torch.Size
    strides: tuple[int, ...]

    def move(self, block: Tensor) -> None:
        """Has the parameter be what ``block`` holds of it."""
        numbers = block[self.start : self.start + self.size].view(self.dtype)
        self.parameter.data = torch.as_strided(numbers, self.shape, self.strides, numbers.storage_offset())


class Block:
    """A layer's parameters in one piece of memory."""

    def __init__(self, layer: nn.Module, mover: Mover) -> None:
        self._pieces: list[_Piece] = []
        end = 0
        for each in layer.parameters():
            size = each.numel() * each.element_size()
            self._pieces.append(_Piece(each, end, size, each.dtype, each.shape, each.stride()))
            end += -(-size // _ALIGNED) * _ALIGNED
        self.home = mover.home(end)
        for piece in self._pieces:
            values = piece.parameter.data
            piece.move(self.home)
            piece.parameter.data.copy_(values)

    def move(self, block: Tensor) -> None:
        """Has the layer compute with what ``block`` holds."""
        for piece in self._pieces:
            piece.move(block)


@dataclass
class _Place:
    """Room for one layer. ``came`` is when it is there, and ``left`` when it is done with."""

    room: Tensor
    holds: int | None = None
    came: Moment = None
    left: Moment = None


class Passing:
    """The layers of a stack, one after another, each of them on the device while it has its turn.

    Whoever writes to a parameter between turns writes to where it waits, and calls ``forget``.
    """

    def __init__(self, layers: Sequence[nn.Module], mover: Mover) -> None:
        self._mover = mover
        self._blocks = [Block(layer, mover) for layer in layers]
        most = max(block.home.numel() for block in self._blocks)
        # What a device had in that memory before may still be computed with.
        self._places = [_Place(mover.place(most), left=mover.now()) for _ in range(PLACES)]

    @property
    def room(self) -> int:
        """Bytes that it takes of the device."""
        return sum(place.room.numel() for place in self._places)

    def forget(self) -> None:
        """What has come ahead is not what is wanted any more."""
        for place in self._places:
            place.holds = None

    def __call__(self, layers: Sequence[Layer]) -> Iterator[Layer]:
        """The layers in their order; each may be computed with until the next one is asked for."""
        for index, layer in enumerate(layers):
            place = self._bring(index)
            self._mover.reach(place.came)
            self._bring((index + 1) % len(self._blocks), beside=place)
            block = self._blocks[index]
            block.move(place.room)
            try:
                yield layer
            finally:
                block.move(block.home)
                place.left = self._mover.now()

    def _bring(self, index: int, beside: _Place | None = None) -> _Place:
        """A place with a layer in it, or on its way there; never the one ``beside`` it."""
        known = next((place for place in self._places if place.holds == index), None)
        if known is not None:
            return known
        place = next(place for place in self._places if place is not beside)
        place.holds = index
        place.came = self._mover.fetch(self._blocks[index].home, place.room, place.left)
        return place
