"""What this terminal plays: which take, how far, and what the studio is told of it. No toolkit.

The player, and with it the library for sound, is loaded when something is first to be heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetui.hearing.compare import Comparison
from acetui.hearing.errands import Errands
from acetui.hearing.heard_marks import HeardMarks
from acetui.hearing.regions import Regions
from acetui.hearing.take_sounds import TakeSounds
from acetui.hearing.teller import Teller, what_to_tell
from acetui.looks.terminal_settings import TerminalSettings
from acetui.playhead import Playhead
from engine.errors import EngineError
from sessions.lyric_times import line_at

if TYPE_CHECKING:
    from acetui.client import Client
    from acetui.hearing.on_air import OnAir
    from acetui.player.player import Heard, Opener, Player
    from acetui.player.sounds import Sound

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

        self.compared = Comparison()
        """The takes that digits play."""

        self.on_air: OnAir | None = None
        """The radio, while it is on."""

        self.opener: Opener | None = None
        """What opens an output, in place of what the settings say."""

        self._selected: int | None = None
        self._pages = 0

        self._client = client
        self._told = told
        self._trouble = trouble
        self._settings = TerminalSettings()
        self._player: Player | None = None
        self._follower: asyncio.Task[None] | None = None
        self._errands = Errands(trouble)
        self.sounds = TakeSounds(client, folder, take, self._errands)
        """The takes as something to be heard."""

        self._teller = Teller(client, self._state)
        self._complained: EngineError | None = None
        self._wish = 0
        self.regions: Regions = Regions(self._playing, self._other)
        self._marks = HeardMarks(client)

    # --- what people do ----------------------------------------------------------------------------------------------

    async def play(self, number: int, *, jump: bool = False) -> None:
        """Plays a take from its beginning, or after a ``jump`` at the second where another one was.

        Raises EngineError where it has no audio.
        """
        self._wish += 1
        wish = self._wish
        sound = await self._sound(number)
        if wish != self._wish or self._player is None:
            return  # another one was asked for meanwhile
        before, self.number, self._complained = self.number, number, None
        if jump and before is not None and not self._player.look().ended:
            self._player.switch(sound)
            self._player.resume()
        else:
            self.regions.forget()
            self._player.play(sound)
        self._follow()
        if self.on_air is not None:
            await self.on_air.changed(number)

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

    async def hear(self, digit: int) -> None:
        """Goes on with the compared take of a digit, at the same second and without a gap."""
        await self.play(self.compared.at(digit), jump=True)

    async def radio(self, order: str | None) -> bool:
        """Turns the radio on, in an order of ``hearing.radio``, or off; returns whether there is a take to play."""
        if self.on_air is not None:
            self.on_air.end()
            self.on_air = None
        if order is None:
            return True
        from acetui.hearing.on_air import OnAir
        from acetui.hearing.radio import Radio

        player = self._ready()
        radio = Radio(self._order, order)
        self.on_air = OnAir(radio, play=self.play, sound=self._sound, queue=player.queue, look=self._look)
        playing = self._player is not None and self._player.look().playing
        return await self.on_air.begin(self.number if playing else None)

    def seek(self, by: float) -> None:
        """Goes on so many seconds further on, or back. Raises EngineError where nothing is heard."""
        player = self._playing()
        player.seek(player.look().second + by)
        self._other()

    def use(self, settings: TerminalSettings) -> None:
        """Other settings count from now on."""
        before, self._settings = self._settings, settings
        if self._player is not None:
            self._player.set_volume(settings.volume)
            self._player.match(settings.match_loudness)
            if (before.output, before.sound_device) != (settings.output, settings.sound_device):
                self._player.use(self._opener())

    def selected(self, number: int | None) -> None:
        """The cursor is on another take: pages that follow show it."""
        self._selected = number
        if self._pages:
            self._teller.soon()

    def studio_says(self, event: Mapping[str, Any]) -> None:
        """Something happened in the studio: a page has come or gone, or there is a take for the radio."""
        if event["event"] == "listening":
            before, self._pages = self._pages, event["pages"]
            if self._pages > before:
                self._teller.soon()
        elif event["event"] == "take" and self.on_air is not None:
            self._errands.begin(self.on_air.take_came(event["take"]["number"]))

    async def close(self) -> None:
        """Nothing is heard any more."""
        self._errands.drop()
        if self._player is not None:
            await asyncio.to_thread(self._player.close)
            self._teller.soon()
            await self._teller.close()
        await self.sounds.close()

    # --- what there is to show ---------------------------------------------------------------------------------------

    @property
    def playhead(self) -> Playhead | None:
        """What is heard, or where it was stopped; None where nothing was played yet, or it has come to its end."""
        if self._player is None or self.number is None:
            return None
        heard = self._player.look()
        if heard.sound is None or heard.ended:
            return None
        line = line_at(self.sounds.lines(self.number), heard.second)
        where = (int(heard.second), heard.sound.seconds)
        return Playhead(self.number, *where, heard.playing, heard.region, line, self.compared.alias(self.number))

    @property
    def second(self) -> float | None:
        """Where one is in what is heard, exactly; None where nothing is."""
        return None if self._player is None or self.playhead is None else self._player.look().second

    async def silence(self) -> EngineError | None:
        """Why what plays is not heard; None where it is, or where nothing plays."""
        from acetui.hearing.silence import silence_of

        return await silence_of(self._player)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _other(self) -> None:
        """Somebody has changed what is heard."""
        self._teller.soon()
        self._told()

    def _playing(self) -> Player:
        if self._player is None or self.number is None:
            raise EngineError("Nothing plays.", "Space plays the take under the cursor.")
        return self._player

    async def _sound(self, number: int) -> Sound:
        """A take as something to be heard, and what plays it. Raises EngineError where it has no audio."""
        sound = await self.sounds.sound(number)
        self._ready()
        return sound

    async def _order(self, filter: str, sort: str) -> Sequence[int]:
        return await self._client().order(filter, sort)

    def _ready(self) -> Player:
        from acetui.player.player import Player

        if self._player is None:
            loop = asyncio.get_running_loop()

            def happened() -> None:
                with contextlib.suppress(RuntimeError):  # the terminal has ended meanwhile
                    loop.call_soon_threadsafe(self._happened)

            self._player = Player(self._opener(), happened)
            self.use(self._settings)
        return self._player

    def _opener(self) -> Opener:
        from acetui.player.outputs import open_output

        output, device = self._settings.output, self._settings.sound_device
        return self.opener or (lambda pull: open_output(output, device, pull, pages=self._pages))

    def _happened(self) -> None:
        """The player has something to say that nobody asked for."""
        if self._player is None:
            return
        number, heard = self._look()
        if number is not None and number != self.number:
            self.number = number  # it went on to the next
            self.regions.forget()
            self._teller.soon()
        told = heard.trouble is not None and heard.trouble is not self._complained
        silent = heard.trouble is not None and heard.trouble is self._player.silence
        if told and heard.trouble is not None and (self.on_air is None or silent):
            self._trouble(heard.trouble)
        self._complained = heard.trouble
        if self.on_air is not None and not silent:
            self._errands.begin(self.on_air.happened())
        self._told()

    def _look(self) -> tuple[int | None, Heard]:
        """The number of the take that is heard, and how the player is."""
        heard = self._playing().look()
        key = None if heard.sound is None else heard.sound.key
        return self.sounds.number_of(key), heard

    def _follow(self) -> None:
        """Tells what is heard from now on."""
        self._told()
        self._teller.soon()
        if self._follower is None or self._follower.done():
            self._follower = self._errands.begin(self._following())

    async def _following(self) -> None:
        """Once a second while something plays: where it is, that the studio keeps it, and that it was heard."""
        clock = asyncio.get_running_loop().time
        told_at = clock()
        self._marks.begin(told_at)
        while self._player is not None and self._player.look().playing and self.number is not None:
            self._told()
            take = self.sounds.known(self.number)
            if take is not None and not self.compared.blind:  # its row would say which it is
                await self._marks.heard(take, clock())
            if clock() - told_at > TELL_SECONDS:
                told_at = clock()
                self._teller.soon()
            second = self._player.look().second
            await asyncio.sleep(max(math.floor(second) + 1 - second, SHORTEST_SLEEP))
        self._told()
        self._teller.soon()

    def _state(self) -> Mapping[str, Any]:
        """What the studio is told."""
        heard = None if self._player is None else self._player.look()
        return what_to_tell(heard, self.number, self._selected, blind=self.compared.blind)
