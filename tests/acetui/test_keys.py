"""Keys: names, sequences, people's own, and what is wrong with those."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetui.keyboard.actions import ACTIONS, BY_ID, Action
from acetui.keyboard.keymap import load, read
from acetui.keyboard.keys import Keymap, Unknown, key_name, shown
from engine.errors import InvalidRequest

TWO = Action("two", "two", "Two.", ("g g",), "takes", "windows")
ONE = Action("one", "one", "One.", ("G", "ctrl+g"), "takes", "windows")


@pytest.mark.parametrize(
    ("key", "character", "name"),
    [
        ("question_mark", "?", "?"),
        ("upper_g", "G", "G"),
        ("space", " ", "space"),
        ("enter", "\r", "enter"),
        ("ctrl+g", "\x07", "ctrl+g"),
        ("f1", None, "f1"),
    ],
)
def test_keys_are_called_by_what_they_type(key: str, character: str | None, name: str) -> None:
    assert key_name(key, character) == name


def test_keys_are_shown_short() -> None:
    assert [shown(keys) for keys in ("ctrl+g", "shift+tab", "g g", "escape")] == ["^g", "s-tab", "g g", "esc"]


def test_the_beginning_of_a_sequence_waits_for_more() -> None:
    keymap = Keymap(actions=(*ACTIONS, TWO))
    assert keymap.find(["takes"], ("g",)) is Unknown.BEGINNING
    assert keymap.find(["caption"], ("g",)) is Unknown.NOTHING
    assert {"c", "l", "m", "t"} <= {keys for keys, _ in Keymap().going_on(["takes"], ("w",))}


def test_the_nearest_scope_goes_first() -> None:
    escape = Keymap().find(["text"], ("escape",))
    assert isinstance(escape, Action)
    assert escape.id == "leave-text"


def test_own_keys_replace_those_that_came() -> None:
    keymap = Keymap({"help": ("f12",), "zoom": ()})
    assert keymap.find([], ("?",)) is Unknown.NOTHING
    assert keymap.find([], ("f12",)) is BY_ID["help"]
    assert keymap.find([], ("z",)) is Unknown.NOTHING


def test_a_file_of_keys(tmp_path: Path) -> None:
    lines = ['help = "f12"', "zoom = []", 'palett = "x"', "log = 3", 'leave = "ctrl+h"']
    (tmp_path / "keys.toml").write_text("\n".join(lines))
    keymap, problems = load(tmp_path)
    assert list(keymap.keys("help")) == ["f12"]
    assert list(keymap.keys("zoom")) == []
    assert keymap.keys("leave") == BY_ID["leave"].keys
    words = "\n".join(problems)
    assert "Did you mean 'palette'?" in words
    assert "'log'" in words
    assert "'ctrl+h' arrives as backspace" in words


def test_two_actions_of_one_key_are_told(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_text('zoom = "?"\nlog = "w"\n')
    words = "\n".join(load(tmp_path)[1])
    assert "'?' is the key of 'help' already, and not of 'zoom'." in words
    assert "'w' is the key of 'log' already" in words


def test_a_file_that_is_none_leaves_the_keys_alone(tmp_path: Path) -> None:
    (tmp_path / "keys.toml").write_bytes(b"help = \xff")
    keymap, problems = load(tmp_path)
    assert not keymap.own
    assert len(problems) == 1
    assert load(tmp_path / "none") == (Keymap(), [])


@pytest.mark.parametrize("keys", ["", "  ", "ctrl+", "hyper+x", "f13", "xx", "ctrl+ä", "\x07"])
def test_what_is_no_key_is_refused(keys: str) -> None:
    with pytest.raises(InvalidRequest):
        read("help", keys)


def test_letters_would_be_typed_in_a_text() -> None:
    with pytest.raises(InvalidRequest, match="would be typed"):
        read("leave-text", "x")


@given(st.text(max_size=12))
def test_any_text_is_keys_or_refused(keys: str) -> None:
    try:
        found = read("help", keys)
    except InvalidRequest:
        return
    assert found == (" ".join(keys.split()),)
    assert Keymap({"help": found}).keys("help") == found
