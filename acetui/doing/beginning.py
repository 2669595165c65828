"""Beginning: the welcome, a first take, and which session is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from acetui.doing import Handler
from acetui.studio_state import Connection
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.app import StudioApp
    from acetui.screens.models import ModelsScreen
    from acetui.screens.session_choice import SessionChoice

START_SECONDS = 30.0
"""How long a studio may take to start."""


def welcome(app: StudioApp) -> None:
    """What this machine can do."""
    from acetui.screens.welcome import Welcome

    app.push_screen(Welcome())


def close(app: StudioApp) -> None:
    """To what is behind it."""
    app.pop_screen()


def models(app: StudioApp) -> None:
    """The models here, and those that this machine has room for."""
    from acetui.screens.models import ModelsScreen

    app.push_screen(ModelsScreen())


def _models(app: StudioApp) -> ModelsScreen:
    """The screen of models, which is on top while its actions count."""
    from acetui.screens.models import ModelsScreen

    assert isinstance(app.screen, ModelsScreen)
    return app.screen


async def fetch_or_use(app: StudioApp) -> None:
    """The step that the screen offers: a download, or rendering with what has come; before it is read, nothing."""
    from acetui.model_words import first_step

    screen = _models(app)
    step = first_step(screen.told, app.state.fetch)
    if step == "fetch":
        screen.show_told(await app.link.client.fetch_models(screen.told["missing"]))
    elif step == "use":
        use = screen.told["use"]
        await app.link.client.change_recipe(app.state.revision, models=use)
        app.say(f"{use.get('dit') or 'What has come'} renders from the next batch on.")


async def stop_fetching(app: StudioApp) -> None:
    """What is on its way is stopped."""
    _models(app).show_told(await app.link.client.stop_fetching())


def fetching_ended(app: StudioApp, event: Mapping[str, Any]) -> None:
    """Models have come, or will not come: wherever one is then."""
    if event["state"] == "failed":
        app.complain(event["error"]["error"], event["error"].get("hint") or "")
    elif event["state"] == "done":
        keys = " ".join(app.keymap.keys("models")[:1])
        app.say(f"The models have come: {keys} has what is next." if keys else "The models have come.")


async def first_take(app: StudioApp) -> None:
    """A take at once: of the recipe if there is one, else of an example that the model here can do."""
    if len(app.screen_stack) > 1:
        app.pop_screen()
    if app.state.connection is not Connection.THERE:
        app.say("The studio is starting; the first take comes right after.")
        await _there(app)
    if not app.state.recipe.get("caption"):
        await _example(app)
    await app.link.client.render()
    app.say(f"The first take is asked for: {app.state.recipe.get('caption') or 'an example'}.")


async def _example(app: StudioApp) -> None:
    from acetui.recipe.examples import Dice

    told = await app.link.client.models()
    fields = Dice().roll(sketch=told["sketch"] or app.state.sketch)
    before = app.state.revision
    answer = await app.link.client.change_recipe(before, recipe=fields)
    await _until(lambda: app.state.revision >= answer["revision"] and bool(app.state.recipe))


async def _there(app: StudioApp) -> None:
    """Waits for the studio. Raises EngineError where it does not come."""
    if not await _until(lambda: app.state.connection is Connection.THERE):
        raise EngineError("The studio has not started.", app.state.trouble or "Its log says why: f9.")


async def _until(so: Callable[[], bool]) -> bool:
    """Waits until something is so, for as long as a studio may take; whether it is."""
    for _ in range(int(START_SECONDS / 0.05)):
        if so():
            return True
        await asyncio.sleep(0.05)
    return so()


def sessions(app: StudioApp) -> None:
    """Another session."""
    from acetui.screens.session_choice import SessionChoice

    if app.elsewhere is not None:
        hint = f"'q' leaves, and 'acetui connect {app.elsewhere.host} SESSION' opens one."
        raise EngineError(f"The sessions of {app.elsewhere.host} are not listed here.", hint)
    app.push_screen(SessionChoice())


def choice(app: StudioApp) -> SessionChoice:
    """The list of sessions, which is on top while its actions count."""
    from acetui.screens.session_choice import SessionChoice

    assert isinstance(app.screen, SessionChoice)
    return app.screen


HANDLERS: Mapping[str, Handler] = {
    "welcome": welcome,
    "first-take": first_take,
    "welcome-models": models,
    "welcome-close": close,
    "models": models,
    "models-go": fetch_or_use,
    "models-stop": stop_fetching,
    "models-close": close,
    "sessions": sessions,
    "sessions-down": lambda app: choice(app).move(1),
    "sessions-up": lambda app: choice(app).move(-1),
    "sessions-open": lambda app: choice(app).open_chosen(),
    "sessions-new": lambda app: choice(app).ask_name(),
    "sessions-close": lambda app: choice(app).leave(),
}
