"""Widgets that are drawn the same with and without the keys: the heading of their pane shows who has them.

The toolkit paints a widget anew whenever the focus comes or goes, for a tint that these do not have. On a slow line a
list of takes would cost three thousand bytes each time.
"""

from __future__ import annotations

from textual import events
from textual.widget import Widget


class Still(Widget):
    """To be named before the toolkit's class that has the focus."""

    def on_focus(self, event: events.Focus) -> None:
        """The keys come here; nothing is drawn anew."""
        event.prevent_default()
        self.set_reactive(Widget.has_focus, True)
        if isinstance(self.parent, Widget):
            self.parent.post_message(events.DescendantFocus(self))

    def on_blur(self, event: events.Blur) -> None:
        """The keys go elsewhere."""
        event.prevent_default()
        self.set_reactive(Widget.has_focus, False)
        if isinstance(self.parent, Widget):
            self.parent.post_message(events.DescendantBlur(self))
