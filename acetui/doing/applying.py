"""The recipe: what is typed becomes what is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acetui.doing import Handler

if TYPE_CHECKING:
    from acetui.app import StudioApp


ANSWER_SECONDS = 30.0
"""How long a studio may take to start and to answer before its person is told that it does not."""


async def apply(app: StudioApp) -> None:
    """Makes a revision of what is typed, if it differs, and renders it before the loop goes on.

    Who is faster than the studio has it counted as soon as that answers.
    """
    if not app.writing.there:
        app.say("That counts as soon as the studio answers.")
        if app.writing.waits:
            return
        await app.writing.wait(ANSWER_SECONDS)
    revision = await app.writing.apply()
    if revision is not None:
        app.say(f"Revision {revision['revision']} counts from the next batch.")
    if not app.state.loop.on:
        await app.link.client.render()


HANDLERS: Mapping[str, Handler] = {"apply": apply}
