"""Which test presses the key of which action. ``test_every_action_is_pressed_by_a_test`` wants one for each.

    @presses("pin", "unpin")
    def test_a_take_is_pinned_and_let_go(...):

The test must really do so: it fails where one of the named actions was not done by a key.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

HERE = Path(__file__).parent

Test = TypeVar("Test", bound=Callable[..., Any])


def presses(*actions: str) -> Callable[[Test], Test]:
    """Marks a test as one that presses the keys of these actions, and holds it to that."""

    def check(done: set[str]) -> None:
        missing = [action for action in actions if action not in done]
        assert not missing, f"no key was pressed for {', '.join(missing)}"

    def mark(test: Test) -> Test:
        @functools.wraps(test)
        def held(*arguments: Any, **options: Any) -> None:
            with by_key() as done:
                test(*arguments, **options)
            check(done)

        @functools.wraps(test)
        async def held_async(*arguments: Any, **options: Any) -> None:
            with by_key() as done:
                await test(*arguments, **options)
            check(done)

        return held_async if inspect.iscoroutinefunction(test) else held  # type: ignore[return-value]

    return mark


@contextmanager
def by_key() -> Iterator[set[str]]:
    """The actions that keys have done meanwhile."""
    from textual import events

    from acetui.app import StudioApp
    from acetui.screens.keyed import KeyedScreen

    done: set[str] = set()
    perform, takes_key = StudioApp.perform, KeyedScreen.takes_key
    pressed = False

    async def watched_key(screen: KeyedScreen, event: events.Key) -> bool:
        nonlocal pressed
        pressed = True
        try:
            return await takes_key(screen, event)
        finally:
            pressed = False

    def watched(app: StudioApp, action: str) -> None:
        if pressed:
            done.add(action)
        perform(app, action)

    with patch.object(KeyedScreen, "takes_key", watched_key), patch.object(StudioApp, "perform", watched):
        yield done


def pressed_by_tests() -> dict[str, list[str]]:
    """The actions that tests of this folder are marked with, and by which tests."""
    found: dict[str, list[str]] = {}
    for file in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for action in (name for mark in node.decorator_list for name in _names(mark)):
                    found.setdefault(action, []).append(f"{file.name}::{node.name}")
    return found


def _names(mark: ast.expr) -> list[str]:
    if not (isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "presses"):
        return []
    return [each.value for each in mark.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
