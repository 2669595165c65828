"""Settings: checked tables, did-you-mean, grids, and requests drawn from recipes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequest
from engine.request import Request
from sessions.errors import BadSetting
from sessions.grids import MOST_CELLS, Grid
from sessions.settings import TABLES, Recipe, Settings
from sessions.tables import LoopSettings, ModelSettings
from tests.sessions.made import GRIDS, JUNK, SETTINGS, check_calm, settings_or_none

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(SETTINGS)
def test_settings_survive_json_exactly(made: Settings) -> None:
    assert Settings.from_dict(json.loads(json.dumps(made.to_dict(), allow_nan=False))) == made
    assert made.replace({}) == made


@QUICK
@given(
    st.dictionaries(st.sampled_from(TABLES), st.dictionaries(st.sampled_from(["caption", "takes", "grid"]), JUNK))
    | JUNK
)
def test_junk_is_either_settings_or_a_calm_refusal(raw: Any) -> None:
    if isinstance(raw, dict):
        settings_or_none(raw)


@pytest.mark.parametrize("name", [name for name, field in LoopSettings.fields().items() if field.low is not None])
def test_every_number_of_the_loop_can_be_counted_with(name: str) -> None:
    with pytest.raises(BadSetting, match=name):
        Settings.from_dict({"loop": {name: 10**308}})


@QUICK
@given(SETTINGS, st.randoms(), st.integers(0, 9))
def test_what_is_drawn_is_a_request_of_the_recipe(made: Settings, rng: random.Random, cell: int) -> None:
    recipe = made.recipe
    request = recipe.draw(rng, cell)
    assert isinstance(request, Request)
    fixed = {name: value for name, value in recipe.template.items() if not isinstance(value, str)}
    dumped = request.to_dict()
    for name, value in {**fixed, **recipe.grid.cell(cell)}.items():
        if not isinstance(value, str):
            assert dumped[name] == value or (dumped[name] is None and not value)  # in a grid, "choose for me"


@QUICK
@given(GRIDS)
def test_a_grid_goes_through_every_combination_once(raw: dict[str, Any]) -> None:
    try:
        grid = Grid.from_dict(raw)
    except BadSetting as error:
        check_calm(error)
        return
    cells = [json.dumps(cell) for cell, _ in grid.cells()]
    assert len(cells) == grid.size
    assert [index for _, index in grid.cells()] == list(range(grid.size))
    axes = grid.to_dict()
    assert Grid.from_dict(axes) == grid
    if all(len({json.dumps(value) for value in values}) == len(values) for values in axes.values()):
        assert len(set(cells)) == grid.size
    assert grid.cell(grid.size) == grid.cell(0)


def test_the_last_field_of_a_grid_changes_fastest() -> None:
    grid = Grid.from_dict({"bpm": [90, 100], "seeds": [7, 8, 9]})
    assert [grid.cell(index) for index in (0, 1, 3)] == [
        {"bpm": 90, "seeds": [7]},
        {"bpm": 90, "seeds": [8]},
        {"bpm": 100, "seeds": [7]},
    ]


def refused(raw: Any) -> BadSetting:
    with pytest.raises(BadSetting) as caught:
        Settings.from_dict(raw)
    check_calm(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "path", "says"),
    [
        (
            {"recipe": {"captoin": "x"}},
            ("recipe", "captoin"),
            "Nothing under [recipe] is called 'captoin'. Did you mean 'caption'?",
        ),
        ({"recpie": {}}, ("recpie",), "Nothing at the top is called 'recpie'. Did you mean 'recipe'?"),
        ({"caption": "x"}, ("caption",), "It belongs under a line '[recipe]'."),
        ({"recipe": {"takes": 5}}, ("recipe", "takes"), "It belongs under a line '[loop]'."),
        ({"loop": {"bpm": 96}}, ("loop", "bpm"), "It belongs under a line '[recipe]'."),
        ({"loop": {"xyzzy": 1}}, ("loop", "xyzzy"), "Known are policy, "),
        ({"recipe": {"xyzzy": 1}}, ("recipe", "xyzzy"), "docs/session.md"),
        ({"recipe": 3}, ("recipe",), "recipe cannot be 3: it must be a table."),
        ({"loop": "on"}, ("loop",), "loop cannot be 'on': it must be a table."),
        ({"recipe": {"bpm": 500}}, ("recipe", "bpm"), "bpm cannot be 500: it must be a whole number from 30 to 300"),
        (
            {"loop": {"takes": 0}},
            ("loop", "takes"),
            "takes cannot be 0: it must be a whole number from 1 to 100000 takes",
        ),
        ({"loop": {"policy": "exlore"}}, ("loop", "policy"), "Did you mean 'explore'?"),
        ({"scores": {"signal": 2}}, ("scores", "signal"), "from 0 to 1"),
        ({"models": {"device": "gpu"}}, ("models", "device"), "it must be auto, cpu, mps, xpu, cuda or cuda:N"),
        ({"recipe": {"caption": "{a"}}, ("recipe", "caption"), "caption: '{' at character 1 is never closed."),
        ({"recipe": {"grid": []}}, ("recipe", "grid"), "grid cannot be []: it must be a table."),
        ({"recipe": {"grid": 1}}, ("recipe", "grid"), "grid cannot be 1: it must be a table."),
        ({"recipe": {"grid": {"bmp": [1]}}}, ("recipe", "grid", "bmp"), "Did you mean 'bpm'?"),
        ({"recipe": {"grid": {"bpm": 90}}}, ("recipe", "grid", "bpm"), "it must be a list of at least one value"),
        ({"recipe": {"grid": {"bpm": []}}}, ("recipe", "grid", "bpm"), "it must be a list of at least one value"),
        ({"recipe": {"grid": {"bpm": [90, 10]}}}, ("recipe", "grid", "bpm"), "bpm cannot be 10"),
        ({"recipe": {"grid": {"lyrics": ["a", "b}"]}}}, ("recipe", "grid", "lyrics"), "lyrics: '}' at character 2"),
        (
            {"recipe": {"cfg_interval_end": 0.5, "grid": {"cfg_interval_start": [0.1, 0.9]}}},
            ("recipe", "grid", "cfg_interval_start"),
            "it must not be above cfg_interval_end",
        ),
    ],
)
def test_refusals_lead_to_the_key(raw: Any, path: tuple[str, ...], says: str) -> None:
    error = refused(raw)
    assert error.path == path
    assert says in str(error)


def test_an_axis_may_leave_the_choice_to_the_planner() -> None:
    grid = Grid.from_dict({"duration": [0, 60], "keyscale": ["", "Am"]})
    assert grid.to_dict() == {"duration": [0, 60.0], "keyscale": ["", "A minor"]}
    recipe = Recipe.from_dict({"duration": 30, "grid": grid.to_dict()})
    assert [recipe.draw(random.Random(0), cell).duration for cell in (0, 2)] == [None, 60.0]
    assert "every value is given" in refused({"recipe": {"grid": {"bpm": [None]}}}).error


def test_a_grid_has_its_limit() -> None:
    values = list(range(MOST_CELLS // 2 + 1))
    assert f"{len(values) * 2} combinations" in refused({"recipe": {"grid": {"seed": values, "bpm": [90, 91]}}}).error


def test_fields_of_errors_are_published_names() -> None:
    assert refused({"recipe": {"bpm": 1}}).field == "bpm"
    assert refused({"loop": {"retake_variance": 2}}).field == "loop.retake_variance"
    assert refused({"recipe": {"grid": {"bpm": [1]}}}).field == "grid.bpm"


def test_what_is_the_default_anyway_makes_no_difference() -> None:
    assert (
        Settings.from_dict({"recipe": {"lyrics": "", "instrumental": False, "grid": {}}, "loop": {"policy": "mix"}})
        == Settings()
    )


def test_replacing_takes_and_gives_back() -> None:
    made = Settings.from_dict({"recipe": {"bpm": 96, "caption": "x"}, "loop": {"takes": 5}})
    changed = made.replace({"recipe": {"bpm": None, "keyscale": "Am"}, "loop": {"takes": None}})
    assert changed.to_dict() == {"recipe": {"caption": "x", "keyscale": "A minor"}}
    for wrong in ({"recipe": 1}, {"lop": {}}):
        with pytest.raises(BadSetting):
            made.replace(wrong)  # type: ignore[arg-type]


def test_paths_and_chosen_words_hold_no_choices() -> None:
    recipe = Recipe.from_dict({"src_audio": "{a|b}.wav", "caption": r"\{x\}"})
    drawn = recipe.draw(random.Random(0))
    assert (drawn.src_audio, drawn.caption) == ("{a|b}.wav", "{x}")


def test_choices_in_a_grid_are_drawn_too() -> None:
    recipe = Recipe.from_dict({"bpm": 90, "grid": {"caption": ["{a|a}", "b"], "bpm": [100]}})
    assert [
        (recipe.draw(random.Random(0), cell).caption, recipe.draw(random.Random(0), cell).bpm) for cell in (0, 1)
    ] == [
        ("a", 100),
        ("b", 100),
    ]


def test_nobody_listening_means_no_ceiling() -> None:
    assert LoopSettings().ceiling == 50
    assert LoopSettings(headless=True).ceiling is None
    assert LoopSettings(unheard_ceiling=0).ceiling is None
    with pytest.raises(InvalidRequest):
        LoopSettings(unheard_ceiling=-1)


def test_models_are_found_from_the_session(tmp_path: Path) -> None:
    options = ModelSettings(models="weights", threads=2).load_options(tmp_path)
    assert options == {
        **dict.fromkeys(
            ["dit", "lm", "dtype", "offload", "offload_dit", "guidance_passes", "quantization", "lm_draft"]
        ),
        "models": str(tmp_path / "weights"),
        "device": "auto",
        "threads": 2,
    }
    assert ModelSettings(models="/weights").load_options(tmp_path)["models"] == "/weights"
    assert ModelSettings().load_options(tmp_path)["models"] is None
