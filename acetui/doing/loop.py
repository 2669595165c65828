"""The loop: on and off, what it makes next, when it ends, and going on where it waits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from acetui.doing import Handler
from acetui.recipe.loop_limits import read_limits, written_limits
from engine.errors import EngineError
from sessions.tables import LoopSettings

if TYPE_CHECKING:
    from acetui.app import StudioApp

POLICIES = {
    "mix": "new ideas, and siblings of pinned takes between them",
    "explore": "new ideas alone",
    "siblings": "siblings of pinned takes alone",
}
"""What the loop makes next, with the words for it."""


async def toggle(app: StudioApp) -> None:
    """On, or off after the batch."""
    if app.state.loop.on and app.state.loop.state != "stopping":
        await app.link.client.loop("off")
        app.say("The loop ends with this batch.")
    else:
        await app.link.client.loop("on")
        app.say("The loop is on.")


async def skip(app: StudioApp) -> None:
    """What is being made is dropped."""
    if _is_on(app):
        await app.link.client.loop("skip")


async def stop_after(app: StudioApp) -> None:
    """Off after the take that is being made."""
    if _is_on(app):
        await app.link.client.loop("stop-after")
        app.say("The loop ends with this take.")


async def stop_now(app: StudioApp) -> None:
    """Off at once; what is half made is dropped."""
    if _is_on(app):
        await app.link.client.loop("stop-now")
        app.say("The loop ends now; what is half made is dropped.")


async def next_policy(app: StudioApp) -> None:
    """What the loop makes next, in turn."""
    names = list(POLICIES)
    before = _settings(app).get("policy", LoopSettings().policy)
    policy = names[(names.index(before) + 1) % len(names)]
    await _change(app, policy=policy)
    app.say(f"The loop makes {POLICIES[policy]}.")


async def limit(app: StudioApp) -> None:
    """When the loop ends by itself."""
    answer = await app.ask_line(
        "End the loop after (50 takes, 30 min, score .9; nothing for never):", written_limits(_settings(app))
    )
    if answer is None:
        return
    limits = read_limits(answer)
    await _change(app, **limits)
    words = written_limits(limits)
    app.say(f"The loop ends after {words}." if words else "The loop has no end of its own.")


async def taste(app: StudioApp) -> None:
    """Leaves what was learnt of a person's taste out of the scores, or lets it count."""
    out = (app.state.settings.get("scores") or {}).get("taste") == 0
    await app.link.client.change_recipe(app.state.revision, scores={"taste": None if out else 0})
    app.say("Your taste counts in scores, once it is proven." if out else "Your taste is left out of scores.")


async def go_on(app: StudioApp) -> None:
    """Goes on where the loop waits for somebody: for ears, or for another attempt."""
    loop, client = app.state.loop, app.link.client
    if loop.state == "parked":
        await client.loop("stop-now")
        await client.loop("on")
        app.say("Another attempt.")
    elif loop.state == "paused" and "unheard" in loop.reason:
        step = LoopSettings().unheard_ceiling
        ceiling = int(loop.more.get("unheard") or loop.more.get("ceiling") or 0) + step
        await _change(app, unheard_ceiling=ceiling)
        app.say(f"The loop goes on until {ceiling} takes are unheard.")
    elif loop.state == "paused":
        raise EngineError(f"The loop waits: {loop.reason}.", "It goes on by itself once there is room.")
    elif not loop.on:
        await toggle(app)
    else:
        app.say("The loop is on, and waits for nothing.")


def _is_on(app: StudioApp) -> bool:
    if not app.state.loop.on:
        app.say("The loop is off.")
    return app.state.loop.on


def _settings(app: StudioApp) -> Mapping[str, Any]:
    table: Mapping[str, Any] = app.state.settings.get("loop") or {}
    return table


async def _change(app: StudioApp, **values: Any) -> None:
    """Changes the table [loop] of the session. Raises what the studio refuses."""
    await app.link.client.change_recipe(app.state.revision, loop=values)


HANDLERS: Mapping[str, Handler] = {
    "loop": toggle,
    "skip": skip,
    "stop-after": stop_after,
    "stop-now": stop_now,
    "policy": next_policy,
    "limit": limit,
    "taste": taste,
    "go-on": go_on,
}
