"""Which planner a machine is given, and how long a take may be there: the table for official sizes. No torch.

Models of other sizes, such as the one in the box, are not bound by it: they go by what they need.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from engine.allowance import Allowance, Kind, Residence
from engine.cards import GB
from engine.checkpoints import LM_PREFIX, NO_LM, ModelSet, find_models, inventory, open_set
from engine.components import open_lm
from engine.config import DiTConfig
from engine.errors import BadCheckpoint
from engine.preflight import Sizes, Wish, fits, most_takes
from engine.profiles import Profile, profile_for
from engine.quantisation import METHODS, method_of
from engine.tiers import PLANNER_GB
from engine.values import TRAINED_SECONDS

_OFFICIAL_WIDTH = 2048
"""How wide the decoders of the published models are at least."""


@dataclass(frozen=True)
class Outfit:
    """A set of models for a machine, and what it is used for there."""

    models: ModelSet
    planner_on: bool
    """Whether takes are planned where nobody says otherwise: a planner may be there for other jobs alone."""

    longest: int
    """Seconds that a plan may be long."""

    bounds: tuple[float, int] | None = None
    """Seconds of a take and takes in a batch that the machine is meant for; None where the table does not bind."""

    residence: Residence = "together"
    """Where models are while others work, as the device has room for them."""

    quantization: str | None = None
    """The method by which the music model is quantised (``engine.quantisation``); None where its weights are whole."""

    def bound(self, profile: Profile) -> Profile:
        """``profile`` with what the machine is meant for."""
        return profile if self.bounds is None else replace(profile, longest=self.bounds[0], at_once=self.bounds[1])


def is_official(config: DiTConfig) -> bool:
    """Whether a model has a published size, which is what the table was made for."""
    return config.hidden_size >= _OFFICIAL_WIDTH


def outfit(
    root: str | Path, dit: str | None, lm: str | None, allowed: Allowance, quantization: str | None = None
) -> Outfit:
    """The set in ``root`` that the names pick, with the planner that the machine has room for where none is named.

    ``quantization`` is a method, ``none`` for whole weights, or None for what the machine needs. Raises BadCheckpoint
    as ``open_set`` does, and EngineError for what is no method.
    """
    longest, method = int(TRAINED_SECONDS[1]), method_of(quantization)
    if not is_official(open_set(root, dit, NO_LM).dit.config):
        return Outfit(open_set(root, dit, lm), True, longest, quantization=method)
    models = open_set(root, dit, lm if lm is not None else _fitting(Path(root), allowed))
    has_room = models.lm is not None and _size(models.lm.name) in allowed.planners
    on = models.lm is not None and (lm is not None or has_room)
    alone = 0 if on else 1  # the second of a pair is what there is without a planner
    methods = (None, *METHODS)[:2] if quantization is None else (method,)
    room = _room(models, allowed, allowed.takes[alone], methods, planner=on)
    bounds = (allowed.seconds[alone], room.takes)
    return Outfit(models, on, allowed.seconds[0], bounds, room.residence, room.quantization)


@dataclass(frozen=True)
class _Room:
    """How many takes of a minute a card has room for, and what is done for it."""

    takes: int
    residence: Residence
    quantization: str | None


def _room(models: ModelSet, allowed: Allowance, takes: int, methods: tuple[str | None, ...], *, planner: bool) -> _Room:
    """How many of the row's ``takes`` a card really has room for. What costs least comes first.

    Turns cost time in every batch, so they are taken only where the row's batch has no room beside all models at once.
    Quantised weights are another model, so they are chosen only where whole ones have no room for a single take.
    """
    if allowed.kind != "cuda":
        return _Room(takes, "together", methods[0])
    profile = profile_for(models.dit.name, models.dit.config)
    wish = Wish(takes=takes, guided=profile.guidance_scale > 1, planner=planner)
    memory = int(allowed.gb * GB)
    kind, dtype, tile = allowed.kind, allowed.dtype, allowed.tile
    by_method = {method: Sizes.of(models, kind, dtype, method, tile) for method in methods}
    if fits(by_method[methods[0]], wish, memory):
        return _Room(takes, "together", methods[0])
    for method, sizes in by_method.items():
        if most := most_takes(sizes, wish, memory, "turns"):
            return _Room(min(takes, most), "turns", method)
    return _Room(1, "layers", methods[-1])


def residence_of(fitted: Outfit, offload: bool | None, offload_dit: bool | None, kind: Kind) -> Residence:
    """Where models are: as a person has it, else as the device needs it. Layers pass only where memories differ."""
    if offload_dit and kind == "cuda":
        return "layers"
    if offload is not None:
        return "turns" if offload else "together"
    return "turns" if fitted.residence == "layers" and offload_dit is False else fitted.residence


def _fitting(root: Path, allowed: Allowance) -> str | None:
    """The best planner on the disk for a machine, of the recommended size if there is one; else the smallest there is.

    None where there is none of a published size, and the choice is nobody's.
    """
    there = {name: folder for name, folder in inventory(root).lms.items() if _size(name) and _opens(folder)}
    for size in (allowed.planner, *reversed(allowed.planners), *PLANNER_GB):
        if fitting := [name for name in there if _size(name) == size]:
            return max(fitting, key=len)
    return None


def smaller_planners(models: str | None, name: str) -> tuple[str, ...]:
    """What is on the disk and smaller than the planner ``name``, the largest first, and no planner at the end."""
    try:
        there = inventory(find_models(models)).lms
        sizes = {each: _weight(folder) for each, folder in there.items() if _opens(folder)}
    except BadCheckpoint:
        return (NO_LM,)
    less = [each for each, size in sizes.items() if size < sizes.get(name, 0)]
    return (*sorted(less, key=lambda each: -sizes[each]), NO_LM)


def _weight(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def _opens(folder: Path) -> bool:
    """Whether a planner is there as far as its configs tell: one that is unfinished is not chosen by itself."""
    try:
        open_lm(folder)
    except BadCheckpoint:
        return False
    return True


def _size(name: str) -> str | None:
    """Which published size a planner has, by its folder's name."""
    return next((size for size in PLANNER_GB if name.startswith(LM_PREFIX) and size in name), None)
