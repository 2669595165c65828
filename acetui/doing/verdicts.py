"""What a person thinks of takes: verdicts, ratings, notes, tags, names, the trash; all of it for many takes at once.

Every action sets something: pressed twice it does no more than once. What it did can be undone, and done again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from acetui.browsing.take_rows import row_of
from acetui.browsing.undo import Deed, Step, backwards
from acetui.doing import Handler
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.app import StudioApp

AT_ONCE = 1000
"""Takes in one request."""

Change = Mapping[str, Any]
"""The ``number`` of a take, and its new marks."""


async def note(app: StudioApp) -> None:
    """Asks for a note, and gives it."""
    numbers = app.book.chosen()
    before = str((await app.details.whole(numbers[0]))["note"]) if len(numbers) == 1 else ""  # known where one rests
    answer = await _asked(app, "note", numbers, before)
    if answer is not None:
        await _do(app, "note", [{"number": number, "note": answer} for number in numbers])


async def rename(app: StudioApp) -> None:
    """Asks for a name, and gives it."""
    numbers = app.book.chosen()
    row = app.book.row(numbers[0]) if numbers else None
    answer = await _asked(app, "name", numbers, row.name if row else "")
    if answer:
        await _do(app, "rename", [{"number": number, "name": answer} for number in numbers])


async def tags(app: StudioApp) -> None:
    """Asks for tags: all of one take, or those to add to many; a minus before one takes it away."""
    numbers = app.book.chosen()
    alone = len(numbers) == 1
    row = app.book.row(numbers[0]) if alone else None
    answer = await _asked(app, "tags", numbers, " ".join(row.tags) if row else "")
    if answer is None:
        return
    words = answer.replace(",", " ").replace("#", " ").split()
    before = {told["number"]: list(told["tags"]) for told in await app.link.client.rows(numbers)}
    changes = [{"number": each, "tags": tagged(had, words, alone=alone)} for each, had in before.items()]
    await _do(app, "tag", changes)


def tagged(before: Sequence[str], words: Sequence[str], *, alone: bool) -> list[str]:
    """The tags after ``words``, which are all of them for one take, and are added for many."""
    gone = {word[1:] for word in words if word.startswith("-")}
    added = [word for word in words if not word.startswith("-")]
    return [tag for tag in dict.fromkeys(added if alone else [*before, *added]) if tag not in gone]


async def undo(app: StudioApp) -> None:
    """Takes back what was done last."""
    deed = app.undo_log.undo()
    if deed is None:
        app.say("There is nothing to undo.")
        return
    await _again(app, deed, [{"number": each.take, **each.undo} for each in backwards(deed)])
    app.say(f"Undone: {deed.label}.")


async def redo(app: StudioApp) -> None:
    """Does again what was taken back last."""
    deed = app.undo_log.redo()
    if deed is None:
        app.say("There is nothing to do again.")
        return
    await _again(app, deed, [{"number": each.take, **each.do} for each in deed.steps])
    app.say(f"Done again: {deed.label}.")


async def give(app: StudioApp, label: str, numbers: Sequence[int], **marks: Any) -> None:
    """Gives marks to takes, wherever the cursor is; it can be undone as everything."""
    await _do(app, label, [{"number": number, **marks} for number in numbers])


async def _again(app: StudioApp, deed: Deed, changes: Sequence[Change]) -> None:
    try:
        await _sent(app, changes)
    except BaseException:
        app.undo_log.put_back(deed)
        raise


async def _asked(app: StudioApp, what: str, numbers: Sequence[int], before: str) -> str | None:
    if not numbers:
        app.say("There is no take here.")
        return None
    answer = await app.ask_line(f"{what} of {_named(numbers)}:", before)
    return None if answer is None else answer.strip()


async def _do(app: StudioApp, label: str, changes: Sequence[Change]) -> None:
    """Changes takes, and remembers how to undo it; says so where the list does not show it by itself."""
    numbers = [change["number"] for change in changes]
    if not numbers:
        app.say("There is no take here.")
        return
    wanted = {change["number"]: change for change in changes}
    steps = [Step(way["number"], _marks(wanted[way["number"]]), _marks(way)) for way in await _sent(app, changes)]
    changed = [each for each in steps if each.undo]
    label = f"{label} {_named(numbers)}"
    app.undo_log.add(Deed(label, tuple(changed)))
    if not changed:
        app.say("It is so already." if len(numbers) == 1 else "They are all so already.")
    elif len(numbers) > 1:
        app.say(f"{label.capitalize()}: {len(changed)} of them changed.")


async def _sent(app: StudioApp, changes: Sequence[Change]) -> list[Change]:
    """Sends changes, and returns the way back. Raises EngineError for the first that is refused, if all are."""
    before: list[Change] = []
    failed: list[Mapping[str, Any]] = []
    for part in _parts(changes):
        answer = await app.link.client.change_each(part)
        app.book.keep(map(row_of, answer["rows"]))
        before += answer["before"]
        failed += answer["failed"]
    app.desk.takes.sync()
    if failed:
        error = EngineError(failed[0]["error"], failed[0].get("hint") or "")
        if not before:
            raise error
        app.complain(error)
    return before


def _parts(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    return (changes[start : start + AT_ONCE] for start in range(0, len(changes), AT_ONCE))


def _marks(change: Change) -> dict[str, Any]:
    return {name: value for name, value in change.items() if name != "number"}


def _named(numbers: Sequence[int]) -> str:
    return f"take {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} takes"


def _giving(label: str, **marks: Any) -> Handler:
    """A handler that gives marks to the takes that are chosen."""

    async def handle(app: StudioApp) -> None:
        await give(app, label, app.book.chosen(), **marks)

    return handle


HANDLERS: Mapping[str, Handler] = {
    "pin": _giving("pin", verdict="pinned"),
    "unpin": _giving("unpin", pinned=False),
    "like": _giving("like", verdict="liked"),
    "unlike": _giving("unlike", liked=False),
    "reject": _giving("reject", verdict="rejected"),
    "unreject": _giving("unreject", rejected=False),
    "heard": _giving("mark as heard", heard=True),
    "not-heard": _giving("mark as not heard", heard=False),
    **{f"rate-{stars}": _giving(f"rate {stars}", rating=stars) for stars in range(6)},
    "unrate": _giving("unrate", rating=None),
    "note": note,
    "tags": tags,
    "rename": rename,
    "trash": _giving("trash", trashed=True),
    "restore": _giving("restore", trashed=False),
    "undo": undo,
    "redo": redo,
}
