"""What this terminal plays: which take, how far, and what the studio is told of it. No toolkit.

The player, and with it the library for sound, is loaded when something is first to be heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetui.looks.terminal_settings import TerminalSettings
from acetui.playhead import Playhead
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.client import Client
    from acetui.player.fetching import Fetcher
    from acetui.player.player import Heard, Opener, Player

HEARD_SECONDS = 5.0
"""After so long a take counts as heard; a short one after half of it."""

TELL_SECONDS = 25.0
"""How often the studio is told what plays, so that its audio stays."""

SHORTEST_SLEEP = 0.05


class Listening:
    """One player. ``told`` is called when there is something else to show, ``trouble`` when something went wrong."""

    def __init__(
        self,
        client: Callable[[], Client],
        folder: Path,
        take: Callable[[int], Awaitable[Mapping[str, Any]]],
        told: Callable[[], None],
        trouble: Callable[[EngineError], None],
    ) -> None:
        self.number: int | None = None
        """The take that plays, or waits where it was stopped."""

        self.opener: Opener | None = None
        """What opens an output, in place of what the settings say."""

        self._client = client
        self._folder = folder
        self._take = take
        self._told = told
        self._trouble = trouble
        self._settings = TerminalSettings()
        self._player: Player | None = None
        self._fetcher: Fetcher | None = None
        self._follower: asyncio.Task[None] | None = None
        self._ahead: asyncio.Task[None] | None = None
        self._known: dict[int, Mapping[str, Any]] = {}
        self._complained: EngineError | None = None
        self._wish = 0
        self._from: float | None = None
        """Where a region begins whose end is not set yet."""

    # --- what people do ----------------------------------------------------------------------------------------------

    async def play(self, number: int) -> None:
        """Plays a take from its beginning. Raises EngineError where it has no audio."""
        self._wish += 1
        wish = self._wish
        take = await self._take(number)
        player, fetcher = self._ready()
        sound = await fetcher.sound(take)
        if wish != self._wish:
            return  # another one was asked for meanwhile
        self._known, self.number, self._from, self._complained = {number: take}, number, None, None
        player.play(sound)
        self._follow()

    async def play_or_pause(self, number: int | None) -> None:
        """Plays a take, or stops it where it is, or goes on with it; without one, what plays."""
        if number is not None and number != self.number:
            await self.play(number)
        elif self._player is not None and self.number is not None:
            if self._player.look().playing:
                self._player.pause()
            else:
                self._complained = None
                self._player.resume()
            self._follow()

    def seek(self, by: float) -> None:
        """Goes on so many seconds further on, or back. Raises EngineError where nothing is heard."""
        player = self._playing()
        player.seek(player.look().second + by)
        self._told()

    def begin_region(self) -> float:
        """The region that is heard again and again begins here; returns the second."""
        player = self._playing()
        heard = player.look()
        self._from = heard.second
        if heard.region is not None and heard.second < heard.region[1]:
            player.loop(heard.second, heard.region[1])
        self._told()
        return self._from

    def end_region(self) -> tuple[float, float]:
        """It ends here, and is heard from now on; without a beginning it is that of the take."""
        player = self._playing()
        heard = player.look()
        start = self._from if self._from is not None else heard.region[0] if heard.region is not None else 0.0
        region = player.loop(start, heard.second)
        if region is None:
            raise EngineError("A region is half a second long at least.", "'[' where it begins, ']' where it ends.")
        self._told()
        return region

    def end_looping(self) -> None:
        """Plays on after the region."""
        self._from = None
        if self._player is not None:
            self._player.unloop()
        self._told()

    def use(self, settings: TerminalSettings) -> None:
        """Other settings count from now on."""
        before, self._settings = self._settings, settings
        if self._player is not None:
            self._player.set_volume(settings.volume)
            self._player.match(settings.match_loudness)
            if (before.output, before.sound_device) != (settings.output, settings.sound_device):
                self._player.use(self._opener())

    def look_ahead(self, numbers: list[int]) -> None:
        """These may be heard next: where the studio is elsewhere, their audio comes meanwhile."""
        if self._fetcher is None or self._folder.is_dir():
            return
        if self._ahead is not None:
            self._ahead.cancel()
        self._ahead = asyncio.create_task(self._fetch_ahead(numbers, self._fetcher))

    async def close(self) -> None:
        """Nothing is heard any more."""
        for task in (self._follower, self._ahead):
            if task is not None:
                task.cancel()
        if self._player is not None:
            await asyncio.to_thread(self._player.close)
        if self._fetcher is not None:
            await self._fetcher.close()

    # --- what there is to show ---------------------------------------------------------------------------------------

    @property
    def playhead(self) -> Playhead | None:
        """What is heard, or where it was stopped; None where nothing was played yet, or it has come to its end."""
        if self._player is None or self.number is None:
            return None
        heard = self._player.look()
        if heard.sound is None or heard.ended:
            return None
        return Playhead(self.number, int(heard.second), heard.sound.seconds, heard.playing, heard.region)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _playing(self) -> Player:
        if self._player is None or self.number is None:
            raise EngineError("Nothing plays.", "Space plays the take under the cursor.")
        return self._player

    def _ready(self) -> tuple[Player, Fetcher]:
        from acetui.player.fetching import Fetcher
        from acetui.player.player import Player

        if self._player is None or self._fetcher is None:
            loop = asyncio.get_running_loop()

            def happened() -> None:
                with contextlib.suppress(RuntimeError):  # the terminal has ended meanwhile
                    loop.call_soon_threadsafe(self._happened)

            self._fetcher = Fetcher(lambda: self._client(), self._folder)
            self._player = Player(self._opener(), happened)
            self.use(self._settings)
        return self._player, self._fetcher

    def _opener(self) -> Opener:
        from acetui.player.outputs import open_output

        output, device = self._settings.output, self._settings.sound_device
        return self.opener or (lambda pull: open_output(output, device, pull))

    def _happened(self) -> None:
        """The player has something to say that nobody asked for."""
        if self._player is None:
            return
        heard = self._player.look()
        if heard.trouble is not None and heard.trouble is not self._complained:
            self._trouble(heard.trouble)
        self._complained = heard.trouble
        self._told()

    def _follow(self) -> None:
        """Tells what is heard from now on."""
        self._told()
        if self._follower is None or self._follower.done():
            self._follower = asyncio.create_task(self._following())

    async def _following(self) -> None:
        """Once a second while something plays: where it is, that the studio keeps it, and that it was heard."""
        clock = asyncio.get_running_loop().time
        before, last, told_at, told_of = clock(), self.number, -math.inf, None
        spent = 0.0
        while self._player is not None and (heard := self._player.look()).playing and self.number is not None:
            self._told()
            now = clock()
            spent, before, last = (spent if last == self.number else 0.0) + now - before, now, self.number
            await self._mark(self.number, heard, spent)
            if now - told_at > TELL_SECONDS or told_of != self.number:
                told_at, told_of = now, self.number
                await self._tell(self.number)
            second = self._player.look().second
            await asyncio.sleep(max(math.floor(second) + 1 - second, SHORTEST_SLEEP))
        self._told()
        await self._tell(None)

    async def _mark(self, number: int, heard: Heard, spent: float) -> None:
        take = self._known.get(number)
        enough = min(HEARD_SECONDS, heard.sound.seconds / 2 if heard.sound is not None else HEARD_SECONDS)
        if take is not None and not take.get("heard") and spent >= enough:
            self._known[number] = {**take, "heard": True}
            with contextlib.suppress(EngineError):  # the line is broken: it is heard again
                await self._client().change(number, heard=True)

    async def _tell(self, number: int | None) -> None:
        with contextlib.suppress(EngineError):
            await self._client().playing(f"terminal-{os.getpid()}", number)

    async def _fetch_ahead(self, numbers: list[int], fetcher: Fetcher) -> None:
        await asyncio.sleep(0.3)  # the cursor rests
        with contextlib.suppress(EngineError):
            await fetcher.prefetch([await self._take(number) for number in numbers])
