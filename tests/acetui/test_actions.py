"""The table of actions: whatever it promises is there."""

from __future__ import annotations

from collections import Counter
from importlib import import_module

import pytest

from acetui.doing import handler
from acetui.keyboard.actions import ACTIONS, BY_ID, EVERYWHERE, GROUPS, SCOPES, STUDIO, Action
from acetui.keyboard.keymap import read
from acetui.keyboard.keys import Keymap
from acetui.screens.help import broken
from acetui.screens.help import rows as help_rows


def test_ids_are_unique() -> None:
    assert not [id for id, count in Counter(action.id for action in ACTIONS).items() if count > 1]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
def test_every_action_can_be_done_found_and_explained(action: Action) -> None:
    assert callable(handler(action.id))
    assert action.scope in SCOPES
    assert action.group in GROUPS
    assert action.keys, "an action without a key"
    assert action.help.endswith(".")
    assert action.title
    assert read(action.id, list(action.keys)) == action.keys, "a key that a person could not write"


@pytest.mark.parametrize("group", GROUPS)
def test_no_handler_is_without_its_action(group: str) -> None:
    handlers = import_module(f"acetui.doing.{group}").HANDLERS
    assert set(handlers) == {action.id for action in ACTIONS if action.group == group}


def test_no_two_actions_have_one_key() -> None:
    assert Keymap().clashes() == []


def test_what_counts_everywhere_means_nothing_else_in_the_list() -> None:
    takes = {keys for action in ACTIONS if action.scope == "takes" for keys in action.keys}
    everywhere = {keys for action in ACTIONS if action.scope in (EVERYWHERE, STUDIO) for keys in action.keys}
    assert takes & everywhere == set()


def test_what_a_plain_terminal_cannot_send_is_no_key() -> None:
    keys = {key for action in ACTIONS for keys in action.keys for key in keys.split()}
    assert not keys & {"ctrl+h", "ctrl+i", "ctrl+m", "ctrl+j", "ctrl+a", "ctrl+b"}, "tmux and screen have ^a and ^b"
    assert not {key for key in keys if key.startswith(("alt+", "ctrl+shift"))}


def test_the_bar_has_what_the_table_says() -> None:
    offered = [action.id for _, action in Keymap().bar(["takes", "studio"])]
    assert offered == sorted(offered, key=lambda id: BY_ID[id].bar)
    assert "help" in offered


def test_the_key_bar_offers_no_letter_where_letters_are_text() -> None:
    offered = {action.id: keys for keys, action in Keymap().bar(["text", "caption"], typing=True)}
    assert (offered["help"], offered["palette"], offered["leave"]) == ("f1", "ctrl+p", "ctrl+q")
    assert "loop" not in offered
    assert {action.id: keys for keys, action in Keymap().bar(["takes", "studio"])}["help"] == "?"


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_sentence_of_the_help_is_cut(width: int) -> None:
    for row in help_rows(Keymap(), ["takes", STUDIO]):
        shown = broken(row, width)
        assert " ".join(title for _, title, sentence in shown if not sentence).split() == row[1].split() * (not row[2])
        assert " ".join(sentence for *_, sentence in shown).split() == row[2].split()
        for keys, title, sentence in shown:
            assert len(f" {title}" if not sentence else f"  {keys:<16} {sentence}") <= width
