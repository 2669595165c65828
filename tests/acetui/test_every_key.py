"""Every key of the table as it is shipped, pressed where it counts, on a real studio: what it means is done.

What each action is to do has tests of its own (``presses``); here it is that nobody finds a key that breaks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from textual import events
from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.keyboard.actions import ACTIONS, EVERYWHERE, STUDIO, TEXT, Action
from acetui.screens.remake import Remake
from tests.acetui.presses import by_key
from tests.acetui.real_desk import real_desk
from tests.acetui.told_studio import until
from tests.sessions.jamming import state

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

Arrange = Callable[[StudioApp, Pilot[str | None]], Awaitable[None]]


async def home(app: StudioApp, pilot: Pilot[str | None]) -> None:
    """The list of takes has the keys, and nothing lies over the desk."""
    while len(app.screen_stack) > 1:
        app.pop_screen()
        await pilot.pause()
    app.desk.dismiss_question()
    app.desk.remove_class("-zoomed")
    app.desk.go_to("takes")
    app.say("")


def pane(name: str) -> Arrange:
    async def arrange(app: StudioApp, pilot: Pilot[str | None]) -> None:
        app.desk.go_to(name)

    return arrange


def pressed(*keys: str) -> Arrange:
    async def arrange(app: StudioApp, pilot: Pilot[str | None]) -> None:
        await pilot.press(*keys)

    return arrange


async def log(app: StudioApp, pilot: Pilot[str | None]) -> None:
    app.desk.add_class("-log")
    await pilot.pause()
    app.desk.go_to("log")


def remake(*keys: str) -> Arrange:
    """To the screen of what is made from a take, whose take is asked for first."""

    async def arrange(app: StudioApp, pilot: Pilot[str | None]) -> None:
        await pane("takes")(app, pilot)
        await pilot.press(keys[0])
        await until(pilot, lambda: isinstance(app.screen, Remake))
        await pilot.press(*keys[1:])

    return arrange


WAYS: dict[str, Arrange] = {
    EVERYWHERE: pane("takes"),
    STUDIO: pane("takes"),
    TEXT: pane("caption"),
    "caption": pane("caption"),
    "lyrics": pane("lyrics"),
    "metadata": pane("metadata"),
    "field": pressed("f4", "enter"),
    "takes": pane("takes"),
    "log": log,
    "question": pressed("slash"),
    "help": pressed("f1"),
    "history": pressed("f7"),
    "lineage": pressed("T"),
    "why": pressed("i"),
    "spectrogram": pressed(";", "s"),
    "remake": remake("r"),
    "remake-line": remake("r", "enter"),
    "settings": pressed("f8"),
    "welcome": pressed("w", "w"),
    "models": pressed("w", "g"),
    "sessions": pressed("w", "s"),
}
"""How one gets to where keys count."""

SIGNS = {"space": " ", "enter": "\r", "tab": "\t"}
"""What keys with a name type."""


def scopes() -> list[str]:
    return sorted({action.scope for action in ACTIONS})


def elsewhere(action: Action) -> str:
    """A key that means this where the list of takes has no use for it, or its first one."""
    taken = {keys for each in ACTIONS if each.scope == "takes" for keys in each.keys}
    free = [keys for keys in action.keys if keys not in taken and not any(t.startswith(f"{keys} ") for t in taken)]
    return (free or list(action.keys))[0]


@pytest.mark.parametrize("scope", scopes())
async def test_every_key_does_what_it_means(scope: str, tmp_path: Path) -> None:
    broken: list[str] = []

    def complain(app: StudioApp, error: object, hint: str = "") -> None:
        broken.extend(word for word in [str(error)] if "unexpectedly" in word)

    with patch.object(StudioApp, "exit", lambda app, *_: None), patch.object(StudioApp, "complain", complain):
        async with real_desk(tmp_path, takes=2) as (app, pilot, _):
            for action in (each for each in ACTIONS if each.scope == scope):
                await home(app, pilot)
                await WAYS[scope](app, pilot)
                await pilot.pause()
                keys = elsewhere(action) if scope in (EVERYWHERE, STUDIO) else action.keys[0]
                with by_key() as done:
                    for key in keys.split():
                        await app.screen.takes_key(events.Key(key, SIGNS.get(key, key if len(key) == 1 else None)))
                    await pilot.pause()
                assert action.id in done, f"{keys} of {action.id} does nothing {scope}"
                assert broken == [], f"{keys} of {action.id}"
