"""The caption: what the music is."""

from __future__ import annotations

from acetui.panes.text_editor import TextEditor
from acetui.panes.words import WordsPane


class CaptionPane(WordsPane):
    """The caption's editor under its heading."""

    SCOPE = "caption"

    def __init__(self) -> None:
        super().__init__("caption", TextEditor("What should it sound like? Style, instruments, mood, voice."))
