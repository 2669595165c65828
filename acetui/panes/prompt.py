"""The line at the bottom in which something is asked: an answer is typed, Enter gives it and Esc gives none."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Label

Completing = Callable[[str], str | None]
"""What a text may go on as: all of it and what is offered behind it, or None."""


class _Suggester(Suggester):
    """Offers what a function says, in the field itself."""

    def __init__(self, offer: Completing) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.offer = offer

    async def get_suggestion(self, value: str) -> str | None:
        """What ``value`` may go on as."""
        return self.offer(value)


class Line(Input):
    """A text field without a blinking cursor, whose size no key changes."""

    def on_mount(self) -> None:
        """Idle, it writes nothing to the line."""
        self.cursor_blink = False


class Prompt(Horizontal):
    """A question and a field. Hidden while nothing is asked."""

    SCOPE = "question"

    class Answered(Message):
        """What was typed, or None where nothing is answered."""

        def __init__(self, answer: str | None) -> None:
            super().__init__()
            self.answer = answer

    class Typing(Message):
        """What is typed so far."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(id="prompt")
        self.question = Label("", id="prompt-question")
        self.line = Line(id="prompt-line", compact=True, select_on_focus=False)

    def compose(self) -> ComposeResult:
        """The question, then the field."""
        yield self.question
        yield self.line

    def ask(self, question: str, initial: str = "", complete: Completing | None = None) -> None:
        """Opens with a question, and with an answer to begin with; ``complete`` offers how what is typed may go on."""
        self.line.suggester = _Suggester(complete) if complete is not None else None
        self.question.update(f"{question} ")
        self.line.value = initial
        self.line.cursor_position = len(initial)
        self.add_class("-open")
        self.screen.set_focus(self.line)

    def complete(self) -> None:
        """Takes what is offered, up to the end of the word or sign."""
        if isinstance(self.line.suggester, _Suggester) and (offered := self.line.suggester.offer(self.line.value)):
            self.line.value = offered
            self.line.cursor_position = len(offered)

    def close(self) -> None:
        """Shuts."""
        self.remove_class("-open")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Answered(event.value))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.has_class("-open"):
            self.post_message(self.Typing(event.value))
