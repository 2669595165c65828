"""What the list of takes consists of, line by line: takes in order, dividers between them, new takes at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Divider = str
"""A line between takes, with its words."""

NEW: Divider = "new"
"""The divider above takes that came since the list was sorted."""

_NEW_LINE = 0


class TakeLines:
    """Takes by their numbers. ``lines`` holds a number, or 0 and less for a divider; ``entry`` tells which.

    Takes that come are put below a divider of their own. Those that leave keep their places, and can come back to them.
    """

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.new = 0
        """Takes at the end that are not sorted in."""

        self._dividers: list[Divider] = []
        self._sorted: list[int] = []
        self._new: list[int] = []
        self._known: set[int] = set()
        self._out: set[int] = set()

    def __len__(self) -> int:
        """Lines, with dividers."""
        return len(self.lines)

    @property
    def takes(self) -> int:
        """Takes, without dividers."""
        return len(self._known) - len(self._out)

    @property
    def first_new(self) -> int:
        """The line of the first take that is not sorted in; one behind the end where there is none."""
        return len(self.lines) - self.new

    def entry(self, line: int) -> int | Divider | None:
        """The take or the divider on a line; None where there is no line."""
        if not 0 <= line < len(self.lines):
            return None
        found = self.lines[line]
        return found if found > 0 else NEW if found == _NEW_LINE else self._dividers[-1 - found]

    def has(self, number: int) -> bool:
        """Whether a take is in the list."""
        return number in self._known and number not in self._out

    def has_left(self, number: int) -> bool:
        """Whether a take was in the list and has left it."""
        return number in self._out

    def order(self, numbers: Iterable[int], dividers: Mapping[int, Divider]) -> None:
        """These takes in this order, sorted; ``dividers`` has the take below each."""
        self._sorted = list(numbers)
        self._known, self._out, self._new = set(self._sorted), set(), []
        self._dividers = []
        if dividers:
            plain, self._sorted = self._sorted, []
            for number in plain:
                if number in dividers:
                    self._dividers.append(dividers[number])
                    self._sorted.append(-len(self._dividers))
                self._sorted.append(number)
        self._show()

    def arrive(self, numbers: Iterable[int]) -> None:
        """Puts takes that are not there at the end; those that left go back to their places."""
        told = list(dict.fromkeys(numbers))
        coming = [number for number in told if number not in self._known]
        if coming or not self._out.isdisjoint(told):
            (self._new if self.takes else self._sorted).extend(coming)
            self._known.update(coming)
            self._out.difference_update(told)
            self._show()

    def leave(self, numbers: Iterable[int]) -> None:
        """Takes takes out."""
        going = self._known.intersection(numbers) - self._out
        if going:
            self._out |= going
            self._show()

    def _show(self) -> None:
        self.lines = [number for number in self._sorted if number not in self._out] if self._out else self._sorted[:]
        new = [number for number in self._new if number not in self._out]
        self.new = len(new)
        if new:
            self.lines += [_NEW_LINE, *new]
