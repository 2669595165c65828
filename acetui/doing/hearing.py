"""Hearing several takes: side by side by digit, blind, one after the other as a radio; and taking them elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from acetui.doing import Handler
from acetui.doing.verdicts import give
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.app import StudioApp


# --- side by side ----------------------------------------------------------------------------------------------------


def _shown(app: StudioApp) -> None:
    """Says above the list what is compared, and hides or shows what plays."""
    compared = app.listening.compared
    numbers = " ".join(map(str, compared.numbers))
    blind = f"blind, {len(compared.numbers)} takes"
    app.desk.takes.compared = blind if compared.blind else f"compared {numbers}" if numbers else ""
    app.desk.takes.sync()
    app.playing_changed()


def compare(app: StudioApp) -> None:
    """Marks the takes that are chosen, or lets them go."""
    numbers = app.book.chosen()
    if not numbers:
        app.say("There is no take here.")
        return
    for number in numbers:
        app.listening.compared.toggle(number)
    _shown(app)
    words = app.listening.compared.words()
    app.say(f"Compared by digit: {words}." if words else "No takes are compared any more.")


def hear(digit: int) -> Handler:
    """A handler that goes on with the take of a digit."""

    async def handle(app: StudioApp) -> None:
        compared = app.listening.compared
        await app.listening.hear(digit)
        what = f"{digit} of {len(compared.numbers)}"
        app.say(what if compared.blind else f"{what}: take {compared.at(digit)}.")

    return handle


def blind(app: StudioApp) -> None:
    """Begins a comparison in which nobody is told which is which, or ends one without a choice."""
    compared = app.listening.compared
    if compared.blind:
        heard = compared.end_blind()
        app.say("It was " + ", ".join(f"{digit} take {number}" for digit, number in enumerate(heard, 1)) + ".")
    else:
        compared.begin_blind()
        app.say(f"1 to {len(compared.numbers)} play them in an order that nobody is told; C chooses what plays.")
    _shown(app)


async def choose(app: StudioApp) -> None:
    """What plays is the best: that is kept, and the take is liked."""
    choice = app.listening.compared.choose(app.listening.number)
    _shown(app)
    await app.link.client.call(
        "POST",
        "/api/comparisons",
        {
            "chosen": choice.number,
            "others": list(choice.others),
            "blind": choice.blind,
            "matched": app.dressing.settings.match_loudness,
        },
    )
    await give(app, "like", [choice.number], verdict="liked")
    app.say(f"{choice.words()} It is liked.")


# --- one after the other ---------------------------------------------------------------------------------------------


async def radio(app: StudioApp) -> None:
    """Turns the radio on, or off; what plays plays on."""
    if app.listening.on_air is not None:
        await app.listening.radio(None)
        app.say("The radio is off; what plays plays to its end.")
        return
    await _tune(app, app.dressing.settings.radio)


async def radio_order(app: StudioApp) -> None:
    """Has the radio play in the other order, and keeps that."""
    from acetui.hearing.radio import ORDERS

    names = list(ORDERS)
    order = names[(names.index(app.dressing.settings.radio) + 1) % len(names)]
    app.dressing.choose("radio", order)
    if app.listening.on_air is None:
        app.say(f"The radio plays the {order} first.")
    else:
        await _tune(app, order)


async def _tune(app: StudioApp, order: str) -> None:
    there = await app.listening.radio(order)
    if (silence := await app.listening.silence()) is not None:
        await app.listening.radio(None)
        raise EngineError(f"The radio is off: {silence.error}", silence.hint)
    waits = "" if there else " It waits for the first take."
    app.say(f"The radio plays the {order} first; ; n the next, ; l likes, ; p pins what plays.{waits}")


async def next_take(app: StudioApp) -> None:
    """Plays the next take of the radio, or the one below what plays."""
    if app.listening.on_air is not None:
        if not await app.listening.on_air.skip():
            app.say("There is no other take yet.")
        return
    at = app.listening.number if app.listening.number is not None else app.book.cursor
    numbers = [line for line in app.book.list.lines if line > 0]
    below = numbers[numbers.index(at) + 1 :] if at in numbers else numbers
    if not below:
        raise EngineError("There is no take below what plays.", "'g n' goes there.")
    await app.listening.play(below[0])


def _giving(label: str, verdict: str, *, goes_on: bool = False) -> Handler:
    """A handler that judges what plays, wherever the cursor is."""

    async def handle(app: StudioApp) -> None:
        number = app.listening.number
        if number is None or app.listening.playhead is None:
            raise EngineError("Nothing plays.", "Space plays the take under the cursor.")
        if app.listening.compared.blind:
            raise EngineError("A blind comparison is on.", "'C' chooses what plays; 'B' ends it.")
        await give(app, label, [number], verdict=verdict)
        app.say(f"Take {number} is {verdict}.")
        if goes_on:
            await next_take(app)

    return handle


# --- elsewhere -------------------------------------------------------------------------------------------------------


async def page_address(app: StudioApp) -> None:
    """Opens the studio's page, copies its address, and says how another machine gets there."""
    from acetui import clipboard
    from acetui.hearing.page_address import ssh_line, with_token

    if app.elsewhere is not None:
        raise EngineError("The studio is on another machine.", "There, 'acetui listen' prints the page's address.")
    url = await app.link.client.listen()
    address = with_token(url, app.link.client.token)
    app.write_to_terminal(clipboard.sequence(address))
    app.desk.log_pane.add("said", f"The listen page: {address}")
    app.desk.log_pane.add("said", f"From another machine: {ssh_line(url)}")
    app.say(f"{url} is open; its address with the token is sent to the terminal, and the log (f9) has it.")


async def spectrogram(app: StudioApp) -> None:
    """Shows what sounds when and how high in the take under the cursor."""
    from acetui.screens.spectrogram import Spectrogram

    if app.book.cursor is None:
        app.say("There is no take here.")
        return
    app.push_screen(Spectrogram(await app.details.whole(app.book.cursor)))


def close_spectrogram(app: StudioApp) -> None:
    """Back to the desk."""
    from acetui.screens.spectrogram import Spectrogram

    if isinstance(app.screen, Spectrogram):
        app.pop_screen()


async def export(app: StudioApp) -> None:
    """Writes the takes that are chosen into the session's exports, in a format that is asked for."""
    from acetui.hearing.export_wish import LAST, read_wish

    numbers = app.book.chosen()
    if not numbers:
        app.say("There is no take here.")
        return
    what = f"take {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} takes"
    answer = await app.ask_line(f"export {what} as (format, and LUFS if wanted):", LAST.text)
    if answer is None:
        return
    wish = read_wish(answer)
    LAST.text = answer.strip() or LAST.text
    written = ""
    for place, number in enumerate(numbers, 1):
        if len(numbers) > 1:
            app.say(f"Exporting {place} of {len(numbers)}.")
        written = (await _exported(app, number, wish))["files"][0]
    folder = app.state.session.get("folder", "")
    app.say(
        f"{folder}/{written} is written." if len(numbers) == 1 else f"{len(numbers)} takes are in {folder}/exports."
    )


async def _exported(app: StudioApp, number: int, wish: Mapping[str, object]) -> Mapping[str, list[str]]:
    from acetui.client import Refused

    try:
        return await app.link.client.operate(number, "export", **wish)
    except Refused as refused:
        if refused.status != 409 or refused.field != "overwrite":
            raise
        if not await app.confirm(f"{refused.error} Replace it?"):
            raise EngineError("It stays as it is.", "'format' and name make another file.") from None
        return await app.link.client.operate(number, "export", **wish, overwrite=True)


HANDLERS: Mapping[str, Handler] = {
    "compare": compare,
    **{f"hear-{digit}": hear(digit) for digit in range(1, 10)},
    "blind": blind,
    "choose": choose,
    "radio": radio,
    "radio-order": radio_order,
    "next-take": next_take,
    "like-playing": _giving("like", "liked"),
    "pin-playing": _giving("pin", "pinned"),
    "reject-playing": _giving("reject", "rejected", goes_on=True),
    "page-address": page_address,
    "spectrogram": spectrogram,
    "spectrogram-close": close_spectrogram,
    "export": export,
}
