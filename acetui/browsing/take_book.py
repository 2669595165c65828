"""The list of takes as one terminal has it: what is in sight, where the cursor is, what is selected, what came since.

It knows the numbers of all takes, and rows of those that were looked at lately; the rest is asked for when it comes
into sight. No toolkit, no connection.

Nothing moves under the cursor. New takes come to the end, below a line of their own, until they are asked to be sorted
in; whatever else changes, the row under the cursor stays on its line of the screen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from acetui.browsing.take_lines import Divider, TakeLines
from acetui.browsing.take_rows import Row, is_tie

BEST_FIRST = "-score,number"

MOST_ROWS = 4000
"""Rows that are kept at most, of about a kilobyte each."""


class TakeBook:
    """One list: a filter and a sort, the lines that came of it, and a window of ``height`` lines on them."""

    def __init__(self) -> None:
        self.filter = ""
        self.sort = BEST_FIRST
        self.grouped = False
        """Whether takes of one revision stand together."""

        self.hides_rejected = False
        self.shows_trash = False
        """Whether it is the trash that is listed."""

        self.list = TakeLines()
        self.cursor: int | None = None
        """The take under the cursor, which is on line ``at``; None where there is none."""

        self.at = 0
        self.top = 0
        """The first line that is in sight, of ``height``."""

        self.height = 1
        self.digits = 1
        """Of the largest number that is, or was, in the list."""

        self.selected: set[int] = set()
        self._range_from: int | None = None
        self._seen_new = 0
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._doubted: set[int] = set()

    def query(self) -> tuple[str, str]:
        """The filter and the sort that the studio is asked for."""
        parts = [f"({self.filter})"] if self.filter.strip() else []
        parts += ["trashed"] if self.shows_trash else []
        parts += ["not rejected"] if self.hides_rejected else []
        return " and ".join(parts), f"-revision,{self.sort}" if self.grouped else self.sort

    # --- what is in it -----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Takes in the list."""
        return self.list.takes

    @property
    def unseen(self) -> int:
        """New takes, below what is in sight, that never were in sight."""
        return self.list.new - self._seen_new

    def order(self, numbers: Sequence[int], dividers: Mapping[int, Divider] | None = None) -> None:
        """Has these takes in this order, the new ones among them, with ``dividers`` above the takes that they name.

        The cursor stays on its take, or goes to the next one that is still there.
        """
        with self._held():
            self.list.order(numbers, dividers or {})
        self.digits = len(str(max(numbers, default=0)))
        if self.selected:
            self.selected.intersection_update(numbers)

    def arrive(self, numbers: Iterable[int]) -> None:
        """Puts takes that are not there at the end; those that left go back to where they were."""
        if numbers := list(numbers):
            with self._held():
                self.list.arrive(numbers)
            self.digits = max(self.digits, len(str(max(numbers))))

    def leave(self, numbers: Iterable[int]) -> None:
        """Takes takes out of the list; the cursor goes to the one behind."""
        if numbers := set(numbers):
            with self._held():
                self.list.leave(numbers)
            self.selected -= numbers

    # --- rows --------------------------------------------------------------------------------------------------------

    def row(self, number: int) -> Row | None:
        """The row of a take, if it is known."""
        return self._rows.get(number)

    def keep(self, rows: Iterable[Row]) -> None:
        """Notes rows as they are now. What is hidden, or in the trash, goes out of sight by that, and comes back."""
        going, coming = [], []
        for row in rows:
            self._rows[row.number] = row
            self._doubted.discard(row.number)
            self._rows.move_to_end(row.number)
            if self._is_out(row):
                going.append(row.number)
            elif self.list.has_left(row.number):
                coming.append(row.number)
        while len(self._rows) > MOST_ROWS:
            self._rows.popitem(last=False)
        self.leave(going)
        self.arrive(coming)

    def doubt(self, numbers: Iterable[int] | None = None) -> None:
        """These rows, or all, may be old: they are shown, and wanted again."""
        self._doubted.update(self._rows if numbers is None else numbers)

    def wanted(self, most: int = 200) -> list[int]:
        """Takes without a good row that are in sight, or a screen away from it; those in sight first."""
        end, lines = self.top + self.height, self.list.lines
        near = [
            *lines[self.top : end],
            *lines[end : end + self.height],
            *lines[max(self.top - self.height, 0) : self.top],
        ]
        return [number for number in near if number > 0 and (number not in self._rows or number in self._doubted)][
            :most
        ]

    def is_tie(self, line: int) -> bool:
        """Whether the take on a line may be as good as the one above, where takes are sorted by their score."""
        if not self.sort.lstrip("-").startswith("score") or not 1 <= line < self.list.first_new:
            return False
        row, above = (self._rows.get(self.list.lines[each]) for each in (line, line - 1))
        return row is not None and above is not None and is_tie(row, above)

    # --- moving ------------------------------------------------------------------------------------------------------

    def resize(self, height: int) -> None:
        """So many lines are in sight."""
        self.height = max(height, 1)
        self._follow()

    def move(self, by: int) -> None:
        """Moves the cursor by so many takes, as far as there are some; dividers are passed over."""
        step = 1 if by > 0 else -1
        at, left, lines = self.at, abs(by), self.list.lines
        while left and 0 <= at + step < len(lines):
            at += step
            left -= lines[at] > 0
        self._settle(at, -step)
        self._follow()

    def move_to(self, line: int) -> None:
        """Moves the cursor to a line, or to the take below where that is a divider; to the end where there is none."""
        self._settle(line, 1)
        self._follow()

    def page(self, by: float) -> None:
        """Moves by so many screens, the window with the cursor."""
        lines = int(self.height * abs(by)) or 1
        self._settle(self.at + (lines if by > 0 else -lines), 1 if by > 0 else -1)
        self.scroll(lines if by > 0 else -lines)
        self._follow()

    def scroll(self, by: int) -> None:
        """Moves the window alone, as a wheel does."""
        self.top = max(0, min(self.top + by, len(self.list) - self.height))
        self._look()

    def go_to(self, number: int) -> bool:
        """Goes to a take; False where it is not in the list."""
        try:
            self.move_to(self.list.lines.index(number))
        except ValueError:
            return False
        return True

    def go_to_new(self) -> bool:
        """Goes to the first new take that never was in sight, or to the first of all that are not sorted in."""
        if not self.list.new:
            return False
        self.move_to(self.list.first_new + (self._seen_new if self.unseen else 0))
        return True

    def seek(self, among: Container[int], by: int) -> bool:
        """Goes to the next take of ``among``, ``by`` 1 or -1, and around the end; False where there is none."""
        lines = self.list.lines
        for distance in range(1, len(lines) + 1):
            line = (self.at + by * distance) % len(lines)
            if lines[line] > 0 and lines[line] in among:
                self.move_to(line)
                return True
        return False

    # --- selecting ---------------------------------------------------------------------------------------------------

    def chosen(self) -> list[int]:
        """The takes that an action is about: those selected, in their order, else the one under the cursor."""
        if self.selected:
            return [number for number in self.list.lines if number in self.selected]
        return [] if self.cursor is None else [self.cursor]

    def toggle(self) -> None:
        """Selects the take under the cursor, or takes it out of the selection; a range begins here."""
        if self.cursor is not None:
            self.selected ^= {self.cursor}
            self._range_from = self.cursor

    def begin_range(self) -> None:
        """A range begins at the cursor, unless one has begun at a take that is still there."""
        if self._range_from not in self.list.lines:
            self._range_from = self.cursor

    def select_to_here(self) -> None:
        """Selects every take from the one where the range began to the cursor."""
        self.begin_range()
        if self._range_from is None:
            return
        first, last = sorted((self.list.lines.index(self._range_from), self.at))
        self.selected.update(number for number in self.list.lines[first : last + 1] if number > 0)

    def select_all(self) -> None:
        """Selects every take in the list."""
        self.selected.update(number for number in self.list.lines if number > 0)

    def clear(self) -> None:
        """Selects nothing."""
        self.selected.clear()
        self._range_from = None

    # --- inside ------------------------------------------------------------------------------------------------------

    def _is_out(self, row: Row) -> bool:
        if "trashed" not in self.filter and row.trashed != self.shows_trash:
            return True
        return self.hides_rejected and "rejected" in row.marks

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Around a change: the row under the cursor, or the first in sight if that is not, stays on its line."""
        before, in_sight = list(self.list.lines), self.top <= self.at < self.top + self.height
        held = self.at if in_sight else self.top
        offset = held - self.top
        yield
        after = self.list.lines
        at = _now(before, self.at, after)
        self._settle(at, 1)
        now = self.at if in_sight else _now(before, held, after)
        self.top = max(0, min(now - offset, len(after) - self.height))
        if in_sight:
            self._follow()
        self._look()

    def _settle(self, line: int, search: int) -> None:
        """Puts the cursor on a line, or on the nearest take in the direction of ``search``, else in the other one."""
        lines = self.list.lines
        line = max(0, min(line, len(lines) - 1))
        for step in (search, -search):
            at = line
            while 0 <= at < len(lines):
                if lines[at] > 0:
                    self.at, self.cursor = at, lines[at]
                    return
                at += step
        self.at, self.cursor = 0, None

    def _follow(self) -> None:
        """Moves the window as little as is needed to have the cursor in it."""
        top = min(max(self.top, self.at - self.height + 1), self.at, max(len(self.list) - self.height, 0))
        if top == 1 and 1 <= self.at < self.height and self.list.lines[0] <= 0:
            top = 0  # with the divider above the first take
        self.top = top
        self._look()

    def _look(self) -> None:
        """Notes which of the new takes are in sight."""
        in_sight = self.top + self.height - self.list.first_new
        self._seen_new = min(max(self._seen_new, in_sight), self.list.new)


def _now(before: Sequence[int], line: int, after: Sequence[int]) -> int:
    """Where the take is that was on ``line``, or the next one behind it, else before it, that is still there."""
    for each in before[line : line + 8]:
        near = (max(line - 64, 0), line + 64) if each != before[line] else ()
        if each > 0:
            with suppress(ValueError):
                return after.index(each, *near)
    there = {number for number in after if number > 0}
    for each in (*before[line:], *before[:line][::-1]):
        if each in there:
            return after.index(each)
    return 0
