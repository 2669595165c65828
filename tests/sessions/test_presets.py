"""Presets: what they set on each family of models, and that they leave a song alone."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import DiTConfig
from engine.errors import InvalidRequest
from engine.profiles import Profile, profile_for
from engine.request import Request
from sessions.presets import PRESETS, SHAPING, apply_preset, preset_notes
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


def test_recipes_of_the_guide_on_a_model_with_guidance() -> None:
    assert fields("freestyle", SFT) == {
        "inference_steps": 50,
        "shift": 3.0,
        "infer_method": "sde",
        "guidance_scale": 4.43,
        "guidance_interval": 0.3,
        "guidance_interval_decay": 0.5,
        "min_guidance_scale": 1.43,
        **dict.fromkeys(("use_erg_tag", "use_erg_lyric", "use_erg_diffusion"), True),
    }
    assert fields("precise", SFT) == {
        "inference_steps": 80,
        "shift": 3.0,
        "infer_method": "ode",
        "sampler_mode": "heun",
        "guidance_scale": 4.0,
        "guidance_variant": "cfg_star",
        "guidance_interval": 0.7,
    }
    assert fields("instrumental", SFT)["omega_scale"] == 9.0
    assert [fields("rap", SFT).get(f"use_erg_{part}", False) for part in ("tag", "lyric", "diffusion")] == [1, 0, 1]
    assert "omega_scale 11 is left out" in " ".join(preset_notes("rap", SFT))
    assert "guidance_scale 18 is 4 here" in " ".join(preset_notes("precise", SFT))
    assert preset_notes("balanced", SFT) == ()


@pytest.mark.parametrize(("name", "scale"), [("balanced", 7.0), ("fast", 7.0), ("instrumental", 5.71)])
def test_the_guides_scales_are_those_of_this_model(name: str, scale: float) -> None:
    assert fields(name, SFT)["guidance_scale"] == scale


@pytest.mark.parametrize("name", ["balanced", "freestyle", "precise", "fast", "rap", "instrumental"])
def test_a_recipe_of_the_guide_says_nothing_that_its_model_ignores(name: str) -> None:
    """But for how many steps it likes."""
    for profile in (SFT, TURBO):
        request = Request.from_dict(apply_preset(Recipe(), name, profile).template)
        assert {field for field, _ in request.warnings(profile)} <= {"inference_steps"}


def test_recipes_of_the_guide_on_a_turbo_model_keep_what_it_can_do() -> None:
    assert fields("rap", TURBO) == {"infer_method": "sde"}
    assert fields("precise", SHIFT1) == {"infer_method": "ode"}
    assert fields("instrumental", TURBO) == {"infer_method": "ode", "omega_scale": 9.0}
    assert any("heun" in note for note in preset_notes("precise", TURBO))


def test_a_preset_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidRequest, match="Did you mean 'draft'"):
        apply_preset(Recipe(), "drat", TURBO)
    with pytest.raises(InvalidRequest, match="Choose one of draft, normal, best"):
        apply_preset(Recipe(), "zzz", TURBO)
