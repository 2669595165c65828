"""A model from a hub to its place: room on the disk, every file with its checksum, and then all of it at once.

Files arrive in ``.arriving/NAME`` beside the models, and the folder is renamed when the last of them is right: a model
is there whole or not at all. What another program has put on the machine is linked to, and not downloaded again.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from engine.errors import BadCheckpoint, EngineError
from engine.files import sync_folder
from engine.hub.catalogue import Model
from engine.hub.fetching import Fetch, Patience
from engine.hub.here import elsewhere, opened
from engine.hub.hubs import Hub
from engine.hub.listing import HubFile, Listing, ask
from engine.hub.trouble import Damaged, NoRoom, Offline, Unreachable, none_reached
from engine.own_folder import ARRIVING
from engine.verification import verify

MANIFEST = ".acetui.json"
"""In a model's folder: where it came from, and the checksums of its files."""

SPARE_BYTES = 500_000_000
"""What a download leaves free."""


@dataclass
class Progress:
    """How far a download is, in bytes; ``file`` is what arrives now."""

    model: str
    total: int
    done: int = 0
    file: str = ""


@dataclass
class Getting:
    """How models are got; ``told`` hears of progress."""

    root: Path
    hubs: tuple[Hub, ...]
    """Which are asked, the first of them first; another is only where one cannot be reached."""

    token: str | None = None
    patience: Patience = field(default_factory=Patience)
    told: Callable[[Progress], None] = lambda _: None
    said: Callable[[str], None] = lambda _: None
    """Hears in words that another hub is asked."""

    thorough: bool = False
    """Whether what is here is compared with its checksums, and mended."""

    env: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def get(self, model: Model) -> str:
        """Brings ``model`` here, and returns how: ``here``, ``linked`` or ``downloaded``.

        Raises Unreachable, NotOffered, Damaged and NoRoom; what has arrived is kept, and the next try goes on there.
        """
        place = self.root / model.name
        if self._is_right(model, place):
            return "here"
        self._make_root()
        with _alone(self.root / ARRIVING, model):
            if self._is_right(model, place):  # another program got it while this one waited
                return "here"
            if (lies := elsewhere(model, self.root, self.env)) is not None:
                self._clear(place)
                place.symlink_to(lies, target_is_directory=True)
                return "linked"
            self._from_a_hub(model, place)
        return "downloaded"

    def _from_a_hub(self, model: Model, place: Path) -> None:
        """Downloads from the first hub that can be reached. One that cannot is asked last from then on."""
        failed: list[Unreachable] = []
        for hub in self.hubs:
            if failed:
                self.said(f"{failed[-1].error} {hub.endpoint} is asked in its place.")
            try:
                return self._download(ask(model, hub, self.token), place)
            except Offline:
                raise
            except Unreachable as error:
                failed.append(error)
                self.hubs = (*(each for each in self.hubs if each != hub), hub)
        raise none_reached(failed)

    def _is_right(self, model: Model, place: Path) -> bool:
        known = read_manifest(place) if self.thorough else ()
        return is_whole(model, place) and all(file.matches(place / file.name) for file in known)

    def _make_root(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            raise _not_ours(self.root, cause) from cause
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise EngineError(f"{self.root} is not yours to write to.", "Name a folder of your own with --models.")

    def _download(self, listing: Listing, place: Path) -> None:
        staging = self.root / ARRIVING / listing.model.name
        if place.is_dir() and not place.is_symlink() and not staging.exists():
            os.replace(place, staging)  # somebody began it: what is right of that is not downloaded again
        progress = Progress(listing.model.name, listing.size)
        parts = {file: staging / file.name for file in listing.files}
        progress.done = sum(_arrived(part, file) for file, part in parts.items())
        _check_room(self.root, listing.size - progress.done, listing.model)
        for file, part in parts.items():
            progress.file = file.name
            self._file(listing, file, part, progress)
        _write_manifest(staging, listing)
        try:
            verify(opened(listing.model.kind, staging))
        except BadCheckpoint as error:
            hint = f"The hub's own copy is not what this program reads. Try another hub; what arrived is in {staging}."
            raise Damaged(error.error, hint) from None
        self._clear(place)
        os.replace(staging, place)
        sync_folder(self.root)

    def _clear(self, place: Path) -> None:
        """Moves away what is in a model's place and is no model: a link to nowhere, or a folder that is unfinished."""
        if place.is_symlink():
            place.unlink()
        elif os.path.lexists(place):
            numbers = itertools.count(1)
            while os.path.lexists(aside := self.root / ARRIVING / f"{place.name}.before-{next(numbers)}"):
                continue
            os.replace(place, aside)

    def _file(self, listing: Listing, file: HubFile, part: Path, progress: Progress) -> None:
        """One file with its checksum; one that arrived damaged is fetched once more."""

        def arrived(count: int) -> None:
            progress.done += count
            self.told(progress)

        fetch = Fetch(listing, self.token, self.patience, arrived)
        for _ in range(2):
            self.told(progress)
            fetch.file(file, part)
            if file.matches(part):
                return
            part.unlink(missing_ok=True)
            progress.done -= file.size
        raise Damaged(
            f"{listing.model.name}/{file.name} arrived damaged twice: its checksum is not the hub's.",
            "Something between here and the hub changes it: try another network, or a mirror in HF_ENDPOINT.",
        )


def is_whole(model: Model, place: Path) -> bool:
    """Whether the model's folder is there and can be used, by its headers."""
    try:
        verify(opened(model.kind, place))
    except (BadCheckpoint, OSError):
        return False
    return True


def read_manifest(folder: Path) -> tuple[HubFile, ...]:
    """The checksums that a folder came with; none where it was put there by other means."""
    try:
        raw = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return tuple(HubFile(**each) for each in raw["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def _write_manifest(folder: Path, listing: Listing) -> None:
    told = {
        "repo": listing.model.repo,
        "endpoint": listing.endpoint,
        "revision": listing.revision,
        "files": [asdict(file) for file in listing.files],
    }
    (folder / MANIFEST).write_text(json.dumps(told, indent=1), encoding="utf-8")


def _arrived(part: Path, file: HubFile) -> int:
    try:
        return min(part.stat().st_size, file.size)
    except OSError:
        return 0


def _check_room(root: Path, needed: int, model: Model) -> None:
    free = shutil.disk_usage(root).free
    if needed + SPARE_BYTES > free:
        raise NoRoom(
            f"{model.name} needs {needed / 1e9:.1f} GB more, and the disk of {root} has {free / 1e9:.1f} GB left.",
            "Make room, or name a folder on another disk with --models.",
        )


@contextlib.contextmanager
def _alone(folder: Path, model: Model) -> Iterator[None]:
    """Holds the lock of a model's download; raises EngineError where another program has it."""
    try:
        folder.mkdir(exist_ok=True)
        descriptor = os.open(folder / f"{model.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as cause:
        raise _not_ours(folder, cause) from cause
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise EngineError(f"{model.name} is being downloaded already.", "Wait for it, or end the other one.") from None
    try:
        yield
    finally:
        os.close(descriptor)


def _not_ours(folder: Path, cause: OSError) -> EngineError:
    reason = cause.strerror or type(cause).__name__
    return EngineError(f"{folder} cannot be made ({reason}).", "Name a folder of your own with --models.")
