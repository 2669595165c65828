"""What caption and lyrics have in common: an editor under its heading, and a line for what to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

from acetui.panes.heading import Heading
from acetui.panes.note_line import NoteLine
from acetui.panes.text_editor import TextEditor

if TYPE_CHECKING:
    from acetui.lyrics.lyric_checks import Finding


class WordsPane(Vertical):
    """One text of a recipe. It holds what is typed; others say what there is to say of it."""

    class Typed(Message):
        """The text is another one."""

    def __init__(self, name: str, editor: TextEditor) -> None:
        super().__init__(id=name, classes="pane")
        self.heading = Heading(name)
        self.editor = editor
        self.note = NoteLine()
        self.findings: Sequence[Finding] = ()
        self._name = name
        self._tokens = ""
        self._differs = False
        self._clashes = False

    def compose(self) -> ComposeResult:
        """Heading, text, and what to look at."""
        yield self.heading
        yield self.editor
        yield self.note

    @property
    def text(self) -> str:
        """What is typed."""
        return self.editor.text

    def put(self, text: str) -> None:
        """Holds another text; typing can take it back."""
        self.editor.put(text)

    def tell(self, *, differs: bool, clashes: bool) -> None:
        """Whether the text is not as it is applied, and whether somebody else has applied another one."""
        self._differs, self._clashes = differs, clashes
        self._retitle()

    def count(self, tokens: int | None, most: int) -> None:
        """How many tokens the text has for the model, which reads so many; None where nobody can count them."""
        self._tokens = "" if tokens is None else f"{tokens}/{most}"
        self._retitle()

    def check(self, findings: Sequence[Finding]) -> None:
        """What to look at in this text: the first of it is told."""
        self.findings = [each for each in findings if each.field == self._name]
        first = next(iter(self.findings), None)
        if first is None:
            self.note.say("")
        else:
            more = f"  (+{len(self.findings) - 1})" if len(self.findings) > 1 else ""
            self.note.say(f"{first.sentence} {first.hint}{more}", warning=first.weight == "warning")
        self._retitle()

    def next_finding(self) -> Finding | None:
        """Goes to the next thing to look at below the cursor, or to the first one again."""
        row = self.editor.cursor_location[0]
        below = (each for each in self.findings if each.line is not None and each.line > row)
        found = next(below, None) or next(iter(self.findings), None)
        if found is not None and found.line is not None:
            self.editor.move_cursor((found.line, 0))
        return found

    def take_focus(self) -> None:
        """The keys go here."""
        self.screen.set_focus(self.editor)

    def _retitle(self) -> None:
        glyphs = self.note.looks.glyphs
        state = "changed elsewhere too" if self._clashes else "not applied" if self._differs else ""
        told = [f"{glyphs.changed} {state}"] if state else []
        told += [f"{glyphs.trouble}{len(self.findings)}"] if self.findings else []
        told += [self._tokens] if self._tokens else []
        self.heading.show(note=f" {glyphs.dot} ".join(told))

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.post_message(self.Typed())
