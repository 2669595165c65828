"""A card as whoever asked for it has it: what it tells, which one a device name means, and one of another size.

Who asks is ``engine.memory`` (the driver) and ``engine.card_files`` (the system's files).
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

GB = 2**30

SIMULATED = "ACETUI_VRAM_GB"
"""Names the size that the card is taken to have, to see what the program does on another one."""

_VISIBLE: Mapping[str, tuple[str, ...]] = {
    "NVIDIA": ("CUDA_VISIBLE_DEVICES",),
    "AMD": ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"),
}
"""Where each maker's cards are chosen by those who run programs."""


@dataclass(frozen=True)
class Tenant:
    """A process that computes on a card, and how many bytes it has there, where that is told."""

    pid: int
    used: int | None = None
    name: str = ""
    """The program that it runs, where the driver tells."""

    def __str__(self) -> str:
        has = "computes there" if self.used is None else f"has {self.used / GB:.1f} GB"
        return f"{self.name or 'a program'} (process {self.pid}) {has}"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One card, or a slice of one (MIG). Sizes are bytes; None is what it does not tell."""

    index: int
    """Its place in the order of the bus; slices have that of their card."""

    name: str
    uuid: str = ""
    maker: str = "NVIDIA"
    slice_of: str = ""
    """For a slice: the uuid of the card that it is a part of."""

    capability: tuple[int, int] | None = None
    """What its arithmetic can do, as CUDA counts it: (8, 0) is an Ampere."""

    tenants: tuple[Tenant, ...] = ()
    """Who computes there. Inside a container there may be more than can be seen."""

    driver: str = ""
    cuda: tuple[int, int] | None = None
    """The newest CUDA that its driver can do."""

    total: int | None = None
    used: int | None = None
    """By all processes together."""

    free: int | None = None
    temperature: int | None = None
    """Degrees Celsius."""

    utilisation: int | None = None
    """Percent of the time in which it computed."""

    power: float | None = None
    """Watts."""

    simulated: bool = False

    def crowd(self, ours: Collection[int] = ()) -> str:
        """Who else has most of it, in words that end without a point; empty where nobody else is there."""
        others = sorted((each for each in self.tenants if each.pid not in ours), key=lambda each: -(each.used or 0))
        more = f", and {len(others) - 1} more" if len(others) > 1 else ""
        return f"{others[0]}{more}" if others else ""

    def sized(self, gb: float | None) -> Card:
        """The card as if it had so many GB; the card itself for None."""
        if gb is None:
            return self
        total = int(gb * GB)
        used = min(self.used or 0, total)
        return replace(self, total=total, used=used, free=total - used, simulated=True)


def simulated_gb(env: Mapping[str, str] | None = None) -> float | None:
    """The size that ``ACETUI_VRAM_GB`` tells; None for none, and for what is no size."""
    with contextlib.suppress(ValueError):
        size = float((os.environ if env is None else env).get(SIMULATED, ""))
        return size if math.isfinite(size) and size > 0 else None
    return None


def card_for(device: str, cards: Sequence[Card], env: Mapping[str, str] | None = None) -> Card | None:
    """The card that ``device`` (``auto``, ``cuda``, ``cuda:1``) means, by CUDA_VISIBLE_DEVICES; None for no card.

    Of several ``auto`` is the one with the most memory, the first of equal ones, as it is for an engine.
    """
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cuda"):
        return None
    seen = shown(cards, env)
    if kind == "auto":
        return max(seen, key=lambda card: card.total or 0, default=None)
    place = int(number) if number.isascii() and number.isdecimal() else 0
    return seen[place] if place < len(seen) else None


def is_uuid(name: str) -> bool:
    """Whether a card, or a slice of one, is named by what NVIDIA's driver calls it."""
    return name.startswith(("GPU-", "MIG-"))


def shown(cards: Sequence[Card], env: Mapping[str, str] | None = None) -> list[Card]:
    """The cards that a program sees, in the order in which it counts them: that of the bus, or a person's own.

    An engine counts them so too (``engine.process``). Of a card in slices it sees the first, unless it is told which;
    behind a name that is nobody's it sees nothing.
    """
    if not cards:
        return []
    env = os.environ if env is None else env
    told = next((env[name] for name in _VISIBLE[cards[0].maker] if name in env), None)
    names = told.split(",") if told is not None else dict.fromkeys(str(card.index) for card in cards)
    found: list[Card] = []
    for name in map(str.strip, names):
        card = next((card for card in cards if name and (str(card.index) == name or card.uuid.startswith(name))), None)
        if card is None:
            break
        found.append(card)
    return found
