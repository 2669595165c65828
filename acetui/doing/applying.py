"""The recipe: what is typed becomes what is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acetui.doing import Handler

if TYPE_CHECKING:
    from acetui.app import StudioApp


async def apply(app: StudioApp) -> None:
    """Makes a revision of what is typed, if it differs, and renders it before the loop goes on."""
    revision = await app.writing.apply()
    if revision is not None:
        app.say(f"Revision {revision['revision']} counts from the next batch.")
    if not app.state.loop.on:
        await app.link.client.render()


HANDLERS: Mapping[str, Handler] = {"apply": apply}
