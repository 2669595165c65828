"""The studio's API as async Python: over its Unix socket, or over a loopback port with its token.

    async with await attach(session) as studio:
        print((await studio.session())["loop"])
        async for event in studio.events():
            ...

Failures that the studio answers with are raised as exceptions of the engine's family, with the same words.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acetui.connection import (
    ATTACH_SECONDS,
    RETRY_SECONDS,
    WATCHING_SECONDS,
    AudioPart,
    Connection,
    Refused,
    StudioGone,
)
from sessions.discovery import Place, who_has
from sessions.lock import Holder, SessionBusy
from sessions.starting import spawn

__all__ = ["WATCHING_SECONDS", "AudioPart", "Client", "Refused", "StudioGone", "attach"]

_ROWS = 400


class Client(Connection):
    """What one studio can be asked, for ``async with``. Made by ``attach``, or with an address and a token."""

    started = False
    """Whether ``attach`` has started the studio for it."""

    async def session(self) -> dict[str, Any]:
        """The session as it is: revision, loop, engine, counts, and where to follow events from."""
        return await self.call("GET", "/api/session")

    async def takes(self, filter: str = "", sort: str = "-number", limit: int = 200, offset: int = 0) -> dict[str, Any]:
        """A page of takes, and how many there are in all."""
        query: dict[str, str | int] = {"filter": filter, "sort": sort, "limit": limit, "offset": offset}
        return await self.call("GET", "/api/takes", query=query)

    async def order(self, filter: str = "", sort: str = "-number") -> list[int]:
        """The numbers of all takes that pass, in order."""
        return list((await self.call("GET", "/api/order", query={"filter": filter, "sort": sort}))["numbers"])

    async def order_by_revision(self, filter: str = "", sort: str = "-number") -> dict[str, Any]:
        """The same ``numbers``, with ``runs`` (revision, how many takes in a row) and ``firsts`` (revision, take)."""
        query = {"filter": filter, "sort": sort, "revisions": "true"}
        return await self.call("GET", "/api/order", query=query)

    async def rows(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Takes as rows of a list, in the order of ``numbers``; those that are not there are left out."""
        found: list[dict[str, Any]] = []
        for start in range(0, len(numbers), _ROWS):  # an address has a length at most
            query = {"numbers": ",".join(map(str, numbers[start : start + _ROWS]))}
            found += (await self.call("GET", "/api/rows", query=query))["rows"]
        return found

    async def take(self, key: int | str) -> dict[str, Any]:
        """One take, by number or id."""
        return await self.call("GET", f"/api/takes/{key}")

    async def why(self, key: int | str) -> dict[str, Any]:
        """Why a take scores as it does, and where it stands among those that were asked for the same."""
        return await self.call("GET", f"/api/takes/{key}/why")

    async def peaks(self, key: int | str, columns: int = 1000) -> dict[str, Any]:
        """The outline of a take's audio for drawing: ``seconds``, ``low`` and ``high`` in at most so many columns."""
        return await self.call("GET", f"/api/takes/{key}/peaks", query={"columns": columns})

    async def spectrogram(self, key: int | str, columns: int, rows: int) -> dict[str, Any]:
        """What sounds when and how high: ``rows`` of levels from 0 to 15, the lowest tones first."""
        return await self.call("GET", f"/api/takes/{key}/spectrogram", query={"columns": columns, "rows": rows})

    async def change(self, key: int | str, **marks: Any) -> dict[str, Any]:
        """Changes what is thought of a take."""
        return await self.call("PATCH", f"/api/takes/{key}", marks)

    async def delete(self, key: int | str) -> dict[str, Any]:
        """Removes a take that is in the trash for good, and returns what it was."""
        return await self.call("DELETE", f"/api/trash/{key}")

    async def empty_trash(self) -> list[int]:
        """Removes every take in the trash for good, and returns their numbers."""
        return list((await self.call("DELETE", "/api/trash"))["deleted"])

    async def playing(self, player: str, take: int | str | None, **shown: Any) -> None:
        """Says which take ``player`` plays, or that it plays none; to be said again every half minute meanwhile.

        A terminal says what it has ``selected`` too, and the ``second``, ``playing``, ``sounds`` and ``region``.
        """
        await self.call("PUT", f"/api/playing/{player}", {"take": take, **shown})

    async def change_many(self, numbers: Sequence[int], **marks: Any) -> dict[str, Any]:
        """Changes many takes in the same way; answers ``rows``, what ``failed``, and the way back, ``before``."""
        return await self.call("PATCH", "/api/takes", {"numbers": list(numbers), **marks})

    async def change_each(self, changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Changes takes each in its own way, such as the way back of an earlier change."""
        return await self.call("PATCH", "/api/takes", {"changes": list(changes)})

    async def operate(self, key: int | str, operation: str, **options: Any) -> dict[str, Any]:
        """Makes something of a take: sibling, finish, verify."""
        return await self.call("POST", f"/api/takes/{key}/{operation}", options)

    async def change_recipe(self, revision: int, **tables: Mapping[str, Any]) -> dict[str, Any]:
        """Changes values of a revision, by table: ``change_recipe(7, recipe={"bpm": 104}, loop={"takes": None})``.

        Raises Refused with the status 412 for a clash; its ``content`` has both texts.
        """
        return await self.call("PATCH", "/api/recipe", {"revision": revision, **tables})

    async def apply(self, revision: int, text: str, instead_of: str | None = None) -> dict[str, Any]:
        """Makes ``text``, which started from a revision, the session.toml. Raises as ``change_recipe`` does."""
        more = {} if instead_of is None else {"instead_of": instead_of}
        return await self.call("PATCH", "/api/recipe", {"revision": revision, "text": text, **more})

    async def revisions(self, limit: int = 200, offset: int = 0) -> dict[str, Any]:
        """The revisions of the recipe, the newest first: number, when, and what changed."""
        return await self.call("GET", "/api/revisions", query={"limit": limit, "offset": offset})

    async def revision(self, number: int) -> dict[str, Any]:
        """One revision with its text and settings."""
        return await self.call("GET", f"/api/revisions/{number}")

    async def render(self, recipe: Mapping[str, Any] | None = None, *, wait: bool = False) -> dict[str, Any]:
        """Renders the recipe, with other values if given, before the loop goes on."""
        return await self.call("POST", "/api/render", {"recipe": recipe or {}, "wait": wait})

    async def write(self, job: str, **body: Any) -> dict[str, Any]:
        """One of the planner's jobs: ``sample``, ``format`` or ``understand``; what it wrote, by the fields' names."""
        return await self.call("POST", f"/api/{job}", body)

    async def fit(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """Whether the recipe with these values fits into the memory there; ``sentence`` says it in words."""
        return await self.call("POST", "/api/fit", {"recipe": recipe})

    async def models(self) -> dict[str, Any]:
        """The models of the studio's machine: what renders, what is wanted, what lacks, and what is on its way."""
        return await self.call("GET", "/api/models")

    async def fetch_models(self, names: Sequence[str]) -> dict[str, Any]:
        """Begins to download models to the studio's machine; answers as ``models`` does."""
        return await self.call("POST", "/api/models", {"names": list(names)})

    async def stop_fetching(self) -> dict[str, Any]:
        """Ends the download; what has arrived is kept."""
        return await self.call("DELETE", "/api/models")

    async def tokens(self, **typed: str) -> dict[str, Any]:
        """How many tokens caption and lyrics have as they are typed, and how many the model reads; null if unknown."""
        return await self.call("POST", "/api/tokens", typed)

    async def drafts(self) -> list[dict[str, Any]]:
        """What is typed anywhere and not applied: terminal, revision, typed."""
        return list((await self.call("GET", "/api/drafts"))["drafts"])

    async def keep_draft(self, terminal: str, revision: int, typed: Mapping[str, str]) -> dict[str, Any]:
        """Keeps what a terminal has typed on a revision; nothing typed takes the draft away."""
        return await self.call("PUT", f"/api/drafts/{terminal}", {"revision": revision, "typed": dict(typed)})

    async def loop(self, action: str, **overrides: Any) -> dict[str, Any]:
        """Turns the loop on or off, or skips."""
        return await self.call("POST", "/api/loop", {"action": action, **overrides})

    async def listen(self, port: int | None = None) -> str:
        """Opens the studio's loopback port, if it is not open, and returns its address."""
        return str((await self.call("POST", "/api/listen", {} if port is None else {"port": port}))["url"])


async def attach(session: Path, *, start: bool = True, workers: str = "") -> Client:
    """A client of the studio of ``session``, which is started (with ``workers``) if none runs and ``start`` is on.

    Raises SessionBusy where something else than a studio of this machine has the session, StudioGone where there is no
    studio, or none that answers, and what keeps one from starting.
    """
    until = asyncio.get_running_loop().time() + ATTACH_SECONDS
    place, started = Place.of(session), False
    while True:
        if (holder := await asyncio.to_thread(who_has, session)) is not None:
            _check_reachable(session, holder)
            if (client := await _answering(place, holder)) is not None:
                client.started = started
                return client
        elif not start:
            raise StudioGone(f"No studio of {session.name} runs.", f"'acetui studio {session.name}' starts one.")
        else:
            with contextlib.suppress(SessionBusy):  # somebody else was faster
                await asyncio.to_thread(spawn, session, workers)
                started = True
                continue
        if asyncio.get_running_loop().time() > until:
            raise StudioGone(f"The studio of {session.name} does not answer.", f"Its log is {place.log}.")
        await asyncio.sleep(RETRY_SECONDS)


def _check_reachable(session: Path, holder: Holder) -> None:
    if holder.socket is None or holder.host != socket.gethostname():
        raise SessionBusy(session, holder)


async def _answering(place: Place, holder: Holder) -> Client | None:
    """A client of the studio that has the session; None where it does not answer now."""
    token = await asyncio.to_thread(place.known_token)
    if token is None or holder.socket is None:
        return None
    client = Client(token, door=Path(holder.socket))
    try:
        if (await client.session())["id"] == place.key:
            return client
    except (Refused, StudioGone):
        pass  # it starts, or it ends
    except BaseException:
        await client.close()
        raise
    await client.close()
    return None
