"""What can be done while something is made from a take: rows of the table of actions, in the order of its fields."""

from __future__ import annotations

from acetui.keyboard.take_actions import Fields


def _in(scope: str, *rows: tuple[str, str, str, tuple[str, ...], int]) -> tuple[Fields, ...]:
    """Rows of one place."""
    return tuple((f"remake-{id}", title, help, keys, scope, "making", bar) for id, title, help, keys, bar in rows)


_SCREEN = _in(
    "remake",
    ("render", "render", "Render candidates of what is set.", ("r", "ctrl+g"), 1),
    ("hear", "hear", "Hear it again and again, or stop.", ("space",), 2),
    ("itself", "the take", "Hear the take itself, at the same second.", ("o",), 3),
    *(
        (f"{digit}", f"hear {digit}", f"Hear candidate {digit}, at the same second.", (f"{digit}",), 0)
        for digit in range(1, 10)
    ),
    ("keep", "keep", "Keep the candidate that was heard last: it is pinned.", ("p",), 4),
    ("reject", "reject", "Reject the candidate that was heard last.", ("x",), 5),
    ("down", "down", "The next row.", ("j", "down", "tab"), 0),
    ("up", "up", "The row before.", ("k", "up", "shift+tab"), 0),
    ("more", "more", "The next value; of a place, a beat later.", ("l", "right"), 0),
    ("less", "less", "The value before; of a place, a beat earlier.", ("h", "left"), 0),
    ("far-more", "far more", "A second later, or a large step up.", ("L", "shift+right"), 0),
    ("far-less", "far less", "A second earlier, or a large step down.", ("H", "shift+left"), 0),
    ("bit-more", "a bit more", "A frame later, or a small step up.", (">",), 0),
    ("bit-less", "a bit less", "A frame earlier, or a small step down.", ("<",), 0),
    ("line-more", "line on", "The place goes to the next line of the lyrics.", (")",), 0),
    ("line-less", "line back", "The place goes to the line of the lyrics before.", ("(",), 0),
    ("start", "from here", "The part begins where one is listening.", ("[",), 0),
    ("end", "to here", "The part ends where one is listening.", ("]",), 0),
    ("type", "type", "Type the value of the row.", ("enter",), 0),
    ("unset", "unset", "The row as it is in the take.", ("backspace", "delete"), 0),
    ("close", "close", "Close; what was rendered stays among the takes.", ("escape", "q"), 6),
)
_LINE = _in(
    "remake-line",
    ("next", "next", "Keep what is typed, and go on below.", ("down", "tab"), 1),
    ("previous", "before", "Keep what is typed, and go on above.", ("up", "shift+tab"), 0),
    ("send", "render", "Keep what is typed, and render candidates.", ("ctrl+g",), 2),
    ("cancel", "cancel", "Drop what is typed.", ("escape",), 3),
)

REMAKE_ACTIONS: tuple[Fields, ...] = (*_SCREEN, *_LINE)
"""The rows."""
