"""What is heard, as panes show it: which take, at which second, within which region."""

from __future__ import annotations

from dataclasses import dataclass

from acetui.how_long import clock_time
from acetui.looks.signs import Looks


@dataclass(frozen=True)
class Playhead:
    """A take that is heard, or waits where it was stopped; ``second`` is a whole one: it differs once in one."""

    number: int
    second: int
    seconds: float
    playing: bool = True
    region: tuple[float, float] | None = None
    line: str = ""
    """What is sung there, where that is known."""

    alias: str = ""
    """What it is called where nobody shall know which take it is."""

    def words(self, looks: Looks, *, here: bool) -> str:
        """``► 0:52 / 2:04``; with its number where the take that is looked at is another, so not ``here``."""
        if self.alias:  # a length would tell which it is
            words = f"{self.alias}, blind  {clock_time(self.second)}"
        else:
            number = "" if here else f"{self.number} "
            words = f"{number}{clock_time(self.second)} / {clock_time(self.seconds)}"
        if self.region is not None:
            words += f" in {clock_time(self.region[0])}-{clock_time(self.region[1])}"
        if self.line:
            words += f"  {self.line}"
        return f"{looks.glyphs.playing} {words}" if self.playing else f"paused {words}"
