"""The player with outputs: miniaudio's null device, which asks in real time; one that is lost; players on a pipe."""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from acetui.player import player as player_module
from acetui.player.device import Device
from acetui.player.mixer import Mixer
from acetui.player.outputs import NoSound, Output, Pull, open_output
from acetui.player.player import Heard, Player
from acetui.player.sounds import RATE
from acetui.player.unheard import Unheard
from tests.acetui.player.listening import noise, written


def until(there: Callable[[], object], seconds: float = 20.0) -> None:
    limit = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < limit, "it never came"
        time.sleep(0.005)


def null(pull: Pull) -> Output:
    return Device("auto", pull, ("NULL",))


def test_a_device_is_opened_and_fed_in_time(tmp_path: Path) -> None:
    player = Player(null)
    try:
        player.play(written(tmp_path, noise(30.0)))
        until(lambda: player.look().second > 0.2)
        start, at = time.monotonic(), player.look().second
        busy = 0
        while time.monotonic() - start < 1.5:  # another thread that never rests, as a terminal that is being drawn
            busy += sum(range(500))
        gone = time.monotonic() - start
        heard = player.look()
        assert heard.playing
        assert heard.output == "Null"
        assert heard.second - at == pytest.approx(gone, abs=0.3)
        assert player.mixer.gaps == 0
        player.pause()
        time.sleep(0.2)
        second = player.look().second
        time.sleep(0.2)
        assert player.look().second == second
    finally:
        player.close()
    assert player.look() == Heard()
    assert not [each for each in threading.enumerate() if each.name == "sound"]


class Fragile:
    """An output that can be pulled out."""

    name = "fragile"

    def __init__(self, pull: Pull) -> None:
        self.pull = pull
        self.alive = True
        self.started = self.closed = False

    def start(self) -> None:
        self.started = True

    def close(self) -> None:
        self.closed = True


def test_a_device_that_is_lost_is_told_of_and_playing_goes_on_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(player_module, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(player_module, "LOOK_SECONDS", 0.01)
    made: list[Fragile] = []
    there = True
    told = []

    def opener(pull: Pull) -> Output:
        if not there:
            raise NoSound("No sound device was found here.", "Plug one in.")
        made.append(Fragile(pull))
        return made[-1]

    player = Player(opener, lambda: told.append(player.look().trouble))
    try:
        player.play(written(tmp_path, noise(5.0)))
        until(lambda: made and made[0].started)
        until(lambda: player.mixer.ready)
        made[0].pull(RATE // 20)
        there, made[0].alive = False, False
        until(lambda: player.look().trouble)
        assert "The sound device is gone." in str(player.look().trouble)
        assert made[0].closed
        assert player.look().playing
        assert player.look().second == pytest.approx(0.05)
        time.sleep(0.2)
        assert len(made) == 1
        there = True
        until(lambda: len(made) == 2 and player.look().trouble is None)
        made[1].pull(RATE // 20)
        assert player.look().second == pytest.approx(0.1)
        assert told[0] is not None
        assert told[-1] is None
    finally:
        player.close()
    assert made[1].closed


def test_without_sound_it_says_so_and_is_asked_again_later(tmp_path: Path) -> None:
    tries = []

    def opener(pull: Pull) -> Output:
        tries.append(pull)
        raise NoSound("No sound device was found here.", "Plug one in.")

    told = threading.Event()
    player = Player(opener, told.set)
    try:
        sound = written(tmp_path, noise(0.5))
        player.play(sound)
        assert told.wait(20.0)
        assert not player.look().playing
        assert str(player.look().trouble).startswith("No sound device")
        player.play(sound)
        until(lambda: len(tries) == 2)
    finally:
        player.close()


def test_a_device_is_given_back_after_a_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player_module, "REST_SECONDS", 0.05)
    monkeypatch.setattr(player_module, "LOOK_SECONDS", 0.01)
    made: list[Fragile] = []

    def opener(pull: Pull) -> Output:
        made.append(Fragile(pull))
        return made[-1]

    player = Player(opener)
    try:
        player.play(written(tmp_path, noise(1.0)))
        until(lambda: made)
        player.pause()
        until(lambda: made[0].closed)
        player.resume()
        until(lambda: len(made) == 2)
        player.use(opener)
        until(lambda: len(made) == 3)
        assert made[1].closed
    finally:
        player.close()


def test_what_plays_ends_and_begins_again(tmp_path: Path) -> None:
    told = threading.Event()
    player = Player(null, told.set)
    try:
        player.play(written(tmp_path, noise(0.3)), 0.1)
        assert told.wait(20.0)
        assert player.look().ended
        assert not player.look().playing
        player.resume()
        until(lambda: player.look().playing and 0 < player.look().second < 0.3)
    finally:
        player.close()


def test_regions_are_held_within_the_take(tmp_path: Path) -> None:
    player = Player(lambda pull: Fragile(pull))
    try:
        assert player.loop(1.0, 2.0) is None
        player.play(written(tmp_path, noise(2.0)))
        assert player.loop(1.0, 1.2) is None
        assert player.loop(1.0, 9.0) == (1.0, 2.0)
        assert player.look().region == (1.0, 2.0)
        player.unloop()
        assert player.look().region is None
    finally:
        player.close()


FAKE = """#!/bin/sh
head -c {bytes} > {out}
exit 0
"""


def fake(folder: Path, name: str, out: Path, size: int) -> None:
    program = folder / name
    program.write_text(FAKE.format(bytes=size, out=out), encoding="utf-8")
    program.chmod(0o755)


def test_a_player_on_a_pipe_gets_every_sample_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take = noise(3.0)
    mixer = Mixer()
    mixer.play(written(tmp_path, take), 1.0)
    until(lambda: mixer.ready)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    out, size = tmp_path / "heard", 8 * RATE // 2
    fake(tmp_path / "bin", "mpv", out, size)
    start = time.monotonic()
    output = open_output("mpv", "auto", mixer.pull)
    output.start()
    try:
        until(lambda: not output.alive)
        gone = time.monotonic() - start
        assert 0.25 < gone < 5.0
        heard = np.frombuffer(out.read_bytes(), dtype=np.float32).reshape(-1, 2)
        assert np.array_equal(heard, take[: len(heard)])
    finally:
        output.close()


def test_which_output_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pull(frames: int) -> array[float]:
        return array("f", bytes(8 * frames))

    def nowhere(name: str, pull: Pull) -> Output:
        raise NoSound("No sound device was found here.", "Plug one in.")

    monkeypatch.setattr("acetui.player.outputs._device", nowhere)
    here = str(tmp_path)
    with pytest.raises(NoSound, match=r"No sound device was found here\..*acetui export"):
        open_output("auto", "auto", pull, here)
    with pytest.raises(NoSound, match="There is no ffplay on this machine"):
        open_output("ffplay", "auto", pull, here)
    with pytest.raises(NoSound, match="turned off"):
        open_output("none", "auto", pull, here)
    assert open_output("auto", "auto", pull, here, pages=1).name == "page"
    assert open_output("page", "auto", pull, here).name == "page"
    with pytest.raises(NoSound, match="No sound device"):
        open_output("device", "auto", pull, here, pages=1)
    fake(tmp_path, "pw-play", tmp_path / "out", 8)
    output = open_output("auto", "auto", pull, here)
    assert output.name == "pw-play"
    output.start()
    until(lambda: not output.alive)
    output.close()


def test_an_output_that_nobody_hears_keeps_the_time() -> None:
    pulled: list[int] = []

    def pull(frames: int) -> array[float]:
        pulled.append(frames)
        return array("f", bytes(8 * frames))

    output = Unheard("page", pull)
    began = time.monotonic()
    output.start()
    until(lambda: sum(pulled) >= 0.5 * RATE)
    assert 0.35 < time.monotonic() - began < 3.0
    assert output.alive
    output.close()
    assert not output.alive


def test_a_device_is_chosen_by_a_part_of_its_name() -> None:
    def pull(frames: int) -> array[float]:
        return array("f", bytes(8 * frames))

    Device("null playback", pull, ("NULL",)).close()
    with pytest.raises(NoSound, match="no sound device called 'headphones'"):
        Device("headphones", pull, ("NULL",))


def test_mixing_that_fails_is_silent_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def pull(frames: int) -> array[float]:
        raise ValueError("broken")

    device = Device("auto", pull, ("NULL",))
    device.start()
    until(lambda: "mixing failed" in caplog.text)
    assert device.alive
    device.close()
