"""Hearing takes: play, pause, go through them, and hear a region again and again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from acetui.browsing.take_facts import beat
from acetui.doing import Handler
from acetui.how_long import clock_time
from engine.errors import EngineError
from sessions.lyric_times import timed_lines

if TYPE_CHECKING:
    from acetui.app import StudioApp

_JUST, _AGAIN = 0.05, 1.0
"""Seconds within which a line is the one that is sung now: on from there, and back from there."""

STEP = 5
"""Percent of the volume, for one key."""


async def play(app: StudioApp) -> None:
    """Plays the take under the cursor, or stops it where it is, or goes on."""
    if app.book.cursor is None:
        app.say("There is no take here.")
        return
    await app.listening.play_or_pause(app.book.cursor)


async def play_from(app: StudioApp, share: float) -> None:
    """Hears the take under the cursor from a share of its length on."""
    take = app.details.take
    if take is None:
        return
    if app.listening.playhead is None or app.listening.number != take["number"]:
        await app.listening.play(take["number"])
    app.listening.seek(share * take["duration"] - (app.listening.second or 0.0))


async def play_from_start(app: StudioApp) -> None:
    """Plays the take under the cursor from its beginning."""
    if app.book.cursor is None:
        app.say("There is no take here.")
        return
    await app.listening.play(app.book.cursor)


async def pause(app: StudioApp) -> None:
    """Stops what plays where it is, or goes on with it."""
    if app.listening.number is None:
        app.say("Nothing plays.")
    await app.listening.play_or_pause(None)


def region_start(app: StudioApp) -> None:
    """A region begins here."""
    app.say(f"The region begins at {clock_time(app.listening.regions.begin())}; ] ends it, and it is heard again.")


def region_end(app: StudioApp) -> None:
    """The region ends here."""
    start, end = app.listening.regions.end()
    app.say(f"{clock_time(start)} to {clock_time(end)} again and again; \\ plays on.")


def region_off(app: StudioApp) -> None:
    """No part is heard again and again."""
    app.listening.regions.off()


def to_playing(app: StudioApp) -> None:
    """Goes to the take that plays."""
    number = app.listening.number
    if number is None:
        app.say("Nothing plays.")
    elif app.book.go_to(number):
        app.desk.takes.sync()
    else:
        app.say(f"Take {number} is not in this list.")


def match_loudness(app: StudioApp) -> None:
    """Takes are brought to one loudness, or played as they are."""
    matched = not app.dressing.settings.match_loudness
    app.dressing.choose("match_loudness", matched)
    app.say("All takes are played equally loud." if matched else "Takes are played as loud as they are.")


def _volume(by: int) -> Handler:
    def handle(app: StudioApp) -> None:
        volume = min(max(app.dressing.settings.volume + by, 0), 100)
        app.dressing.choose("volume", volume)
        app.say(f"Volume {volume}.")

    return handle


def _seek(seconds: float) -> Handler:
    return lambda app: app.listening.seek(seconds)


def _beats(by: int) -> Handler:
    """A handler that goes on by so many beats of what is heard."""

    async def handle(app: StudioApp) -> None:
        seconds = beat(await _heard(app))
        if seconds is None:
            raise EngineError("Nobody has said how fast this take is.", "Set a tempo, or have a planner set one.")
        app.listening.seek(by * seconds)

    return handle


def _lines(direction: int) -> Handler:
    """A handler that goes to the line of the lyrics that is sung next, or was before."""

    async def handle(app: StudioApp) -> None:
        starts = [line.start for line in timed_lines(await _heard(app))]
        if not starts:
            raise EngineError("When each line is sung is not known.", "It is, of sung takes that a planner has heard.")
        second = app.listening.second or 0.0
        ahead = [start for start in starts if start > second + _JUST]
        behind = [start for start in starts if start < second - _AGAIN]
        goal = (ahead[0] if ahead else starts[-1]) if direction > 0 else (behind[-1] if behind else starts[0])
        app.listening.seek(goal - second)

    return handle


async def _heard(app: StudioApp) -> Mapping[str, Any]:
    """The take that is heard. Raises EngineError where none is."""
    if app.listening.number is None or app.listening.second is None:
        raise EngineError("Nothing plays.", "Space plays the take under the cursor.")
    return await app.details.whole(app.listening.number)


HANDLERS: Mapping[str, Handler] = {
    "play": play,
    "play-from-start": play_from_start,
    "pause": pause,
    "back": _seek(-2.0),
    "forward": _seek(2.0),
    "far-back": _seek(-10.0),
    "far-forward": _seek(10.0),
    "beat-back": _beats(-1),
    "beat-forward": _beats(1),
    "line-back": _lines(-1),
    "line-forward": _lines(1),
    "region-start": region_start,
    "region-end": region_end,
    "region-off": region_off,
    "louder": _volume(STEP),
    "quieter": _volume(-STEP),
    "match-loudness": match_loudness,
    "to-playing": to_playing,
}
