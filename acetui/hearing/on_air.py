"""The radio at work: whatever plays, the next take lies ready behind it, so that there is never a gap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from acetui.hearing.radio import Radio
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.player.player import Heard
    from acetui.player.sounds import Sound

Play = Callable[[int], Awaitable[None]]


class OnAir:
    """A radio and the player that it feeds.

    ``sound`` finds a take's audio, ``queue`` puts it behind what plays; ``look`` says how the player is right now, and
    which take it hears.
    """

    def __init__(
        self,
        radio: Radio,
        *,
        play: Play,
        sound: Callable[[int], Awaitable[Sound]],
        queue: Callable[[Sound | None], None],
        look: Callable[[], tuple[int | None, Heard]],
    ) -> None:
        self.radio = radio
        self.next: int | None = None
        """The take that comes next, if one lies ready."""

        self._play = play
        self._sound = sound
        self._queue = queue
        self._look = look
        self._turn, self._news = asyncio.Lock(), asyncio.Lock()
        self._current: int | None = None

    async def begin(self, playing: int | None) -> bool:
        """Plays, unless something plays already; returns whether there is anything to play."""
        if playing is None:
            return await self.skip()
        await self.changed(playing)
        return True

    async def changed(self, number: int) -> None:
        """Another take is heard now: what follows it is made ready."""
        if number != self._current:
            self._current = number
            self.radio.playing(number)
            await self.prepare()

    async def prepare(self) -> None:
        """Makes ready what comes next; takes that cannot be played give way."""
        async with self._turn:
            current = self._current
            for number in await self.radio.coming(current):
                try:
                    sound = await self._sound(number)
                except EngineError:
                    self.radio.broken(number)
                    continue
                if current == self._current:
                    self.next = number
                    self._queue(sound)
                return
            self.next = None

    async def skip(self) -> bool:
        """Plays the next take now; returns whether there is one."""
        for number in await self.radio.coming(self._current):
            try:
                await self._play(number)
            except EngineError:
                self.radio.broken(number)
                continue
            return True
        return False

    async def take_came(self, number: int) -> None:
        """A take was rendered: a new one goes before what only filled the time."""
        if self._current is None:
            await self.skip()
        elif (self.next is None or not await self.radio.is_new(self.next)) and await self.radio.is_new(number):
            await self.prepare()

    async def happened(self) -> None:
        """The player has something to say: what cannot follow gives way, and at an end it goes on."""
        async with self._news:
            number, heard = self._look()
            if heard.trouble is not None and number is not None:
                self.radio.broken(number)
                await self.skip()
            elif heard.ended:
                await self.skip()
            elif number is not None and number != self._current:
                await self.changed(number)
            elif self.next is not None and heard.queued is None:
                self.radio.broken(self.next)
                self.next = None
                await self.prepare()

    def end(self) -> None:
        """Nothing follows any more; what plays plays on."""
        self.next = None
        self._queue(None)
