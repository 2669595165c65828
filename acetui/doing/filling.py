"""The metadata: through the form with the keys, the tempo from taps, and locks against the planner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acetui.doing import Handler
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.app import StudioApp


def tap(app: StudioApp) -> None:
    """One tap of the tempo."""
    app.say(app.writing.tap())


def preset(app: StudioApp) -> None:
    """Chooses how it is rendered, in one word."""
    from acetui.recipe.fields_shown import PRESET

    app.desk.go_to("metadata")
    app.desk.metadata.find(PRESET)
    app.desk.metadata.edit()


def lock(app: StudioApp) -> None:
    """Holds an entry against the planner at what the planner chose last, or leaves it to the planner."""
    from acetui.recipe.fields_shown import decides, label, lock_changes

    row = app.desk.metadata.here
    recipe = app.writing.drafting.recipe()
    if row is None or not row.name or decides(row.name, recipe) is None:
        raise EngineError("The planner never touches this.", "Tempo, key, time, language and duration can be locked.")
    plan = (app.details.take or {}).get("plan") or {}
    changes = lock_changes(row.name, recipe, plan)
    if changes is None:
        raise EngineError("There is no value to lock it to.", "Type one, or choose a take with a plan in the list.")
    app.writing.put(changes)
    locked = changes[row.name] is not None
    app.say(f"{label(row.name)} is {'locked' if locked else 'for the planner to choose'}.")


HANDLERS: Mapping[str, Handler] = {
    "form-down": lambda app: app.desk.metadata.move(1),
    "form-up": lambda app: app.desk.metadata.move(-1),
    "form-first": lambda app: app.desk.metadata.move_to(end=False),
    "form-last": lambda app: app.desk.metadata.move_to(end=True),
    "form-more": lambda app: app.desk.metadata.step(1),
    "form-less": lambda app: app.desk.metadata.step(-1),
    "form-enter": lambda app: app.desk.metadata.enter(),
    "form-unset": lambda app: app.desk.metadata.unset(),
    "form-cancel": lambda app: app.desk.go_to("takes"),
    "field-next": lambda app: app.desk.metadata.move(1),
    "field-previous": lambda app: app.desk.metadata.move(-1),
    "field-cancel": lambda app: app.desk.metadata.cancel(),
    "tap-tempo": tap,
    "preset": preset,
    "lock": lock,
}
