"""What the mixer hands out, compared with the takes sample by sample."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from acetui.player import levels
from acetui.player.mixer import LEAD, Mixer
from acetui.player.samples import DOWN, FADE, UP
from acetui.player.sounds import RATE
from tests.acetui.player.listening import Ears, Samples, noise, ready, written

RISE = np.frombuffer(UP, dtype=np.float32).reshape(-1, 2)
FALL = np.frombuffer(DOWN, dtype=np.float32).reshape(-1, 2)


def crossed(before: Samples, after: Samples) -> Samples:
    """One passing into the other over the frames of a fade."""
    return (before[:FADE] * FALL + after[:FADE] * RISE).astype(np.float32)


def test_a_take_is_heard_as_it_is_from_its_first_sample_to_its_last(tmp_path: Path) -> None:
    take = noise(2.0)
    mixer = Mixer()
    mixer.play(written(tmp_path, take), 1.0)
    heard = Ears(mixer).listen(2.1)
    assert np.array_equal(heard[: len(take)], take)
    assert not heard[len(take) :].any()
    assert mixer.ended
    assert not mixer.playing
    assert mixer.gaps == 0


@pytest.mark.parametrize(("name", "close"), [("take.wav", 0.0), ("take.mp3", 1.0), ("take.ogg", 1.0)])
def test_other_formats_are_heard_too(tmp_path: Path, name: str, close: float) -> None:
    take = noise(1.0)
    mixer = Mixer()
    mixer.play(written(tmp_path, take, name), 1.0)
    heard = Ears(mixer).listen(0.9)
    assert heard.std() == pytest.approx(take.std(), rel=0.3)
    assert np.abs(heard - take[: len(heard)]).max() <= close


def test_a_seek_passes_into_the_exact_frame(tmp_path: Path) -> None:
    take = noise(8.0)
    mixer = Mixer()
    ears = Ears(mixer)
    mixer.play(written(tmp_path, take), 1.0)
    before = ears.listen(0.6)
    mixer.seek(5 * RATE + 7)
    assert mixer.position == 5 * RATE + 7
    after = ears.listen(0.6)
    left, there = len(before), 5 * RATE + 7
    assert np.allclose(after[:FADE], crossed(take[left:], take[there:]), atol=1e-7)
    assert np.array_equal(after[FADE:], take[there + FADE : there + len(after)])


def test_pausing_fades_and_nothing_is_lost(tmp_path: Path) -> None:
    take = noise(4.0)
    mixer = Mixer()
    ears = Ears(mixer)
    mixer.play(written(tmp_path, take), 1.0)
    left = len(ears.listen(0.6))
    mixer.pause()
    faded = ears.listen(0.3)
    assert np.allclose(faded[:FADE], take[left : left + FADE] * FALL, atol=1e-7)
    assert not faded[FADE:].any()
    assert mixer.position == left
    mixer.resume()
    again = ears.listen(0.3)
    assert np.allclose(again[:FADE], take[left : left + FADE] * RISE, atol=1e-7)
    assert np.array_equal(again[FADE:], take[left + FADE : left + len(again)])


def test_a_region_is_heard_again_and_again_at_its_exact_frames(tmp_path: Path) -> None:
    take = noise(6.0)
    first, last = 1 * RATE + 11, 2 * RATE + 5
    mixer = Mixer()
    ears = Ears(mixer)
    mixer.play(written(tmp_path, take), 1.0)
    mixer.loop((first, last))
    heard = ears.listen(4.5)
    expected = [take[:last]]
    while sum(map(len, expected)) < len(heard):
        rest = take[last : last + FADE]
        expected.append(np.concatenate([crossed(rest, take[first:]), take[first + FADE : last]]))
    assert np.allclose(heard, np.concatenate(expected)[: len(heard)], atol=1e-7)
    assert mixer.gaps == 0
    mixer.loop(None)
    at = mixer.position
    assert np.array_equal(ears.listen(1.5), take[at : at + round(1.5 * RATE)])


def test_another_take_goes_on_at_the_same_second_without_a_gap(tmp_path: Path) -> None:
    one, other = noise(6.0, 1), noise(6.0, 2)
    mixer = Mixer()
    ears = Ears(mixer)
    sounds = [written(tmp_path, one, "one.flac"), written(tmp_path, other, "other.flac")]
    mixer.play(sounds[0], 1.0)
    ears.listen(0.6)
    asked = mixer.position
    mixer.switch(sounds[1], 0.5)
    ears.listen(0.6)
    heard = np.frombuffer(ears.heard, dtype=np.float32).reshape(-1, 2)
    at = int(np.flatnonzero((heard != one[: len(heard)]).any(axis=1))[0])
    assert asked <= at <= asked + LEAD + 2 * ears.period
    assert np.array_equal(heard[:at], one[:at])
    assert np.allclose(heard[at : at + FADE], crossed(one[at:], other[at:] * np.float32(0.5)), atol=1e-7)
    assert np.allclose(heard[at + FADE :], other[at + FADE : len(heard)] * np.float32(0.5), atol=1e-7)
    assert mixer.gaps == 0


def test_a_paused_take_is_changed_for_another_at_its_second(tmp_path: Path) -> None:
    one, other = noise(3.0, 1), noise(3.0, 2)
    mixer = Mixer()
    ears = Ears(mixer)
    mixer.play(written(tmp_path, one, "one.flac"), 1.0)
    left = len(ears.listen(0.6))
    mixer.pause()
    ears.listen(0.1)
    mixer.switch(written(tmp_path, other, "other.flac"), 1.0)
    assert not ears.listen(0.1).any()
    mixer.resume()
    assert np.array_equal(ears.listen(0.3)[FADE:], other[left + FADE : left + round(0.3 * RATE)])


def test_takes_are_brought_to_one_loudness(tmp_path: Path) -> None:
    assert levels.level(-16.0) == 1.0
    assert levels.level(-22.0) == pytest.approx(10 ** (1 / 20))
    assert levels.level(None) == levels.level(-10.0, matched=False) == 1.0
    take = noise(1.0)
    mixer = Mixer()
    mixer.play(written(tmp_path, take), levels.level(-10.0))
    mixer.gain = levels.volume(90)
    heard = Ears(mixer).listen(0.6)
    factor = 10 ** (-6 / 20) * 10 ** (-6 / 20)
    assert np.allclose(heard, take[: len(heard)] * factor, atol=1e-6)
    assert (levels.volume(0), levels.volume(100)) == (0.0, 1.0)


def test_what_cannot_be_decoded_is_told(tmp_path: Path) -> None:
    take = written(tmp_path, noise(0.2))
    take.path.write_bytes(b"no music" * 100)
    mixer = Mixer()
    mixer.play(take, 1.0)
    ready(mixer)
    assert not mixer.pull(480)[0]
    assert mixer.trouble is not None
    assert "take.flac cannot be decoded here" in mixer.trouble.error
    take.path.unlink()
    mixer.play(take, 1.0)
    ready(mixer)
    assert "is not there" in str(mixer.trouble)


def test_mixing_takes_a_hundredth_of_the_time_that_it_fills(tmp_path: Path) -> None:
    """A crossfade with levels on both sides, measured on the processor: the device must never wait."""
    mixer = Mixer()
    sound = written(tmp_path, noise(20.0))
    mixer.play(sound, 0.8)
    mixer.gain = 0.5
    ready(mixer)
    mixer.loop((0, RATE // 2))
    ears = Ears(mixer)
    ears.listen(1.0)
    spent = []
    for _ in range(100):
        ears._patient()
        start = time.thread_time()
        mixer.pull(1440)
        spent.append(time.thread_time() - start)
    assert sorted(spent)[50] < 0.03 / 20
    assert mixer.gaps == 0


@pytest.mark.parametrize("seconds", [1.0, 1.0037])
def test_what_is_queued_begins_right_behind_the_last_frame(tmp_path: Path, seconds: float) -> None:
    first, second = noise(seconds), noise(1.0, seed=1)
    mixer = Mixer()
    ears = Ears(mixer)
    mixer.play(written(tmp_path, first), 1.0)
    mixer.queue(written(tmp_path, second, "next.flac"), 0.5)
    heard = ears.listen(2.1)
    whole = np.concatenate([first, second * np.float32(0.5)])
    assert np.allclose(heard[: len(whole)], whole, atol=1e-7)
    assert np.array_equal(heard[: len(first)], first)
    assert not heard[len(whole) :].any()
    assert mixer.ended
    assert mixer.gaps == 0


def test_what_is_queued_may_be_changed_or_dropped(tmp_path: Path) -> None:
    first, second = noise(1.0), noise(0.5, seed=2)
    mixer = Mixer()
    ears = Ears(mixer)
    mixer.play(written(tmp_path, first), 1.0)
    mixer.queue(written(tmp_path, noise(0.5, seed=1), "other.flac"), 1.0)
    mixer.queue(written(tmp_path, second, "next.flac"), 1.0)
    assert mixer.queued is not None
    assert mixer.queued.key == "next.flac"
    heard = ears.listen(1.6)
    assert np.array_equal(heard[len(first) : len(first) + len(second)], second)
    mixer.play(written(tmp_path, first), 1.0)
    mixer.queue(written(tmp_path, second, "next.flac"), 1.0)
    mixer.queue(None)
    ears.listen(1.2)
    assert mixer.ended


def test_a_queued_take_that_cannot_be_decoded_is_told_of_before_its_turn(tmp_path: Path) -> None:
    mixer = Mixer()
    mixer.play(written(tmp_path, noise(1.0)), 1.0)
    broken = written(tmp_path, noise(0.1), "broken.flac")
    broken.path.write_bytes(b"nothing" * 99)
    mixer.queue(broken)
    until = time.monotonic() + 20
    while mixer.queued_trouble is None:
        assert time.monotonic() < until
        time.sleep(0.001)
    assert "cannot be decoded" in mixer.queued_trouble.error
    mixer.queue(None)
    assert mixer.queued_trouble is None


def test_levels_are_brought_together_while_takes_pass_into_each_other(tmp_path: Path) -> None:
    loud, quiet = noise(3.0), noise(3.0, seed=1) * np.float32(0.25)
    sounds = (written(tmp_path, loud, loudness=-8.0), written(tmp_path, quiet, "quiet.wav", loudness=-20.0))
    factors = [levels.level(each.loudness) for each in sounds]
    mixer = Mixer()
    ears = Ears(mixer)
    mixer.play(sounds[0], factors[0])
    ears.listen(0.6)
    mixer.switch(sounds[1], factors[1])
    until = time.monotonic() + 20
    while mixer._next is not None:
        assert time.monotonic() < until
        ears.listen(0.03)
    at = mixer.position
    heard = ears.listen(0.3)
    assert np.allclose(heard, quiet[at : at + len(heard)] * np.float32(factors[1]), atol=1e-6)
    assert mixer.gaps == 0
