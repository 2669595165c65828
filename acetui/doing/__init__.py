"""What actions do. One module a group of the table; each has ``HANDLERS``, from an action's id to what does it.

A module is imported when the first of its actions is used: the first picture needs none of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from acetui.keyboard.actions import BY_ID

if TYPE_CHECKING:
    from acetui.app import StudioApp

Handler = Callable[["StudioApp"], Awaitable[None] | None]
"""Does one thing; what it raises of the engine's family is told to the person."""


def handler(action_id: str) -> Handler:
    """The function behind an action."""
    handlers: Mapping[str, Handler] = import_module(f"acetui.doing.{BY_ID[action_id].group}").HANDLERS
    return handlers[action_id]
