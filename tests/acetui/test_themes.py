"""Themes: every shipped one can be read, a person's own needs one colour, and mistakes are told with their line."""

from __future__ import annotations

import os
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetui.looks.colours import blend, contrast, distance, readable, seen_with
from acetui.looks.themes import (
    ANSI,
    ANSI_COLOURS,
    BASE,
    CURSOR,
    DARK,
    LIGHT,
    MARKS,
    MONO,
    TEXTS,
    Watch,
    choose,
    find,
    fitting,
    names,
    shelf,
    shipped,
    theme_of,
)
from acetui.own_files import TomlFile
from engine.errors import InvalidRequest

NOWHERE = {"ACETUI_CONFIG": os.devnull}
ALL = shelf(NOWHERE)
PAINTED = [theme for theme in ALL.themes.values() if theme.kind != ANSI]
EVERY_COLOUR = {*BASE, *TEXTS, *MARKS, *CURSOR}
TRUE = {"COLORTERM": "truecolor"}


def one_line(text: str, name: str = "mine.toml") -> TomlFile:
    return TomlFile.of(text, name)


def test_there_are_ten_and_more_of_every_sort() -> None:
    assert ALL.problems == ()
    assert len(ALL.themes) >= 10
    kinds = [theme.kind for theme in ALL.themes.values()]
    assert kinds.count("dark") >= 4
    assert kinds.count("light") >= 3
    assert {"contrast-dark", "contrast-light", "colour-blind", DARK, LIGHT, ANSI, MONO} <= set(ALL.themes)
    assert all(set(theme.colours) == EVERY_COLOUR for theme in ALL.themes.values())
    assert len({theme.title for theme in ALL.themes.values()}) == len(ALL.themes)


@pytest.mark.parametrize("theme", PAINTED, ids=lambda theme: theme.name)
def test_everything_can_be_read(theme: object) -> None:
    assert theme.weak() == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["contrast-dark", "contrast-light"])
def test_high_contrast_is_seven_for_text_and_more_than_four_for_marks(name: str) -> None:
    colours = ALL.themes[name].colours
    for ground in ("background", "surface", "panel"):
        for text in (*TEXTS, "foreground", "primary", "secondary", "accent", "warning", "error", "success"):
            assert contrast(colours[text], colours[ground]) >= 7, (text, ground)
        for mark in MARKS:
            assert contrast(colours[mark], colours[ground]) >= 4.5, (mark, ground)
    assert contrast(colours["cursor-text"], colours["cursor"]) >= 7


@pytest.mark.parametrize("kind", ["protanopia", "deuteranopia"])
@pytest.mark.parametrize("name", ["colour-blind", "colour-blind-light"])
def test_the_colour_blind_see_what_differs(name: str, kind: str) -> None:
    colours = ALL.themes[name].colours
    for group in (
        ("score-high", "score-mid", "score-low"),
        ("pinned", "liked", "rejected"),
        ("wave", "wave-played", "playhead"),
        ("syllable-good", "syllable-long"),
        ("success", "warning"),
        ("success", "error"),
    ):
        for one, other in combinations(group, 2):
            seen = distance(seen_with(kind, colours[one]), seen_with(kind, colours[other]))
            assert seen >= 0.1, (one, other, seen)


def test_the_simulation_tells_red_from_green_no_more() -> None:
    red, green = "#c04040", "#5d7a2c"
    assert distance(red, green) > 0.2
    assert distance(seen_with("deuteranopia", red), seen_with("deuteranopia", green)) < 0.1
    assert seen_with("protanopia", "#808080") in ("#808080", "#7f7f7f", "#818181")


def test_known_contrasts() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)
    assert blend("#000000", "#ffffff", 0.5) == "#808080"
    assert distance("#000000", "#ffffff") == pytest.approx(1, abs=0.001)


def test_mono_has_no_colour_and_ansi_has_names_alone() -> None:
    assert set(ALL.themes[MONO].colours.values()) == {"default"}
    assert set(ALL.themes[ANSI].colours.values()) <= set(ANSI_COLOURS)


colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@given(colours, st.sampled_from(["dark", "light"]))
def test_one_colour_makes_a_theme_that_can_be_read(primary: str, kind: str) -> None:
    theme = theme_of(one_line(f'kind = "{kind}"\nprimary = "{primary}"'), "mine")
    weak = [line for line in theme.weak() if not line.startswith("primary ")]  # that one is as it was asked for
    assert weak == []
    assert set(theme.colours) == EVERY_COLOUR


@given(colours, colours)
def test_readable_moves_no_more_than_it_must(colour: str, ground: str) -> None:
    moved = readable(colour, (ground,), 4.5)
    assert contrast(moved, ground) >= 4.5
    if contrast(colour, ground) >= 4.5:
        assert moved == colour


def test_given_colours_stay_as_they_are() -> None:
    theme = theme_of(one_line('primary = "#FFF"\nwarning = "#aa0"\n[marks]\nwave = "#010203"\n'), "mine")
    assert (theme.colours["primary"], theme.colours["warning"], theme.colours["wave"]) == (
        "#ffffff",
        "#aaaa00",
        "#010203",
    )
    assert any(line.startswith("wave on background has a contrast of 1.") for line in theme.weak())


@pytest.mark.parametrize(
    ("text", "where", "what", "hint"),
    [
        ('primary = "blueish"\n', "line 1, column 1", "primary cannot be 'blueish'.", '"#7aa2f7"'),
        ('primary = "#fff"\nacent = "#000"\n', "line 2, column 1", "'acent' means nothing here.", "'accent'"),
        ('primary = "#fff"\n\n[marks]\nwave = 7\n', "line 4, column 1", "wave cannot be 7.", '"#7aa2f7"'),
        ('kind = "ansi"\nprimary = "#fff"\n', "line 2, column 1", "primary cannot be '#fff'.", "bright-blue"),
        ('kind = "dusk"\nprimary = "#fff"\n', "line 1, column 1", "kind cannot be 'dusk'.", "dark, light, ansi"),
        ('title = 3\nprimary = "#fff"\n', "line 1, column 1", "title is a few words.", "title ="),
        ('primary = "#fff"\nmarks = 3\n', "line 2, column 1", "marks must be a table.", "[marks]"),
        ("primary = \n", "line 1, column", "invalid value.", "Mend that line."),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, where: str, what: str, hint: str) -> None:
    with pytest.raises(InvalidRequest) as told:
        theme_of(one_line(text), "mine")
    assert told.value.error.startswith(f"mine.toml, {where}")
    assert told.value.error.endswith(what)
    assert hint in told.value.hint


def test_without_a_primary_colour_there_is_no_theme() -> None:
    with pytest.raises(InvalidRequest, match=r"mine\.toml names no primary colour"):
        theme_of(one_line('title = "x"'), "mine")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "config" / "themes"
    folder.mkdir(parents=True)
    return folder


def test_a_persons_own_themes_come_beside_and_before_the_shipped(own: Path) -> None:
    env = {"ACETUI_CONFIG": str(own.parent)}
    (own / "dusk.toml").write_text('primary = "#abc"\n')
    (own / f"{DARK}.toml").write_text('title = "Mine"\nprimary = "#abc"\n')
    (own / "broken.toml").write_text("primary")
    found = shelf(env)
    assert found.themes["dusk"].path == own / "dusk.toml"
    assert found.themes[DARK].title == "Mine"
    assert found.themes["moss"].path is None
    assert [str(problem).split(",")[0] for problem in found.problems] == ["broken.toml"]
    assert "broken" in names(env)
    assert find("dusk", env).colours["primary"] == "#aabbcc"


def test_an_unknown_theme_has_a_near_one() -> None:
    with pytest.raises(InvalidRequest) as told:
        find("nocturn", NOWHERE)
    assert (told.value.error, told.value.hint) == ("There is no theme 'nocturn'.", "Did you mean 'nocturne'?")


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ({}, ANSI),
        (TRUE, DARK),
        ({"COLORTERM": "24bit"}, DARK),
        ({"COLORTERM": "yes"}, ANSI),
        (TRUE | {"COLORFGBG": "15;0"}, DARK),
        (TRUE | {"COLORFGBG": "0;default;15"}, LIGHT),
        (TRUE | {"NO_COLOR": "1"}, MONO),
        (TRUE | {"NO_COLOR": ""}, DARK),
    ],
)
def test_a_theme_fits_the_terminal(env: dict[str, str], name: str) -> None:
    assert fitting(env) == name
    assert choose("auto", env | NOWHERE) == (shipped(name), ())


def test_no_color_goes_before_a_choice_unless_it_was_made_for_this_run() -> None:
    env = TRUE | NOWHERE | {"NO_COLOR": "1"}
    assert choose("moss", env)[0].name == MONO
    assert choose("moss", env, insisted=True)[0].name == "moss"


def test_a_theme_that_cannot_be_used_is_told_of_and_another_stands_in(own: Path) -> None:
    env = TRUE | {"ACETUI_CONFIG": str(own.parent)}
    (own / f"{DARK}.toml").write_text('primary = "no"\n')
    theme, (problem,) = choose("auto", env)
    assert (theme.name, theme.path) == (DARK, None)
    assert f"{DARK}.toml, line 1" in problem.error
    assert choose("gone", env)[1][0].error == "There is no theme 'gone'."


def test_a_change_of_a_persons_own_theme_is_noticed_once(own: Path) -> None:
    path = own / "dusk.toml"
    path.write_text('primary = "#abc"\n')
    watch = Watch(find("dusk", {"ACETUI_CONFIG": str(own.parent)}))
    assert not watch.changed()
    path.write_text('primary = "#abcdef"\n')
    assert watch.changed()
    assert not watch.changed()
    path.unlink()
    assert not watch.changed()  # an editor that replaces files: it comes back
    path.write_text('primary = "#123456"\n')
    assert watch.changed()
    shipped_one = Watch(ALL.themes["moss"])
    assert not shipped_one.changed()
