"""What can be done with several takes by ear: rows of the table of actions, in the order of its fields."""

from __future__ import annotations

from acetui.keyboard.take_actions import Fields

_DIGITS = tuple(
    (
        f"hear-{digit}",
        f"hear {digit}",
        f"Go on with the compared take {digit}, at the same second and without a gap.",
        (str(digit),),
        "takes",
        "hearing",
        0,
    )
    for digit in range(1, 10)
)


def _anywhere(*rows: tuple[str, str, str, str]) -> tuple[Fields, ...]:
    """Rows that count outside texts."""
    return tuple((id, title, help, (keys,), "studio", "hearing", 0) for id, title, help, keys in rows)


HEARING_ACTIONS: tuple[Fields, ...] = (
    ("compare", "compare", "Compare the take with others: a digit then plays it.", ("b",), "takes", "hearing", 0),
    *_DIGITS,
    ("blind", "blind", "Compare without knowing which is which, or end that.", ("B",), "takes", "hearing", 0),
    ("choose", "choose", "What plays is the best of those compared: it is liked.", ("C",), "takes", "hearing", 0),
    *_anywhere(
        ("radio", "radio", "Play on and on: what nobody has heard, else what was kept; or end that.", "; r"),
        ("radio-order", "radio order", "The radio plays the newest first, or the best first.", "; o"),
        ("next-take", "next", "Play the next take, of the radio or of the list.", "; n"),
        ("like-playing", "like", "Like what plays.", "; l"),
        ("pin-playing", "pin", "Pin what plays.", "; p"),
        ("reject-playing", "reject", "Reject what plays, and play the next.", "; x"),
        ("page-address", "page", "Open the listen page, and copy its address.", "; a"),
        ("spectrogram", "spectrogram", "See what sounds when and how high in the take.", "; s"),
    ),
    ("spectrogram-close", "close", "Close the spectrogram.", ("escape", "q"), "spectrogram", "hearing", 1),
    ("export", "export", "Write the take into the session's exports.", ("E",), "takes", "hearing", 0),
)
"""The rows."""
