"""Which engines a session has: one, one a card, several on the processor, or some in a Ray cluster.

Nobody's cards are taken unasked: without a word there is one engine, on the device that [models] says.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.cards import Card, card_for
from engine.memory import Cards, cores
from sessions.worker_names import normal


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One engine: its ``name`` among several (empty for the only one), and what is its own.

    ``device`` is where it renders, None for what the session says. ``threads`` count where the session names none.
    ``command`` stands in the place of the usual engine's.
    """

    name: str = ""
    device: str | None = None
    threads: int | None = None
    command: Sequence[str] | None = None

    def options(self, models: Mapping[str, Any]) -> dict[str, Any]:
        """What its engine is told to load, where ``models`` is what any engine of the session would be told."""
        own: dict[str, Any] = {} if self.device is None else {"device": self.device}
        if self.threads is not None and models.get("threads") is None:
            own["threads"] = self.threads
        return {**models, **own}


ALONE = (Worker(),)


def visible(cards: Sequence[Card], env: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The devices that engines may be given one each, by the names that torch has for them.

    CUDA shows a program one slice of a card that is cut up, so slices count once a card.
    """
    places = (f"cuda:{place}" for place in range(len(cards)))
    return tuple(device for device in places if card_for(device, cards, env) is not None)


def workers(text: str, env: Mapping[str, str] | None = None) -> tuple[tuple[Worker, ...], str]:
    """The engines that ``text`` means on this machine, and a sentence where that is less than was asked for.

    Looks at the cards, so not for the event loop's thread. Raises ValueError as ``normal`` does, and EngineError for a
    cluster that cannot be reached.
    """
    text = normal(text)
    if text.startswith("ray://"):
        return _afar(text), ""
    return chosen(text, _visible_now(env) if text == "auto" or text.isdecimal() else ())


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


def _visible_now(env: Mapping[str, str] | None) -> tuple[str, ...]:
    cards = Cards()
    try:
        return visible(cards.look(), env)
    finally:
        cards.close()


def _on(devices: Sequence[str]) -> tuple[Worker, ...]:
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
