"""What the documents say of the terminal is so: the table of keys is current, and every key they name is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acetui.keyboard.actions import ACTIONS
from tools.keys import document

DOCS = Path(__file__).resolve().parents[2] / "docs"
KEY = re.compile(r"`(\^?[a-zA-Z]|[?:/=]|f\d+|[a-z] [a-zA-Z])`")


def test_the_table_of_keys_is_that_of_the_actions() -> None:
    current = document() == (DOCS / "keys.md").read_text(encoding="utf-8")
    assert current, "python -m tools.keys > docs/keys.md"


@pytest.mark.parametrize("name", ["terminal.md", "wishes.md", "looks.md"])
def test_every_key_that_is_named_is_one(name: str) -> None:
    keys = {keys for action in ACTIONS for keys in action.keys}
    named = {key.replace("^", "ctrl+") for key in KEY.findall((DOCS / name).read_text(encoding="utf-8"))}
    assert named
    assert named - keys == set()


def test_there_are_forty_wishes_and_each_has_an_answer() -> None:
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| (yes|partly|no) \| .{20,} \|$", (DOCS / "wishes.md").read_text(), re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 41))
