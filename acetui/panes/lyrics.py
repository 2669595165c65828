"""The lyrics, with their structure tags, and how many syllables each line is sung with."""

from __future__ import annotations

from rich.style import Style

from acetui.panes.text_editor import TextEditor
from acetui.panes.words import WordsPane

_MARGIN = 4


class LyricsEditor(TextEditor):
    """Lyrics: syllables stand at the right edge, and a tag that is begun is completed."""

    MARGIN = _MARGIN

    def __init__(self) -> None:
        super().__init__("[Verse] and what is sung, or [Instrumental].")
        self.language = "unknown"

    def sung_in(self, language: str) -> None:
        """The language whose syllables are counted."""
        if language != self.language:
            self.language = language
            self.refresh()

    def margin_note(self, y: int) -> tuple[str, Style]:
        """The syllables of a line, at its first row; coloured where they are more than are sung well."""
        from acetui.lyrics.syllables import judged, syllables

        rows = self.wrapped_document._offset_to_line_info
        at = y + self.scroll_offset.y
        if at >= len(rows) or not self.text:
            return "", Style.null()
        line, row = rows[at]
        count = syllables(self.document.get_line(line), self.language) if row == 0 else None
        if not count:
            return "", Style.null()
        return f"{count} ", self.get_component_rich_style(f"text-editor--{judged(count)}")

    def update_suggestion(self) -> None:
        """The rest of a tag that is being typed stands there pale; Tab takes it, and the right arrow."""
        from acetui.lyrics.tag_completion import completions

        row, column = self.cursor_location
        found = completions(self.lines, row, column) if "[" in self.document.get_line(row) else []
        self.suggestion = found[0] if found else ""

    def complete(self) -> bool:
        """Takes the rest of the tag that is offered; whether there was one."""
        offered = self.suggestion
        if offered:
            self.insert(offered)
        return bool(offered)

    def to_section(self, *, back: bool = False) -> None:
        """The cursor goes to the tag of the next section, or of this one and then the one before."""
        from acetui.lyrics.lyric_text import next_section, previous_section, sections

        row = self.cursor_location[0]
        parts = sections(self.lines)
        self.move_cursor((previous_section(parts, row) if back else next_section(parts, row), 0))


class LyricsPane(WordsPane):
    """The editor of the lyrics under its heading."""

    SCOPE = "lyrics"

    def __init__(self) -> None:
        self.lyrics = LyricsEditor()
        super().__init__("lyrics", self.lyrics)
