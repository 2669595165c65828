"""Presets: what they set on each family of models, and that they leave a song alone."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import DiTConfig
from engine.errors import InvalidRequest
from engine.profiles import Profile, profile_for
from engine.request import Request
from sessions.presets import PRESETS, SHAPING, apply_preset, guidance_window, preset_notes
from sessions.settings import Recipe

TURBO = profile_for("acestep-v15-turbo", DiTConfig(is_turbo=True))
SHIFT1 = profile_for("acestep-v15-turbo-shift1", DiTConfig(is_turbo=True))
SFT = profile_for("acestep-v15-sft", DiTConfig())
SONG = {"caption": "{warm|cold} jazz", "bpm": 96, "seed": 7, "batch_size": 2, "grid": {"guidance_scale": [3.0, 5.0]}}


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("profile", [TURBO, SHIFT1, SFT], ids=lambda profile: profile.name)
def test_every_preset_can_be_rendered_and_leaves_the_song(name: str, profile: Profile) -> None:
    before = Recipe.from_dict({**SONG, "timesteps": [0.9, 0.5], "guidance_scale": 3.0, "thinking": False})
    after = apply_preset(before, name, profile)
    assert {key: value for key, value in after.to_dict().items() if key not in SHAPING} == SONG
    Request.from_dict(after.template).resolved(profile)
    for other in PRESETS:  # nothing of one preset is left behind by the next
        assert apply_preset(apply_preset(before, other, profile), name, profile) == after
    assert all(note.endswith(".") for note in preset_notes(name, profile))
    assert PRESETS[name].title
    assert PRESETS[name].help.endswith(".")


def fields(name: str, profile: Profile) -> dict[str, Any]:
    return dict(apply_preset(Recipe(), name, profile).template)


def test_the_three_of_the_studio() -> None:
    assert fields("draft", TURBO) == {"inference_steps": 4, "thinking": False}
    assert fields("draft", SFT) == {"inference_steps": 20, "thinking": False}
    assert fields("normal", TURBO) == fields("normal", SFT) == {}
    assert fields("best", TURBO) == {"inference_steps": 8, "dcw_enabled": True}
    assert fields("best", SFT) == {"inference_steps": 64, "sampler_mode": "heun"}


def test_recipes_of_v1_on_a_model_with_guidance() -> None:
    assert fields("freestyle", SFT) == {
        "inference_steps": 50,
        "shift": 3.0,
        "infer_method": "sde",
        "guidance_scale": 4.43,
        "cfg_interval_start": 0.647,
        "cfg_interval_end": 0.854,
    }
    assert fields("precise", SFT)["guidance_variant"] == "cfg"
    assert fields("precise", SFT)["sampler_mode"] == "heun"
    notes = " ".join(preset_notes("instrumental", SFT))
    assert "omega_scale 9 is left out" in notes
    assert "guidance_interval_decay 0.2" in notes
    assert "ERG (tag/lyric/diffusion 1/1/1)" in notes
    assert any("cfg_star" in note for note in preset_notes("precise", SFT))


def test_recipes_of_v1_on_a_turbo_model_keep_what_it_can_do() -> None:
    assert fields("rap", TURBO) == {"infer_method": "sde"}
    assert fields("precise", SHIFT1) == {"infer_method": "ode"}
    assert any("heun" in note for note in preset_notes("precise", TURBO))


@pytest.mark.parametrize(("shift", "window"), [(1.0, (0.28, 0.76)), (3.0, (0.538, 0.905))])
def test_a_window_of_steps_as_a_window_of_times(shift: float, window: tuple[float, float]) -> None:
    assert guidance_window(50, shift, 0.5) == pytest.approx(window, abs=0.001)


@pytest.mark.parametrize(("steps", "interval"), [(27, 0.5), (50, 0.3), (60, 0.5), (80, 0.7)])
def test_the_window_guides_exactly_the_steps_of_v1(steps: int, interval: float) -> None:
    low, high = guidance_window(steps, 3.0, interval)
    times = [3 * t / (1 + 2 * t) for t in (1 - step / steps for step in range(steps))]
    guided = [step for step, time in enumerate(times) if low <= time <= high]
    assert guided == list(range(int(steps * (1 - interval) / 2), int(steps * (interval / 2 + 0.5))))


def test_a_preset_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidRequest, match="Did you mean 'draft'"):
        apply_preset(Recipe(), "drat", TURBO)
    with pytest.raises(InvalidRequest, match="Choose one of draft, normal, best"):
        apply_preset(Recipe(), "zzz", TURBO)
