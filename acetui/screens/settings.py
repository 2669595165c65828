"""The settings: each with its value, where that came from and what it does; turned with a key, seen at once."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import on
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from acetui.looks import themes
from acetui.looks.setting_rows import SettingRow, rows, shown_value
from acetui.looks.signs import BRAILLE, UNICODE, Looks
from acetui.looks.terminal_settings import AUTO
from acetui.panes.heading import Heading
from acetui.panes.prompt import Line
from acetui.screens.keyed import KeyedScreen
from engine.errors import EngineError

_SAMPLES = (
    ("score-high", ".91"), ("score-mid", ".78"), ("score-low", ".42"), ("pinned", "pinned"), ("liked", "liked"),
    ("rejected", "rejected"), ("tag", "[Chorus]"), ("backing", "(ooh)"), ("syllable-good", "8"),
    ("syllable-long", "14"), ("new-mark", "3 new"), ("sketch", "sketch model"),
)  # fmt: skip
"""What a theme is judged by, with the word that is shown in each colour."""

_KEYS = ("l and h change it, enter keeps a theme, esc closes", "enter keeps a theme, esc closes")
_NAME_CELLS, _VALUE_CELLS = 16, 22


class SettingRows(Widget, can_focus=True):
    """A line a setting, the words about the one that is chosen, and a sample of the colours."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"settings--{part}" for part in ("name", "value", "quiet", "chosen", "trouble", "wave", "wave-played")),
        *(f"settings--{sample}" for sample, _ in _SAMPLES),
    }

    DEFAULT_CSS = "\n".join(
        [
            "SettingRows { height: 1fr; }",
            "SettingRows > .settings--chosen { color: $cursor-text; background: $cursor; text-style: $cursor-style; }",
            "SettingRows > .settings--value { color: $primary; }",
            "SettingRows > .settings--quiet { color: $quiet; }",
            "SettingRows > .settings--trouble { color: $error; }",
            *(
                f"SettingRows > .settings--{name} {{ color: ${name}; }}"
                for name in ("wave", "wave-played", *(sample for sample, _ in _SAMPLES))
            ),
        ]
    )

    def __init__(self) -> None:
        super().__init__(id="settings-rows")
        self.looks = Looks(UNICODE, BRAILLE)
        self.rows: list[SettingRow] = []
        self.chosen = 0
        self.trouble = ""

    def render_line(self, y: int) -> Strip:
        """A setting, or what stands below them."""
        width = self.size.width
        if y < len(self.rows):
            return Strip(self._row(y)).adjust_cell_length(width, self.rich_style)
        below = self._below()
        at = y - len(self.rows) - 1
        segments = below[at] if 0 <= at < len(below) else []
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _row(self, at: int) -> list[Segment]:
        row = self.rows[at]
        name, value = f"  {row.title:<{_NAME_CELLS}}", f"{shown_value(row.value):<{_VALUE_CELLS}}"
        origin = "" if row.origin == "default" else row.origin
        if at == self.chosen:
            words = f"{name}{value}{origin}"
            return [Segment(words.ljust(self.size.width), self._style("chosen"))]
        return [
            Segment(name, self.rich_style),
            Segment(value, self._style("value")),
            Segment(origin, self._style("quiet")),
        ]

    def _below(self) -> list[list[Segment]]:
        """What the chosen setting does, what is wrong, and words in the colours of the theme."""
        row = self.rows[self.chosen]
        found = [[Segment(f"  {row.help}", self.rich_style)]]
        if row.origin.startswith(("--", "ACETUI_")):
            words = f"  {row.origin} counts for this run; what is chosen here counts when it is not given."
            found.append([Segment(words, self._style("quiet"))])
        found.append([Segment(f"  {self.trouble}", self._style("trouble"))])
        samples = [(f"  {word}", self._style(name)) for name, word in _SAMPLES]
        half = len(samples) // 2
        found += [[Segment(*sample) for sample in part] for part in (samples[:half], samples[half:])]
        full = "#" if self.looks.ascii else "▆"
        wave = [Segment("  " + full * 12, self._style("wave-played")), Segment(full * 20, self._style("wave"))]
        return [*found, [], wave]

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"settings--{part}")


class SettingsScreen(KeyedScreen):
    """All settings of the terminal."""

    SCOPE = "settings"

    def __init__(self) -> None:
        super().__init__()
        self._heading = Heading("settings")
        self._rows = SettingRows()
        self._line = Line(id="settings-line", compact=True, select_on_focus=False)
        self._themes = themes.names()
        self._worn = ""

    def compose(self) -> ComposeResult:
        """The rows, and a field for what is typed."""
        yield self._heading
        yield self._rows
        yield self._line

    def on_mount(self) -> None:
        """All settings as they are."""
        self._line.display = False
        self._heading.show(active=True, note=_KEYS)
        self.studio.dressing.dress(self)
        self._worn = self.studio.dressing.settings.theme
        self._show()
        self.set_focus(self._rows)

    @property
    def row(self) -> SettingRow:
        """The one that is chosen."""
        return self._rows.rows[self._rows.chosen]

    def move(self, by: int) -> None:
        """Chooses another setting; a theme that was only tried on is taken off."""
        self._take_off()
        self._rows.chosen = (self._rows.chosen + by) % len(self._rows.rows)
        self._show()

    def turn(self, by: int) -> None:
        """The next value of the setting, or the one before. A theme is only tried on until it is kept."""
        row = self.row
        if not row.choices:
            self._ask(row)
            return
        value = row.turned(by)
        if row.name == "theme":
            self._try_on(value)
        else:
            self._set(row.name, value)

    def keep(self) -> None:
        """Keeps the theme that is tried on; of another setting, the next value."""
        if self.row.name != "theme":
            self.turn(1)
        elif self._set("theme", self.row.value):
            self._worn = self.row.value

    def leave(self) -> None:
        """Closes, and takes off a theme that was not kept; while something is typed, only that is closed."""
        if self._line.display:
            self._close_line()
            return
        self.makes_room()

    def makes_room(self) -> bool:
        """Goes, with the theme that was not kept."""
        self._take_off()
        return super().makes_room()

    def _try_on(self, name: str) -> None:
        self._rows.trouble = ""
        try:
            theme = themes.choose(name)[0] if name == AUTO else themes.find(name)
        except EngineError as error:
            self._rows.trouble = str(error)
        else:
            self.studio.dressing.preview(theme)
            self._rows.trouble = " ".join(theme.weak()[:1])
        self._show(theme=name)

    def _take_off(self) -> None:
        if self.row.name == "theme" and self.row.value != self._worn:
            self.studio.dressing.preview(themes.choose(self._worn)[0])

    def _set(self, name: str, value: Any) -> bool:
        self._rows.trouble = ""
        try:
            self.studio.dressing.choose(name, value)
        except EngineError as error:
            self._rows.trouble = str(error)
        self._rows.looks = self.studio.looks
        self._show()
        return not self._rows.trouble

    def _ask(self, row: SettingRow) -> None:
        self._line.display = True
        self._line.value = "" if row.value is None else str(row.value)
        self._line.placeholder = f"{row.title}; nothing for the environment's"
        self.set_focus(self._line)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._set(self.row.name, event.value or None)
        self._close_line()

    def _close_line(self) -> None:
        self._line.display = False
        self.set_focus(self._rows)

    def _show(self, *, theme: str | None = None) -> None:
        """Reads the settings anew; ``theme`` is one that is tried on."""
        dressing = self.studio.dressing
        found = rows(dressing.settings, dressing.origins, self._themes)
        if theme is not None:
            found[0] = SettingRow("theme", theme, found[0].choices, found[0].origin, found[0].help)
        self._rows.rows = found
        self._rows.refresh()
