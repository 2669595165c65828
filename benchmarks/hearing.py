"""From the key to the first sound, with songs of ten minutes; and what mixing costs. No model, no torch.

The device is miniaudio's null one, which asks for 30 ms at a time in real time and has no loudspeaker: what a person
hears comes later by the buffers of their own device (four times 30 ms).
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import soundfile
from aiohttp import web

from acetui.client import Client
from acetui.player.cache import Cache
from acetui.player.device import Device
from acetui.player.fetching import Fetcher
from acetui.player.mixer import Mixer, Voice
from acetui.player.player import Player
from acetui.player.sounds import RATE, Sound
from acetui.remote.ssh import Ssh
from benchmarks.rows import Area, Row
from benchmarks.sshd import Sshd, sshd

PERIOD = 1440
"""Frames that a device asks for at once."""

_MOST_SECONDS = 30.0


@dataclass(frozen=True)
class Sizes:
    """How long the songs are, and how often each thing is done."""

    seconds: float = 600.0
    times: int = 100

    @classmethod
    def quick(cls) -> Sizes:
        """Sizes that show that everything runs, and no more."""
        return cls(6.0, 3)


def run(sizes: Sizes) -> list[Area]:
    """Both tables, in a folder that is made for them on the disk of temporary files."""
    with tempfile.TemporaryDirectory(prefix="acetui-bench-") as folder:
        print("writing songs", file=sys.stderr)
        sounds = [_song(Path(folder) / f"{number}.flac", sizes.seconds, number) for number in range(4)]
        return [_first_sounds(Path(folder), sounds, sizes), _mixing(sounds[0], sizes)]


class Ears:
    """A player on a null device, and the moment at which something else is heard than before."""

    def __init__(self) -> None:
        self.player = Player(lambda pull: Device("auto", self._listening(pull), ("NULL",)))
        self._before: Voice | None = None
        self._at: float | None = None

    def after(self, act: Callable[[], None]) -> float:
        """Seconds from an act until what it asked for is heard."""
        self._before, self._at = self.player.mixer._now, None
        began = time.perf_counter()
        act()
        while self._at is None:
            if time.perf_counter() - began > _MOST_SECONDS:
                raise RuntimeError(f"nothing was heard: {self.player.look()}")
            time.sleep(0.0005)
        return self._at - began

    def _listening(self, pull: Callable[[int], array[float]]) -> Callable[[int], array[float]]:
        def listened(frames: int) -> array[float]:
            found = pull(frames)
            if self._at is None and self.player.mixer._now is not self._before and max(found) > 0:
                self._at = time.perf_counter()
            return found

        return listened


def _first_sounds(folder: Path, sounds: list[Sound], sizes: Sizes) -> Area:
    area = Area(f"Key to first sound, FLAC of {sizes.seconds:.0f} s", ("median", "99 of 100"))

    def row(what: str, took: list[float], note: str = "") -> None:
        took = sorted(took)
        area.rows.append(Row(what, median(took), took[min(len(took) - 1, len(took) * 99 // 100)], note=note))

    opening = []
    for at in range(max(sizes.times // 5, 1)):
        ears = Ears()
        opening.append(ears.after(lambda ears=ears, at=at: ears.player.play(sounds[at % 4])))  # type: ignore[misc]
        ears.player.close()
    row("play, no device open", opening, f"{len(opening)} times")
    ears = Ears()
    player = ears.player
    ears.after(lambda: player.play(sounds[3]))
    many = range(sizes.times)
    row("play another take", [ears.after(lambda at=at: player.play(sounds[at % 4])) for at in many])  # type: ignore[misc]
    half = sizes.seconds / 2
    row("go to the middle", [ears.after(lambda at=at: player.seek(half + at % 7 / 10)) for at in many])  # type: ignore[misc]
    row(
        "another take at the same second",
        [ears.after(lambda at=at: player.switch(sounds[at % 4])) for at in many],  # type: ignore[misc]
        "50 ms of it are on purpose",
    )
    area.notes.append(f"{player.mixer.gaps} gaps in all of this")
    player.close()
    took = asyncio.run(_over_http(folder, sounds, sizes))
    row("play over HTTP", took, f"{len(took)} times, a Unix socket, nothing kept")
    if Sshd.there():
        took = asyncio.run(_through_ssh(folder, sounds, sizes))
        row("play through ssh", took, f"{len(took)} times, sshd on loopback, the line open, nothing kept")
    else:
        area.notes.append("no OpenSSH server here: nothing through ssh")
    return area


async def _through_ssh(folder: Path, sounds: list[Sound], sizes: Sizes) -> list[float]:
    """The same through the connection that ``acetui connect`` keeps for audio."""
    before = os.environ["PATH"]
    with sshd(folder / "sshd") as server:
        os.environ["PATH"] = server.path
        line = Ssh("box", folder / "c")
        try:
            await asyncio.to_thread(line.open, asks=False)

            def led(socket: Path) -> Path:
                line.forward(folder / "f", str(socket))
                return folder / "f"

            return await _over_http(folder, sounds, sizes, led)
        finally:
            await asyncio.to_thread(line.close)
            os.environ["PATH"] = before


async def _over_http(
    folder: Path, sounds: list[Sound], sizes: Sizes, led: Callable[[Path], Path] = lambda socket: socket
) -> list[float]:
    """The same, with the file behind a server; it need not come whole to be heard.

    ``led`` gives the socket that leads to the server's.
    """

    async def sent(request: web.Request) -> web.FileResponse:
        return web.FileResponse(sounds[int(request.match_info["id"])].path)

    app = web.Application()
    app.router.add_get("/api/takes/{id}/audio", sent)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "s")).start()
    took = []
    async with Client("token", door=await asyncio.to_thread(led, folder / "s")) as client:
        for at in range(max(sizes.times // 5, 1)):
            ears, number = Ears(), at % 4
            fetcher = Fetcher(lambda: client, None, Cache(Path(tempfile.mkdtemp(dir=folder))))
            take = {"id": str(number), "number": number, "files": {"audio": "a.flac"}, "duration": sizes.seconds}
            began = time.perf_counter()
            sound = await fetcher.sound(take)
            asked = time.perf_counter() - began
            took.append(asked + await asyncio.to_thread(ears.after, lambda: ears.player.play(sound)))  # noqa: B023
            ears.player.close()
            await fetcher.close()
    await runner.cleanup()
    return took


def _mixing(sound: Sound, sizes: Sizes) -> Area:
    area = Area("Mixing 30 ms, processor time", ("median", "slowest"))
    for what, level, jumps in (
        ("as it is", 1.0, False),
        ("with a level", 0.7, False),
        ("into another place", 0.7, True),
    ):
        mixer = Mixer()
        mixer.play(sound, level)
        spent = []
        for at in range(sizes.times):
            if jumps:
                mixer.seek(round((at % 5) * RATE))
            for voice in (mixer._next, mixer._now):
                if voice is not None:
                    voice.stream.wait(2 * PERIOD, _MOST_SECONDS)
            began = time.thread_time()
            mixer.pull(PERIOD)
            spent.append(time.thread_time() - began)
        mixer.stop()
        area.rows.append(Row(what, median(spent), max(spent), note=f"{median(spent) / 0.03:.1%} of the time it fills"))
    return area


def _song(path: Path, seconds: float, seed: int) -> Sound:
    """Chords under noise, of 24 bits: as hard to decode as music."""
    draw = np.random.default_rng(seed)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_24") as file:
        at = np.arange(RATE) / RATE
        tone = sum(np.sin(2 * np.pi * hertz * at) for hertz in (220, 277, 330)) / 8
        for _ in range(int(seconds)):
            file.write(tone[:, None] + draw.normal(0, 0.03, (RATE, 2)))
    return Sound(path.name, path, float(int(seconds)))
