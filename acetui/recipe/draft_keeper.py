"""A draft on its way to disk: in the studio while it can be reached, else on this machine; soon, and never twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from engine.errors import EngineError
from sessions.drafts import Draft, Drafts

if TYPE_CHECKING:
    from acetui.client import Client

SAVE_SECONDS = 0.25
"""After the first key that is not saved yet; what is typed meanwhile goes along."""

EARLIER = ".earlier"
"""Behind a terminal's name: what was typed there before and typed anew before it could come back."""

_log = logging.getLogger(__name__)


class DraftKeeper:
    """Keeps what ``draft`` says is typed. ``here`` is for when ``client``, which may raise, has no studio."""

    def __init__(self, draft: Callable[[], Draft], client: Callable[[], Client], here: Drafts) -> None:
        self._draft = draft
        self._client = client
        self._here = here
        self._dirty = False
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Task[None] | None = None
        self._earlier: Draft | None = None
        self._looked = False
        self._open = False

    def touch(self) -> None:
        """Something is typed: it is saved within ``SAVE_SECONDS``, however much more is typed until then."""
        self._dirty = True
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SAVE_SECONDS, self._time_to_save)

    async def flush(self) -> None:
        """Saves what is not saved yet, and returns when it is."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._saving is not None:
            await self._saving
        await self._save()

    def keep_now(self) -> None:
        """Keeps what is not saved yet on this machine, without waiting for anybody: for the end of the process."""
        if self._dirty or (self._saving is not None and not self._saving.done()):
            self._keep_here(self._draft())

    async def earlier(self) -> Draft | None:
        """What this terminal typed before it was opened, the first time that the studio is there: what was kept here,
        else what the studio has. Until then nothing is saved over it. Raises as the client does.

        What was typed anew meanwhile stays as the draft of a terminal that is gone.
        """
        if self._open:
            return None
        await asyncio.to_thread(self._look_here)
        now = self._draft()
        earlier = self._earlier or await self._in_studio(now.terminal)
        if earlier is not None:
            lost = {name: text for name, text in earlier.typed.items() if now.typed.get(name, text) != text}
            if lost:
                await self._client().keep_draft(f"{now.terminal}{EARLIER}", earlier.based_on, lost)
        self._open = True
        return earlier

    async def hand_over(self) -> None:
        """The studio is there again: it gets what is typed, wherever that was kept meanwhile."""
        self._dirty = self._dirty or bool(self._draft().typed)
        await self.flush()

    async def send_left_behind(self, there: Collection[str]) -> None:
        """What terminals of this machine that are gone could not give to the studio goes to it now; not of those that
        are ``there``. Raises as the client does.
        """
        for draft in await asyncio.to_thread(self._here.orphans, there):
            await self._client().keep_draft(draft.terminal, draft.based_on, draft.typed)
            await asyncio.to_thread(self._here.discard, draft.terminal)

    async def _in_studio(self, terminal: str) -> Draft | None:
        found = (each for each in await self._client().drafts() if each["terminal"] == terminal)
        return next((Draft(terminal, each["revision"], each["typed"]) for each in found), None)

    def _time_to_save(self) -> None:
        self._timer = None
        if self._saving is None or self._saving.done():
            self._saving = asyncio.get_running_loop().create_task(self._save())

    async def _save(self) -> None:
        """In the studio, else here; what is typed meanwhile is saved too."""
        while self._dirty:
            self._dirty = False
            draft = self._draft()
            try:
                if not self._open:
                    raise EngineError("What this terminal typed before has not been seen yet.")
                await self._client().keep_draft(draft.terminal, draft.based_on, draft.typed)
                await asyncio.to_thread(self._here.discard, draft.terminal)
            except EngineError:
                await asyncio.to_thread(self._keep_here, draft)

    def _keep_here(self, draft: Draft) -> None:
        self._look_here()
        try:
            self._here.save(draft)
        except EngineError as error:
            _log.error("the draft could not be kept: %s", error)

    def _look_here(self) -> None:
        """Sees once what was kept here before, so that nothing new is written over it unseen."""
        if not self._looked:
            self._looked = True
            self._earlier = self._here.get(self._draft().terminal)
