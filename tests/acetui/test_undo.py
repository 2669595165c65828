"""Undo of marks: what was done can be taken back, one deed after the other, and done again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetui.browsing.undo import Deed, UndoLog, backwards, inverse, step
from sessions.marks import changed
from sessions.take import Take

TAKE = {
    "number": 7, "verdict": "liked", "pinned": False, "liked": True, "rejected": False, "heard": True,
    "rating": 3, "note": "hm", "tags": ["a"], "name": "neon", "trashed": False,
}  # fmt: skip


def test_steps() -> None:
    pin = step(TAKE, {"verdict": "pinned"})
    assert pin is not None
    assert pin.undo == {"pinned": False, "liked": True, "rejected": False, "heard": True}
    assert step(TAKE, {"verdict": "liked"}) is None
    assert step(TAKE, {"liked": True}) is None
    assert step(TAKE, {"verdict": "heard"}) is not None
    assert inverse(TAKE, {"tags": ["b"], "trashed": True}) == {"tags": ["a"], "trashed": False}
    with pytest.raises(KeyError):
        step({"number": 1}, {"note": "x"})


def deed(label: str) -> Deed:
    made = step(TAKE, {"note": label})
    assert made is not None
    return Deed(label, (made,))


def test_there_and_back() -> None:
    log = UndoLog()
    assert log.undo() is log.redo() is None
    log.add(deed("a"))
    log.add(deed("b"))
    log.add(Deed("nothing", ()))
    assert [log.undo(), log.undo(), log.undo()] == [deed("b"), deed("a"), None]
    assert log.redo() == deed("a")
    assert log.can_undo
    assert log.can_redo
    log.add(deed("c"))
    assert not log.can_redo
    assert log.redo() is None


def test_what_failed_stands_where_it_stood() -> None:
    log = UndoLog()
    log.add(deed("a"))
    undone = log.undo()
    assert undone is not None
    log.put_back(undone)
    assert (log.can_undo, log.can_redo) == (True, False)


def test_only_so_many_are_remembered() -> None:
    log = UndoLog(longest=2)
    for label in "abc":
        log.add(deed(label))
    assert [log.undo(), log.undo(), log.undo()] == [deed("c"), deed("b"), None]


def test_many_are_undone_backwards() -> None:
    steps = (step(TAKE, {"note": "1"}), step(TAKE, {"note": "2"}))
    both = Deed("two", tuple(each for each in steps if each))
    assert backwards(both) == both.steps[::-1]


PLAIN = Take(id="t1", number=1, name="neon", seed=1, duration=9.0, request={}, files={"audio": "takes/1.flac"})
MARKS = st.fixed_dictionaries(
    {},
    optional={
        "verdict": st.sampled_from(["pinned", "liked", "rejected", "heard", "unheard"]),
        "rating": st.none() | st.integers(0, 5),
        "note": st.sampled_from(["", "x"]),
        "tags": st.lists(st.sampled_from(["a", "b"]), unique=True),
    },
)


@settings(max_examples=150, deadline=None)
@given(MARKS, MARKS)
def test_undoing_brings_every_mark_back(first: dict[str, Any], do: dict[str, Any]) -> None:
    take = changed(PLAIN, first)
    made = step(take.object(), do)
    if made is None:
        assert changed(take, do) == take
    else:
        assert changed(changed(take, made.do), made.undo) == take
