"""What to render next: something new, or a sibling of a take that was pinned; and with which seeds.

No seed is used twice for one revision of the recipe, across restarts too: the book of seeds is read from the takes.
Of a grid, every cell gets the same seeds in the same order, so that its cells can be compared.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.request import Request
from engine.seeds import RANDOM, draw_seed
from sessions.batch import RENDER, SIBLING, Batch
from sessions.grids import Grid
from sessions.lists import Lists
from sessions.revisions import Revision
from sessions.settings import LoopSettings
from sessions.summary import Summary
from sessions.take import Take
from sessions.take_names import child_name, operation_of, source_of
from sessions.thompson import Choice

MOST_SIBLINGS = 0.75
"""The share of siblings that a mix comes near to as pins appear; the rest stays new ideas."""

Draw = Callable[[], int]


def sibling_share(policy: str, pins: int) -> float:
    """Which share of the takes should be siblings, with so many pinned takes of the current recipe."""
    if policy == "explore" or not pins:
        return 0.0
    return 1.0 if policy == "siblings" else MOST_SIBLINGS * pins / (pins + 2)


@dataclass
class SeedBook:
    """Which seeds each cell of a grid has had; a recipe without a grid has one cell."""

    draw: Draw = draw_seed
    order: list[int] = field(default_factory=list)
    """Every seed in the order of its first use."""

    used: dict[int, set[int]] = field(default_factory=dict)

    def note(self, cell: int, seed: int) -> None:
        """A take of ``cell`` has that seed."""
        if seed not in self._known:
            self._known.add(seed)
            self.order.append(seed)
        self.used.setdefault(cell, set()).add(seed)

    def take(self, cell: int, count: int, wanted: Sequence[int] = ()) -> tuple[int, ...]:
        """``count`` seeds that ``cell`` has not had: first those that are wanted, then other cells', then new ones."""
        had = self.used.setdefault(cell, set())
        found: list[int] = []
        for seed in (*wanted, *(self.order if len(had) < len(self.order) else ())):
            if len(found) < count and seed != RANDOM and seed not in had:
                found.append(seed)
                self.note(cell, seed)
        while len(found) < count:
            seed = self.draw()
            if seed not in self._known:
                found.append(seed)
                self.note(cell, seed)
        return tuple(found)

    def taken(self, cell: int) -> int:
        """How many seeds a cell has had."""
        return len(self.used.get(cell, ()))

    _known: set[int] = field(default_factory=set)


class Policy:
    """Decides for one revision; ``note`` tells it of the takes that are there, see ``policy_for``."""

    def __init__(self, revision: Revision, *, draw: Draw = draw_seed, rng: random.Random | None = None) -> None:
        self.revision = revision
        self._recipe = revision.settings.recipe
        self._rng = rng or random.Random()
        self._seeds = SeedBook(draw)
        self._retakes = SeedBook(draw)
        self._made = {SIBLING: 0, RENDER: 0}
        self.children: Counter[str] = Counter()
        """How many siblings each id has."""

        self.at_once = 1
        """Takes in a batch where the recipe does not say how many."""

    def note(self, operation: str, seed: int, request: Mapping[str, Any]) -> None:
        """A take of this revision is there; its resolved request may be empty where nothing in it matters."""
        for retake in request.get("retake_seed") or ():
            self._retakes.note(0, retake)
        if operation != SIBLING:
            self._seeds.note(cell_of(self._recipe.grid, request), seed)

    @property
    def reads_requests(self) -> bool:
        """Whether ``note`` has to know what takes were made from, siblings apart."""
        return bool(self._recipe.grid.axes or self._recipe.template.get("retake_variance"))

    def next(
        self,
        loop: LoopSettings,
        room: int,
        pins: Sequence[Summary],
        get: Callable[[int | str], Take],
        by_taste: Callable[[], Choice | None] = lambda: None,
    ) -> Batch:
        """The next batch, of at most ``room`` takes; ``pins`` are what siblings may be made of, ``get`` fetches one.

        ``by_taste`` chooses between them and something new where taste counts; else the pin with the fewest children
        has its turn, and siblings have their share. A mix keeps a quarter for new ideas, whatever taste says.
        """
        choice = by_taste() if pins and self._may_be_sibling(loop, MOST_SIBLINGS) else None
        if choice is not None:
            pin = next((pin for pin in pins if pin.number == choice.pin), None)
        else:
            wanted = pins and self._may_be_sibling(loop, sibling_share(loop.policy, len(pins)))
            pin = min(pins, key=lambda pin: (self.children[pin.id], -pin.number)) if wanted else None
        if pin is not None:
            batch = self._sibling(loop, room, get(pin.number))
            self.children[pin.id] += len(batch.seeds)
        else:
            batch = self._explore(room, get)
        if choice is not None:
            batch = replace(batch, choice=choice.object())
        self._made[SIBLING if batch.operation == SIBLING else RENDER] += len(batch.seeds)
        return batch

    def _may_be_sibling(self, loop: LoopSettings, share: float) -> bool:
        """Whether one more sibling keeps to a share; siblings alone know no share, and explore knows none."""
        if loop.policy != "mix":
            return loop.policy == "siblings"
        return self._made[SIBLING] + 1 <= share * (sum(self._made.values()) + 1) + 1e-9

    def _explore(self, room: int, get: Callable[[int | str], Take]) -> Batch:
        """Something new. A recipe that works on a take makes children of it."""
        cell = min(range(self._recipe.grid.size), key=self._seeds.taken)
        request = self._recipe.draw(self._rng, cell)
        if request.plan_seed is None:
            request = request.replace(plan_seed=draw_seed())  # every batch explores another plan
        count = min(request.batch_size or len(request.seeds) or self.at_once, room)
        wanted = () if request.use_random_seed else request.seeds or (request.seed,)
        seeds = self._seeds.take(cell, count, wanted)
        retakes = self._retakes.take(0, count, request.retake_seed) if request.retake_variance else ()
        fields = without_seeds(request)
        source = source_of(fields)
        parent = None if source is None else get(source)
        return Batch(
            request=fields,
            seeds=seeds,
            retakes=retakes,
            revision=self.revision.number,
            operation=operation_of(fields),
            parent=None if parent is None else parent.id,
            name=child_name(parent, fields),
        )

    def _sibling(self, loop: LoopSettings, room: int, parent: Take) -> Batch:
        """Takes near one that was pinned: its codes with new noise, or where there are none, its noise moved a little.

        Of a take that was moved itself, the noise that it was moved from is moved in another direction.
        """
        request = Request.from_dict(parent.request)
        count = min(self._recipe.template.get("batch_size") or self.at_once, room)
        seeds: tuple[int, ...] = (parent.seed,) * count
        retakes: tuple[int, ...] = ()
        if request.audio_codes:
            seeds = self._seeds.take(0, count)
        else:
            request = request.replace(retake_variance=request.retake_variance or loop.retake_variance)
            retakes = self._retakes.take(0, count)
        return Batch(
            request=without_seeds(request),
            seeds=seeds,
            retakes=retakes,
            revision=parent.revision,
            operation=SIBLING,
            parent=parent.id,
            name=parent.name,
        )


def policy_for(store: Lists, revision: Revision, *, draw: Draw = draw_seed) -> Policy:
    """The policy of a revision that knows all takes of it, those in the trash included."""
    policy = Policy(revision, draw=draw)
    for where in ("", " and trashed"):
        for take in store.summaries(f"revision={revision.number}{where}", "number")[0]:
            whole = take.operation == SIBLING or policy.reads_requests
            policy.note(take.operation, take.seed, store.get(take.number).request if whole else {})
    policy.children.update(take.parent for take in store.summaries(f"operation={SIBLING}")[0] if take.parent)
    return policy


def pins_for(store: Lists, revision: int, policy: str) -> list[Summary]:
    """The pinned takes that siblings may be made of: those of the current recipe.

    Where siblings alone are wanted and the current recipe has no pins, those of older ones.
    """
    if policy == "explore":
        return []
    pins = store.summaries("pinned and operation!=crop")[0]  # a crop has nothing in it that could be another
    return [pin for pin in pins if pin.revision == revision] or (pins if policy == "siblings" else [])


def cell_of(grid: Grid, request: Mapping[str, Any]) -> int:
    """The cell of a grid that a resolved request is of; 0 where that cannot be told."""
    axes = [name for name, _ in grid.axes if name not in ("seed", "seeds")]
    if not axes:
        return 0
    return next(
        (index for cell, index in grid.cells() if all(request.get(name) == cell[name] for name in axes)),
        0,
    )


def without_seeds(request: Request) -> dict[str, Any]:
    """The request without its seeds, which a batch holds itself."""
    fields = request.to_dict()
    return {name: value for name, value in fields.items() if name not in ("seed", "seeds", "retake_seed")}
