"""The control guide's body: read as the guide has it, and what it means on a 1.5 model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import DiTConfig
from engine.errors import InvalidRequest
from engine.profiles import Profile, profile_for
from engine.request import Request
from sessions.control_guide import GuideBody, Understood, understood

TURBO = profile_for("acestep-v15-turbo", DiTConfig(is_turbo=True))
BASE = profile_for("acestep-v15-base", DiTConfig())

GUIDES_OWN: dict[str, Any] = {
    "checkpoint_path": None,
    "bf16": True,
    "torch_compile": False,
    "device_id": 0,
    "output_path": None,
    "audio_duration": 70.0,
    "prompt": "rock, energetic, electric guitar",
    "lyrics": "[verse]\nNeon rain\n\n[inst]",
    "infer_step": 60,
    "guidance_scale": 15.0,
    "scheduler_type": "euler",
    "cfg_type": "apg",
    "omega_scale": 11.0,
    "actual_seeds": [135792468],
    "guidance_interval": 0.5,
    "guidance_interval_decay": 0.5,
    "min_guidance_scale": 3.0,
    "use_erg_tag": True,
    "use_erg_lyric": False,
    "use_erg_diffusion": True,
    "oss_steps": [],
    "guidance_scale_text": 0.0,
    "guidance_scale_lyric": 0.0,
}
"""Every field of the guide's own endpoint."""


def of(profile: Profile, **changes: Any) -> Understood:
    return understood(GuideBody.from_dict({**GUIDES_OWN, **changes}), profile)


def test_the_guides_body_on_a_model_with_guidance() -> None:
    found = of(BASE)
    assert found.request == Request(
        caption="rock, energetic, electric guitar",
        lyrics="[verse]\nNeon rain\n\n[Instrumental]",
        duration=70,
        seeds=[135792468],
        batch_size=1,
        use_random_seed=False,
        thinking=False,
        inference_steps=60,
        shift=3,
        infer_method="ode",
        guidance_scale=7,
        guidance_interval=0.5,
        guidance_interval_decay=0.5,
        min_guidance_scale=1.86,
        omega_scale=11,
        use_erg_tag=True,
        use_erg_diffusion=True,
    )
    assert found.notes == ("guidance_scale 15 is 7 on this model's scale.",)
    assert found.request.warnings(BASE) == []
    found.request.resolved(BASE)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"cfg_type": "cfg_star", "guidance_scale": 18}, {"guidance_variant": "cfg_star", "guidance_scale": 4.0}),
        ({"cfg_type": "cfg", "guidance_scale": 15}, {"guidance_variant": "cfg", "guidance_scale": 3.47}),
        ({"guidance_scale": 0}, {"guidance_scale": 1.0}),
        ({"guidance_scale": 1}, {"guidance_scale": 1.0}),
        ({"scheduler_type": "heun"}, {"infer_method": "ode", "sampler_mode": "heun"}),
        ({"scheduler_type": "pingpong"}, {"infer_method": "sde", "sampler_mode": "euler"}),
        ({"oss_steps": [1, 30, 60]}, {"oss_steps": (1, 30, 60), "inference_steps": 60}),
        ({"guidance_scale_text": 5, "guidance_scale_lyric": 1.5}, {"guidance_scale_text": 2.71}),
        ({"guidance_scale_text": 1, "guidance_scale_lyric": 0}, {"guidance_scale_text": 0, "guidance_scale_lyric": 0}),
        ({"actual_seeds": [1, 2, 3]}, {"seeds": (1, 2, 3), "batch_size": 3}),
        ({"actual_seeds": [9], "batch_size": 3}, {"seeds": (9, 10, 11), "batch_size": 3}),
        ({"lora_name_or_path": "none"}, {"adapters": ()}),
    ],
)
def test_what_the_guides_words_mean(changes: dict[str, Any], fields: dict[str, Any]) -> None:
    request = of(BASE, **changes).request
    assert {name: getattr(request, name) for name in fields} == fields


def test_on_a_turbo_model_steps_are_held_back_and_guidance_is_left_out() -> None:
    found = of(TURBO, scheduler_type="heun")
    assert (found.request.inference_steps, found.request.guidance_scale, found.request.omega_scale) == (8, None, 11.0)
    assert found.request.warnings(TURBO) == []
    assert [note.split()[0] for note in found.notes] == ["infer_step", "Guidance", "heun"]
    assert of(TURBO, infer_step=12).request.inference_steps == 12


def test_a_random_length_can_be_had_again() -> None:
    lengths = [
        of(BASE, audio_duration=seconds, actual_seeds=[seed]).request.duration
        for seconds, seed in ((-1, 5), (0, 5), (-1, 6))
    ]
    assert lengths[0] == lengths[1] != lengths[2]
    assert all(length is not None and 30 <= length <= 240 for length in lengths)


def test_without_seeds_every_take_has_its_own() -> None:
    seeds = of(BASE, actual_seeds=[], batch_size=4).request.seeds
    assert len(set(seeds)) == 4


HASH = "a" * 64


def test_the_guides_other_tasks() -> None:
    retake = of(BASE, task="retake", retake_seeds=[4], retake_variance=0.2).request
    assert (retake.retake_seed, retake.retake_variance) == ((4,), 0.2)
    repaint = of(BASE, task="repaint", src_audio_path=HASH, repaint_start=3, repaint_end=9).request
    assert (repaint.task_type, repaint.src_audio, repaint.repainting_start, repaint.repainting_end) == (
        "repaint",
        HASH,
        3,
        9,
    )
    extended = of(BASE, task="extend", src_audio_path=HASH, repaint_start=-5, repaint_end=80).request
    assert (extended.task_type, extended.repainting_start, extended.repainting_end) == ("repaint", -5, 80)
    edited = of(BASE, task="edit", src_audio_path=HASH, edit_target_prompt="calm harp", edit_n_min=0.6).request
    assert (edited.flow_edit_morph, edited.caption, edited.flow_edit_source_caption, edited.flow_edit_n_min) == (
        True,
        "calm harp",
        GUIDES_OWN["prompt"],
        0.6,
    )
    assert edited.lyrics == edited.flow_edit_source_lyrics
    other = of(BASE, audio2audio_enable=True, ref_audio_input=HASH, ref_audio_strength=0.7).request
    assert (other.task_type, other.src_audio, other.cover_noise_strength, other.audio_cover_strength) == (
        "cover-nofsq",
        HASH,
        0.7,
        0,
    )
    worn = of(BASE, lora_name_or_path="choir", lora_weight=0.5).request
    assert [(adapter.path, adapter.scale) for adapter in worn.adapters] == [("choir", 0.5)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"cfg_type": "cfg-zero"}, "cfg_type"),
        ({"infer_step": 0}, "infer_step"),
        ({"infer_step": 60.5}, "infer_step"),
        ({"guidance_scale": "high"}, "guidance_scale"),
        ({"actual_seeds": [-1]}, "actual_seeds"),
        ({"actual_seeds": list(range(9))}, "batch_size"),
        ({"audio_duration": 0.2}, "duration"),
        ({"omega_scale": float("nan")}, "omega_scale"),
        ({"use_erg_tag": "yes"}, "use_erg_tag"),
        ({"repaint_start": 9, "repaint_end": 3, "task": "repaint"}, "repainting_end"),
        ({"prompts": "x"}, "prompts"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        of(BASE, **changes)
    assert refused.value.field == field


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 300)
    | st.floats()
    | st.text(max_size=9)
    | st.lists(st.integers(), max_size=9)
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(GuideBody.fields())), VALUES, max_size=6), st.sampled_from([BASE, TURBO]))
def test_whatever_is_in_a_body_is_a_request_or_refused(body: dict[str, Any], profile: Profile) -> None:
    try:
        found = understood(GuideBody.from_dict(body), profile)
    except InvalidRequest:
        return
    assert found.request.seeds
    assert all(note.endswith(".") for note in found.notes)
