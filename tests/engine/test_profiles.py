"""The defaults of every official model, by folder name and config."""

import pytest

from engine.config import DiTConfig
from engine.profiles import profile_for
from engine.request import Request
from engine.tasks import MODELS

XL = {"hidden_size": 2560, "encoder_hidden_size": 2048}


def config(folder: str) -> DiTConfig:
    """The config that the official folder of this name carries, as far as a profile looks at it."""
    turbo = "turbo" in folder
    return DiTConfig(is_turbo=turbo, **XL) if "xl" in folder else DiTConfig(is_turbo=turbo)


@pytest.mark.parametrize("folder", [folder for models in MODELS.values() for folder in models])
def test_every_official_model_gets_the_published_defaults(folder: str) -> None:
    profile = profile_for(folder, config(folder))
    assert f"acestep-v15-{profile.name}" == folder
    assert profile.xl == ("xl" in folder)
    assert (profile.infer_method, profile.guidance_variant, profile.dcw_enabled) == ("ode", "apg_classic", False)
    limits = (profile.inference_steps, profile.most_steps, profile.guidance_scale, profile.guidance_fixed)
    if "turbo" in folder:
        assert limits == (8, 20, 1.0, True)
        assert profile.shift == (1.0 if folder.endswith("shift1") else 3.0)
        assert profile.tasks == ("text2music", "cover", "cover-nofsq", "repaint", "crop")
    else:
        assert limits == (50, 200, 7.0, False)
        assert profile.shift == 1.0
        assert ("lego" in profile.tasks) == ("base" in folder)


def test_the_config_wins_over_the_name() -> None:
    assert profile_for("acestep-v15-base", DiTConfig(is_turbo=True)).name == "turbo"
    assert profile_for("my-model", DiTConfig(model_version="turbo")).turbo
    assert profile_for("acestep-v15-turbo", DiTConfig()).name == "base"
    assert not profile_for("acestep-v15-xl-sft", DiTConfig()).xl


def test_words_of_a_name_are_whole_words() -> None:
    assert profile_for("acestep-v15-softshift1x", DiTConfig(is_turbo=True)).shift == 3.0
    assert profile_for("acestep-v15-drift", DiTConfig()).family == "base"
    assert profile_for(r"C:\models\ACESTEP_v15.turbo.continuous", DiTConfig(is_turbo=True)).continuous


def test_only_turbo_models_that_are_not_continuous_snap_times() -> None:
    assert profile_for("acestep-v15-turbo", DiTConfig(is_turbo=True)).snaps_timesteps
    assert not profile_for("acestep-v15-turbo-continuous", DiTConfig(is_turbo=True)).snaps_timesteps
    assert not profile_for("acestep-v15-base", DiTConfig()).snaps_timesteps


def test_the_model_in_the_box_is_a_sketch_model_of_its_family() -> None:
    turbo = profile_for("acestep-v15-nano-turbo", DiTConfig(is_turbo=True))
    assert (turbo.name, turbo.sketch, turbo.duration, turbo.inference_steps) == ("nano-turbo", True, 20.0, 8)
    told = dict(Request(duration=45.0).warnings(turbo))
    assert told["duration"] == "45 seconds are outside the 10 to 30 that a nano-turbo model was trained on."
    assert "duration" not in dict(Request(duration=30.0).warnings(turbo))
    assert dict(Request(duration=1.0).warnings(turbo))["duration"].startswith("1 second is outside")
    of_a_source = Request(task_type="repaint", src_audio="a.wav", repainting_end=4.0, duration=45.0)
    told_of = [words for field, words in of_a_source.warnings(turbo) if field == "duration"]
    assert told_of == ["duration has no effect with repaint: the result is as long as its source."]
    assert profile_for("acestep-v15-nano-base", DiTConfig()).guidance_scale == 7.0
    assert not profile_for("acestep-v15-turbo", DiTConfig(is_turbo=True)).sketch


@pytest.mark.parametrize(
    ("folder", "asked", "thinks"),
    [
        ("acestep-v15-turbo", None, True),
        ("acestep-v15-turbo", False, False),
        ("acestep-v15-nano-turbo", None, None),
        ("acestep-v15-nano-turbo", True, True),
    ],
)
def test_whether_codes_are_planned_is_the_models_to_say_where_nobody_does(
    folder: str, asked: bool | None, thinks: bool | None
) -> None:
    profile = profile_for(folder, DiTConfig(is_turbo=True))
    once = Request(thinking=asked).resolved(profile)
    assert once.thinking is thinks
    assert once.resolved(profile).thinking is thinks
