"""What was done to takes and how it is undone: bodies of PATCH requests, there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST = 200
"""Deeds that are remembered."""

_VERDICT = ("pinned", "liked", "rejected", "heard")
"""Marks that move together: to pin is to take a rejection back."""


@dataclass(frozen=True)
class Step:
    """One take, what was changed of it, and what makes that undone."""

    take: int | str
    do: Mapping[str, Any]
    undo: Mapping[str, Any]


@dataclass(frozen=True)
class Deed:
    """What one key did, to one take or to many. ``label`` says it in a few words: "pin 3 takes"."""

    label: str
    steps: tuple[Step, ...]


class UndoLog:
    """The deeds of one terminal, the last first. It holds them; sending is for whoever asks."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._done: list[Deed] = []
        self._undone: list[Deed] = []

    def add(self, deed: Deed) -> None:
        """Remembers what was just done; what had been undone before can then not be redone. Nothing done is no deed."""
        if deed.steps:
            self._done = [*self._done, deed][-self._longest :]
            self._undone.clear()

    def undo(self) -> Deed | None:
        """The last deed, to be undone now; its steps are sent in ``backwards`` order. None where there is none."""
        return self._move(self._done, self._undone)

    def redo(self) -> Deed | None:
        """The deed that was undone last, to be done again. None where there is none."""
        return self._move(self._undone, self._done)

    def put_back(self, deed: Deed) -> None:
        """Says that undoing or redoing ``deed`` failed: it stands again where it stood before."""
        for here, there in ((self._undone, self._done), (self._done, self._undone)):
            if here and here[-1] is deed:
                there.append(here.pop())
                return

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return bool(self._undone)

    @staticmethod
    def _move(source: list[Deed], target: list[Deed]) -> Deed | None:
        if not source:
            return None
        target.append(source.pop())
        return target[-1]


def step(take: Mapping[str, Any], do: Mapping[str, Any]) -> Step | None:
    """The step from ``take`` as it is now (a row or a whole take) by ``do``; None where it would change nothing.

    Raises KeyError where ``take`` does not say what ``do`` changes.
    """
    undo = inverse(take, do)
    done = {name for name, value in do.items() if name != "verdict" and take[name] != value}
    if "verdict" in do and not _has(take, do["verdict"]):
        done.add("verdict")
    return Step(take["number"], dict(do), undo) if done else None


def _has(take: Mapping[str, Any], verdict: str) -> bool:
    """Whether giving a verdict would change nothing: a take that is pinned may be liked as well."""
    marks = {name: take[name] for name in _VERDICT}
    if verdict in ("pinned", "liked", "rejected"):
        return bool(marks[verdict])
    return not any(marks[name] for name in ("pinned", "liked", "rejected")) and marks["heard"] == (verdict == "heard")


def inverse(take: Mapping[str, Any], do: Mapping[str, Any]) -> dict[str, Any]:
    """What brings ``take`` back to how it is now after ``do``. Marks that move together are all put back."""
    marks = {*_VERDICT} & {*do} or "verdict" in do
    names = [*(name for name in do if name not in ("verdict", *_VERDICT)), *(_VERDICT if marks else ())]
    return {name: take[name] for name in names}


def backwards(deed: Deed) -> Sequence[Step]:
    """The steps of a deed in the order in which they are undone."""
    return tuple(reversed(deed.steps))
