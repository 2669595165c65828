"""Keys for hearing several takes: side by side, blind, as a radio; and for taking them elsewhere."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.hearing.compare import Comparison
from acetui.player.outputs import NoSound, Output, Pull
from acetui.player.sounds import RATE
from acetui.player.unheard import Unheard
from acetui.screens.spectrogram import Spectrogram
from sessions.comparisons import recorded
from tests.acetui.heard_desk import SECONDS, at_once, desk, second
from tests.acetui.player.listening import as_frames, noise, written
from tests.acetui.presses import presses
from tests.acetui.scripted_studio import picture
from tests.acetui.told_studio import until
from tests.sessions.jamming import state
from tests.sessions.studios import TOKEN, Api

__all__ = ["at_once", "state"]

pytestmark = pytest.mark.usefixtures("state")


async def plays(app: StudioApp, pilot: Pilot[str | None], number: int) -> None:
    """Waits until a take is heard, and not only on its way."""
    await until(pilot, lambda: app.listening.number == number and second(app) > 0)
    assert app.listening._player is not None
    mixer = app.listening._player.mixer
    await until(pilot, lambda: mixer._next is None and mixer.playing)


@presses("compare", "hear-1", "hear-2", "hear-3", "choose")
async def test_takes_are_heard_side_by_side_at_the_same_second(tmp_path: Path) -> None:
    async with desk(tmp_path, takes=3) as (app, pilot, studio):
        await pilot.press("1")
        assert "No takes are marked" in app.desk.key_bar.message
        await pilot.press("b", "j", "b")
        assert "1 take 3, 2 take 2." in app.desk.key_bar.message
        assert "compared 3 2" in picture(app, app.desk.takes)[0]
        await pilot.press("1")
        await plays(app, pilot, 3)
        await pilot.press(".", "[", ".", "]")
        assert app.listening._player is not None
        region = app.listening._player.look().region
        await pilot.press("2")
        await plays(app, pilot, 2)
        assert "2 of 2: take 2." in app.desk.key_bar.message
        assert app.listening._player.look().region == region is not None
        assert region[0] - 0.1 <= second(app) <= region[1]
        assert app.book.cursor == 2, "nothing moves under the cursor"
        await pilot.press("3")
        assert "There is no 3" in app.desk.key_bar.message
        await pilot.press("C")
        await until(pilot, lambda: "2 was take 2, better than 3. It is liked." in app.desk.key_bar.message)
        assert studio.studio.store.get(2).liked
        (kept,) = recorded(studio.made.folder)
        assert (kept.chosen, kept.blind, kept.matched) == (studio.studio.store.get(2).id, False, True)
        await pilot.press("u")
        await until(pilot, lambda: not studio.studio.store.get(2).liked)
        await pilot.press("b")
        assert "Compared by digit: 1 take 3." in app.desk.key_bar.message


@presses("blind")
async def test_blind_nobody_is_told_which_is_which(tmp_path: Path) -> None:
    async with desk(tmp_path, takes=3) as (app, pilot, studio):
        app.listening.compared = Comparison(shuffle=lambda each: each.reverse())
        await pilot.press("B")
        assert "two takes at least" in app.desk.key_bar.message
        await pilot.press("b", "j", "b", "B")
        assert "1 to 2 play them" in app.desk.key_bar.message
        await pilot.press("1")
        await plays(app, pilot, 2)
        shown = "\n".join(picture(app))
        assert "1 of 2, blind  0:0" in shown
        assert "blind, 2 takes" in picture(app, app.desk.takes)[0]
        assert "►" not in "\n".join(picture(app, app.desk.takes))
        assert "/ 0:20" not in "\n".join(line for line in picture(app, app.desk.take) if "blind" in line)
        await pilot.press("g", "n")
        assert app.book.cursor == 2, "it is where it was"
        await pilot.press(";", "l")
        assert "A blind comparison is on." in app.desk.key_bar.message
        await pilot.press("2", "B")
        assert "It was 1 take 2, 2 take 3." in app.desk.key_bar.message
        await pilot.press("B", "1")
        await plays(app, pilot, 2)
        await pilot.press("C")
        await until(pilot, lambda: "1 was take 2, better than 3." in app.desk.key_bar.message)
        assert recorded(studio.made.folder)[0].blind
        await until(pilot, lambda: "► 2" in "\n".join(picture(app, app.desk.takes)))


@presses("hear-4", "hear-5", "hear-6", "hear-7", "hear-8", "hear-9")
async def test_there_are_nine_digits(tmp_path: Path) -> None:
    async with desk(tmp_path, takes=1) as (app, pilot, _):
        await pilot.press("b")
        for digit in "456789":
            await pilot.press(digit)
            assert f"There is no {digit} among the takes" in app.desk.key_bar.message


class Kept:
    """An output that keeps what it is given, and takes it as fast as it comes."""

    name = "kept"
    alive = True

    def __init__(self, pull: Pull) -> None:
        self._unheard = Unheard("kept", self._take)
        self._pull = pull
        self.pieces: list[bytes] = []

    def _take(self, frames: int) -> None:  # type: ignore[override]
        self.pieces.append(self._pull(frames).tobytes())

    def start(self) -> None:
        self._unheard.start()

    def close(self) -> None:
        self._unheard.close()


@presses("radio", "next-take", "like-playing", "pin-playing", "reject-playing", "radio-order")
async def test_the_radio_goes_on_without_a_gap_and_takes_are_judged_while_they_play(tmp_path: Path) -> None:
    length = 1.0
    async with desk(tmp_path, takes=3, seconds=length) as (app, pilot, studio):
        for number in (1, 2, 3):
            studio.studio.store.change(number, score=number / 10)
        outputs: list[Kept] = []

        def opened(pull: Pull) -> Output:
            outputs.append(Kept(pull))
            return outputs[-1]  # type: ignore[return-value]

        app.listening.opener = opened
        await pilot.press(";", "o")
        await until(pilot, lambda: "plays the best first" in app.desk.key_bar.message)
        await pilot.press(";", "r")
        await plays(app, pilot, 3)
        await until(pilot, lambda: app.listening.on_air is not None and app.listening.on_air.next == 2)
        await until(pilot, lambda: app.listening.number == 2)
        await pilot.press(";", "l")
        await until(pilot, lambda: studio.studio.store.get(2).liked)
        await until(pilot, lambda: app.listening.number == 1)
        heard = as_frames_of(outputs[0].pieces)
        heard = heard[np.any(heard != 0, axis=1).argmax() :]  # it is silent until the first one has been opened
        whole = np.concatenate([noise(length, 3), noise(length, 2)])
        assert np.array_equal(heard[: len(whole)], whole), "not a frame between two takes"
        await pilot.press(";", "p")
        await until(pilot, lambda: studio.studio.store.get(1).pinned)
        await pilot.press(";", "n")
        await until(pilot, lambda: app.listening.number != 1)
        number = app.listening.number
        assert number is not None
        await pilot.press(";", "x")
        await until(pilot, lambda: studio.studio.store.get(number).rejected and app.listening.number != number)
        await pilot.press(";", "r")
        assert "The radio is off" in app.desk.key_bar.message
        assert app.listening.on_air is None


def as_frames_of(pieces: list[bytes]) -> np.ndarray:  # type: ignore[type-arg]
    from array import array

    return as_frames(array("f", b"".join(pieces)))


async def test_a_take_that_is_rendered_is_next_on_the_radio(tmp_path: Path) -> None:
    async with desk(tmp_path, takes=1) as (app, pilot, studio):
        await pilot.press(";", "r")
        await plays(app, pilot, 1)
        await studio("POST", "/api/render", {"recipe": {"batch_size": 1}, "wait": True})
        await until(pilot, lambda: app.listening.on_air is not None and app.listening.on_air.next == 2)


async def test_a_radio_that_nobody_hears_is_not_said_to_play(tmp_path: Path) -> None:
    def deaf(pull: Pull) -> Output:
        raise NoSound("No sound device was found here.", "Listen on the page.")

    async with desk(tmp_path, takes=1) as (app, pilot, _):
        app.listening.opener = deaf
        await pilot.press(";", "r")
        words = "The radio is off: No sound device was found here. Listen on the page."
        await until(pilot, lambda: app.desk.key_bar.message == words)
        assert app.listening.on_air is None


async def test_pages_are_the_loudspeakers_where_there_are_no_others(tmp_path: Path) -> None:
    def deaf(pull: Pull) -> Output:
        raise NoSound("No sound device was found here.", "Listen on the page.")

    async with desk(tmp_path, takes=3) as (app, pilot, studio), page_open(studio):
        await until(pilot, lambda: app.listening._pages == 1)
        await until(pilot, lambda: studio.studio.following.now()["selected"] == 3)
        app.listening.opener = None
        app.dressing.choose("output", "page")
        await pilot.press("space")
        await plays(app, pilot, 3)
        await until(pilot, lambda: studio.studio.following.now()["playing"])
        told = studio.studio.following.now()
        assert (told["take"], told["sounds"]) == (3, False)
        assert abs(told["second"] - second(app)) < 0.5
        await pilot.press(">", "j", "space")
        await plays(app, pilot, 2)
        await until(pilot, lambda: studio.studio.following.now()["take"] == 2)
        assert studio.studio.following.now()["selected"] == 2
        await pilot.press("space")
        await until(pilot, lambda: not studio.studio.following.now()["playing"])


@asynccontextmanager
async def page_open(studio: Api) -> AsyncIterator[None]:
    """A page that follows."""
    async with await studio.raw("GET", "/api/events?page=true"):
        yield


async def test_the_line_that_is_sung_stands_beside_the_time(tmp_path: Path) -> None:
    async with desk(tmp_path, takes=0) as (app, pilot, studio):
        lines = [[0.0, 0.3, "[Verse]"], [0.4, 3.0, "Headlights bend"], [11.0, 14.0, "Tail lights now"]]
        studio.made.plan(measured={"timestamps": lines})
        (take,) = await studio.takes(1)
        sound = written(tmp_path, noise(SECONDS))
        (studio.made.folder / take["files"]["audio"]).write_bytes(sound.path.read_bytes())
        await until(pilot, lambda: app.book.cursor == 1)
        await pilot.press("space")
        await plays(app, pilot, 1)
        await until(pilot, lambda: any("/ 0:20  Headlights bend" in line for line in picture(app, app.desk.take)))
        await pilot.press(">", ".")
        await until(pilot, lambda: any("Tail lights now" in line for line in picture(app, app.desk.take)))


@presses("page-address")
async def test_the_address_of_the_page_is_copied(tmp_path: Path) -> None:
    async with desk(tmp_path, takes=1) as (app, pilot, studio):
        written_out: list[str] = []
        app.write_to_terminal = written_out.append  # type: ignore[method-assign]
        await pilot.press(";", "a")
        await until(pilot, lambda: "is open; its address" in app.desk.key_bar.message)
        url = str(studio.client.make_url("/"))
        (sequence,) = written_out
        copied = base64.b64decode(sequence.split(";")[-1].rstrip("\x07")).decode()
        assert copied == f"{url}#{TOKEN}"
        assert any("ssh -N -o ExitOnForwardFailure=yes" in entry.text for entry in app.desk.log_pane.book.entries())
        assert TOKEN not in app.desk.key_bar.message


@presses("spectrogram", "spectrogram-close")
async def test_what_sounds_when_and_how_high(tmp_path: Path) -> None:
    async with desk(tmp_path, takes=1) as (app, pilot, studio):
        at = np.arange(round(SECONDS * RATE)) / RATE
        tone = (0.5 * np.sin(2 * np.pi * 440 * at) * (at < SECONDS / 2)).astype(np.float32)
        sound = written(tmp_path, np.stack([tone, tone], 1))
        (studio.made.folder / studio.studio.store.get(1).files["audio"]).write_bytes(sound.path.read_bytes())
        await pilot.press(";", "s")
        await until(pilot, lambda: isinstance(app.screen, Spectrogram) and bool(app.screen.body.picture))
        screen = app.screen
        assert isinstance(screen, Spectrogram)
        columns, rows = screen.body.asked
        assert (len(screen.body.picture[0]), len(screen.body.picture)) == (columns, rows) == (120, 78)
        strips = [screen.body.render_line(y) for y in range(screen.body.size.height)]
        assert {strip.cell_length for strip in strips} == {120}
        loud = max(range(rows), key=lambda row: screen.body.picture[row][10])
        assert loud == pytest.approx(np.log(440 / 40) / np.log(16000 / 40) * rows, abs=1.5)
        assert not any(row[100] for row in screen.body.picture)
        screen.body.ink = ""
        screen.body.show(screen.body.picture[::2])
        typed = ["".join(segment.text for segment in screen.body.render_line(y)) for y in range(39)]
        assert any(line[:50].strip() for line in typed)
        assert all(not line[70:].strip() for line in typed)
        await app.listening.play(1)
        await until(pilot, lambda: screen.body.playhead is not None and screen.body.playhead > 0)
        assert any("│" in "".join(each.text for each in screen.body.render_line(y)) for y in range(3))
        await pilot.press("q")
        assert app.screen is app.desk
        (studio.made.folder / studio.studio.store.get(1).files["audio"]).write_bytes(b"nothing")
        await pilot.press(";", "s")
        await until(pilot, lambda: "cannot be decoded" in app.desk.key_bar.message)
        assert app.screen is app.desk


@presses("export")
async def test_takes_are_written_into_the_sessions_exports(tmp_path: Path) -> None:
    async with desk(tmp_path, takes=2, seconds=1.0) as (app, pilot, studio):
        exports = studio.made.folder / "exports"

        async def answered(asked: str, text: str | None = None) -> None:
            await until(pilot, lambda: asked in str(app.desk.prompt.question.content))
            if text is not None:
                app.desk.prompt.line.value = text
            await pilot.press("enter")

        await pilot.press("E")
        await answered("export take 2 as")
        await until(pilot, lambda: "0002 neon drive.flac is written." in app.desk.key_bar.message)
        assert (exports / "0002 neon drive.toml").exists()
        await pilot.press("E")
        await answered("export take 2 as", "doc")
        await until(pilot, lambda: "'doc' is no format." in app.desk.key_bar.message)
        await pilot.press("E")
        await answered("export take 2 as", "flac")
        await answered("is there already. Replace it?", "n")
        await until(pilot, lambda: "It stays as it is." in app.desk.key_bar.message)
        await pilot.press("g", "m", "E")
        await answered("export 2 takes as", "wav -20")
        await until(pilot, lambda: "2 takes are in " in app.desk.key_bar.message)
        assert {path.name for path in exports.glob("*.wav")} == {"0001 neon drive.wav", "0002 neon drive.wav"}
