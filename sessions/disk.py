"""Room on the disk: what is free, what kind of file system it is, and which takes a rule lets go.

The rules are pure functions over summaries. What a person has marked is never let go by any of them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sessions.summary import Summary
from sessions.take import LATENTS_ONLY, WHOLE

_NO_SHARED_MEMORY = tuple("nfs cifs smb 9p afs ceph gluster lustre gpfs beegfs fuse. virtiofs".split())
"""How the names of file systems begin on which several machines, or none, share memory: SQLite's log needs it."""


def free_bytes(folder: Path) -> int:
    """What may still be written to the disk of ``folder``. Raises OSError."""
    return shutil.disk_usage(folder).free


def file_system(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The kind of file system that ``folder`` is on, such as ``ext4`` or ``nfs4``; empty where that is not told."""
    try:
        device = os.stat(folder).st_dev
        wanted = f"{os.major(device)}:{os.minor(device)}"
        for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition(" - ")
            if wanted in before.split()[2:3]:
                return after.split()[0]
    except (OSError, IndexError):
        pass
    return ""


def is_shared(kind: str) -> bool:
    """Whether a file system is one that other machines may have mounted too, or that cannot share memory."""
    return kind.startswith(_NO_SHARED_MEMORY)


def rank(take: Summary) -> tuple[bool, bool, bool, float, int]:
    """The key to sort by for the best first: not rejected, sound, scored, by score, by age."""
    scored = take.score is not None
    return (take.verdict == "rejected", take.faulty, not scored, -(take.score or 0.0), take.number)


def beyond_keep(
    takes: Iterable[Summary], keep: int, *, parents: Collection[str], playing: Collection[int] = ()
) -> list[int]:
    """The takes that ``--keep`` moves to the trash: all but the best ``keep``.

    What a person has marked stays, and so do parents and what plays. Whether a take was heard does not count here: a
    headless run, for which the rule is, ends with nothing heard.
    """
    ranked = sorted((take for take in takes if not take.trashed), key=rank)
    return [take.number for take in ranked[max(keep, 0) :] if not _held(take, parents, playing)]


@dataclass(frozen=True)
class Selection:
    """Whose audio to drop, the worst first; ``freed`` bytes, and by how many that falls ``short`` of what was asked."""

    numbers: Sequence[int]
    freed: int
    short: int


def audio_to_drop(
    takes: Iterable[Summary], bytes_needed: int, *, parents: Collection[str], playing: Collection[int] = ()
) -> Selection:
    """The lowest-ranked takes whose audio makes ``bytes_needed`` free, as far as that can be had.

    Only audio that can be made again in seconds goes: the latents have to be there. What is marked, unheard or playing
    stays, and so do parents.
    """
    numbers = []
    freed = 0
    for take in sorted(takes, key=rank, reverse=True):
        if freed >= bytes_needed:
            break
        if may_drop(take, parents=parents, playing=playing):
            numbers.append(take.number)
            freed += take.audio_bytes
    return Selection(numbers, freed, max(0, bytes_needed - freed))


def may_drop(take: Summary, *, parents: Collection[str], playing: Collection[int] = ()) -> bool:
    """Whether the program may drop the audio of a take of its own accord."""
    there = take.stored == WHOLE and take.audio_bytes > 0 and take.latents_bytes > 0
    return there and take.verdict != "unheard" and not _held(take, parents, playing)


def can_be_decoded(take: Summary) -> bool:
    """Whether a take without audio can have it back in seconds."""
    return take.stored == LATENTS_ONLY


def _held(take: Summary, parents: Collection[str], playing: Collection[int]) -> bool:
    return take.marked or take.id in parents or take.number in playing
