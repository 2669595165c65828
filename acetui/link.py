"""The line to the studio: attached, followed, and attached again when it breaks. It tells one listener; no toolkit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.client import Client

_log = logging.getLogger(__name__)

RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)
"""How long to wait before each new attempt; the last one again and again."""


class Listener(Protocol):
    """Who is told, in the order in which it happens."""

    def on_attached(self, session: Mapping[str, Any]) -> None:
        """The studio is there, for the first time or again; ``session`` is all it says about itself."""

    def on_studio_event(self, event: Mapping[str, Any]) -> None:
        """Something happened there."""

    def on_lost(self, error: EngineError) -> None:
        """It does not answer, and is being looked for."""


class NotThere(EngineError):
    """There is no studio to ask just now."""


class Link:
    """One line to one studio. ``connect`` attaches, and starts a studio where none runs."""

    def __init__(self, connect: Callable[[], Awaitable[Client]], listener: Listener) -> None:
        self._connect = connect
        self._listener = listener
        self._client: Client | None = None
        self._failures = 0

    @property
    def client(self) -> Client:
        """The studio's API. Raises NotThere while there is no connection."""
        if self._client is None:
            raise NotThere("The studio is not connected just now.", "It is being looked for; try again in a moment.")
        return self._client

    async def run(self) -> None:
        """Attaches and follows until it is cancelled."""
        try:
            while True:
                try:
                    await self._once()
                    error = EngineError("The studio has ended.", "It is started again.")
                except EngineError as cause:
                    error = cause
                except Exception as cause:
                    # Whatever it is, a line that is not made again would leave a picture that never changes.
                    _log.exception("following the studio failed")
                    error = EngineError(f"Following the studio failed ({type(cause).__name__}).", "It is tried again.")
                await self._let_go()
                self._listener.on_lost(error)
                await asyncio.sleep(RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)])
                self._failures += 1
        finally:
            await self._let_go()

    async def _once(self) -> None:
        """One connection, from its beginning to its end."""
        self._client = client = await self._connect()
        session = await client.session()
        self._failures = 0
        self._listener.on_attached(session)
        async for event in client.events(session["last_event"]):
            if event["event"] == "missed":
                self._listener.on_attached(await client.session())
            else:
                self._listener.on_studio_event(event)

    async def _let_go(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()
