"""Keys for hearing takes: on a real studio with real audio, pulled by miniaudio's null device."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot

from acetui.app import StudioApp
from acetui.hearing import heard_marks
from acetui.player.outputs import NoSound, Output, Pull
from tests.acetui.heard_desk import SECONDS, at_once, desk, null, second
from tests.acetui.presses import presses
from tests.acetui.scripted_studio import picture, settled
from tests.acetui.told_studio import until
from tests.sessions.jamming import state

__all__ = ["at_once", "state"]

pytestmark = pytest.mark.usefixtures("state")


def clock(app: StudioApp) -> str:
    """The line of the take's pane that says what is heard."""
    return next((line for line in picture(app, app.desk.take) if "►" in line or "paused" in line), "")


async def played(app: StudioApp, pilot: Pilot[str | None], keys: str = "space") -> None:
    """Presses what plays a take, and waits until something is heard."""
    await pilot.press(*keys.split())
    await until(pilot, lambda: app.listening.number == app.book.cursor and second(app) > 0)


@presses("play", "pause")
async def test_a_take_is_played_and_stopped_where_it_is(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, studio):
        number = app.book.cursor
        await played(app, pilot)
        assert f"► {number}" in picture(app, app.desk.takes)[1]
        assert "► 0:0" in clock(app)
        assert " / 0:20" in clock(app)
        await until(pilot, lambda: studio.studio.playing.numbers() == {number})
        await pilot.press("space")
        stopped = second(app)
        await until(pilot, lambda: "paused" in clock(app))
        await until(pilot, lambda: not studio.studio.playing.numbers())
        await pilot.press("j")
        await settled(app, pilot)
        assert f"paused {number} 0:0" in clock(app)
        await pilot.press("f10")
        await until(pilot, lambda: second(app) > stopped)
        assert app.listening.number == number
        await played(app, pilot)
        assert app.listening.number == app.book.cursor != number


@presses("play-from-start", "back", "forward", "far-back", "far-forward")
async def test_going_through_a_take(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        await pilot.press(".")
        assert "Nothing plays. Space plays" in app.desk.key_bar.message
        await played(app, pilot)
        await pilot.press(">")
        assert 10.0 <= second(app) < 12.0
        assert "► 0:1" in clock(app)
        outline = [line for line in picture(app, app.desk.take)[1:] if "│" in line]
        assert outline
        assert 0.4 < outline[0].index("│") / app.desk.take.size.width < 0.7
        await until(pilot, lambda: app.listening._player is not None and app.listening._player.mixer._next is None)
        for key, by in ((".", 2), (",", -2), ("<", -10)):
            before = second(app)
            await pilot.press(key)
            assert second(app) == pytest.approx(max(before + by, 0.0), abs=0.5)
        await pilot.press(">")
        await pilot.press("enter")
        await until(pilot, lambda: second(app) < 1.0)


@presses("region-start", "region-end", "region-off")
async def test_a_region_is_heard_again_and_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        await played(app, pilot)
        await pilot.press("space", "[")
        assert "begins at 0:0" in app.desk.key_bar.message
        await pilot.press("]")
        assert "half a second long" in app.desk.key_bar.message
        await pilot.press("[", ".", "]")
        assert "again and again" in app.desk.key_bar.message
        assert " in 0:0" in clock(app)
        playhead = app.listening.playhead
        assert playhead is not None
        assert playhead.region is not None
        assert playhead.region[1] - playhead.region[0] == pytest.approx(2.0, abs=0.01)
        await pilot.press("\\")
        assert " in 0:0" not in clock(app)


@presses("louder", "quieter", "match-loudness")
async def test_volume_and_loudness_are_kept(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        await played(app, pilot)
        assert app.listening._player is not None
        await pilot.press("-", "-", "+")
        assert "Volume 95." in app.desk.key_bar.message
        assert app.listening._player.mixer.gain == pytest.approx(10 ** (-3 / 20))
        await pilot.press("g", "l")
        assert "as loud as they are" in app.desk.key_bar.message
        assert not app.listening._player.matched
        kept = (tmp_path / "config" / "config.toml").read_text(encoding="utf-8")
        assert "volume = 95" in kept
        assert "match_loudness = false" in kept


@presses("to-playing")
async def test_going_to_what_plays(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        await pilot.press("g", "n")
        assert "Nothing plays." in app.desk.key_bar.message
        number = app.book.cursor
        await played(app, pilot)
        await pilot.press("j", "g", "n")
        assert app.book.cursor == number
        app.book.order([each for each in app.book.list.lines if each != number])
        await pilot.press("g", "n")
        assert f"Take {number} is not in this list." in app.desk.key_bar.message


async def test_what_was_heard_for_a_while_is_marked_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard_marks, "HEARD_SECONDS", 0.5)
    async with desk(tmp_path, takes=1) as (app, pilot, studio):
        assert not studio.studio.store.get(1).heard
        await played(app, pilot)
        await until(pilot, lambda: studio.studio.store.get(1).heard)


async def test_nothing_is_asked_or_drawn_once_it_is_over(tmp_path: Path) -> None:
    async with desk(tmp_path, takes=1) as (app, pilot, _):
        await played(app, pilot)
        player = app.listening._player
        assert player is not None
        player.seek(SECONDS - 0.3)
        await until(pilot, lambda: app.listening.playhead is None)
        await until(pilot, lambda: "►" not in "".join(picture(app, app.desk.takes, app.desk.take)))
        await until(pilot, lambda: app.listening._follower is not None and app.listening._follower.done())
        await played(app, pilot)


async def test_without_sound_it_is_said_and_nothing_breaks(tmp_path: Path) -> None:
    def deaf(pull: Pull) -> Output:
        raise NoSound("No sound device was found here.", "Take the file to one that has: 'acetui export'.")

    async with desk(tmp_path) as (app, pilot, studio):
        app.listening.opener = deaf
        await pilot.press("space")
        await until(pilot, lambda: "No sound device was found here." in app.desk.key_bar.message)
        assert "acetui export" in app.desk.key_bar.message
        assert "►" not in picture(app, app.desk.takes)[1]
        (studio.made.folder / (await studio("GET", "/api/takes/1"))["files"]["audio"]).write_bytes(b"nothing" * 99)
        app.listening.opener = null
        app.listening._player = None
        app.book.go_to(1)
        await pilot.press("enter")
        await until(pilot, lambda: "cannot be decoded here" in app.desk.key_bar.message)


async def test_only_the_last_of_several_wishes_counts(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        slow = asyncio.Event()
        whole, first = app.details.whole, app.book.cursor

        async def late(number: int) -> object:
            if number == first:
                await slow.wait()
            return await whole(number)

        app.listening.sounds.take = late  # type: ignore[assignment]
        await pilot.press("space")
        await played(app, pilot, "j space")
        slow.set()
        await pilot.pause(0.1)
        assert app.listening.number == app.book.cursor != first


async def test_two_clicks_play_a_take_and_one_into_its_outline_goes_there(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        await pilot.click(app.desk.takes.list, offset=(12, 1), times=2)
        await until(pilot, lambda: app.listening.number == app.book.cursor and second(app) > 0)
        body = app.desk.take.body
        await pilot.click(body, offset=(1 + (body.size.width - 2) // 2, 0))
        await until(pilot, lambda: 9.0 < second(app) < 13.0)
        other = app.book.list.lines[0]
        assert app.book.go_to(other)
        app.desk.takes.sync()
        await until(pilot, lambda: app.details.take is not None and app.details.take["number"] == other)
        await pilot.click(body, offset=(body.size.width - 6, 0))
        await until(pilot, lambda: app.listening.number == other and second(app) > 15.0)


@presses("beat-back", "beat-forward", "line-back", "line-forward")
async def test_going_by_beats_and_by_lines(tmp_path: Path) -> None:
    async with desk(tmp_path) as (app, pilot, _):
        await pilot.press("}")
        assert "Nothing plays" in app.desk.key_bar.message
        await played(app, pilot)
        number = app.book.cursor or 0
        await pilot.press("}")
        await until(pilot, lambda: "how fast" in app.desk.key_bar.message)
        await pilot.press(")")
        await until(pilot, lambda: "is not known" in app.desk.key_bar.message)
        take = dict(await app.details.whole(number))
        lines = [[4.0, 6.0, "tail lights"], [9.0, 11.0, "only tail lights"]]
        app.details._takes[number] = {
            **take,
            "request": {**take["request"], "bpm": 30},
            "measured": {"timestamps": lines},
        }
        await pilot.press("space")  # it stands still meanwhile
        await until(pilot, lambda: app.listening.playhead is not None and not app.listening.playhead.playing)
        began = second(app)
        await pilot.press("}")
        await until(pilot, lambda: abs(second(app) - began - 2.0) < 0.01)
        await pilot.press("{")
        await until(pilot, lambda: abs(second(app) - began) < 0.01)
        for key, there in ((")", 4.0), (")", 9.0), (")", 9.0), ("(", 4.0), ("(", 4.0)):
            await pilot.press(key)
            await until(pilot, lambda there=there: abs(second(app) - there) < 0.01)
