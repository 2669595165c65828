"""What each task says, needs and makes."""

from typing import Any

import pytest

from engine.config import DiTConfig
from engine.errors import InvalidRequest
from engine.profiles import profile_for
from engine.request import Request
from engine.tasks import TASKS, check, instruction, rendered_seconds

TURBO = profile_for("acestep-v15-turbo", DiTConfig(is_turbo=True))
SFT = profile_for("acestep-v15-sft", DiTConfig())
BASE = profile_for("acestep-v15-base", DiTConfig())


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "Fill the audio semantic mask based on the given conditions:"),
        ({"audio_codes": [1]}, "Generate audio semantic tokens based on the given conditions:"),
        ({"task_type": "cover"}, "Generate audio semantic tokens based on the given conditions:"),
        ({"task_type": "cover-nofsq"}, "Generate audio semantic tokens based on the given conditions:"),
        ({"task_type": "repaint", "audio_codes": [1]}, "Repaint the mask area based on the given conditions:"),
        ({"task_type": "extract"}, "Extract the track from the audio:"),
        ({"task_type": "extract", "track": "backing vocals"}, "Extract the BACKING_VOCALS track from the audio:"),
        ({"task_type": "lego", "track": "bass"}, "Generate the BASS track based on the audio context:"),
        ({"task_type": "lego"}, "Generate the track based on the audio context:"),
        ({"task_type": "complete", "tracks": "drums, bass"}, "Complete the input track with DRUMS | BASS:"),
        ({"task_type": "complete"}, "Complete the input track:"),
        ({"instruction": "Sing"}, "Sing"),
        ({"instruction": TASKS["text2music"].instruction, "task_type": "repaint"}, TASKS["repaint"].instruction),
    ],
)
def test_instructions_are_the_published_ones(fields: dict[str, Any], text: str) -> None:
    assert instruction(Request(**fields)) == text


@pytest.mark.parametrize("task", ["extract", "lego", "complete"])
@pytest.mark.parametrize("profile", [TURBO, SFT])
def test_a_model_that_cannot_is_refused_with_those_that_can(task: str, profile: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check(Request(task_type=task), profile)
    assert refused.value.field == "task_type"
    assert "acestep-v15-base" in refused.value.hint
    assert "acestep-v15-xl-base" in refused.value.hint


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"task_type": "cover", "caption": "x"}, "src_audio"),
        ({"task_type": "cover-nofsq", "audio_codes": [1]}, "src_audio"),
        ({"task_type": "repaint", "src_audio": "a.wav"}, "caption"),
        ({"task_type": "extract", "src_audio": "a.wav"}, "track"),
        ({"task_type": "lego", "src_audio": "a.wav", "caption": "x", "tracks": ["bass", "drums"]}, "track"),
        ({"task_type": "complete", "src_audio": "a.wav", "caption": "x"}, "tracks"),
        ({"flow_edit_morph": True}, "src_audio"),
        ({"flow_edit_morph": True, "task_type": "repaint", "src_audio": "a", "caption": "x"}, "flow_edit_morph"),
    ],
)
def test_what_a_task_needs_is_asked_for(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check(Request(**fields), BASE)
    assert refused.value.field == field
    assert refused.value.hint


def test_flow_edit_is_for_models_with_guidance_and_for_xl_turbo() -> None:
    request = Request(flow_edit_morph=True, src_audio="a.wav")
    check(request, SFT)
    check(
        request,
        profile_for("acestep-v15-xl-turbo", DiTConfig(hidden_size=2560, encoder_hidden_size=2048, is_turbo=True)),
    )
    with pytest.raises(InvalidRequest, match="flow_edit_morph"):
        check(request, TURBO)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"task_type": "cover", "audio_codes": [1, 2], "caption": "x"},
        {"task_type": "repaint", "src_audio": "a.wav", "caption": "x"},
        {"task_type": "extract", "src_audio": "a.wav", "tracks": ["vocals"]},
        {"task_type": "complete", "src_audio": "a.wav", "caption": "x", "tracks": ["drums", "bass"]},
    ],
)
def test_a_request_with_all_that_is_needed_passes(fields: dict[str, Any]) -> None:
    check(Request(**fields), BASE)


@pytest.mark.parametrize(
    ("fields", "source", "seconds"),
    [
        ({"duration": 20}, None, 20),
        ({}, None, None),
        ({"duration": 20, "src_audio": "a"}, 90, 20),
        ({"duration": 20, "audio_codes": [1] * 50}, None, 10),
        ({"task_type": "cover", "duration": 20}, 90, 90),
        ({"task_type": "complete", "duration": 20}, 90, 90),
        ({"task_type": "repaint", "repainting_start": -5, "repainting_end": 95}, 90, 100),
        ({"task_type": "repaint", "repainting_start": -5}, 90, 95),
        ({"task_type": "cover", "repainting_start": -5}, 90, 90),
    ],
)
def test_how_long_the_result_is(fields: dict[str, Any], source: float | None, seconds: float | None) -> None:
    assert rendered_seconds(Request(**fields), source) == seconds


def test_a_result_of_more_than_ten_minutes_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        rendered_seconds(Request(task_type="repaint", repainting_start=-30), 590)
    assert refused.value.field == "repainting_end"
    with pytest.raises(InvalidRequest) as refused:
        rendered_seconds(Request(task_type="cover"), 601)
    assert refused.value.field == "src_audio"
