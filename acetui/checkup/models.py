"""The models that are here, and those that this machine wants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acetui.checkup.finding import MISSING, Finding, Problem
from engine import nano
from engine.allowance import Allowance
from engine.checkpoints import find_models
from engine.errors import BadCheckpoint
from engine.hub.catalogue import Model, wanted
from engine.hub.here import Present, elsewhere, own_root, present


def look(allowed: Allowance, named: str | None, env: Mapping[str, str]) -> Finding:
    """Which models would render, and which should be here; ``named`` is a folder that a person names."""
    want = wanted(allowed)
    try:
        root = find_models(named, env)
        here = present(root)
    except BadCheckpoint as error:
        facts = {"folder": named, "here": [], "sketch": False, "wanted": [_wanted(model, (), None) for model in want]}
        return Finding({"models": facts}, (Problem(error.error, error.hint, MISSING),))
    sketch = root == nano.FOLDER
    own = root if not sketch else own_root(named, env)
    proper = () if sketch else here  # the one in the box is not what is wanted here
    lying = {model.name: elsewhere(model, own, env) for model in want}
    facts = {
        "folder": str(root),
        "sketch": sketch,
        "here": [_told(each) for each in here],
        "wanted": [_wanted(model, proper, lying[model.name]) for model in want],
    }
    missing = [model for model in want if model.name not in {each.name for each in proper if not each.trouble}]
    return Finding({"models": facts}, (*_broken(here), *_advice(sketch, missing, lying, allowed)))


def _told(each: Present) -> dict[str, Any]:
    return {
        "name": each.name,
        "kind": each.kind,
        "folder": str(each.folder.resolve() if each.linked else each.folder),
        "bytes": each.size,
        "trouble": each.trouble or None,
    }


def _wanted(model: Model, here: tuple[Present, ...], lies: Any) -> dict[str, Any]:
    there = any(each.name == model.name and not each.trouble for each in here)
    return {
        "name": model.name,
        "kind": model.kind,
        "bytes": model.size,
        "here": there,
        "elsewhere": None if there or lies is None else str(lies),
    }


def _broken(here: tuple[Present, ...]) -> list[Problem]:
    """Folders that cannot be used. It is serious where no other of the kind can be."""
    usable = {each.kind for each in here if not each.trouble}
    return [
        Problem(
            each.trouble,
            f"`acetui models get {each.name}` finishes it.",
            0 if each.kind in usable or each.kind == "planner" else MISSING,
        )
        for each in here
        if each.trouble
    ]


def _advice(sketch: bool, missing: list[Model], lying: Mapping[str, object], allowed: Allowance) -> list[Problem]:
    if not missing or (allowed.kind == "cpu" and sketch):  # without a card, the one in the box is what is quick
        return []
    if not sketch and all(model.kind == "music" for model in missing):
        return []  # another music model was chosen
    names = ", ".join(model.short for model in missing)
    if all(lying[model.name] for model in missing):
        return [Problem(f"{names} are on this machine already.", "`acetui models get` uses them in place.")]
    size = sum(model.size for model in missing if not lying[model.name]) / 1e9
    sentence = f"This machine has room for {names}, which are not here ({size:.1f} GB to download)."
    return [Problem(sentence, "`acetui models get` downloads them.")]
