"""Requests: what they accept, how they refuse, and what becomes of them for a model."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.config import DiTConfig
from engine.errors import InvalidRequest
from engine.fields import Field
from engine.profiles import profile_for
from engine.request import FIELDS, Request
from engine.seeds import fill_seeds
from engine.values import HIGHEST_SEED, TURBO_TIMESTEPS

TURBO = profile_for("acestep-v15-turbo", DiTConfig(is_turbo=True))
SHIFT1 = profile_for("acestep-v15-turbo-shift1", DiTConfig(is_turbo=True))
CONTINUOUS = profile_for("acestep-v15-turbo-continuous", DiTConfig(is_turbo=True))
BASE = profile_for("acestep-v15-base", DiTConfig())

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
SPECIAL: dict[str, st.SearchStrategy[Any]] = {
    "keyscale": st.sampled_from(["Am", "C Major", "B♭ major", ""]),
    "cot_keyscale": st.sampled_from(["f# minor", "Eb"]),
    "timesteps": st.sets(st.floats(0.001, 1), max_size=9).map(lambda times: sorted(times, reverse=True)),
    "adapters": st.lists(st.fixed_dictionaries({"name": WORDS.map("a".__add__), "scale": st.floats(0, 2)}), max_size=2),
    "more_reference_audio": st.lists(WORDS.map("a".__add__), max_size=3),
    "guidance_params": st.dictionaries(WORDS, st.floats(-9, 9), max_size=3),
    "cfg_interval_start": st.floats(0, 0.5),
    "cfg_interval_end": st.floats(0.5, 1),
    "flow_edit_n_min": st.floats(0, 0.5),
    "flow_edit_n_max": st.floats(0.5, 1),
    "repainting_start": st.floats(-9, 9),
    "repainting_end": st.sampled_from([-1.0, 10.0, 600.0]),
}


def valid_values(field: Field) -> st.SearchStrategy[Any]:
    """Values that the field must accept, made from what it says about itself."""
    if field.name in SPECIAL:
        return SPECIAL[field.name]
    if field.choices:
        return st.lists(st.sampled_from(field.choices), max_size=3) if field.many else st.sampled_from(field.choices)
    if field.kind == "bool":
        return st.booleans()
    if field.kind == "str":
        return WORDS
    if field.kind.startswith("int"):
        numbers: st.SearchStrategy[Any] = st.integers(int(field.low or 0), int(field.high or 0))
    else:
        numbers = st.floats(field.low, field.high, allow_nan=False, allow_infinity=False)
    return st.lists(numbers, max_size=8) if field.many else numbers


VALID = st.sets(st.sampled_from(sorted(FIELDS)), max_size=12).flatmap(
    lambda names: st.fixed_dictionaries({name: valid_values(FIELDS[name]) for name in names})
)
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), float("nan"), float("inf"), -0.0, b"x", "\0", "\ud800", "9" * 5000])
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["4/4", "Am", "en", "1,0.5,0", "<|audio_code_1|>", "auto", "drums|bass"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("path"), inner, max_size=3)
    ),
    max_leaves=6,
)


def outcome(make: Callable[[], Request]) -> Request | InvalidRequest:
    """What ``make`` returns or refuses with; any other exception is a failure of the test."""
    try:
        return make()
    except InvalidRequest as error:
        return error


def refused(**fields: Any) -> InvalidRequest:
    """The error that these fields raise."""
    with pytest.raises(InvalidRequest) as caught:
        Request(**fields)
    return caught.value


@QUICK
@given(VALID)
def test_a_valid_request_survives_json_exactly(raw: dict[str, Any]) -> None:
    request = Request.from_dict(raw)
    through_json = Request.from_dict(json.loads(json.dumps(request.to_dict(), allow_nan=False)))
    assert through_json == request
    assert through_json.to_dict() == request.to_dict()
    assert hash(through_json) == hash(request)
    assert request.replace() == request


@QUICK
@given(st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=8), JUNK, max_size=4) | JUNK)
def test_junk_is_either_a_request_or_a_calm_refusal(raw: Any) -> None:
    made = outcome(lambda: Request.from_dict(raw))
    if isinstance(made, Request):
        assert Request.from_dict(json.loads(json.dumps(made.to_dict(), allow_nan=False))) == made
        return
    assert made.error.endswith(".")
    assert made.hint
    assert len(str(made).encode("utf-8")) < 900
    assert made.field is None or made.field in FIELDS


@QUICK
@given(st.sampled_from(sorted(FIELDS)), JUNK | st.text(max_size=12))
def test_every_field_names_itself_when_it_refuses(name: str, value: Any) -> None:
    made = outcome(lambda: Request(**{name: value}))
    if isinstance(made, InvalidRequest):
        assert name in made.error
        assert made.field is not None


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_numbers_too_large_to_print_are_refused_too(name: str) -> None:
    huge = 10**5000
    for value in (huge, [huge], [[[huge]]], {"path": huge}, {huge: 1}):
        error = refused(**{name: value})
        assert error.field == name
        assert "0000" not in error.error


@QUICK
@given(VALID, st.sampled_from([TURBO, SHIFT1, CONTINUOUS, BASE]))
def test_resolving_settles_everything_once(raw: dict[str, Any], profile: Any) -> None:
    request = Request.from_dict(raw)
    once = outcome(lambda: request.resolved(profile))
    if isinstance(once, InvalidRequest):
        assert once.field in FIELDS
        return
    assert once.resolved(profile) == once
    assert Request.from_dict(once.to_dict()).resolved(profile) == once
    settled = ("inference_steps", "shift", "guidance_scale", "infer_method", "dcw_enabled", "batch_size")
    assert None not in [getattr(once, name) for name in settled]
    assert len(once.seeds) == once.batch_size
    assert all(0 <= seed <= HIGHEST_SEED for seed in once.seeds)
    assert all(field in FIELDS and sentence.endswith(".") for field, sentence in request.warnings(profile))


def test_every_field_is_described() -> None:
    assert all(field.help.endswith(".") and field.group for field in FIELDS.values())
    assert len({*FIELDS}) == len(FIELDS)
    for published in ("caption", "lyrics", "bpm", "keyscale", "timesignature", "seeds", "cot_lyrics", "dcw_wavelet"):
        assert published in FIELDS


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_nothing_given_is_the_default(name: str) -> None:
    assert getattr(Request(**{name: None}), name) == FIELDS[name].default == getattr(Request(), name)


@pytest.mark.parametrize(
    ("name", "written", "stored"),
    [
        ("bpm", 120.0, 120),
        ("duration", 30, 30.0),
        ("duration", 0, None),
        ("duration", -1, None),
        ("duration", 1, 1.0),
        ("keyscale", "Am", "A minor"),
        ("timesignature", "4/4", "4"),
        ("timesignature", 6, "6"),
        ("vocal_language", "English", "en"),
        ("seeds", [7, 8], (7, 8)),
        ("seeds", "7, 8", (7, 8)),
        ("seeds", range(2), (0, 1)),
        ("seeds", 7, (7,)),
        ("retake_seed", "3,-1", (3, -1)),
        (
            "timesteps",
            "0.97,0.76,0.615,0.5,0.395,0.28,0.18,0.085,0",
            (0.97, 0.76, 0.615, 0.5, 0.395, 0.28, 0.18, 0.085),
        ),
        ("timesteps", [1, 0.5], (1.0, 0.5)),
        ("timesteps", [], None),
        ("audio_codes", "<|audio_code_12|>", (12,)),
        ("tracks", "Drums | bass, drums", ("drums", "bass")),
        ("lyrics", "a\r\nb", "a\nb"),
        ("src_audio", " ", None),
        ("task_type", "Cover", "cover"),
    ],
)
def test_values_are_brought_to_their_stored_form(name: str, written: Any, stored: Any) -> None:
    found = getattr(Request(**{name: written}), name)
    assert found == stored
    assert type(found) is type(stored)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bpm", 29),
        ("bpm", 301),
        ("bpm", True),
        ("bpm", 90.5),
        ("bpm", "fast"),
        ("duration", 0.5),
        ("duration", 600.1),
        ("duration", float("nan")),
        ("duration", float("-inf")),
        ("guidance_scale", 0.9),
        ("guidance_scale", 16),
        ("shift", 0),
        ("inference_steps", 0),
        ("inference_steps", 201),
        ("seed", -2),
        ("seed", 2**32),
        ("seeds", [1, 2.5]),
        ("seeds", list(range(9))),
        ("batch_size", 0),
        ("batch_size", 9),
        ("timesteps", [0.5, 0.5]),
        ("timesteps", [0.5, 0.9]),
        ("timesteps", [1.1, 0.5]),
        ("timesteps", [0.5, 0, 0]),
        ("lyrics", "a\0b"),
        ("caption", "\ud800"),
        ("thinking", 1),
        ("vocal_language", "klingon"),
        ("audio_codes", [64000]),
        ("adapters", [{"path": "a", "name": "b"}]),
        ("adapters", [{"path": "a", "scale": 3}]),
        ("normalization_db", 0.1),
        ("latent_shift", 10**400),
    ],
)
def test_values_out_of_range_are_refused_by_name(name: str, value: Any) -> None:
    error = refused(**{name: value})
    assert error.field == name
    assert error.error.startswith(f"{name} cannot be ")
    assert error.hint


def test_a_refusal_says_the_value_the_range_and_what_to_do() -> None:
    error = refused(bpm=400)
    assert error.error == "bpm cannot be 400: it must be a whole number from 30 to 300 beats a minute."
    assert error.hint == "Leave it out to have it chosen for you."
    assert refused(task_type="covr").hint == "Did you mean 'cover'?"
    assert "1 to 600 seconds" in refused(duration=700).error


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cfg_interval_start": 0.8, "cfg_interval_end": 0.2}, "cfg_interval_start"),
        ({"flow_edit_n_min": 0.8, "flow_edit_n_max": 0.2}, "flow_edit_n_min"),
        ({"repainting_start": 5, "repainting_end": 5}, "repainting_end"),
    ],
)
def test_ends_come_after_beginnings(fields: dict[str, Any], field: str) -> None:
    assert refused(**fields).field == field


def test_a_region_may_be_open_or_reach_before_the_source() -> None:
    assert Request(repainting_start=5).repainting_end == -1
    assert Request(repainting_start=-5, repainting_end=-1).repainting_start == -5


def test_instrumental_sets_the_lyrics() -> None:
    assert Request(instrumental=True, lyrics="la la").lyrics == "[Instrumental]"


def test_unknown_names_get_the_nearest_known_one() -> None:
    for attempt in (lambda: Request.from_dict({"captoin": "x"}), lambda: Request().replace(captoin="x")):
        with pytest.raises(InvalidRequest) as caught:
            attempt()
        assert "captoin" in caught.value.error
        assert "'caption'" in caught.value.hint


def test_a_request_cannot_be_changed_but_replaced() -> None:
    request = Request(caption="a", bpm=90)
    with pytest.raises(AttributeError):
        request.bpm = 91  # type: ignore[misc]
    assert request.replace(bpm=100) == Request(caption="a", bpm=100)
    with pytest.raises(InvalidRequest):
        request.replace(bpm=1)


@pytest.mark.parametrize(
    ("name", "written", "stored"),
    [
        ("bpm", "90", 90),
        ("bpm", "auto", None),
        ("shift", "2.5", 2.5),
        ("thinking", "off", False),
        ("dcw_enabled", "auto", None),
        ("seeds", "1 2", (1, 2)),
        ("caption", "auto", "auto"),
        ("keyscale", "am", "A minor"),
    ],
)
def test_fields_read_what_is_typed(name: str, written: str, stored: Any) -> None:
    assert FIELDS[name].parse(written) == stored


@pytest.mark.parametrize(("name", "written"), [("bpm", "fast"), ("thinking", "perhaps"), ("bpm", "9" * 9999)])
def test_fields_refuse_what_is_typed_wrongly(name: str, written: str) -> None:
    with pytest.raises(InvalidRequest):
        FIELDS[name].parse(written)


def test_the_profile_fills_in_what_is_open_and_the_person_wins() -> None:
    turbo = Request().resolved(TURBO)
    assert (turbo.inference_steps, turbo.shift, turbo.guidance_scale) == (8, 3.0, 1.0)
    assert (turbo.infer_method, turbo.dcw_enabled, turbo.duration, turbo.bpm) == ("ode", False, None, None)
    assert Request().resolved(SHIFT1).shift == 1.0
    own = Request(inference_steps=30, shift=2, guidance_scale=5, infer_method="sde", dcw_enabled=True).resolved(BASE)
    assert (own.inference_steps, own.shift, own.guidance_scale) == (30, 2.0, 5.0)
    assert (own.infer_method, own.dcw_enabled) == ("sde", True)


def test_turbo_fixes_guidance_and_says_so() -> None:
    request = Request(guidance_scale=7, use_adg=True)
    assert request.resolved(TURBO).guidance_scale == 1.0
    assert {field for field, _ in request.warnings(TURBO)} == {"guidance_scale", "use_adg"}
    assert request.warnings(BASE) == []
    assert request.resolved(BASE).guidance_variant == "adg"


def test_steps_beyond_the_model_are_refused() -> None:
    for request, field in (
        (Request(inference_steps=21), "inference_steps"),
        (Request(timesteps=[1 - k / 30 for k in range(21)]), "timesteps"),
    ):
        with pytest.raises(InvalidRequest) as caught:
            request.resolved(TURBO)
        assert caught.value.field == field
        assert "1 to 20" in caught.value.error
        assert request.resolved(BASE).inference_steps == 21


@pytest.mark.parametrize(
    ("fields", "profile", "field"),
    [
        ({"duration": 5}, TURBO, "duration"),
        ({"bpm": 200}, TURBO, "bpm"),
        ({"caption": "x" * 513}, TURBO, "caption"),
        ({"inference_steps": 4}, TURBO, "inference_steps"),
        ({"inference_steps": 8}, BASE, "inference_steps"),
        ({"shift": 2.5}, TURBO, "shift"),
        ({"shift": 3}, SHIFT1, "shift"),
        ({"timesteps": [0.97, 0.5]}, TURBO, "timesteps"),
        ({"timesteps": [1, 0.5], "shift": 2}, TURBO, "shift"),
        ({"timesteps": [1, 0.5], "inference_steps": 8}, TURBO, "inference_steps"),
        ({"sampler_mode": "heun", "infer_method": "sde"}, BASE, "sampler_mode"),
        ({"src_audio": "a.wav"}, TURBO, "src_audio"),
        ({"task_type": "cover", "src_audio": "a.wav", "duration": 20}, TURBO, "duration"),
        ({"task_type": "repaint", "src_audio": "a.wav", "audio_codes": [1]}, TURBO, "audio_codes"),
        ({"audio_codes": [1] * 50, "duration": 20}, TURBO, "duration"),
        ({"seeds": [1, 2], "batch_size": 1}, TURBO, "seeds"),
        ({"seeds": [1, 2], "seed": 5}, TURBO, "seed"),
        ({"seeds": [1, 2], "use_random_seed": True}, TURBO, "use_random_seed"),
        ({"guidance_params": {"a": 1}}, BASE, "guidance_params"),
        ({"task_type": "cover", "repainting_start": 2}, TURBO, "repainting_start"),
        ({"task_type": "repaint", "audio_cover_strength": 0.5}, TURBO, "audio_cover_strength"),
        ({"task_type": "repaint", "repaint_mode": "aggressive", "repaint_strength": 0.2}, TURBO, "repaint_strength"),
        ({"fade_out": 2}, TURBO, "fade_out"),
    ],
)
def test_what_is_allowed_but_unwise_is_said(fields: dict[str, Any], profile: Any, field: str) -> None:
    assert [name for name, _ in Request(**fields).warnings(profile)] == [field]


@pytest.mark.parametrize(
    ("fields", "profile"),
    [
        ({}, TURBO),
        ({}, BASE),
        ({"duration": 60, "bpm": 120, "shift": 2}, TURBO),
        ({"shift": 2.5, "timesteps": None}, CONTINUOUS),
        ({"timesteps": [0.97, 0.5]}, CONTINUOUS),
        ({"timesteps": TURBO_TIMESTEPS[::3]}, TURBO),
        ({"src_audio": "a.wav", "flow_edit_morph": True}, BASE),
        ({"audio_codes": [1] * 50, "audio_cover_strength": 0.5}, TURBO),
        ({"task_type": "lego", "repainting_start": 2}, BASE),
    ],
)
def test_a_sound_request_is_left_in_peace(fields: dict[str, Any], profile: Any) -> None:
    assert Request(**fields).warnings(profile) == []


def test_heun_gives_way_to_sde() -> None:
    assert Request(sampler_mode="heun", infer_method="sde").resolved(BASE).sampler_mode == "euler"
    assert Request(sampler_mode="heun").resolved(BASE).sampler_mode == "heun"


@pytest.mark.parametrize(
    ("fields", "suggested", "known", "count"),
    [
        ({}, 1, (), 1),
        ({}, 4, (), 4),
        ({"seed": 5}, 1, (5,), 1),
        ({"seed": 5}, 3, (5,), 3),
        ({"seeds": [7, 8]}, 4, (7, 8), 2),
        ({"seeds": [7, 8], "batch_size": 1}, 4, (7,), 1),
        ({"seeds": [7, 8], "batch_size": 3}, 1, (7, 8), 3),
        ({"batch_size": 2}, 8, (), 2),
    ],
)
def test_seeds_follow_the_published_rules(fields: dict[str, Any], suggested: int, known: Any, count: int) -> None:
    request = Request(**fields).resolved(TURBO, batch_size=suggested)
    assert request.seeds[: len(known)] == known
    assert len(request.seeds) == request.batch_size == count
    assert request.seed == request.seeds[0]


def test_the_callers_seeds_replace_the_requests() -> None:
    assert Request(seeds=[1], use_random_seed=True).resolved(TURBO, seeds=[3, 4]).seeds == (3, 4)


def test_random_seeds_are_asked_for_with_a_flag_or_with_minus_one() -> None:
    assert Request(seeds=[5], use_random_seed=True).resolved(TURBO).seeds != (5,)
    first, second = Request(seeds=[-1, 6]).resolved(TURBO).seeds
    assert 0 <= first <= HIGHEST_SEED
    assert second == 6
    assert fill_seeds((), 0) == ()


def test_retake_seeds_are_drawn_only_where_they_are_used() -> None:
    assert Request().resolved(TURBO).retake_seed == ()
    assert len(Request(retake_variance=0.2, batch_size=2).resolved(TURBO).retake_seed) == 2
    assert Request(retake_variance=0.2, retake_seed=9).resolved(TURBO).retake_seed == (9,)


def test_nothing_heavy_is_imported() -> None:
    code = "import engine.request, sys; sys.exit(any(m in sys.modules for m in ('torch', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
