"""What is measured of a whole set, with engines that do exactly what they were told, or nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import soundfile

from engine.request import Request
from tools.nano import music
from tools.nano.measure import changed, followed, held_out, judged, planned, report
from tools.nano.measure.meter import triple
from tools.nano.measure.style import FEATURES, Classifier
from tools.nano.music import STYLES

SECONDS = 12.0
NOBODY = Classifier(
    STYLES,
    np.zeros(FEATURES, np.float32),
    np.ones(FEATURES, np.float32),
    np.zeros((FEATURES, len(STYLES)), np.float32),
    np.eye(len(STYLES), dtype=np.float32)[2],
)
"""Hears one style in everything."""


@dataclass
class Made:
    audio: np.ndarray
    plan: dict[str, Any] | None = None
    codes: list[int] = field(default_factory=list)


class Band:
    """Plans a song and plays another one: the one it planned, where it is ``true``."""

    def __init__(self, *, true: bool) -> None:
        self.true = true

    def render(self, request: Request) -> list[Made]:
        plan = {"bpm": 100, "keyscale": "D minor", "timesignature": "3", "duration": SECONDS}
        made = []
        for seed in request.seeds:
            asked = (
                {"bpm": 100, "key": "D minor", "meter": 3} if self.true else {"bpm": 137, "key": "F# major", "meter": 4}
            )
            song = music.compose(held_out.HELD_OUT + seed, duration=request.duration or SECONDS, style="house", **asked)
            made.append(Made(held_out.sound_of(song), plan, list(request.audio_codes)))
        return made


class Editor:
    """Gives a source back as it is, or with a click where it was joined."""

    def __init__(self, *, clicks: bool) -> None:
        self.clicks = clicks

    def render(self, request: Request) -> list[Made]:
        audio, rate = soundfile.read(request.src_audio, dtype="float32", always_2d=True)
        audio = audio.T.copy()
        if self.clicks:
            for join in (request.repainting_start, request.repainting_end):
                audio[:, round(join * rate)] += 1.0
        return [Made(audio)]


class Parrot(Band):
    """Its takes have the codes that they were to have, whatever they sound like."""

    def __init__(self) -> None:
        super().__init__(true=True)
        self.last: tuple[int, ...] = ()
        self.count = 0

    def render(self, request: Request) -> list[Made]:
        self.last = request.audio_codes
        return super().render(request)

    def codes_of(self, source: Any) -> tuple[int, ...]:
        if self.last:
            told, self.last = self.last, ()
            return told
        self.count += 1
        return tuple(range(self.count, self.count + 20))


@pytest.mark.parametrize("meter", [3, 4])
def test_meters_are_heard(meter: int) -> None:
    songs = [music.compose(seed, style="classical", meter=meter, bpm=120, duration=20.0) for seed in range(8)]
    heard = [triple(music.render(song), 120) for song in songs]
    assert heard.count(meter == 3) >= 6
    assert triple(np.zeros((2, 48_000), np.float32), 60) is None


def test_a_band_that_plays_what_it_plans_is_told_from_one_that_does_not() -> None:
    good = planned.measure_planned(Band(true=True), NOBODY, count=3, duration=SECONDS)
    poor = planned.measure_planned(Band(true=False), NOBODY, count=3, duration=SECONDS)
    assert (good.tempo, good.duration) == (1.0, 1.0)
    assert good.key > 0.6
    assert (poor.tempo, poor.key) == (0.0, 0.0)
    assert planned.measure_planned(Band(true=True), NOBODY, count=2, duration=None).duration == 1.0


def test_a_take_without_a_plan_is_refused() -> None:
    class Unplanned(Band):
        def render(self, request: Request) -> list[Made]:
            return [Made(one.audio) for one in super().render(request)]

    with pytest.raises(ValueError, match="not planned"):
        planned.measure_planned(Unplanned(true=True), NOBODY, count=1, duration=4.0)


def test_codes_that_are_followed() -> None:
    found = followed.measure_followed(
        Parrot(), lambda codes: np.asarray(codes)[:, None] % 4, NOBODY, count=3, duration=4.0, planned=False
    )
    assert (found.codes, found.levels) == (1.0, 1.0)
    assert found.chance_codes == 0.0


def test_joins_with_clicks_and_without() -> None:
    smooth = changed.measure_joins(Editor(clicks=False), count=3, duration=9.0)
    clicking = changed.measure_joins(Editor(clicks=True), count=3, duration=9.0)
    assert smooth.joins == 6
    assert smooth.within == 1.0
    assert clicking.within < smooth.within
    assert clicking.place > 0.9
    assert smooth.place == smooth.songs_place < 0.8


def test_a_cover_that_is_its_source_keeps_everything() -> None:
    found = changed.measure_covers(Editor(clicks=False), "cover", count=4, duration=SECONDS)
    assert found.tempo >= 0.75
    assert found.key >= 0.75
    assert found.chance_key < found.key


def test_judging_is_judged() -> None:
    found = judged.measure_judged(Band(true=True), NOBODY, count=2, seeds=2, duration=SECONDS)
    assert (found.requests, found.takes) == (2, 4)
    assert 0 <= found.truth_first <= found.truth_best <= 1
    assert found.truth_ranked <= found.truth_best
    assert found.passed == 1 - len(found.faults) / 4
    table = report.figures_table({"takes": found})
    assert "truth ranked" in table
    assert len({line.count("|") for line in table.splitlines()}) == 1
