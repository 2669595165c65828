"""Which way the loop goes by a person's taste: Thompson sampling between something new and siblings of pinned takes.

One taste is drawn from all that fit what was said, and one take of each kind from those that are there: the kind whose
take that taste likes best is made next. What is little known is so tried as often as it may be the best. A choice has
a seed, and can be made again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.scoring.taste import Features, Taste
from sessions.lists import Lists
from sessions.taste import of

LEAST_NEW = 8
"""New takes that have to be there before it is known what new ones are like."""

MOST_NEW, MOST_PINS, MOST_CHILDREN = 50, 12, 12
"""Takes that are looked at, the latest of each kind."""

_DRAWS = 100
"""How often it is drawn again to say how likely each way was."""


@dataclass(frozen=True)
class Choice:
    """Which way was taken, and why."""

    pin: int | None
    """The take of which siblings are made; None for something new."""

    seed: int
    chance: float
    """How often taste goes this way, 0 to 1."""

    def words(self) -> str:
        """In one line."""
        way = "something new" if self.pin is None else f"siblings of take {self.pin}"
        return f"{way}, where your taste goes {self.chance:.0%} of the time"

    def object(self) -> dict[str, Any]:
        """As a take has it."""
        return {"by": "taste", "pin": self.pin, "seed": self.seed, "chance": self.chance, "words": self.words()}


def choose(taste: Taste, new: Sequence[Features], siblings: Mapping[int, Sequence[Features]], seed: int) -> Choice:
    """A way among something new, of which ``new`` is what there is, and the siblings of pins by their numbers.

    Without ``new`` one of the pins is chosen. None of the sequences of siblings is empty.
    """
    rng = random.Random(seed)
    kinds: dict[int | None, Sequence[Features]] = {None: new} if new else {}
    for pin, takes in siblings.items():
        kinds[pin] = takes
    taken, *again = (_drawn(taste, kinds, rng) for _ in range(1 + _DRAWS))
    return Choice(taken, seed, round(Counter(again)[taken] / _DRAWS, 2))


def _drawn(taste: Taste, kinds: Mapping[int | None, Sequence[Features]], rng: random.Random) -> int | None:
    weights = taste.drawn(rng)
    worth = {kind: taste.worth(rng.choice(takes), weights) for kind, takes in kinds.items()}
    return max(worth, key=lambda kind: worth[kind])


def known(lists: Lists, revision: int, pins: Sequence[int]) -> tuple[list[Features], dict[int, list[Features]]]:
    """What there is of each kind: new takes of a revision, none where they are too few, and each pin with its children.

    Reads the store, so not for the event loop's own thread.
    """
    new = lists.order(f"revision={revision} and operation!=sibling and not faulty", "-number")[:MOST_NEW]
    siblings = {}
    for pin in sorted(pins)[-MOST_PINS:]:
        children = lists.order(f"parent:{pin} and operation=sibling and not faulty", "-number")[:MOST_CHILDREN]
        siblings[pin] = [of(take) for take in lists.several([pin, *children])]
    return [of(take) for take in lists.several(new)] if len(new) >= LEAST_NEW else [], siblings
