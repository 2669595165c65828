"""The dice: whole recipes to begin with, drawn so that none comes twice before all have come once."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

FIELDS = ("caption", "lyrics", "instrumental", "bpm", "keyscale", "timesignature", "vocal_language", "duration")
"""What an example decides, by a value of its own or by leaving it open. Everything else of a recipe stays."""


@cache
def _all() -> tuple[tuple[Mapping[str, Any], bool], ...]:
    text = files("acetui").joinpath("examples.toml").read_text(encoding="utf-8")
    found = []
    for each in tomllib.loads(text)["example"]:
        sketch = each.pop("sketch", False)
        found.append((MappingProxyType({**each, "lyrics": each["lyrics"].strip()}), sketch))
    return tuple(found)


def examples(*, sketch: bool = False) -> tuple[Mapping[str, Any], ...]:
    """Every example; with ``sketch`` those that suit the model that came with the program."""
    return tuple(example for example, suits in _all() if suits or not sketch)


class Dice:
    """Draws examples. ``rng`` makes the order one that can be had again."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._left: dict[bool, list[Mapping[str, Any]]] = {}
        self._last: Mapping[str, Any] | None = None

    def roll(self, *, sketch: bool = False) -> dict[str, Any]:
        """The next example as fields of a recipe; None takes a field out, so that nothing of the last one stays."""
        left = self._left.get(sketch) or self._shuffled(sketch)
        drawn = left.pop()
        if drawn is self._last:
            left.insert(0, drawn)
            drawn = left.pop()
        self._left[sketch], self._last = left, drawn
        return {name: drawn.get(name) for name in FIELDS}

    def _shuffled(self, sketch: bool) -> list[Mapping[str, Any]]:
        order = list(examples(sketch=sketch))
        self._rng.shuffle(order)
        return order
