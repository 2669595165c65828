"""Every action of the table has a test that presses its key."""

from __future__ import annotations

import pytest

from acetui.actions import BY_ID
from tests.acetui.presses import pressed_by_tests, presses


def test_what_tests_press_is_in_the_table() -> None:
    assert {action: tests for action, tests in pressed_by_tests().items() if action not in BY_ID} == {}


def test_a_test_that_presses_nothing_fails() -> None:
    idle = presses("leave")(lambda: None)
    with pytest.raises(AssertionError, match="no key was pressed for leave"):
        idle()
