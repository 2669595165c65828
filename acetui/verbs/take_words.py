"""Takes as people name them (47, 12-18, best, pinned, an id...), found in a studio that runs or in the folder."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from engine import EngineError, InvalidRequest
from sessions.discovery import who_has
from sessions.lists import NoTake
from sessions.lock import SessionBusy, SessionLock
from sessions.recipe import SessionFile
from sessions.standing import why
from sessions.store import Store
from sessions.tables import ScoreSettings

BEST = "-score,number"
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_PAGE = 1000


class Takes(Protocol):
    """The takes of a session, wherever they are reached. Takes are objects as the command line prints them."""

    async def takes(self, filter: str, sort: str, limit: int, offset: int) -> Mapping[str, Any]:
        """A page: ``takes``, and ``total``, how many there are in all."""

    async def take(self, key: int | str) -> dict[str, Any]:
        """One take, by number or id."""

    async def why(self, key: int | str) -> dict[str, Any]:
        """Why a take scores as it does."""

    async def change(self, key: int | str, **marks: Any) -> dict[str, Any]:
        """Changes what is thought of a take; ``trashed`` moves it to the trash or back."""

    async def delete(self, key: int | str) -> dict[str, Any]:
        """Removes a take that is in the trash for good; returns what it was."""


class InFolder:
    """The takes of a session on which no studio works."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def takes(self, filter: str, sort: str, limit: int, offset: int) -> Mapping[str, Any]:
        """See ``Takes``."""
        page = self._store.query(filter, sort, limit, offset)
        return {"takes": [take.object() for take in page.takes], "total": page.total}

    async def take(self, key: int | str) -> dict[str, Any]:
        """See ``Takes``."""
        return self._store.get(key).object()

    async def why(self, key: int | str) -> dict[str, Any]:
        """See ``Takes``."""
        try:
            weights = SessionFile(self._store.folder).read().scores
        except EngineError:  # a file that is broken or gone: the usual weights
            weights = ScoreSettings()
        return why(self._store, self._store.get(key), weights)

    async def change(self, key: int | str, **marks: Any) -> dict[str, Any]:
        """See ``Takes``."""
        trashed = marks.pop("trashed", None)
        take = self._store.change(key, **marks)
        if trashed is not None:
            take = self._store.trash(key) if trashed else self._store.restore(key)
        return take.object()

    async def delete(self, key: int | str) -> dict[str, Any]:
        """See ``Takes``."""
        return self._store.delete(key).object()


@contextlib.asynccontextmanager
async def open_takes(session: Path, *, write: bool) -> AsyncIterator[Takes]:
    """The takes of ``session``: through its studio where one runs, else straight from the folder, locked to ``write``.

    Raises SessionBusy where something else writes to the session.
    """
    holder = await asyncio.to_thread(who_has, session)
    if holder is not None and holder.socket is not None and holder.host == socket.gethostname():
        from acetui.client import attach

        async with await attach(session, start=False) as client:
            yield client
        return
    if write and holder is not None:
        raise SessionBusy(session, holder)
    with contextlib.ExitStack() as stack:
        if write:
            stack.enter_context(SessionLock.acquire(session))
        yield InFolder(stack.enter_context(Store.open(session, read_only=not write)))


async def find(takes: Takes, words: Sequence[str]) -> list[dict[str, Any]]:
    """The takes that ``words`` name, each once, in their order. Raises NoTake for a word that names none."""
    found: dict[int, dict[str, Any]] = {}
    for word in words:
        for take in await _named(takes, word):
            found.setdefault(take["number"], take)
    return list(found.values())


async def every(takes: Takes, filter: str, sort: str, most: int | None = None) -> AsyncIterator[dict[str, Any]]:
    """Every take that passes, page by page, ``most`` of them at most."""
    offset = 0
    while most is None or offset < most:
        page = await takes.takes(filter, sort, _PAGE if most is None else min(_PAGE, most - offset), offset)
        for take in page["takes"]:
            yield take
        offset += len(page["takes"])
        if not page["takes"] or offset >= page["total"]:
            return


async def _named(takes: Takes, word: str) -> list[dict[str, Any]]:
    if match := _RANGE.fullmatch(word):
        first, last = int(match[1]), int(match[2])
        if first > last:
            raise InvalidRequest(f"{word} goes backwards.", f"Write {last}-{first}.")
        filter = f"number>={first} and number<={last}"
        found = [take async for take in every(takes, filter, "number")]
    elif word in ("pinned", "trashed"):
        found = [take async for take in every(takes, word, "number")]
    elif word == "best":
        found = [take async for take in every(takes, "not rejected and not faulty and score!=none", BEST, 1)]
    elif word == "last":
        found = [take async for take in every(takes, "", "-number", 1)]
    else:
        return [await takes.take(word)]
    if not found:
        raise NoTake(
            _NONE.get(word, f"There is no take from {word.replace('-', ' to ')}."), "'acetui takes' lists all."
        )
    return found


_NONE = {
    "pinned": "No take is pinned.",
    "trashed": "The trash is empty.",
    "best": "No take has a score yet, so none is the best.",
    "last": "There are no takes yet.",
}
