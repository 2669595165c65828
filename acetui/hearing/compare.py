"""Which takes are compared, and under which digit each is heard; blind, nobody is told which is which."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import EngineError

MOST = 9
"""As many as there are digits."""


@dataclass(frozen=True)
class Choice:
    """What came of a comparison."""

    number: int
    """The take that was chosen."""

    digit: int
    """The digit under which it was heard."""

    others: tuple[int, ...]
    """The takes that were not, in the order of their digits."""

    blind: bool

    def words(self) -> str:
        """``2 was take 41, better than 38 and 45.``"""
        *most, last = map(str, self.others)
        others = f"{', '.join(most)} and {last}" if most else last
        return f"{self.digit} was take {self.number}, better than {others}."


class Comparison:
    """Up to nine takes by digit. ``shuffle`` mixes them where it is blind."""

    def __init__(self, shuffle: Callable[[list[int]], None] = random.shuffle) -> None:
        self.numbers: list[int] = []
        """The takes, that of the digit 1 first."""

        self.blind = False
        self._marked: list[int] = []
        self._shuffle = shuffle

    def toggle(self, number: int) -> bool:
        """Takes a take in, or lets it go; returns whether it is in. Raises EngineError where that cannot be."""
        if self.blind:
            raise EngineError("A blind comparison is on.", "Choose one, or end it: then takes can be marked again.")
        if number in self.numbers:
            self.numbers.remove(number)
            return False
        if len(self.numbers) == MOST:
            raise EngineError(f"{MOST} takes are compared at most.", "Let one of them go.")
        self.numbers.append(number)
        return True

    def at(self, digit: int) -> int:
        """The take under a digit. Raises EngineError where there is none."""
        if 1 <= digit <= len(self.numbers):
            return self.numbers[digit - 1]
        if not self.numbers:
            raise EngineError("No takes are marked for comparing.", "'b' marks the one under the cursor.")
        raise EngineError(f"There is no {digit} among the takes that are compared.", f"There are {len(self.numbers)}.")

    def digit_of(self, number: int | None) -> int | None:
        """The digit of a take, if it is compared."""
        return None if number not in self.numbers else self.numbers.index(number) + 1

    def alias(self, number: int) -> str:
        """What a take is called while nobody shall know which it is: ``2 of 3``; empty where everybody may."""
        digit = self.digit_of(number) if self.blind else None
        return "" if digit is None else f"{digit} of {len(self.numbers)}"

    def begin_blind(self) -> None:
        """Gives every take another digit, and tells nobody. Raises EngineError for less than two takes."""
        if len(self.numbers) < 2:
            raise EngineError("A comparison needs two takes at least.", "'b' marks the one under the cursor.")
        self._marked = list(self.numbers)
        self._shuffle(self.numbers)
        self.blind = True

    def end_blind(self) -> tuple[int, ...]:
        """Ends it without a choice; returns the takes in the order in which they were heard."""
        heard = tuple(self.numbers)
        self.numbers, self.blind = list(self._marked), False
        return heard

    def choose(self, number: int | None) -> Choice:
        """The take that is the best of them. Raises EngineError where it is none of them."""
        digit = self.digit_of(number)
        if len(self.numbers) < 2 or digit is None or number is None:
            raise EngineError("None of the takes that are compared is heard.", "A digit plays one of them.")
        others = tuple(each for each in self.numbers if each != number)
        choice = Choice(number, digit, others, self.blind)
        if self.blind:
            self.end_blind()
        return choice

    def words(self) -> str:
        """``1 take 41, 2 take 38``"""
        return ", ".join(f"{digit} take {number}" for digit, number in enumerate(self.numbers, 1))
