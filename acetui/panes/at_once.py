"""Text fields whose own keys count in the order in which they were typed.

In the toolkit a key that writes is dealt with in the field, and one that moves or deletes wanders up to the screen
first: typed ahead, as over a slow line, ``End`` and a word came out as the word before the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.binding import Binding
from textual.widget import Widget

# The toolkit takes the style of a widget from its first base that is one: that is to be the text field.
if TYPE_CHECKING:
    _Mixin = Widget
else:
    _Mixin = object


class AtOnce(_Mixin):
    """To be named before the toolkit's text field."""

    _own_keys: dict[str, str] | None = None

    async def on_key(self, event: events.Key) -> None:
        """A key of the field's own is done before the next one is looked at."""
        if self._own_keys is None:
            self._own_keys = _actions(type(self))
        action = self._own_keys.get(event.key)
        if action is not None:
            event.stop()
            event.prevent_default()
            await self.run_action(action)


def _actions(kind: type[object]) -> dict[str, str]:
    """The keys of a field's class and of those it is made from, with their actions; the nearest class goes first."""
    found: dict[str, str] = {}
    for each in kind.__mro__:
        for binding in each.__dict__.get("BINDINGS", ()):
            made = binding if isinstance(binding, Binding) else Binding(*binding)
            for key in made.key.split(","):
                found.setdefault(key.strip(), made.action)
    return found
