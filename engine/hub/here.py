"""What is on this machine already: in the folder of models, in the reference's ``checkpoints``, in the hub's cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import nano
from engine.checkpoints import Component, find_models, inventory
from engine.components import (
    is_pipeline,
    open_diffusers_dit,
    open_dit,
    open_lm,
    open_text_encoder,
    open_vae,
)
from engine.errors import BadCheckpoint
from engine.hub.catalogue import Kind, Model
from engine.own_folder import data_folder

_OPEN: Mapping[Kind, Callable[[Path], Component[Any]]] = {
    "music": open_dit,
    "planner": open_lm,
    "vae": open_vae,
    "text encoder": open_text_encoder,
}


@dataclass(frozen=True)
class Present:
    """A model's folder. ``trouble`` says why it cannot be used; ``size`` is bytes of weights."""

    name: str
    kind: Kind
    folder: Path
    size: int
    trouble: str = ""

    @property
    def linked(self) -> bool:
        """Whether it lies elsewhere, and is used in place."""
        return self.folder.is_symlink()


def opened(kind: Kind, folder: Path) -> Component[Any]:
    """The model in a folder, from its configs; raises BadCheckpoint for what is missing."""
    if kind == "music" and is_pipeline(folder):
        return open_diffusers_dit(folder)
    return _OPEN[kind](folder)


def present(root: Path) -> tuple[Present, ...]:
    """What ``root`` holds, whole or not, music models first. Raises BadCheckpoint where it cannot be read."""
    found = inventory(root)
    kinds: tuple[tuple[Kind, Mapping[str, Path]], ...] = (
        ("music", found.dits),
        ("planner", found.lms),
        ("vae", found.vaes),
        ("text encoder", found.text_encoders),
    )
    return tuple(_present(name, kind, folder) for kind, folders in kinds for name, folder in folders.items())


def _present(name: str, kind: Kind, folder: Path) -> Present:
    try:
        component = opened(kind, folder)
        return Present(name, kind, folder, sum(file.path.stat().st_size for file in component.files))
    except BadCheckpoint as error:
        return Present(name, kind, folder, 0, error.error)
    except OSError as cause:
        return Present(name, kind, folder, 0, f"{folder} cannot be read: {cause.strerror}.")


def own_root(explicit: str | Path | None = None, env: Mapping[str, str] | None = None) -> Path:
    """Where models are looked for and downloaded to: what is named, else the person's own folder, there or not.

    The model in the box is no place to download to, also where it is named. Raises BadCheckpoint where a named folder
    is not there.
    """
    env = os.environ if env is None else env
    own = data_folder(env) / "models"
    if explicit is None and not env.get("ACETUI_MODELS") and not env.get("ACESTEP_CHECKPOINTS_DIR"):
        return own
    root = find_models(explicit, env)
    return own if root == nano.FOLDER else root


def elsewhere(model: Model, own: Path, env: Mapping[str, str] | None = None) -> Path | None:
    """A whole copy of ``model`` that another program has put on this machine; None where there is none."""
    env = os.environ if env is None else env
    for folder in (*_reference_folders(model, env), *_cached(model, env)):
        if folder.is_dir() and own.resolve() not in (folder.parent.resolve(), folder.resolve()):
            try:
                opened(model.kind, folder)
                return folder.absolute()
            except (BadCheckpoint, OSError):
                continue
    return None


def _reference_folders(model: Model, env: Mapping[str, str]) -> Iterator[Path]:
    """Where the reference implementation keeps it."""
    if env.get("ACESTEP_CHECKPOINTS_DIR"):
        yield Path(env["ACESTEP_CHECKPOINTS_DIR"]).expanduser() / model.name
    if env.get("ACESTEP_PROJECT_ROOT"):
        yield Path(env["ACESTEP_PROJECT_ROOT"]).expanduser() / "checkpoints" / model.name
    yield Path("checkpoints") / model.name


def _cached(model: Model, env: Mapping[str, str]) -> Iterator[Path]:
    """Where the hub's own cache has it, the newest copy first."""
    snapshots = cache_folder(env) / f"models--{model.repo.replace('/', '--')}" / "snapshots"
    try:
        found = sorted(snapshots.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return
    for snapshot in found:
        yield snapshot / model.inside


def cache_folder(env: Mapping[str, str]) -> Path:
    """The hub's cache, by the variables that move it."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if env.get(name):
            return Path(env[name]).expanduser()
    home = env.get("HF_HOME")
    base = Path(home) if home else Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return base.expanduser() / "hub"
