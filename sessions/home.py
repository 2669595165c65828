"""Where the files of a take belong, and the way there from wherever the engine has put them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from engine.errors import EngineError
from engine.files import sync_folder
from sessions.scan import latents_name
from sessions.take import Take, stem
from sessions.trash import move


class NoAudio(EngineError):
    """A take whose audio is not where it should be."""


def homes(take: Take) -> dict[str, str]:
    """Every file of ``take`` under the name that belongs to its number, name and seed."""
    suffix = Path(take.files["audio"]).suffix
    names = {kind: name for kind, name in take.files.items() if kind not in ("audio", "latents")}
    names["audio"] = f"takes/{stem(take.number, take.name, take.seed)}{suffix}"
    if "latents" in take.files:
        names["latents"] = latents_name(take.number)
    return names


def bring_home(folder: Path, take: Take) -> Take:
    """Gives the files of ``take`` the names that belong to it, the audio last, and returns the take that says so.

    A file that has its name already, from a try that was interrupted, is as good. Raises NoAudio where there is no
    audio, and EngineError where a file cannot be moved.
    """
    targets = homes(take)
    if not any(os.path.lexists(folder / name) for name in (take.files["audio"], targets["audio"])):
        raise NoAudio(f"The audio of take {take.number} is not in {folder / 'takes'}.", "Render it again.")
    present: Mapping[str, str] = {
        kind: name
        for kind, name in targets.items()
        if kind == "audio" or any(os.path.lexists(folder / each) for each in (name, take.files[kind]))
    }
    for kind in sorted(present, key=lambda kind: kind == "audio"):
        _rename(folder, take.files[kind], present[kind], keep=kind != "audio")
    for kind, name in present.items():
        if take.files[kind] != name and os.path.lexists(folder / name):
            (folder / take.files[kind]).unlink(missing_ok=True)
    return take.replace(files=dict(present))


def _rename(folder: Path, source: str, target: str, *, keep: bool) -> None:
    """Gives a file its name, and lets it ``keep`` the old one for now, where the file system has hard links.

    Audio and what belongs to it cannot be renamed in one step. This way a process that is killed between the two
    leaves them with names that belong together: the old ones, or the new ones.
    """
    try:
        if keep and source != target and os.path.lexists(folder / source) and not os.path.lexists(folder / target):
            with contextlib.suppress(OSError):
                (folder / target).parent.mkdir(exist_ok=True)
                os.link(folder / source, folder / target)
                sync_folder((folder / target).parent)
                return
        if keep and os.path.lexists(folder / target):
            return
        moved = move(folder / source, folder / target)
    except OSError as cause:
        reason = cause.strerror or str(cause)
        raise EngineError(
            f"{source} could not be renamed to {target} ({reason}).", "Look at the session's folder, and try again."
        ) from cause
    if moved is not None:
        sync_folder(Path(moved))
