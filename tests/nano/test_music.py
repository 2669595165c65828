import math
from collections import Counter

import numpy as np
import pytest

from engine.values import KEYSCALES, RELIABLE_BPM, TIME_SIGNATURES, TRACKS
from tools.nano.music import STYLES, compose, master, render, render_stems
from tools.nano.music.arrange import arrange
from tools.nano.music.theory import KEYS, chord, nearest, parse_key, voicing


def test_a_seed_is_a_song_and_another_seed_another():
    assert compose(5) == compose(5)
    np.testing.assert_array_equal(render(compose(5, duration=10)), render(compose(5, duration=10)))
    one, other = (render(compose(seed, duration=10, style="house", bpm=120, key="C major", meter=4)) for seed in (1, 2))
    assert abs(np.corrcoef(one.mean(axis=0), other.mean(axis=0))[0, 1]) < 0.9


def test_what_is_given_is_kept():
    song = compose(3, duration=12.34, style="rock", bpm=97, key="Bb minor", meter=6)
    assert (song.duration, song.style, song.bpm, song.key, song.meter) == (12.34, "rock", 97, "Bb minor", 6)
    assert compose(3, bpm=97).style == compose(3).style


@pytest.mark.parametrize("wrong", [{"style": "polka"}, {"key": "H major"}, {"meter": 5}, {"bpm": 0}, {"duration": 0.0}])
def test_what_does_not_exist_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must be|is no key"):
        compose(1, **wrong)


def test_what_is_drawn_lies_where_it_is_promised():
    songs = [compose(seed) for seed in range(600)]
    assert {song.style for song in songs} == set(STYLES)
    assert {song.key for song in songs} == set(KEYS) <= set(KEYSCALES)
    assert {str(song.meter) for song in songs} == set(TIME_SIGNATURES)
    assert Counter(song.meter for song in songs)[4] > 350
    for song in songs:
        assert RELIABLE_BPM[0] <= song.bpm <= RELIABLE_BPM[1]
        assert 10 <= song.duration <= 30
        assert song.duration == round(song.duration, 2)
    assert all(sum(song.bpm // 20 == part for song in songs) > 20 for part in range(3, 9))


def test_sections_follow_one_another_and_fill_the_song():
    for seed in range(300):
        song = compose(seed)
        assert song.sections[0].start_bar == 0
        for before, after in zip(song.sections, song.sections[1:], strict=False):
            assert before.start_bar + before.bars == after.start_bar
        assert all(section.bars >= 1 for section in song.sections)
        assert song.bars == math.ceil(round(song.beats / song.bar_beats, 6))
        assert all(set(section.roles) <= set(song.instruments) for section in song.sections)


def test_the_score_begins_on_the_first_beat_and_stays_on_the_grid():
    for seed in range(100):
        song = compose(seed)
        notes = [note for role in arrange(song).values() for note in role]
        assert min(note.start for note in notes) == 0
        assert max(note.start for note in notes) > song.beats - 1.51
        for note in notes:
            late = (note.start * 4) % 1
            assert min(abs(late - place) for place in (0, song.swing, 1)) < 1e-4


@pytest.mark.parametrize("meter", [2, 3, 4, 6])
@pytest.mark.parametrize("style", STYLES)
def test_every_style_sounds_in_every_meter(style, meter):
    song = compose(17 * meter, duration=10.01, style=style, meter=meter)
    audio = render(song)
    assert audio.shape == (2, 480480)
    assert audio.dtype == np.float32
    assert np.isfinite(audio).all()
    assert 0.4 < np.abs(audio).max() <= 0.9
    assert 0.1 < audio.std() < 0.25
    beats = np.array_split(audio[:, :-4800] ** 2, 10, axis=1)
    assert min(float(part.mean()) for part in beats) > 1e-5
    assert abs(audio[:, -1]).max() < 1e-3
    assert (audio[:, :2400] ** 2).mean() > 1e-5


def test_the_tracks_make_up_the_mix():
    for seed in range(8):
        song = compose(seed, duration=10.0, style=STYLES[seed])
        stems = render_stems(song)
        assert set(stems) <= set(TRACKS)
        assert len(stems) >= 3
        assert all(stem.shape == (2, 480000) for stem in stems.values())
        np.testing.assert_allclose(master(np.sum(list(stems.values()), axis=0)), render(song), atol=1e-5)


def test_a_chorus_is_louder_than_what_is_thin():
    ratios = []
    for seed in range(24):
        song = compose(seed, duration=20.0)
        audio = render(song)
        bar = song.bar_beats * song.beat_seconds * 48000
        levels = {}
        for section in song.sections:
            ends = (round(number * bar) for number in (section.start_bar, section.start_bar + section.bars))
            levels[section.tag] = audio[:, slice(*ends)].std()
        full = [levels[tag] for tag in ("Chorus", "Drop") if tag in levels]
        thin = [levels[tag] for tag in ("Intro", "Breakdown", "Outro") if tag in levels]
        ratios += [max(full) / min(thin)] if full and thin else []
    assert len(ratios) > 10
    assert np.median(ratios) > 1.4
    assert min(ratios) > 0.9


def test_chords_are_of_the_key():
    assert parse_key("Bb minor") == (10, "minor")
    assert chord(0, "major", 4, seventh=True) == (7, 11, 2, 5)
    assert chord(9, "minor", 4) == (4, 8, 11)
    assert voicing((0, 4, 7), 60) == (55, 60, 64)
    assert nearest((0, 4, 7), 62) in (60, 64)
