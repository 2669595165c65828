"""A text field that paints little: after a key only the cells that differ, and nothing at all while nobody types."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import TextArea

from acetui.panes.at_once import AtOnce
from acetui.panes.differing import region_of


class TextEditor(AtOnce, TextArea):
    """A text of several lines, without a blinking cursor, that wraps, and leaves Tab to the panes."""

    DEFAULT_CSS = """
    TextEditor .text-editor--tag { color: $accent; text-style: bold; }
    TextEditor .text-editor--modifier { color: $accent; text-style: italic; }
    TextEditor .text-editor--backing { color: $quiet; }
    TextEditor .text-editor--loud { text-style: bold; }
    TextEditor .text-editor--open { color: $warning; }
    TextEditor .text-editor--good, TextEditor .text-editor--short { color: $quiet; }
    TextEditor .text-editor--long { color: $warning; }
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"text-editor--{part}" for part in ("tag", "modifier", "backing", "loud", "open", "good", "short", "long")
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+home", "text_start", show=False),
        Binding("ctrl+end", "text_end", show=False),
    ]

    MARGIN = 0
    """Cells at the right edge that the text leaves free."""

    def __init__(self, placeholder: str) -> None:
        self._painted: dict[int, Strip] = {}
        self._comparing = False
        super().__init__(
            soft_wrap=True,
            tab_behavior="focus",
            compact=True,
            highlight_cursor_line=False,
            placeholder=Content(placeholder),
            max_checkpoints=200,
        )
        self.cursor_blink = False
        self.match_cursor_bracket = False

    @property
    def wrap_width(self) -> int:
        """The width at which lines are broken."""
        return max(0, super().wrap_width - self.MARGIN)

    # --- the text ----------------------------------------------------------------------------------------------------

    def put(self, text: str) -> None:
        """Holds another text. It can be undone; the cursor stays where it is as far as there is text."""
        if text == self.text:
            return
        row, column = self.cursor_location
        if self.text:
            self.replace(text, (0, 0), self.document.end)
        else:
            self.load_text(text)
        row = min(row, self.document.line_count - 1)
        self.move_cursor((row, min(column, len(self.document[row]))))

    @property
    def lines(self) -> list[str]:
        """The lines, as the cursor counts them."""
        return list(self.document.lines)

    def action_text_start(self) -> None:
        """The cursor goes to the first sign of all."""
        self.move_cursor((0, 0))

    def action_text_end(self) -> None:
        """The cursor goes behind the last sign of all."""
        self.move_cursor(self.document.end)

    # --- painting ----------------------------------------------------------------------------------------------------

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> TextEditor:
        """Every key asks for all of it to be painted; what is painted is what differs, once the key is dealt with."""
        if layout or recompose or not repaint or not self._painted:
            super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        elif not self._comparing:
            self._comparing = True
            self.call_next(self._paint_what_differs)
        return self

    def _paint_what_differs(self) -> None:
        self._comparing = False
        if self._theme:
            self._theme.apply_css(self)
        found = (region_of(self._painted.get(y), self._line(y), y) for y in range(self.size.height))
        regions = [region for region in found if region is not None]
        if regions:
            super().refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """One line as it is painted."""
        strip = self._painted[y] = self._line(y)
        return strip

    def _line(self, y: int) -> Strip:
        strip = super().render_line(y)
        note, style = self.margin_note(y)
        if not self.MARGIN or not note:
            return strip
        kept = strip.crop(0, max(0, self.size.width - self.MARGIN)).adjust_cell_length(self.size.width - self.MARGIN)
        return Strip([*kept, Segment(note.rjust(self.MARGIN), style)], self.size.width)

    def get_line(self, line_index: int) -> Text:
        """A line with its tags, backing vocals and loud words told apart."""
        from acetui.lyrics.lyric_text import spans

        text = super().get_line(line_index)
        for span in spans(text.plain):
            text.stylize(self.style_of(span.kind), span.start, span.end)
        return text

    def margin_note(self, y: int) -> tuple[str, Style]:
        """What stands at the right edge of a line on the screen, if anything."""
        return "", Style.null()

    def style_of(self, part: str) -> Style:
        """How a part of the text is painted."""
        return self.get_component_rich_style(f"text-editor--{part}", partial=True)

    def _watch_has_focus(self, focus: bool) -> None:
        super()._watch_has_focus(focus)
        self._line_cache.clear()  # it does not know of the cursor that comes and goes
        self.refresh()
