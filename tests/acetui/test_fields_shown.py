"""The form: every field is in it once, chosen and stepped within its range, and says who decides over it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetui.recipe.field_values import default_of, field_of, parsed
from acetui.recipe.fields_shown import (
    GROUPS,
    MODEL,
    PANES,
    PLANNER,
    PRESET,
    YOURS,
    choices,
    decides,
    explained,
    label,
    lock_changes,
    metadata_line,
    outside,
    preset_of,
    profile_of,
    render_line,
    stepped,
)
from engine.config import DiTConfig
from engine.profiles import profile_for
from engine.request import FIELDS
from sessions.presets import PRESETS, apply_preset
from sessions.settings import BESIDE, GRID, Recipe

TURBO = profile_for("acestep-v15-turbo", DiTConfig(is_turbo=True))
BASE = profile_for("acestep-v15-base", DiTConfig())
ENTRIES = [name for group in GROUPS for name in group.names]


def test_every_field_is_reachable_once() -> None:
    beside = {f"{table}.{name}" for table, kind in BESIDE.items() for name in kind.fields()}
    assert len(ENTRIES) == len(set(ENTRIES))
    assert set(ENTRIES) == {*FIELDS, *beside, PRESET, GRID} - {*PANES}
    assert [group.title for group in GROUPS if not group.folded] == ["metadata", "seeds"]


def test_labels_are_short_and_differ_within_a_group() -> None:
    for group in GROUPS:
        labels = [label(name) for name in group.names]
        assert len(labels) == len(set(labels))
        assert all(0 < len(each) <= 24 for each in labels), labels


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_explains_itself_in_one_line(name: str) -> None:
    line = explained(name)
    assert line
    assert "\n" not in line


def test_explanations() -> None:
    assert explained("bpm") == "Tempo: 30 to 300 beats a minute."
    assert explained("loop.takes") == "Stops after so many takes: 1 to 100000 takes."
    assert explained("seed") == "Seed of the first take; -1 is random."
    assert explained("instrumental") == "No voice: sets the lyrics to [Instrumental]."


@pytest.mark.parametrize("name", [name for name in ENTRIES if name != PRESET])
def test_every_choice_can_be_typed(name: str) -> None:
    for typed, called in choices(name):
        parsed(name, typed)
        assert called


def test_choices() -> None:
    assert choices("timesignature") == (("", "auto"), ("2/4", "2/4"), ("3/4", "3/4"), ("4/4", "4/4"), ("6/8", "6/8"))
    assert ("ja", "Japanese") in choices("vocal_language")
    assert len(choices("keyscale")) == 25
    assert choices("thinking") == (("", "auto"), ("on", "on"), ("off", "off"))
    assert choices("bpm") == choices("seeds") == ()


@pytest.mark.parametrize(
    ("name", "value", "direction", "after"),
    [
        ("bpm", None, 1, 120),
        ("bpm", 104, 1, 105),
        ("bpm", 300, 1, 300),
        ("duration", 60.0, -1, 55.0),
        ("duration", 3.0, -1, 1.0),
        ("timesignature", None, 1, "2"),
        ("timesignature", "6", 1, None),
        ("thinking", None, 1, True),
        ("thinking", True, 1, False),
        ("thinking", False, 1, None),
        ("sampler_mode", None, -1, "dpm3m"),
        ("seeds", [1], 1, [1]),
        ("instruction", "x", 1, "x"),
        ("lm_temperature", None, 1, 0.9),
    ],
)
def test_steps(name: str, value: Any, direction: int, after: Any) -> None:
    assert stepped(name, value, direction) == after


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([name for name in ENTRIES if name != PRESET]), st.lists(st.sampled_from([1, -1]), max_size=12))
def test_steps_stay_within_the_field(name: str, directions: list[int]) -> None:
    value: Any = None
    for direction in directions:
        value = stepped(name, value, direction)
        field_of(name).clean(default_of(name) if value is None else value)


def test_profiles_as_they_are_sent() -> None:
    import json

    assert profile_of(json.loads(json.dumps(dataclasses.asdict(TURBO)))) == TURBO
    assert profile_of(None) is None


def test_what_is_outside_the_profile() -> None:
    assert outside({"bpm": 40, "inference_steps": 12}, TURBO).keys() == {"bpm", "inference_steps"}
    assert "takes from 1 to 20" in outside({"inference_steps": 30}, TURBO)["inference_steps"]
    assert outside({"inference_steps": 40}, BASE) == {}
    assert outside({"bpm": 40}, None) == {}
    assert outside({"bpm": 4}, TURBO).keys() == {"bpm"}
    assert outside({"caption": "x" * 999}, TURBO) == {}
    assert outside({"task_type": "extract"}, TURBO).keys() == {"task_type"}


def test_who_decides() -> None:
    assert decides("bpm", {}) == PLANNER
    assert decides("bpm", {"bpm": 96}) == YOURS
    assert decides("bpm", {"use_cot_metas": False}) == MODEL
    assert decides("caption", {"caption": "x"}) == PLANNER
    assert decides("caption", {"caption": "x", "use_cot_caption": False}) == YOURS
    assert decides("vocal_language", {"vocal_language": "en"}) == YOURS
    assert decides("vocal_language", {"use_cot_language": False}) == MODEL
    assert decides("shift", {}) is None


def test_locks() -> None:
    assert lock_changes("bpm", {}, {"bpm": 92}) == {"bpm": 92}
    assert lock_changes("bpm", {"bpm": 92}, {}) == {"bpm": None}
    assert lock_changes("bpm", {}, {}) is None
    assert lock_changes("caption", {}, {}) == {"use_cot_caption": False}
    assert lock_changes("caption", {"use_cot_caption": False}, {}) == {"use_cot_caption": None}
    assert lock_changes("shift", {}, {"shift": 2}) is None


@pytest.mark.parametrize("profile", [TURBO, BASE])
def test_presets_are_known_by_their_fields(profile: Any) -> None:
    seen = []
    for name in PRESETS:
        recipe = apply_preset(Recipe.from_dict({"caption": "x", "bpm": 90}), name, profile).to_dict()
        found = preset_of(recipe, profile)
        assert found is not None
        assert apply_preset(Recipe(), found, profile) == apply_preset(Recipe(), name, profile)
        seen.append(found)
    assert seen[:3] == ["draft", "normal", "best"]
    assert preset_of({"inference_steps": 7}, profile) is None


def test_lines() -> None:
    recipe = {"bpm": 104, "keyscale": "A minor", "timesignature": "4", "vocal_language": "en", "duration": 124.0}
    assert metadata_line(recipe) == "bpm 104  key A minor  time 4/4  lang en  2:04"
    assert metadata_line({}) == "bpm auto  key auto  time auto  lang auto  length auto"
    assert render_line({"batch_size": 4}, TURBO) == "turbo · 8 steps · shift 3 · batch 4"
    assert render_line({"seeds": [1, 2, 3, 4]}, None) == "seed 1, 2, 3, ..."
    assert render_line({}, None) == ""
