"""Recipes of other programs: what becomes of every field, and that nothing vanishes in silence."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import EngineError, InvalidRequest
from engine.request import FIELDS, Request
from sessions.acestep_cpp import OWN
from sessions.imports import ACESTEP_CPP, REFERENCE, Imported, import_bytes, import_file, import_table
from sessions.settings import Recipe
from tests.sessions.made import JUNK, check_calm

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*FIELDS, *OWN, "params", "config", "lora_path"])


def test_the_reference_implementations_json() -> None:
    made = import_table(
        {
            "params": {
                "task_type": "text2music",
                "instruction": "",
                "caption": "warm {jazz}",
                "lyrics": "[Verse]\nla",
                "bpm": 96,
                "keyscale": "A Minor",
                "timesignature": "4/4",
                "vocal_language": "en",
                "duration": -1.0,
                "inference_steps": 8,
                "shift": 3.0,
                "seed": -1,
                "thinking": True,
                "timesteps": None,
                "lm_top_p": 0.9,
                "src_audio": "",
            },
            "config": {"batch_size": "2", "use_random_seed": "true", "audio_format": "aac"},
            "lora_path": "x.safetensors",
        }
    )
    assert made.source == REFERENCE
    assert made.recipe.to_dict() == {
        "caption": r"warm \{jazz\}",
        "lyrics": "[Verse]\nla",
        "bpm": 96,
        "keyscale": "A minor",
        "timesignature": "4",
        "vocal_language": "en",
        "inference_steps": 8,
        "shift": 3.0,
        "batch_size": 2,
        "use_random_seed": True,
        "thinking": True,
    }
    assert made.recipe.draw(random.Random(0)).caption == "warm {jazz}"
    assert sorted(made.notices) == [
        "'lora_path' is left out: it is not known here (it was 'x.safetensors').",
        "audio_format is left out: audio_format cannot be 'aac': it must be one of flac, wav, wav32, mp3, ogg, opus.",
    ]


def test_the_reference_implementations_toml() -> None:
    made = import_bytes(b'caption = "x"\nbpm = 500\n[lm]\nlm_temperature = 0.7\nbackend = "pt"\n', "their.toml")
    assert made.recipe.to_dict() == {"caption": "x", "lm_temperature": 0.7}
    assert [notice.split(":")[0] for notice in made.notices] == ["'lm.backend' is left out", "bpm is left out"]


def test_the_request_json_of_acestep_cpp() -> None:
    made = import_table(
        {
            "task_type": "complete",
            "caption": "x",
            "bpm": 0,
            "duration": 0,
            "inference_steps": 0,
            "guidance_scale": 0.0,
            "solver": "sde",
            "custom_timesteps": "0.9,0.5",
            "lm_mode": "generate",
            "lm_batch_size": 2,
            "synth_batch_size": 3,
            "lm_seed": -1,
            "output_format": "wav24",
            "adapter": "warm.safetensors",
            "adapter_scale": 0.5,
            "track": "drums | bass",
            "dcw_scaler": 0.0,
            "synth_model": "",
        }
    )
    assert made.source == ACESTEP_CPP
    assert made.notices == ()
    assert made.recipe.to_dict() == {
        "task_type": "complete",
        "tracks": ["drums", "bass"],
        "caption": "x",
        "adapters": [{"path": "warm.safetensors", "scale": 0.5}],
        "batch_size": 6,
        "timesteps": [0.9, 0.5],
        "infer_method": "sde",
        "dcw_enabled": False,
        "dcw_scaler": 0.0,
        "audio_format": "wav",
    }


def test_what_has_no_counterpart_is_named() -> None:
    made = import_table(
        {
            "solver": "stork4",
            "stork_substeps": 10,
            "lm_mode": "inspire",
            "lm_batch_size": 4,
            "synth_batch_size": 4,
            "lm_seed": 5,
            "output_format": "ape",
            "peak_clip": 10,
            "mp3_bitrate": 320,
            "adapter_scale": 0.5,
            "vae": "a.gguf",
            "synth_model": "b.gguf",
            "lm_model": "c.gguf",
        }
    )
    assert made.recipe.to_dict() == {"batch_size": 8}
    said = " ".join(made.notices)
    for word in ("stork4", "stork_substeps", "inspire", "16 takes", "lm_seed", "ape", "peak_clip", "mp3_bitrate"):
        assert word in said
    for word in ("adapter_scale", "a.gguf", "b.gguf", "c.gguf"):
        assert word in said
    assert "from 1 to 8" in import_table({"lm_batch_size": "many", "solver": 3}).notices[-1]


def test_the_solver_that_learns_from_the_steps_before_has_a_name_here() -> None:
    made = import_table({"solver": "dpm3m", "lm_mode": "generate", "caption": "x"})
    assert made.notices == ()
    assert made.recipe.to_dict() == {"caption": "x", "infer_method": "ode", "sampler_mode": "dpm3m"}


def test_fields_that_do_not_go_together_are_named_too() -> None:
    made = import_table({"cfg_interval_start": 0.9, "cfg_interval_end": 0.1, "caption": "x"})
    assert made.recipe.to_dict() == {"cfg_interval_end": 0.1, "caption": "x"}
    assert "cfg_interval_start is left out: " in made.notices[0]


def test_a_list_gives_its_first_and_says_so() -> None:
    made = import_table([{"caption": "a"}, {"caption": "b"}])
    assert (made.recipe.to_dict(), made.notices) == ({"caption": "a"}, ("Only the first of 2 recipes was read.",))


def test_a_name_that_is_given_twice_is_taken_from_the_outside() -> None:
    made = import_table({"params": {"bpm": 100}, "bpm": 96})
    assert (made.recipe.to_dict(), made.notices) == ({"bpm": 96}, ("params.bpm is left out: bpm is given twice.",))


def test_our_own_request_comes_back(tmp_path: Path) -> None:
    request = Request(caption="a {b|c} \\{", bpm=96, seeds=(1, 2), guidance_params={"a": 1.0}, adapters=["x"])
    path = tmp_path / "take.json"
    path.write_text(json.dumps(request.to_dict()))
    made = import_file(path)
    assert made.notices == ()
    assert made.recipe.draw(random.Random(0)) == request


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        (b"{", "a.json", "a.json, line 1, column 2: it is not JSON"),
        (b'{"a": \xff}', "a.json", "it is not text in UTF-8"),
        (b"bpm = ", "a.toml", "a.toml, line 1, column 7"),
        (b"3", "a.json", "There are no settings in this file."),
        (b"[]", "a.json", "There are no settings in this file."),
        (b'{"a": NaN}', "a.json", "no number or too large"),
        (b"[" * 100_000, "a.json", "a.json"),
        (b" " * 2**21, "a.json", "more than"),
    ],
)
def test_what_is_no_recipe_is_refused(data: bytes, name: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        import_bytes(data, name)
    assert says in str(caught.value)
    check_calm(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be read"):
        import_file(tmp_path / "no.json")


def named(made: Imported, name: str) -> bool:
    return name in made.recipe.to_dict() or any(name in notice for notice in made.notices)


@QUICK
@given(st.dictionaries(NAMES | st.text(max_size=5), JUNK, max_size=5) | JUNK)
def test_any_table_is_a_recipe_or_a_calm_refusal(table: Any) -> None:
    try:
        made = import_table(table)
    except EngineError as error:
        check_calm(error)
        return
    assert Recipe.from_dict(made.recipe.to_dict()) == made.recipe
    made.recipe.draw(random.Random(0))
    assert all(notice.endswith(".") and len(notice) < 1000 for notice in made.notices)


@QUICK
@given(JSON | st.dictionaries(NAMES, JSON, max_size=5))
def test_any_json_is_a_recipe_or_a_calm_refusal(value: Any) -> None:
    try:
        import_bytes(json.dumps(value).encode(), "a.json")
    except EngineError as error:
        check_calm(error)


@settings(QUICK, max_examples=30)
@given(st.dictionaries(st.sampled_from(["peak_clip", "lora_path", "vae", "strange"]), st.integers(1, 9), max_size=4))
def test_nothing_that_is_not_understood_vanishes(table: dict[str, Any]) -> None:
    made = import_table(table)
    assert all(named(made, name) for name in table)


@QUICK
@given(st.binary(max_size=40), st.sampled_from(["a.json", "a.toml", "a"]))
def test_any_bytes_are_a_recipe_or_a_calm_refusal(data: bytes, name: str) -> None:
    try:
        import_bytes(data, name)
    except EngineError as error:
        check_calm(error)
