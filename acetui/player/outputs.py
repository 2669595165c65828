"""Where sound goes: a device of this machine, or a player that takes samples from a pipe; and what if there is none."""

from __future__ import annotations

import shutil
from array import array
from collections.abc import Callable, Sequence
from typing import Protocol

from engine.errors import EngineError

AUTO = "auto"
DEVICE = "device"
PAGE = "page"
NONE = "none"

Pull = Callable[[int], "array[float]"]
"""Gives the next so many frames; called from a thread of the output's."""


class Output(Protocol):
    """Something that pulls frames and has them heard."""

    name: str
    """What people call it."""

    def start(self) -> None:
        """Pulls from now on."""

    def close(self) -> None:
        """Pulls no more."""

    @property
    def alive(self) -> bool:
        """Whether it still pulls."""


class NoSound(EngineError):
    """Nothing on this machine makes sound."""


def open_output(wish: str, device: str, pull: Pull, search: str | None = None, pages: int = 0) -> Output:
    """The output that is wished for, or the first that there is. Raises NoSound where there is none.

    ``search`` is where programs are looked for, in place of PATH; ``pages`` is how many listen pages follow.
    """
    from acetui.player.pipes import COMMANDS, Pipe

    if wish == NONE:
        raise NoSound("Sound is turned off in the settings.", "'f8' opens them: output.")
    reasons = []
    if wish in (AUTO, DEVICE):
        try:
            return _device(device, pull)
        except EngineError as error:
            reasons.append(error)
    for program in COMMANDS if wish == AUTO else [wish] if wish in COMMANDS else []:
        if (found := shutil.which(program, path=search)) is not None:
            return Pipe(program, found, pull)
    if wish == PAGE or (wish == AUTO and pages):
        from acetui.player.unheard import Unheard

        return Unheard(PAGE, pull)
    raise no_sound(wish, reasons)


def no_sound(wish: str, reasons: Sequence[EngineError]) -> NoSound:
    """What to say, and how to hear takes all the same."""
    if wish not in (AUTO, DEVICE):
        return NoSound(f"There is no {wish} on this machine.", "Install it, or set output to auto ('f8').")
    return NoSound(
        reasons[0].error if reasons else "This machine has no sound.",
        "A browser may have: '; a' copies the address of the listen page. 'acetui export' writes files.",
    )


def _device(device: str, pull: Pull) -> Output:
    from acetui.player.device import Device

    return Device(device, pull)
