"""docs/looks.md names all that there is, and nothing else."""

from __future__ import annotations

import os
import re
from pathlib import Path

from acetui.looks.terminal_settings import TerminalSettings, variable_of
from acetui.looks.themes import ANSI_NAMES, BASE, CURSOR, MARKS, TEXTS, names, theme_of
from acetui.own_files import TomlFile

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "looks.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return TEXT.partition(f"# {heading}\n")[2].partition("\n#")[0]


def test_every_theme_is_in_the_table() -> None:
    rows = [line.split("|")[1] for line in section("Themes").splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([a-z-]+)`", " ".join(rows))) == names({"ACETUI_CONFIG": os.devnull})


def test_every_setting_is_in_the_table_with_its_variable() -> None:
    rows = [line.split("|") for line in section("Settings").splitlines() if line.startswith("| `")]
    assert [row[1].strip(" `") for row in rows] == list(TerminalSettings.fields())
    assert all(variable_of(row[1].strip(" `")) in row[3] for row in rows)
    for row in rows:
        for choice in TerminalSettings.fields()[row[1].strip(" `")].choices:
            assert f"`{choice}`" in row[2]


def test_the_theme_of_ones_own_is_one_and_every_colour_is_named() -> None:
    own = section("A theme of your own")
    example = own.partition("```\n")[2].partition("```")[0]
    assert theme_of(TomlFile.of(example, "dusk.toml"), "dusk").title == "Dusk"
    named = set(re.findall(r"[a-z][a-z-]+", own))
    assert {*BASE, *TEXTS, *MARKS, *CURSOR, *ANSI_NAMES, "default", "bright"} <= {
        *named,
        *(n.strip("-") for n in named),
    }
