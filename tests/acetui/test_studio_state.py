"""What the terminal knows, and how events change it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from acetui.studio_state import Connection, StudioState, attached, happened, lost

KNOWN = {"progress", "loop", "machine", "engine", "counts", "run", "take", "error", "recipe", "done"}

SESSION: dict[str, Any] = {
    "name": "neon",
    "revision": {"number": 7, "settings": {"recipe": {"caption": "warm"}}, "problem": None},
    "loop": {"on": True, "state": "rendering", "reason": "", "made": 3},
    "engine": {"profile": {"sketch": True}},
    "takes": {"total": 12},
}


def there() -> StudioState:
    return attached(StudioState("neon"), SESSION, 1.0)


def test_an_answer_says_all() -> None:
    state = there()
    assert state.connection is Connection.THERE
    assert (state.revision, state.recipe["caption"], state.loop.made, state.sketch) == (7, "warm", 3, True)


def test_progress_and_the_time_of_its_stage() -> None:
    told = {"event": "progress", "id": 1, "stage": "sampling", "done": 1, "total": 8, "take": None}
    state = happened(there(), {**told, "eta": {"batch": [2, 3], "run": None}}, 10.0)
    assert state.progress is not None
    assert (state.progress.batch_eta, state.progress.run_eta, state.progress.since) == ((2.0, 3.0), None, 10.0)
    state = happened(state, {**told, "done": 2}, 11.0)
    assert state.progress is not None
    assert (state.progress.done, state.progress.since) == (2, 10.0)
    state = happened(state, {**told, "stage": "decode"}, 12.0)
    assert state.progress is not None
    assert state.progress.since == 12.0


def test_a_loop_that_stops_makes_nothing() -> None:
    state = happened(there(), {"event": "progress", "stage": "decode", "done": 1, "total": 1}, 1.0)
    state = happened(state, {"event": "loop", "state": "paused", "reason": "50 takes are unheard"}, 5.0)
    assert state.progress is None
    assert (state.loop.on, state.loop.reason, state.loop.since, state.loop.made) == (
        True,
        "50 takes are unheard",
        5.0,
        3,
    )
    state = happened(state, {"event": "loop", "state": "stopped", "reason": ""}, 6.0)
    assert not state.loop.on


def test_what_is_asked_for_ends_with_its_last_take() -> None:
    asked = {**SESSION, "loop": {"on": False, "state": "idle", "reason": "", "made": 0}}
    told = {"event": "progress", "stage": "decode", "done": 9, "total": 9}
    state = attached(StudioState("neon"), asked, 1.0)
    for made in (0, 1):
        state = happened(state, {**told, "batch": {"size": 2, "made": made}}, 1.0)
        assert state.progress is not None
        state = happened(state, {"event": "take", "take": {}}, 2.0)
        assert (state.progress is None) == (made == 1)
    state = happened(state, told, 1.0)
    assert happened(state, {"event": "error", "error": "No.", "hint": ""}, 2.0).progress is None
    going_on = happened(there(), told, 1.0)
    assert happened(going_on, {"event": "take", "take": {}}, 2.0).progress is not None


def test_writing_a_take_does_not_hide_that_the_next_is_made() -> None:
    told = {"event": "progress", "stage": "sampling", "done": 3, "total": 8, "take": None}
    state = happened(there(), told, 1.0)
    writing = {**told, "stage": "write", "done": 0, "total": 1}
    assert happened(state, writing, 2.0).progress == state.progress
    done = happened(state, {**told, "done": 8}, 2.0)
    shown = happened(done, writing, 2.0).progress
    assert shown is not None
    assert shown.stage == "write"


def test_the_engine_and_the_run_are_told_of() -> None:
    state = happened(there(), {"event": "engine", "id": "x-1", "ready": False, "restarting": True}, 1.0)
    assert (state.engine["ready"], state.engine["restarting"]) == (False, True)
    assert state.sketch  # also while it is started again
    state = happened(state, {"event": "run", "id": "x-2", "made": 9, "takes_per_hour": 240.0, "policy": "mix"}, 1.0)
    assert (state.loop.made, state.loop.more["takes_per_hour"]) == (9, 240.0)


def test_a_take_counts() -> None:
    state = happened(there(), {"event": "take", "take": {}}, 1.0)
    assert (state.loop.made, state.counts["total"]) == (4, 13)


def test_a_loaded_model_is_not_loading() -> None:
    state = happened(there(), {"event": "progress", "stage": "load", "done": 3, "total": 3}, 1.0)
    assert happened(state, {"event": "engine", "ready": False}, 2.0).progress is not None
    assert happened(state, {"event": "engine", "ready": True}, 2.0).progress is None


def test_counts_are_what_the_studio_counts() -> None:
    state = happened(there(), {"event": "counts", "id": "x", "total": 40, "unheard": 3}, 1.0)
    assert dict(state.counts) == {"total": 40, "unheard": 3}


def test_what_is_known_stays_when_the_studio_goes() -> None:
    state = lost(there(), "It has ended.")
    assert (state.connection, state.trouble, state.revision) == (Connection.LOST, "It has ended.", 7)


@given(st.text().filter(lambda kind: kind not in KNOWN))
def test_what_it_does_not_know_changes_nothing(kind: str) -> None:
    assert happened(there(), {"event": kind}, 2.0) == there()
