"""Which engines a session has: one, one a card, several on the processor, or some in a Ray cluster.

Nobody's cards are taken unasked: without a word there is one engine, on the device that [models] says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.cards import Card, is_uuid, shown
from engine.memory import cards_now, cores
from sessions.worker_names import normal


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One engine: its ``name`` among several (empty for the only one), and what is its own.

    ``device`` is where it renders, None for what the session says. ``threads`` count where the session names none.
    ``card`` is the uuid of the only card that it is shown, empty where it is shown all of them. ``command`` stands in
    the place of the usual engine's.
    """

    name: str = ""
    device: str | None = None
    card: str = ""
    threads: int | None = None
    command: Sequence[str] | None = None

    def options(self, models: Mapping[str, Any]) -> dict[str, Any]:
        """What its engine is told to load, where ``models`` is what any engine of the session would be told."""
        own: dict[str, Any] = {} if self.device is None else {"device": self.device}
        if self.threads is not None and models.get("threads") is None:
            own["threads"] = self.threads
        return {**models, **own}

    @property
    def env(self) -> dict[str, str]:
        """What the environment of its engine has of its own."""
        return {"CUDA_VISIBLE_DEVICES": self.card} if self.card else {}


ALONE = (Worker(),)


def visible(cards: Sequence[Card], env: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """What engines may be given one each: devices as torch has them, or where a card is in slices, uuids.

    CUDA shows a program one slice at most, whichever it is told: so there each engine is shown its own and no other.
    """
    seen = shown(cards, env)
    if not any(card.slice_of for card in seen):
        return tuple(f"cuda:{place}" for place in range(len(seen)))
    named = "CUDA_VISIBLE_DEVICES" in (os.environ if env is None else env)
    return tuple(dict.fromkeys(card.uuid for card in (seen if named else cards)))


def workers(text: str, env: Mapping[str, str] | None = None) -> tuple[tuple[Worker, ...], str]:
    """The engines that ``text`` means on this machine, and a sentence where that is less than was asked for.

    Looks at the cards, so not for the event loop's thread. Raises ValueError as ``normal`` does, and EngineError for a
    cluster that cannot be reached.
    """
    text = normal(text)
    if text.startswith("ray://"):
        return _afar(text), ""
    return chosen(text, visible(cards_now(), env) if text == "auto" or text.isdecimal() else ())


def chosen(text: str, devices: Sequence[str]) -> tuple[tuple[Worker, ...], str]:
    """The same for a written form that names no cluster, where these are the machine's cards."""
    if not text:
        return ALONE, ""
    if text != "auto" and not text.isdecimal():
        return _on(text.split(", ")), ""
    count = len(devices) if text == "auto" else int(text)
    if not devices and text != "auto" and sys.platform != "darwin":
        return _on(["cpu"] * count), ""
    there = max(1, len(devices))
    less = f"{count} engines were asked for, and there is room for {there}: one a card." if count > there else ""
    return _on(devices[:count]) if min(count, there) > 1 else ALONE, less


def _on(devices: Sequence[str]) -> tuple[Worker, ...]:
    if any(map(is_uuid, devices)):
        names = [f"cuda:{place}" for place in range(len(devices))] if len(devices) > 1 else [""]
        return tuple(Worker(name=name, device="cuda", card=card) for name, card in zip(names, devices, strict=True))
    if len(devices) == 1:
        return (Worker(device=devices[0]),)
    processors = devices.count("cpu")
    threads = max(1, cores() // processors) if processors else None
    names = [f"cpu {devices[: at + 1].count(name)}" if name == "cpu" else name for at, name in enumerate(devices)]
    return tuple(
        Worker(name=name, device=device, threads=threads if device == "cpu" else None)
        for name, device in zip(names, devices, strict=True)
    )


def _afar(address: str) -> tuple[Worker, ...]:
    from engine.afar.asking import places_in

    address, count = places_in(address)
    command = (sys.executable, "-P", "-m", "engine.afar", address)
    return tuple(
        Worker(name=f"ray {number + 1}", device="auto", command=(*command, "--number", str(number)))
        for number in range(count)
    )
