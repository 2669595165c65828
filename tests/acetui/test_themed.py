"""Themes as the toolkit has them: every variable is a colour or a style, and all that it draws can be read."""

from __future__ import annotations

import os

import pytest
from textual.color import Color

from acetui.looks.colours import contrast
from acetui.looks.themes import ANSI, CURSOR, MARKS, TEXTS, shelf
from acetui.screens.themed import toolkit_theme, variables

ALL = shelf({"ACETUI_CONFIG": os.devnull}).themes


@pytest.mark.parametrize("name", ALL)
def test_every_theme_becomes_one_of_the_toolkits(name: str) -> None:
    theme = toolkit_theme(ALL[name])
    assert (theme.name, theme.ansi, theme.dark) == (name, ALL[name].kind == ANSI, ALL[name].kind != "light")
    generated = theme.to_color_system().generate() | theme.variables
    assert {*TEXTS, *MARKS, *CURSOR, "quiet", "cursor-style", "selection-style", "strong-style"} <= set(generated)
    for colour in (*TEXTS, *MARKS, *CURSOR, "primary", "text-muted", "border", "input-selection-background"):
        parsed = Color.parse(generated[colour])
        assert (parsed.ansi is not None) == theme.ansi, colour


def test_all_themes_have_the_same_variables() -> None:
    assert len({frozenset(variables(theme)) for theme in ALL.values()}) == 1


@pytest.mark.parametrize("name", [name for name, theme in ALL.items() if theme.kind != ANSI])
def test_what_the_toolkit_draws_can_be_read(name: str) -> None:
    own = variables(ALL[name])
    ground = ALL[name].colours["background"]
    for text in ("text", "text-muted", "text-disabled", "text-primary", "text-error"):
        assert contrast(own[text], ground) >= 4.5
    for pair in ("block-cursor", "input-selection", "screen-selection", "input-cursor"):
        assert contrast(own[f"{pair}-foreground"], own[f"{pair}-background"]) >= 4.5


def test_without_colours_what_is_chosen_is_reversed() -> None:
    mono = variables(ALL["mono"])
    assert {mono[name] for name in (*TEXTS, *MARKS, *CURSOR)} == {"ansi_default"}
    assert mono["cursor-style"] == mono["selection-style"] == mono["block-cursor-text-style"] == "reverse"
