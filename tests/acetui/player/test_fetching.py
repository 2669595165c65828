"""Audio of a studio that is elsewhere: played while it comes, from any place, and gone on with after a break."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from acetui.client import Client
from acetui.player import fetching
from acetui.player.cache import Cache, cache_folder
from acetui.player.fetching import Fetcher
from acetui.player.growing import Growing, joined
from acetui.player.mixer import Mixer
from acetui.player.sounds import RATE
from engine.errors import EngineError
from tests.acetui.player.listening import Ears, noise, written
from tests.sessions.jamming import stage, state
from tests.sessions.studios import TOKEN, api

__all__ = ["state"]


class Line:
    """A studio over a line that is slow, or breaks: ``allowed`` bytes come, and no more until there are more."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked: list[tuple[str, int]] = []
        self.allowed = len(content)
        self.breaks = False

    @asynccontextmanager
    async def audio(self, key: int | str, start: int = 0) -> AsyncIterator[Any]:
        self.asked.append((str(key), start))
        if self.breaks:
            raise EngineError("The line is down.", "Wait.")
        line = self

        class Sent:
            size, tag = len(line.content), "t1"

            def __init__(self) -> None:
                self.start = start

            async def pieces(self) -> AsyncIterator[bytes]:
                for at in range(start, len(line.content), 4096):
                    while line.allowed < 4096:
                        await asyncio.sleep(0.005)
                        if line.breaks:
                            return
                    line.allowed -= 4096
                    yield line.content[at : at + 4096]

        yield Sent()


def take(sound_path: Path, seconds: float, number: int = 1) -> dict[str, Any]:
    return {
        "id": f"id{number}", "number": number, "files": {"audio": f"takes/{sound_path.name}"}, "duration": seconds,
        "stored": "whole", "loudness": -14.0,
    }  # fmt: skip


async def test_a_take_is_heard_while_it_comes(tmp_path: Path) -> None:
    samples = noise(6.0)
    file = written(tmp_path, samples).path
    line = Line(file.read_bytes())
    line.allowed = first = 600_000
    fetcher = Fetcher(lambda: line, None, Cache(tmp_path / "cache"))
    sound = await fetcher.sound(take(file, 6.0))
    assert sound.coming is not None
    mixer = Mixer()
    ears = Ears(mixer)
    mixer.play(sound, 1.0)
    heard = await asyncio.to_thread(ears.listen, 0.9)
    assert not sound.coming.whole
    assert np.array_equal(heard, samples[: len(heard)])
    mixer.seek(4 * RATE)  # far beyond what is there: that is fetched first
    while sound.coming.wanted < first:
        await asyncio.sleep(0.001)
    line.allowed = 10**9
    after = await asyncio.to_thread(ears.listen, 0.9)
    assert np.array_equal(after[240:], samples[4 * RATE + 240 : 4 * RATE + len(after)])
    await fetcher.settle()
    assert sound.coming.whole
    assert sound.path.read_bytes() == line.content
    assert len(line.asked) >= 3
    again = await fetcher.sound(take(file, 6.0))
    assert again.coming is None
    mixer.stop()
    await fetcher.close()


async def test_what_has_come_is_there_the_next_day(tmp_path: Path) -> None:
    file = written(tmp_path, noise(2.0)).path
    line = Line(file.read_bytes())
    line.allowed = 100 * 4096
    cache = Cache(tmp_path / "cache")
    fetcher = Fetcher(lambda: line, None, cache)
    sound = await fetcher.sound(take(file, 2.0))
    assert sound.coming is not None
    while sound.coming.there(0) < 100 * 4096:
        await asyncio.sleep(0.005)
    await fetcher.close()
    line.allowed, line.asked = 10**9, []
    fetcher = Fetcher(lambda: line, None, cache)
    await fetcher.sound(take(file, 2.0))
    await fetcher.settle()
    assert line.asked == [("id1", 0), ("id1", 100 * 4096)]
    assert sound.path.read_bytes() == line.content
    await fetcher.close()
    assert [each.suffix for each in (tmp_path / "cache").iterdir()] == [".flac"]


async def test_a_line_that_breaks_is_told_of_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "RETRY_SECONDS", (0.02,) * 200)
    file = written(tmp_path, noise(3.0)).path
    line = Line(file.read_bytes())
    line.allowed = 50_000
    fetcher = Fetcher(lambda: line, None, Cache(tmp_path / "cache"))
    sound = await fetcher.sound(take(file, 3.0))
    assert sound.coming is not None
    while sound.coming.there(0) < 45_056:
        await asyncio.sleep(0.005)
    line.breaks = True
    with pytest.raises(EngineError):
        await asyncio.to_thread(sound.coming.read, 200_000, 10, threading.Event())
    line.breaks, line.allowed = False, 10**9
    await fetcher.settle()
    assert sound.path.read_bytes() == line.content
    await fetcher.close()


async def test_what_is_wanted_now_comes_before_what_may_be(tmp_path: Path) -> None:
    file = written(tmp_path, noise(1.0)).path
    line = Line(file.read_bytes())
    line.allowed = 8192
    fetcher = Fetcher(lambda: line, None, Cache(tmp_path / "cache"))
    one, two, three = (take(file, 1.0, number) for number in (1, 2, 3))
    await fetcher.sound(one)
    await fetcher.prefetch([two])
    await fetcher.sound(three)
    line.asked.clear()
    line.allowed = 10**9
    await fetcher.settle()
    assert [key for key, _ in line.asked] == ["id3", "id1", "id2"]
    await fetcher.close()


async def test_a_disk_that_refuses_is_told_of(tmp_path: Path) -> None:
    file = written(tmp_path, noise(0.5)).path
    (tmp_path / "cache").write_text("no folder", encoding="utf-8")
    fetcher = Fetcher(lambda: Line(file.read_bytes()), None, Cache(tmp_path / "cache"))
    with pytest.raises(EngineError, match="cannot be kept"):
        await fetcher.sound(take(file, 0.5))
    await fetcher.close()


async def test_a_take_of_a_session_that_is_here_is_read_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "takes").mkdir()
    file = written(tmp_path / "takes", noise(0.5)).path
    line = Line(b"")
    fetcher = Fetcher(lambda: line, tmp_path)
    sound = await fetcher.sound(take(file, 0.5))
    assert (sound.path, sound.coming, sound.loudness) == (file, None, -14.0)
    await fetcher.prefetch([take(file, 0.5)])
    assert line.asked == []
    with pytest.raises(EngineError, match="Take 1 has no audio"):
        await fetcher.sound({**take(file, 0.5), "stored": "latents only"})
    await fetcher.close()


@pytest.mark.usefixtures("state")
async def test_a_real_studio_sends_what_is_played(tmp_path: Path) -> None:
    samples = noise(3.0)
    async with api(stage(tmp_path)) as studio:
        (made,) = await studio.takes(1)
        path = studio.made.folder / made["files"]["audio"]
        path.write_bytes(written(tmp_path, samples).path.read_bytes())
        async with Client(TOKEN, url=str(studio.client.make_url("/"))) as client:
            fetcher = Fetcher(lambda: client, None, Cache(tmp_path / "cache"))
            sound = await fetcher.sound({**made, "duration": 3.0})
            mixer = Mixer()
            ears = Ears(mixer)
            mixer.play(sound, 1.0, RATE)
            heard = await asyncio.to_thread(ears.listen, 0.5)
            assert np.array_equal(heard[240:], samples[RATE + 240 : RATE + len(heard)])
            await fetcher.settle()
            assert sound.path.read_bytes() == path.read_bytes()
            mixer.stop()
            await fetcher.close()


def test_spans_are_joined() -> None:
    assert joined([(0, 4), (8, 9)], 4, 8) == [(0, 9)]
    assert joined([(2, 4)], 6, 8) == [(2, 4), (6, 8)]


def test_the_newest_reader_that_waits_is_served_first(tmp_path: Path) -> None:
    growing = Growing(tmp_path / "a.flac", 10)
    growing.write(0, b"0")
    before, after = threading.Event(), threading.Event()
    assert growing.read(0, 1, before) == growing.read(0, 1, after) == b"0"
    readers = [threading.Thread(target=growing.read, args=words) for words in ((7, 1, after), (1, 1, before))]
    for reader, wanted in zip(readers, (7, 7), strict=True):
        reader.start()
        while growing.wanted != wanted or len(growing._waiting) != readers.index(reader) + 1:
            time.sleep(0.001)
    assert growing.gap() == (7, 10)
    growing.write(7, b"7")
    readers[0].join()
    assert growing.gap() == (1, 7)
    before.set()
    readers[1].join()
    assert growing.read(2, 1, before) == b""
    assert growing.wanted == 1
    growing.close()


def test_a_file_that_was_never_finished_is_not_taken_for_whole(tmp_path: Path) -> None:
    growing = Growing(tmp_path / "a.flac", 10)
    growing.write(4, b"456")
    assert (growing.gap(), growing.there(4), growing.there(0)) == ((0, 4), 3, 0)
    growing.wanted = 7
    assert growing.gap() == (7, 10)
    growing.close()
    (tmp_path / "a.flac.parts").write_text("broken", encoding="utf-8")
    again = Growing(tmp_path / "a.flac", 10)
    assert again.gap() == (0, 10)
    again.close()


def test_the_cache_lets_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path / "listen", most_bytes=250)
    paths = [cache.place(f"id{number}", "t/../1", ".flac") for number in range(3)]
    assert {path.parent for path in paths} == {tmp_path / "listen"}
    for age, path in enumerate(paths):
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + age, 1000 + age))
    cache.trim([paths[0]])
    assert [path.exists() for path in paths] == [True, False, True]
    monkeypatch.setenv("ACETUI_CACHE", str(tmp_path / "c"))
    assert cache_folder() == tmp_path / "c"
