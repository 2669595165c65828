"""A screen that tells something of a take, line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult

from acetui.keyboard.keys import shown
from acetui.panes.heading import Heading
from acetui.panes.text_lines import TextLine, TextLines
from acetui.screens.keyed import KeyedScreen


class Telling(KeyedScreen):
    """Lines under a heading. ``lines`` makes them for a width, anew whenever that changes."""

    def __init__(self, heading: str, lines: Callable[[int], Sequence[TextLine]], *, at: int | None = None) -> None:
        super().__init__()
        self.rows = TextLines(chooses=at is not None)
        self._words = heading
        self._lines = lines
        self._at: int | None = at or 0

    def compose(self) -> ComposeResult:
        """The heading and the lines."""
        yield Heading(self._words)
        yield self.rows

    def on_mount(self) -> None:
        """The keys go to the lines."""
        self.rows.looks = self.studio.looks
        closes = [f"{shown(key)} closes" for key in self.studio.keymap.keys(f"{self.SCOPE}-close")[:1]]
        self.query_one(Heading).show(active=True, note="".join(closes))
        self.set_focus(self.rows)

    def on_resize(self) -> None:
        """The lines are broken where they now end."""
        self.rows.show(self._lines(self.size.width - 2), self._at if self._at is not None else self.rows.at)
        self._at = None


class Why(Telling):
    """Why a take scores as it does, and what was asked and sent."""

    SCOPE = "why"


class Lineage(Telling):
    """The family of a take; ``numbers`` are the takes of the lines."""

    SCOPE = "lineage"

    def __init__(self, heading: str, nodes: Sequence[tuple[int, str]], number: int) -> None:
        self.numbers = [each for each, _ in nodes]
        texts = [(text, "text") for _, text in nodes]
        at = self.numbers.index(number) if number in self.numbers else 0
        super().__init__(heading, lambda width: texts, at=at)

    @property
    def number(self) -> int:
        """The take under the cursor."""
        return self.numbers[self.rows.at]

    def on_text_lines_chosen(self) -> None:
        """A take was clicked twice."""
        self.studio.perform("lineage-go")
