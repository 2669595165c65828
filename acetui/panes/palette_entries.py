"""What the palette offers: every action that can be done from where one is, and then the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from acetui.keyboard.actions import ACTIONS, EVERYWHERE
from acetui.keyboard.keys import Keymap, shown
from acetui.panes.palette import Entry

HIDDEN = frozenset({"palette"})


def entries(keymap: Keymap, scopes: Sequence[str], perform: Callable[[str], None]) -> list[Entry]:
    """An entry for each action whose scope counts on this screen, the nearest scope first."""
    order = {scope: place for place, scope in enumerate((*scopes, EVERYWHERE))}
    offered = [action for action in ACTIONS if action.scope in order and action.id not in HIDDEN]
    return [
        Entry(
            action.id.replace("-", " "),
            action.help,
            shown(keymap.keys(action.id)[0]) if keymap.keys(action.id) else "",
            lambda action_id=action.id: perform(action_id),  # type: ignore[misc]
        )
        for action in sorted(offered, key=lambda action: order[action.scope])
    ]
