"""Reference audio: three stretches of each clip, chosen by a seed, and encoded once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine import Engine, Request
from engine.sources.timbre import thirds
from tests.engine.sources.sounds import music, sound_file

pytestmark = pytest.mark.usefixtures("one_thread")

DRAWS = st.tuples(*[st.floats(0, 1, exclude_max=True)] * 3)


@given(st.integers(1, 400), st.integers(1, 60), DRAWS)
def test_each_part_is_from_its_third(samples: int, part: int, draws: tuple[float, float, float]) -> None:
    audio = torch.arange(samples).float().repeat(2, 1)
    found = thirds(audio, part, draws)
    assert found.shape == (2, 3 * part)
    whole = audio.repeat(1, max(1, -(-3 * part // samples)))
    third = whole.shape[1] // 3
    for place in range(3):
        heard = found[0, place * part : (place + 1) * part]
        starts = range(place * third, max(place * third, whole.shape[1] - part) + 1)
        assert any(torch.equal(whole[0, start : start + part], heard) for start in starts)


def test_thirty_seconds_are_heard_whole() -> None:
    audio = torch.randn(2, 90)
    assert torch.equal(thirds(audio, 30, (0.1, 0.5, 0.999)), audio)


def asked(*paths: Path, **fields: object) -> Request:
    first, *more = (str(path) for path in paths)
    plain = {"caption": "x", "duration": 1, "seeds": (3,), "inference_steps": 2, "plan_seed": 1}
    return Request(**{**plain, "reference_audio": first, "more_reference_audio": more, **fields})


def test_a_reference_changes_the_music_and_is_encoded_once(turbo: Engine, tmp_path: Path) -> None:
    bright, dark = (sound_file(tmp_path / f"{seed}.flac", music(5, seed=seed)) for seed in (1, 2))
    plain = turbo.render(asked(bright, reference_audio=None))[0]
    before = turbo.conditions.encoded
    one, again = turbo.render(asked(bright))[0], turbo.render(asked(bright, seeds=(4,)))[0]
    assert turbo.conditions.encoded == before + 1
    assert not torch.allclose(one.latents, plain.latents, atol=1e-4)
    both = turbo.render(asked(bright, dark))[0]
    assert not torch.allclose(both.latents, one.latents, atol=1e-5)
    assert again.seed == 4
    assert torch.equal(turbo.render(asked(bright))[0].latents, one.latents)


def test_the_plans_seed_says_where_it_is_cut(turbo: Engine, tmp_path: Path) -> None:
    """And the take records it, so that it can be made again."""
    clip = sound_file(tmp_path / "a.flac", music(5))
    first, other = (turbo.render(asked(clip, plan_seed=seed))[0] for seed in (1, 2))
    assert not torch.equal(first.latents, other.latents)
    left_open = turbo.render(asked(clip, plan_seed=-1))[0]
    assert torch.equal(turbo.render(left_open.request)[0].latents, left_open.latents)
