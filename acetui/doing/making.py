"""What is made from takes. The takes come as any other: below the list, each with where it comes from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from acetui.doing import Handler
from acetui.recipe.remaking import END, START

if TYPE_CHECKING:
    from acetui.app import StudioApp
    from acetui.screens.remake import Remake


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


def _opening(operation: str) -> Handler:
    """A handler that opens what a person sets and hears while something is made from the take under the cursor."""

    async def handle(app: StudioApp) -> None:
        from acetui.recipe.remaking import Remaking
        from acetui.screens.remake import Remake

        if app.book.cursor is None:
            app.say("There is no take here.")
            return
        take = await app.details.whole(app.book.cursor)
        playhead = app.listening.playhead
        here = playhead is not None and playhead.number == take["number"]
        region = playhead.region if playhead is not None and here else None
        second = app.listening.second if here else None
        app.push_screen(Remake(Remaking(operation, take, around=region, second=second or 0.0)))

    return handle


def _on_screen(act: Callable[[Remake], Awaitable[None] | None]) -> Handler:
    """A handler of the screen that is open for it."""

    def handle(app: StudioApp) -> Awaitable[None] | None:
        from acetui.screens.remake import Remake

        return act(app.screen) if isinstance(app.screen, Remake) else None

    return handle


def _hearing(digit: int) -> Handler:
    """A handler that plays the candidate of a digit."""
    return _on_screen(lambda screen: screen.hear_candidate(digit))


async def _judge(screen: Remake, mark: str, words: str) -> None:
    """Marks the candidate that was heard last; once more takes the mark away."""
    number, app = screen.judged(), screen.studio
    given = not screen.is_marked(number, mark)
    await app.link.client.change(number, **{mark: given})
    screen.note.say(f"Take {number} {words if given else f'is not {mark} any more'}.")


HANDLERS: Mapping[str, Handler] = {
    "sibling": _making("sibling", "A sibling"),
    "finish": _making("finish", "The best version"),
    **{operation: _opening(operation) for operation in ("repaint", "cover", "extend")},
    "remake-down": _on_screen(lambda screen: screen.move(1)),
    "remake-up": _on_screen(lambda screen: screen.move(-1)),
    "remake-more": _on_screen(lambda screen: screen.turn(1)),
    "remake-less": _on_screen(lambda screen: screen.turn(-1)),
    "remake-far-more": _on_screen(lambda screen: screen.turn(1, far=True)),
    "remake-far-less": _on_screen(lambda screen: screen.turn(-1, far=True)),
    "remake-bit-more": _on_screen(lambda screen: screen.turn(1, fine=True)),
    "remake-bit-less": _on_screen(lambda screen: screen.turn(-1, fine=True)),
    "remake-line-more": _on_screen(lambda screen: screen.snap(1)),
    "remake-line-less": _on_screen(lambda screen: screen.snap(-1)),
    "remake-start": _on_screen(lambda screen: screen.place(START)),
    "remake-end": _on_screen(lambda screen: screen.place(END)),
    "remake-type": _on_screen(lambda screen: screen.type()),
    "remake-unset": _on_screen(lambda screen: screen.unset()),
    "remake-render": _on_screen(lambda screen: screen.make()),
    "remake-hear": _on_screen(lambda screen: screen.hear()),
    "remake-itself": _on_screen(lambda screen: screen.hear(screen.number)),
    **{f"remake-{digit}": _hearing(digit) for digit in range(1, 10)},
    "remake-keep": _on_screen(lambda screen: _judge(screen, "pinned", "is kept")),
    "remake-reject": _on_screen(lambda screen: _judge(screen, "rejected", "is rejected")),
    "remake-next": _on_screen(lambda screen: screen.move(1)),
    "remake-previous": _on_screen(lambda screen: screen.move(-1)),
    "remake-send": _on_screen(lambda screen: screen.make()),
    "remake-cancel": _on_screen(lambda screen: screen.leave()),
    "remake-close": _on_screen(lambda screen: screen.leave()),
}
