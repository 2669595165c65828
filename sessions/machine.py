"""What the machine is and how full it is, for the status line of whoever is attached."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.allowance import Allowance, allowance
from engine.cards import GB, Card, card_for, simulated_gb
from engine.memory import APPLE_SHARE, Cards, cores, memory_bytes, processor
from engine.tiers import tier_of
from sessions.crew import Crew
from sessions.fitting import Fit, fit, room_of
from sessions.memory_watch import resident_bytes


class Machine:
    """Looks at cards and memory. ``device`` says what the recipe asks for."""

    def __init__(self, engine: Crew, *, device: Callable[[], str], env: Mapping[str, str] | None = None) -> None:
        self._engine = engine
        self._device = device
        self._env = os.environ if env is None else env
        self._cards = Cards()

    async def now(self) -> dict[str, Any]:
        """The machine as it is: device, name, tier, GB in all and used, temperature. Sizes in tenths of 2**30 bytes.

        On a CPU what is used is what the engines have, and all is the memory of the computer.
        """
        loaded = self._engine.loaded
        identity = loaded.identity if loaded is not None else {}
        return await asyncio.to_thread(self._look, self._device(), identity, self._engine.pids)

    async def fit(self, options: Mapping[str, Any], request: Mapping[str, Any]) -> Fit:
        """Whether a request fits here with the models of ``options``. Raises BadCheckpoint where they are not there."""
        pid = self._engine.pid
        return await asyncio.to_thread(fit, options, request, self._cards, pid=pid, env=self._env)

    async def allowed(self) -> Allowance:
        """What the machine allows with models of the published sizes."""
        device = self._device()
        cards = () if device in ("cpu", "mps") else await asyncio.to_thread(self._cards.look)
        room = room_of(device, cards, env=self._env)
        return allowance(room.kind, room.total / GB, room.capability)

    def close(self) -> None:
        """Lets the cards' driver go."""
        self._cards.close()

    def _look(self, wanted: str, identity: Mapping[str, Any], pids: Sequence[int]) -> dict[str, Any]:
        device, size = _device(wanted, identity), simulated_gb(self._env)
        cards = () if device in ("cpu", "mps") else self._cards.look()
        if (card := card_for(device, cards, self._env)) is not None:
            return _of_card(card.sized(size), len(cards))
        if identity and device not in ("cpu", "mps"):  # it renders on a card that NVML does not know
            return {**_NOTHING, "device": "cuda", "name": str(identity.get("device")), "cores": cores()}
        if device not in ("cpu", "mps"):
            device = "mps" if device == "auto" and sys.platform == "darwin" else "cpu"
        return _of_memory(device, sum(resident_bytes(pid) or 0 for pid in pids), size)


def _device(wanted: str, identity: Mapping[str, Any]) -> str:
    """What renders: an engine that is loaded knows, else what the recipe asks for is the best guess."""
    if identity.get("instruction_set"):
        return "cpu"
    return "mps" if identity.get("device") == "mps" else wanted


_NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(("device", "name", "tier", "total_gb", "used_gb", "temperature", "cores")),
    "cards": 0,
    "simulated": False,
}


def _of_card(card: Card, count: int) -> dict[str, Any]:
    return {
        **_NOTHING,
        "device": "cuda",
        "name": card.name,
        "tier": tier_of(card.total / GB).name if card.total is not None else None,
        "total_gb": _tenths(card.total),
        "used_gb": _tenths(card.used),
        "temperature": card.temperature,
        "cards": count,
        "cores": cores(),
        "simulated": card.simulated,
    }


def _of_memory(device: str, used: int, size: float | None) -> dict[str, Any]:
    """A machine that renders in its own memory; with a ``size``, as if that were a card's."""
    total = memory_bytes() if size is None else int(size * GB)
    card = size if size is not None else total / GB * APPLE_SHARE if device == "mps" else 0.0
    return {
        **_NOTHING,
        "device": device,
        "name": processor(),
        "tier": tier_of(card).name,
        "total_gb": _tenths(total),
        "used_gb": _tenths(used),
        "cores": cores(),
        "simulated": size is not None,
    }


def _tenths(size: int | None) -> float | None:
    return None if size is None else round(size / GB, 1)
