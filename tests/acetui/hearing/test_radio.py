"""What the radio plays next: never nothing, and never what is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from acetui.hearing.on_air import OnAir
from acetui.hearing.radio import FRESH, KEPT, Radio
from acetui.player.player import Heard
from acetui.player.sounds import Sound
from engine.errors import EngineError
from sessions.query_parser import parse


class Takes:
    """A session: which takes are new and which were kept; ``rendered`` all."""

    def __init__(self, fresh: Sequence[int] = (), kept: Sequence[int] = (), others: Sequence[int] = ()) -> None:
        self.fresh, self.kept, self.others = list(fresh), list(kept), list(others)
        self.sorts: list[str] = []

    async def ask(self, filter: str, sort: str) -> list[int]:
        parse(filter)
        self.sorts.append(sort)
        if filter == FRESH:
            return list(self.fresh)
        return list(self.kept) if filter == KEPT else sorted({*self.fresh, *self.kept, *self.others}, reverse=True)


class Desk:
    """Plays and queues; ``broken`` takes have no audio."""

    def __init__(self, takes: Takes, order: str = "newest") -> None:
        self.played: list[int] = []
        self.queued: list[str | None] = []
        self.broken: set[int] = set()
        self.heard: tuple[int | None, Heard] = (None, Heard())
        self.on_air = OnAir(
            Radio(takes.ask, order), play=self.play, sound=self.sound, queue=self.queue, look=lambda: self.heard
        )

    async def sound(self, number: int) -> Sound:
        if number in self.broken:
            raise EngineError("It has no audio.", "Make it again.")
        return Sound(str(number), Path("x"), 10.0)

    async def play(self, number: int) -> None:
        await self.sound(number)
        self.played.append(number)
        await self.on_air.changed(number)

    def queue(self, sound: Sound | None) -> None:
        self.queued.append(None if sound is None else sound.key)


def test_new_takes_come_first_then_those_that_were_kept_and_each_once_in_turn() -> None:
    async def listen() -> None:
        takes = Takes(fresh=[9, 8], kept=[3, 2], others=[1])
        radio = Radio(takes.ask, "best")
        assert await radio.coming() == [9, 8, 3, 2]
        assert takes.sorts[0] == "-score,number"
        for number in (9, 8, 3):
            radio.playing(number)
        takes.fresh = []
        assert await radio.coming(beside=3) == [2, 3]
        radio.playing(2)
        assert await radio.coming(beside=2) == [3, 2]
        radio.broken(3)
        takes.kept = [3]
        assert (await radio.coming(beside=2))[0] == 1, "where next to nothing was kept, whatever there is"
        assert await Radio(Takes(fresh=[5]).ask).coming(beside=5) == [5], "one take alone is heard again"

    asyncio.run(listen())


def test_the_next_take_lies_ready_and_a_new_one_goes_before_what_fills_the_time() -> None:
    async def listen() -> None:
        takes = Takes(kept=[3, 2, 1])
        desk = Desk(takes)
        assert await desk.on_air.begin(None)
        assert desk.played == [3]
        assert desk.queued == ["2"]
        takes.fresh = [9]
        await desk.on_air.take_came(9)
        assert desk.on_air.next == 9
        takes.fresh = [10, 9]
        await desk.on_air.take_came(10)
        assert desk.on_air.next == 9, "a new take that waits is not passed over"
        await desk.on_air.changed(9)
        assert desk.on_air.next == 10
        desk.on_air.end()
        assert desk.queued[-1] is None

    asyncio.run(listen())


def test_what_cannot_be_played_gives_way_and_it_never_falls_silent() -> None:
    async def listen() -> None:
        takes = Takes(fresh=[9, 8, 7], kept=[3])
        desk = Desk(takes)
        desk.broken = {9, 7}
        assert await desk.on_air.begin(None)
        assert desk.played == [8]
        assert desk.on_air.next == 3
        sound = await desk.sound(8)
        desk.heard = (8, Heard(sound, playing=True, queued=sound))
        await desk.on_air.happened()
        assert desk.on_air.next == 3
        desk.heard = (8, Heard(sound, playing=True))
        await desk.on_air.happened()
        assert desk.on_air.next == 8, "what was queued could not be decoded, and there is no other"
        desk.heard = (8, Heard(sound, ended=True))
        await desk.on_air.happened()
        assert desk.played == [8, 8]

    asyncio.run(listen())


def test_with_no_take_at_all_it_waits_for_the_first() -> None:
    async def listen() -> None:
        takes = Takes()
        desk = Desk(takes)
        assert not await desk.on_air.begin(None)
        takes.fresh = [1]
        await desk.on_air.take_came(1)
        assert desk.played == [1]

    asyncio.run(listen())


def test_what_plays_already_plays_on() -> None:
    async def listen() -> None:
        desk = Desk(Takes(fresh=[9, 8]))
        assert await desk.on_air.begin(8)
        assert desk.played == []
        assert desk.queued == ["9"]
        assert await desk.on_air.skip()
        assert desk.played == [9]

    asyncio.run(listen())
