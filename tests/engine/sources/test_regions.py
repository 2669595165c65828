"""Regions, masks and seams, for times and lengths that fit no frame."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequest
from engine.request import Request
from engine.sources.regions import SHORTEST_FADE, Blend, Canvas, Grid, Seams, canvas_of, crop_of, ramp, weights

GRID = Grid(48_000, 1920)


def canvas(source: int, start: float = 0.0, end: float = -1.0, **more: object) -> Canvas:
    return canvas_of(Request(task_type="repaint", repainting_start=start, repainting_end=end), source, GRID, **more)


@pytest.mark.parametrize(
    ("seconds", "start", "end", "region", "window", "samples"),
    [
        (10, 2, 4, (50, 100), (96_000, 192_000), 480_000),
        (10, 0, -1, (0, 250), (0, 480_000), 480_000),
        (10, 8.2, -1, (205, 250), (393_600, 480_000), 480_000),  # 25 * 8.2 comes out a little below 205
        (10, 2.01, 4.03, (50, 100), (96_480, 192_000), 480_000),
        (10, 9.99, 10, (249, 250), (479_520, 480_000), 480_000),
        (10, 3, 3.01, (75, 76), (144_000, 144_480), 480_000),
        (10, 10, 15, (250, 375), (480_000, 720_000), 720_000),
        (10, 8, 15, (200, 375), (384_000, 720_000), 720_000),
        (10, -5, -1, (0, 125), (0, 240_000), 720_000),
        (10, -5, 2, (0, 175), (0, 336_000), 720_000),
        (10, -0.01, -1, (0, 1), (0, 1920), 481_920),
        (10, -2, 12, (0, 350), (0, 672_000), 672_000),
    ],
)
def test_a_region_becomes_frames_and_samples(
    seconds: float, start: float, end: float, region: tuple[int, int], window: tuple[int, int], samples: int
) -> None:
    made = canvas(seconds * 48_000, start, end)
    assert (made.region, made.window, made.samples) == (region, window, samples)


def test_a_region_behind_the_end_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        canvas(480_000, 10.5, 20)
    assert refused.value.field == "repainting_start"
    assert "10 seconds" in refused.value.error


def test_where_two_parts_meet_is_made_anew_unless_a_region_is_given() -> None:
    joint = (240_000, 288_000)
    assert canvas(480_000, joint=joint).window == (144_000, 384_000)
    assert canvas(480_000, 1, 2, joint=joint).window == (48_000, 96_000)


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        (0, -1, (0, 480_000)),
        (2.05, 7.03, (97_920, 337_440)),  # from the frame before
        (2, 99, (96_000, 480_000)),
    ],
)
def test_a_crop_begins_with_a_frame(start: float, end: float, span: tuple[int, int]) -> None:
    assert crop_of(Request(crop_start=start, crop_end=end), 480_000, GRID) == span


@pytest.mark.parametrize(
    ("start", "end", "field"), [(9.5, -1, "crop_end"), (4, 4.5, "crop_end"), (11, -1, "crop_start")]
)
def test_less_than_a_second_is_no_crop(start: float, end: float, field: str) -> None:
    with pytest.raises(InvalidRequest, match="10 seconds long") as refused:
        crop_of(Request(crop_start=start, crop_end=end), 480_000, GRID)
    assert refused.value.field == field


LENGTHS = st.integers(48_000, 60 * 48_000)
TIMES = st.floats(0, 70, allow_nan=False)


@given(LENGTHS, TIMES, TIMES, st.booleans(), st.floats(0, 0.06))
def test_nothing_outside_a_region_inside_the_source_is_touched(
    source: int, start: float, length: float, open_end: bool, fade: float
) -> None:
    start = min(start, source / 48_000)
    end = -1.0 if open_end else start + length + 1e-3
    made = canvas(source, start, end)
    seams = Seams.of(made, fade)
    first, last = GRID.samples(start), made.samples if open_end else GRID.samples(end)
    frames = made.frames
    # What is asked for, whole frames apart; never more than the result has.
    assert 0 <= made.region[0] < made.region[1] <= frames
    assert made.region[0] * 1920 <= made.window[0] < made.window[1] <= made.samples
    assert made.window[1] <= made.region[1] * 1920
    assert made.samples == max(source, last if not open_end else 0)
    # Seams: inside the window, but for a source that ends there.
    assert 0 <= seams.start < seams.stop <= made.samples
    assert seams.fade_in + seams.fade_out <= seams.stop - seams.start
    room = min(source, made.window[1]) - made.window[0]
    if room >= seams.fade_in:
        assert seams.start >= min(first, made.window[0])
    assert seams.start >= made.window[0] - seams.fade_in
    assert seams.stop <= made.window[1] or made.window[1] < seams.fade_out
    assert (seams.fade_in > 0) <= (made.window[0] > 0)


@given(LENGTHS, st.floats(0.001, 40), st.one_of(st.just(-1.0), st.floats(0, 30)))
def test_what_is_put_in_front_keeps_the_frames_of_the_source(source: int, before: float, end: float) -> None:
    made = canvas(source, -before, end)
    assert made.region[0] == 0
    assert made.span == (made.lead * 1920, made.lead * 1920 + source)
    assert -1e-3 < made.lead - before * 25 < 1 + 1e-3  # a moment is a sample first
    assert made.samples == max(made.span[1], made.lead * 1920 + GRID.samples(max(end, 0)))


@given(st.integers(1, 400), st.data(), st.integers(0, 60))
def test_weights_fall_from_the_region_to_both_sides(frames: int, data: st.DataObject, fade: int) -> None:
    start = data.draw(st.integers(0, frames - 1))
    stop = data.draw(st.integers(start + 1, frames))
    found = weights(frames, (start, stop), fade)
    assert len(found) == frames
    assert found[start:stop] == [1.0] * (stop - start)
    assert all(value == 0 for value in found[: max(0, start - fade)] + found[stop + fade :])
    before, after = found[max(0, start - fade) : start], found[stop : stop + fade]
    assert all(0 < value < 1 for value in before + after)
    assert before == sorted(before)
    assert after == sorted(after, reverse=True)
    assert before == ramp(fade)[fade - len(before) :]


@pytest.mark.parametrize(
    ("fields", "blend"),
    [
        ({}, Blend(0.5, 12, 0.025)),
        ({"repaint_strength": 0.0}, Blend(1.0, 25, 0.05)),
        ({"repaint_strength": 1.0}, Blend(0.0, 0, SHORTEST_FADE)),
        ({"repaint_mode": "conservative", "repaint_strength": 1.0}, Blend(1.0, 25, 0.05)),
        ({"repaint_mode": "aggressive"}, Blend(0.0, 0, SHORTEST_FADE)),
        ({"repaint_latent_crossfade_frames": 3, "repaint_wav_crossfade_sec": 0.0}, Blend(0.5, 3, 0.0)),
    ],
)
def test_modes_and_what_goes_before_them(fields: dict[str, object], blend: Blend) -> None:
    assert Blend.of(Request(**fields)) == blend
