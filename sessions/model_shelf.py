"""The models of a machine as a session sees them: what it renders with, what this machine wants, and what of it lacks.

Reads folders, and asks nobody outside this machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import nano
from engine.allowance import Allowance
from engine.checkpoints import data_folder, find_models
from engine.errors import BadCheckpoint
from engine.hub.catalogue import Model, wanted
from engine.hub.here import Present, elsewhere, own_root, present
from engine.hub.listing import endpoint_of
from engine.own_folder import ARRIVING
from sessions.disk import free_bytes
from sessions.tables import ModelSettings


@dataclass(frozen=True)
class Wanted:
    """A model that is wanted, and where it is: here, elsewhere on the machine (``lies``), or neither.

    ``arrived`` is what a download that was stopped has left of it, in bytes.
    """

    model: Model
    here: bool
    lies: Path | None = None
    arrived: int = 0

    @property
    def bytes(self) -> int:
        """What would be downloaded of it; about, by its weights."""
        return 0 if self.here or self.lies is not None else max(0, self.model.size - self.arrived)

    def object(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.model.name,
            "kind": self.model.kind,
            "about": self.model.about,
            "bytes": self.model.size,
            "arrived": self.arrived,
            "here": self.here,
            "elsewhere": self.lies and str(self.lies),
        }


@dataclass(frozen=True)
class Shelf:
    """What there is: ``folder`` is rendered from, with the models ``here``; ``own`` is where others come to.

    ``trouble`` says why there is nothing to render with.
    """

    folder: Path | None
    own: Path
    here: tuple[Present, ...]
    there: frozenset[str]
    """What is whole in ``own``."""

    wanted: tuple[Wanted, ...]
    allowed: Allowance
    hub: str
    trouble: BadCheckpoint | None = None

    @property
    def sketch(self) -> bool:
        """Whether only the model in the box renders."""
        return self.folder == nano.FOLDER

    def lacking(self, models: Iterable[Model], env: Mapping[str, str] | None = None) -> tuple[Wanted, ...]:
        """Which of ``models`` are not whole in ``own``, and how they stand."""
        env = os.environ if env is None else env
        return tuple(_standing(model, self.own, self.there, env) for model in models if model.name not in self.there)

    @property
    def missing(self) -> tuple[Wanted, ...]:
        """What is to be brought: nothing where it is only that a person has chosen another music model."""
        lacking = tuple(each for each in self.wanted if not each.here)
        chosen = not self.sketch and self.trouble is None and any(each.kind == "music" for each in self.here)
        return () if chosen and all(each.model.kind == "music" for each in lacking) else lacking

    @property
    def free(self) -> int | None:
        """Bytes that are free where models come to; None where nobody can tell."""
        there = next((each for each in (self.own, *self.own.absolute().parents) if each.is_dir()), None)
        try:
            return None if there is None else free_bytes(there)
        except OSError:
            return None

    def names(self, kind: str) -> list[str]:
        """The models of a kind that can be used."""
        return [each.name for each in self.here if each.kind == kind and not each.trouble]

    def object(self) -> dict[str, Any]:
        """As JSON has it; sizes in bytes."""
        return {
            "folder": self.folder and str(self.folder),
            "own": str(self.own),
            "sketch": self.sketch,
            "music": self.names("music"),
            "planners": self.names("planner"),
            "trouble": self.trouble and self.trouble.to_dict(),
            "card": self.allowed.kind != "cpu",
            "wanted": [each.object() for each in self.wanted],
            "missing": [each.model.name for each in self.missing],
            "bytes": sum(each.bytes for each in self.missing),
            "free_bytes": self.free,
            "hub": self.hub,
        }


def look(allowed: Allowance, named: str | None = None, env: Mapping[str, str] | None = None) -> Shelf:
    """The models of this machine for a session that names the folder ``named``, or none. Reads disks."""
    env = os.environ if env is None else env
    trouble: BadCheckpoint | None = None
    folder: Path | None = None
    here: tuple[Present, ...] = ()
    try:
        own = own_root(named, env)
        folder = find_models(named, env)
        here = present(folder)
    except BadCheckpoint as error:
        trouble = error
        own = data_folder(env) / "models" if folder is None else own
    there = frozenset(each.name for each in (here if folder == own else _present(own)) if not each.trouble)
    want = tuple(_standing(model, own, there, env) for model in wanted(allowed))
    return Shelf(folder, own, here, there, want, allowed, endpoint_of(env), trouble)


def changes(shelf: Shelf, models: ModelSettings, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What is to be changed in a session's [models] so that it renders with the set that this machine wants.

    Nothing where the set is not there, or chosen already, or where the session does not decide it. Reads disks.
    """
    if shelf.missing or not shelf.own.is_dir():
        return {}
    folder = None if shelf.folder != shelf.own else models.models
    try:
        if find_models(folder, env) != shelf.own:
            return {}  # the environment names others
    except BadCheckpoint:
        return {}
    chosen = {each.model.kind: each.model.name for each in shelf.wanted if each.here}
    new = {"models": folder, "dit": chosen.get("music", models.dit), "lm": chosen.get("planner", models.lm)}
    return {name: value for name, value in new.items() if value != getattr(models, name)}


def _standing(model: Model, own: Path, there: frozenset[str], env: Mapping[str, str]) -> Wanted:
    """How a model stands that is wanted in ``own``."""
    if model.name in there:
        return Wanted(model, here=True)
    return Wanted(model, here=False, lies=elsewhere(model, own, env), arrived=_arrived(own / ARRIVING / model.name))


def _arrived(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.glob("*") if file.is_file())
    except OSError:
        return 0


def _present(root: Path) -> tuple[Present, ...]:
    try:
        return present(root)
    except BadCheckpoint:
        return ()
