"""Asking about a take: why it scores so, where it comes from, whether it can be made again; and copying of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from acetui.doing import Handler
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.app import StudioApp


async def why(app: StudioApp) -> None:
    """Opens the reasons of the score, and what was asked and sent."""
    from acetui.browsing import why_text
    from acetui.screens.telling import Why

    take = await _take_here(app)
    revision = take.get("revision")
    settings: Mapping[str, Any] = {}
    if revision is not None:
        try:
            settings = (await app.link.client.revision(revision))["settings"]
        except EngineError:  # it is gone: what was sent is known all the same
            settings = {}
    asked, reasons = settings.get("recipe") or {}, await app.link.client.why(take["number"])
    heading = f"why take {take['number']} scores as it does"
    app.push_screen(Why(heading, lambda width: why_text.lines(take, asked, reasons, app.looks, width)))


async def lineage(app: StudioApp) -> None:
    """Opens the tree of takes that this one was made from, and that were made from it."""
    from acetui.browsing.lineage import family, tree
    from acetui.screens.telling import Lineage

    number = _number_here(app)
    found = await family(app.link.client, number)
    nodes = [(node.number, node.text) for node in tree(found, app.looks)]
    count = "1 take" if len(nodes) == 1 else f"{len(nodes)} takes"
    of = count if found.whole else f"the first {count}"
    app.push_screen(Lineage(f"where take {number} comes from, and what came of it: {of}", nodes, number))


async def lineage_go(app: StudioApp) -> None:
    """Closes the tree, and goes to the take in it."""
    from acetui.screens.telling import Lineage

    if isinstance(app.screen, Lineage):
        number = app.screen.number
        app.pop_screen()
        await go_to(app, number)


async def go_to(app: StudioApp, number: int) -> None:
    """Goes to a take, and takes the filter away if it is in the way."""
    if not app.book.go_to(number):
        app.book.filter, app.book.hides_rejected, app.book.shows_trash = "", False, False
        await app.feed.reordered()
        if not app.book.go_to(number):
            app.say(f"Take {number} is in the trash.")
    app.desk.takes.sync()


def scroll(app: StudioApp, *, lines: int = 0, pages: int = 0) -> None:
    """Moves the lines, or the cursor among them."""
    from acetui.screens.telling import Telling

    if isinstance(app.screen, Telling):
        app.screen.rows.move(lines + pages * app.screen.rows.page)


def close(app: StudioApp) -> None:
    """Back to the desk."""
    if len(app.screen_stack) > 1:
        app.pop_screen()


async def verify(app: StudioApp) -> None:
    """Has the takes that are chosen rendered again, and says whether the same samples came out."""
    numbers = app.book.chosen() or [_number_here(app)]
    same, reasons = 0, []
    for place, number in enumerate(numbers, 1):
        of = "" if len(numbers) == 1 else f" ({place} of {len(numbers)})"
        app.say(f"Take {number} is rendered again{of}; that takes as long as it took.")
        outcome = await app.link.client.operate(number, "verify")
        app.details.verified[number] = outcome["identical"]
        app.details.show()
        same += outcome["identical"] is True
        reasons.append(f"Take {number}: {outcome['reason']}")
    app.say(reasons[0] if len(numbers) == 1 else f"{same} of {len(numbers)} came out identical.")


async def copy_path(app: StudioApp) -> None:
    """Sends the path of the audio to the terminal's clipboard."""
    take = await _take_here(app)
    name = take["files"].get("audio")
    if name is None:
        raise EngineError(f"The audio of take {take['number']} is not there.", "'finish' makes it again.")
    _copy(app, f"{app.state.session.get('folder', '')}/{name}", f"The path of take {take['number']}")


async def copy_seed(app: StudioApp) -> None:
    """Sends the seed to the terminal's clipboard."""
    take = await _take_here(app)
    _copy(app, str(take["seed"]), f"The seed of take {take['number']}")


async def copy_recipe(app: StudioApp) -> None:
    """Sends the recipe to the terminal's clipboard, as a file for ``acetui render``."""
    from sessions.recipe_text import recipe_text

    take = await _take_here(app)
    _copy(app, recipe_text(take["request"]), f"The recipe of take {take['number']}")


def _copy(app: StudioApp, text: str, what: str) -> None:
    from acetui import clipboard

    if len(text.encode("utf-8")) > clipboard.MOST:
        raise EngineError(f"{what} is longer than terminals take.", "'acetui take SESSION show' prints it.")
    app.write_to_terminal(clipboard.sequence(text))
    app.say(f"{what} is sent to the terminal.{clipboard.hint()}")


def _number_here(app: StudioApp) -> int:
    if app.book.cursor is None:
        raise EngineError("There is no take here.", "The first one comes with ^g.")
    return app.book.cursor


async def _take_here(app: StudioApp) -> Mapping[str, Any]:
    return await app.details.whole(_number_here(app))


HANDLERS: Mapping[str, Handler] = {
    "why": why,
    "why-close": close,
    "why-down": lambda app: scroll(app, lines=1),
    "why-up": lambda app: scroll(app, lines=-1),
    "why-page-down": lambda app: scroll(app, pages=1),
    "why-page-up": lambda app: scroll(app, pages=-1),
    "lineage": lineage,
    "lineage-go": lineage_go,
    "lineage-close": close,
    "lineage-down": lambda app: scroll(app, lines=1),
    "lineage-up": lambda app: scroll(app, lines=-1),
    "lineage-page-down": lambda app: scroll(app, pages=1),
    "lineage-page-up": lambda app: scroll(app, pages=-1),
    "verify": verify,
    "copy-path": copy_path,
    "copy-seed": copy_seed,
    "copy-recipe": copy_recipe,
}
