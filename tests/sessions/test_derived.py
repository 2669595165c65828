"""What is asked of the engine to make a take from a take."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InvalidRequest
from engine.request import Request
from sessions import derived
from sessions.take import Take
from sessions.take_names import key_of, name_of, operation_of, source_of

TURBO = {"name": "turbo", "tasks": ["text2music", "cover", "cover-nofsq", "repaint"]}
BASE = {"name": "base", "tasks": ["text2music", "repaint", "cover", "extract", "lego", "complete"]}


def take(number: int = 7, duration: float = 20.0, **request: Any) -> Take:
    made = Request(
        **{
            "caption": "warm jazz",
            "lyrics": "la",
            "bpm": 90,
            "seeds": (5,),
            "seed": 5,
            "inference_steps": 8,
            "shift": 3.0,
            "guidance_scale": 1.0,
            "duration": duration,
            "cot_caption": "warm and planned jazz",
            "cot_keyscale": "A minor",
            "audio_codes": [1, 2, 3, 4, 5],
            "retake_variance": 0.2,
            "retake_seed": (9,),
            **request,
        }
    )
    return Take(
        id=f"id{number}",
        number=number,
        name="x",
        seed=5,
        duration=duration,
        request=made.to_dict(),
        files={"audio": f"takes/{number}.flac"},
        identity={"profile": "turbo"},
    )


def test_a_child_has_its_parents_words_as_they_were_sung_and_seeds_of_its_own() -> None:
    request = derived.repaint(take(), {"repainting_start": 2, "repainting_end": 8}, 3, TURBO)
    assert (request.task_type, request.src_audio, request.batch_size) == ("repaint", "take:id7", 3)
    assert (request.caption, request.keyscale, request.bpm) == ("warm and planned jazz", "A minor", 90)
    assert (request.cot_caption, request.audio_codes, request.duration) == ("", (), None)
    assert (request.use_random_seed, request.seeds, request.retake_variance, request.retake_seed) == (True, (), 0.0, ())
    assert (request.inference_steps, request.shift) == (8, 3.0)


def test_what_is_given_goes_before() -> None:
    given = {"repainting_start": 2, "caption": "cold", "lyrics": "new words", "inference_steps": 4, "seeds": [3, 4]}
    request = derived.repaint(take(instrumental=True), given, 2, TURBO)
    assert (request.caption, request.lyrics, request.inference_steps) == ("cold", "new words", 4)
    assert (request.seeds, request.use_random_seed, request.instrumental) == ((3, 4), None, False)


def test_another_model_shapes_its_takes_in_its_own_way() -> None:
    """Eight steps without guidance are nothing for a base model."""
    request = derived.cover(take(), {}, 1, BASE)
    assert (request.inference_steps, request.shift, request.guidance_scale) == (None, None, None)
    assert request.caption == "warm and planned jazz"


@pytest.mark.parametrize(
    ("side", "overlap", "region"),
    [
        ("after", 1, (19, 30)),
        ("after", 0, (20, 30)),
        ("before", 1, (-10, 1)),
        ("before", 0, (-10, -1)),
        ("after", 99, (10, 30)),
    ],
)
def test_a_take_is_extended_at_either_end(side: str, overlap: float, region: tuple[float, float]) -> None:
    request = derived.extend(take(), {}, 1, TURBO, seconds=10, side=side, overlap=overlap)
    assert (request.repainting_start, request.repainting_end) == region
    assert request.task_type == "repaint"


def test_two_takes_are_stitched_around_their_joint() -> None:
    """On whole frames: 20.02 seconds are 500 of them."""
    request = derived.stitch(take(duration=20.02), take(8), {"caption": "both"}, 1, TURBO, gap=1.01, overlap=2)
    assert (request.src_audio, request.next_audio, request.next_gap) == ("take:id7", "take:id8", 1.01)
    assert (request.repainting_start, request.repainting_end) == pytest.approx((18.0, 20 + 1.04 + 2))
    with pytest.raises(InvalidRequest, match="nothing to make"):
        derived.stitch(take(), take(8), {}, 1, TURBO, overlap=0)


def test_codes_are_joined_in_their_order() -> None:
    request = derived.join([take(), take(8, audio_codes=[6, 7]), take(9, audio_codes=[8])], {"bpm": 120}, 2, TURBO)
    assert request.audio_codes == (1, 2, 3, 4, 5, 6, 7, 8)
    assert (request.task_type, request.src_audio, request.bpm) == ("text2music", None, 120)
    with pytest.raises(InvalidRequest, match="Take 8 has no audio codes"):
        derived.join([take(), take(8, audio_codes=[])], {}, 1, TURBO)
    with pytest.raises(InvalidRequest, match="the most"):
        derived.join([take(audio_codes=[1] * 2000)] * 2, {}, 1, TURBO)


@pytest.mark.parametrize("task", derived.STEMS)
def test_stems_are_for_base_models(task: str) -> None:
    given = {"tracks": ["bass", "drums"]} if task == "complete" else {"track": "bass"}
    assert derived.stem(take(), task, given, 1, BASE).task_type == task
    with pytest.raises(InvalidRequest, match="acestep-v15-base"):
        derived.stem(take(), task, given, 1, TURBO)
    with pytest.raises(InvalidRequest, match="track"):
        derived.stem(take(), task, {}, 1, BASE)
    assert derived.stem(take(), task, given, 1, {}).task_type == task


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "repainting_start"),
        ({"repainting_start": 21, "repainting_end": 22}, "repainting_start"),
        ({"repainting_start": 5, "repainting_end": 4}, "repainting_end"),
        ({"repainting_start": 5, "repainting_end": 601}, "repainting_end"),
        ({"repainting_start": -590}, "repainting_end"),
        ({"repainting_start": "x"}, "repainting_start"),
    ],
)
def test_a_region_that_is_none_is_refused_at_once(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        derived.repaint(take(), given, 1, TURBO)
    assert refused.value.field == field
    assert refused.value.hint


def test_a_cover_is_one_of_two_kinds_and_needs_a_caption() -> None:
    assert derived.cover(take(), {"task_type": "cover-nofsq"}, 1, TURBO).task_type == "cover-nofsq"
    assert derived.cover(take(), {}, 1, TURBO).task_type == "cover"
    assert derived.cover(take(), {}, 1, {**TURBO, "name": "nano-turbo"}).task_type == "cover-nofsq"
    with pytest.raises(InvalidRequest, match="task_type"):
        derived.cover(take(), {"task_type": "repaint"}, 1, TURBO)
    with pytest.raises(InvalidRequest, match="caption"):
        derived.cover(take(caption="", cot_caption=""), {}, 1, TURBO)


def test_takes_are_named_by_number_or_id() -> None:
    assert [key_of(name) for name in ("take:47", "take:abc", "take: 7", "song.wav", "take:1234567890123456")] == [
        47,
        "abc",
        7,
        None,
        "1234567890123456",
    ]
    assert key_of(name_of(take())) == "id7"


@pytest.mark.parametrize(
    ("fields", "operation", "source"),
    [
        ({"task_type": "repaint", "src_audio": "take:47"}, "repaint", 47),
        ({"task_type": "cover-nofsq", "src_audio": "take:47"}, "cover", 47),
        ({"task_type": "repaint", "src_audio": "take:47", "next_audio": "take:48"}, "stitch", 47),
        ({"task_type": "lego", "src_audio": "0" * 64}, "lego", None),
        ({"src_audio": "take:47"}, "render", None),
        ({}, "render", None),
    ],
)
def test_a_request_says_what_is_done_to_which_take(fields: dict[str, Any], operation: str, source: int | None) -> None:
    assert (operation_of(fields), source_of(fields)) == (operation, source)
