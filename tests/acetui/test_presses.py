"""Every action of the table has a test that presses its key."""

from __future__ import annotations

import pytest

from acetui.keyboard.actions import ACTIONS, BY_ID
from tests.acetui.presses import pressed_by_tests, presses


def test_every_action_is_pressed_by_a_test() -> None:
    pressed = pressed_by_tests()
    assert [action.id for action in ACTIONS if action.id not in pressed] == []
    assert {action: tests for action, tests in pressed.items() if action not in BY_ID} == {}


def test_a_test_that_presses_nothing_fails() -> None:
    idle = presses("leave")(lambda: None)
    with pytest.raises(AssertionError, match="no key was pressed for leave"):
        idle()
