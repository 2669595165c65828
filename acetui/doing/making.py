"""What is made from takes. The takes come as any other: below the list, each with where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acetui.doing import Handler

if TYPE_CHECKING:
    from acetui.app import StudioApp


def _making(operation: str, what: str) -> Handler:
    """A handler that has something made from every take that is chosen."""

    async def handle(app: StudioApp) -> None:
        numbers = app.book.chosen()
        if not numbers:
            app.say("There is no take here.")
            return
        for number in numbers:
            await app.link.client.operate(number, operation)
        named = f"take {numbers[0]}" if len(numbers) == 1 else f"each of {len(numbers)} takes"
        app.say(f"{what} of {named} is rendered before the loop goes on.")

    return handle


HANDLERS: Mapping[str, Handler] = {
    "sibling": _making("sibling", "A sibling"),
    "finish": _making("finish", "The best version"),
    "repaint": _making("repaint", "A new part"),
    "cover": _making("cover", "A cover"),
    "extend": _making("extend", "A longer version"),
}
