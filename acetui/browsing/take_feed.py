"""Fetches what the list of takes shows, and follows what happens to takes. No toolkit.

It asks for what is in sight and a little around it, and for nothing else: one request of a kind at a time, given up
when one has scrolled past what it was for. So a list of any length costs a slow line what a screen of it costs.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acetui.browsing.row_text import Outline
from acetui.browsing.take_book import TakeBook
from acetui.browsing.take_groups import dividers, has_dividers
from acetui.browsing.take_rows import row_of
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.client import Client

_log = logging.getLogger(__name__)

REST_SECONDS = 0.4
"""How long the list must keep still before outlines are asked for: the studio may have to decode audio for each."""

OUTLINE_COLUMNS = 24
MOST_OUTLINES = 2000


class TakeFeed:
    """Keeps a book filled. ``told`` is called whenever it has changed."""

    def __init__(
        self,
        book: TakeBook,
        client: Callable[[], Client],
        told: Callable[[], None],
        trouble: Callable[[EngineError], None],
    ) -> None:
        self.book = book
        self.outlines: OrderedDict[int, Outline] = OrderedDict()
        self._client = client
        self._told = told
        self._trouble = trouble
        self._ordering: asyncio.Task[None] | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._fetched_for: set[int] = set()
        self._outlining: asyncio.Task[None] | None = None
        self._without_outline: set[int] = set()
        self._decodes = True
        self._changes: dict[int, str] = {}

    # --- what happens ------------------------------------------------------------------------------------------------

    def attached(self) -> None:
        """The studio is there, for the first time or again: what is known may be old."""
        self.book.doubt()
        self.reorder()

    def reorder(self) -> None:
        """Asks for the order anew, with whatever came since sorted in."""
        if self._ordering is not None:
            self._ordering.cancel()
        self._ordering = self._start(self._order, is_asked_for=True)

    async def reordered(self) -> None:
        """Asks for the order anew, and waits until it is there."""
        self.reorder()
        if self._ordering is not None:
            await asyncio.wait([self._ordering])

    def looked(self) -> None:
        """Other lines are in sight."""
        wanted = set(self.book.wanted())
        if self._fetching is not None and not self._fetching.done() and not wanted & self._fetched_for:
            self._fetching.cancel()  # one has scrolled past
            self._fetching = None
        if wanted and (self._fetching is None or self._fetching.done()):
            self._fetching = self._start(self._fetch)
        self._outline_soon()

    def happened(self, event: Mapping[str, Any]) -> None:
        """An event of the studio."""
        match event["event"]:
            case "take":
                self._changed(event["take"])
            case "changed" if event["kind"] == "deleted":
                self.book.leave([event["take"]["number"]])
            case "changed":
                self._changed(event["take"])
            case "scored":
                self._scored(event)
            case _:
                return
        self._told()
        self.looked()

    async def settle(self) -> None:
        """Waits until nothing is being asked for."""
        while tasks := [task for task in (self._ordering, self._fetching, self._outlining) if task and not task.done()]:
            await asyncio.wait(tasks)

    def close(self) -> None:
        """Asks for nothing more."""
        for task in (self._ordering, self._fetching, self._outlining):
            if task is not None:
                task.cancel()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _changed(self, told: Mapping[str, Any]) -> None:
        """A take is new, or is not what it was."""
        from acetui.browsing.take_filter import passes  # a terminal that opens has nothing to filter yet

        row, before = row_of(told), self.book.row(told["number"])
        if before is not None and row.parent_number is None and row.parent == before.parent:
            row = replace(row, parent_number=before.parent_number)
        self.book.keep([row])
        if row.parent is not None and row.parent_number is None:
            self.book.doubt([row.number])  # what it was made from is known by its number to the studio alone
        if not self.book.list.has(row.number) and passes(told, self.book.query()[0]):
            self.book.arrive([row.number])

    def _scored(self, event: Mapping[str, Any]) -> None:
        row = self.book.row(event["number"])
        if row is not None:
            self.book.keep([replace(row, score=event["score"], faults=tuple(event.get("faults") or ()))])

    def _start(self, work: Callable[[], Awaitable[None]], *, is_asked_for: bool = False) -> asyncio.Task[None]:
        async def done() -> None:
            try:
                await work()
            except EngineError as error:
                if is_asked_for:  # the rest is asked for again as soon as the studio answers
                    self._trouble(error)
            except Exception as error:
                _log.exception("takes could not be fetched")
                self._trouble(EngineError(f"Takes could not be shown: {error!r}.", "Please report it."))

        return asyncio.create_task(done())

    async def _order(self) -> None:
        filter, sort = self.book.query()
        if has_dividers(sort):
            told = await self._client().order_by_revision(filter, sort)
            firsts = dict(told["firsts"])
            if firsts.keys() - self._changes.keys():
                answer = await self._client().revisions(limit=1000)
                self._changes = {each["number"]: each["changed"] for each in answer["revisions"]}
            numbers = told["numbers"]
            self.book.order(numbers, dividers(numbers, sort, told["runs"], firsts, self._changes))
        else:
            self.book.order(await self._client().order(filter, sort))
        self._told()
        self.looked()

    async def _fetch(self) -> None:
        while numbers := self.book.wanted(self.book.height):
            self._fetched_for = set(numbers)
            rows = [row_of(told) for told in await self._client().rows(numbers)]
            self.book.keep(rows)
            self.book.leave(self._fetched_for.difference(row.number for row in rows))  # removed for good meanwhile
            self._told()
        self._outline_soon()

    def _outline_soon(self) -> None:
        if self._outlining is not None:
            self._outlining.cancel()
        self._outlining = self._start(self._outline) if self._decodes else None

    async def _outline(self) -> None:
        await asyncio.sleep(REST_SECONDS)
        while (number := self._next_without_outline()) is not None:
            try:
                told = await self._client().peaks(number, OUTLINE_COLUMNS)
            except EngineError as error:
                self._decodes = getattr(error, "status", None) != 501  # nothing there decodes audio
                self._without_outline.add(number)
                if not self._decodes:
                    return
                continue
            self.outlines[number] = tuple(told["low"]), tuple(told["high"])
            while len(self.outlines) > MOST_OUTLINES:
                self.outlines.popitem(last=False)
            self._told()

    def _next_without_outline(self) -> int | None:
        """The first take in sight that has audio and no outline."""
        top = self.book.top
        for number in self.book.list.lines[top : top + self.book.height]:
            if number in self.outlines or number in self._without_outline:
                continue
            row = self.book.row(number)
            if row is not None and row.stored == "whole":
                return number
        return None
