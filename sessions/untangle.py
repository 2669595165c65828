"""Takes that claim the same thing: a number, an id, latents, or a name. Every one is kept; the newcomer gives way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import PurePosixPath

from sessions.scan import Listing
from sessions.take import Take


def named_after(file: str, take: Take, listing: Listing) -> Take:
    """``take`` with the audio that belongs beside its JSON ``file``, for a JSON that was renamed or copied by hand.

    A JSON that was renamed alone is left as it is: its audio is under the old name, and no other JSON is.
    """
    name = PurePosixPath(file).name
    if name == PurePosixPath(take.json_name).name:
        return take
    room = PurePosixPath(file).parent
    audio = PurePosixPath(take.files["audio"])
    beside, own = name.removesuffix(".json") + audio.suffix, PurePosixPath(take.json_name).name
    alone = f"{room}/{audio.name}" in listing.names and f"{room}/{own}" not in listing.json
    if alone and f"{room}/{beside}" not in listing.names:
        return take
    return take.replace(files={**take.files, "audio": f"takes/{beside}"})


def entangled(take: Take, numbers: Collection[int], ids: Mapping[str, str], files: Collection[str]) -> bool:
    """Whether another take has the number, the id or the latents of this one."""
    return take.number in numbers or take.id in ids or take.files.get("latents") in files


def untangled(
    take: Take,
    next_number: Callable[[], int],
    numbers: Collection[int],
    ids: Mapping[str, str],
    files: Collection[str],
) -> Take:
    """``take`` with a number, an id and latents that no other has; it keeps the audio that lies beside its JSON."""
    if take.number in numbers:
        take = take.replace(number=next_number())
    if take.id in ids:
        take = take.replace(id=f"{take.id[:40]}-{take.number}")
    if take.files.get("latents") in files:
        take = take.replace(files={kind: name for kind, name in take.files.items() if kind != "latents"})
    return take
