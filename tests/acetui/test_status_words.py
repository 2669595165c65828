"""The status line: whole words at any width, and what must be seen is there whatever happens."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetui.looks.signs import ASCII, UNICODE, Looks
from acetui.status_words import groups, short_card, short_reason, status
from acetui.studio_state import Connection, Loop, Progress, StudioState
from sessions.budget import Standing, waiting
from sessions.tables import LoopSettings

LOOKS = Looks(UNICODE, "braille")
PLAIN = Looks(ASCII, "ascii")
SKETCH = {"profile": {"sketch": True}}
H200 = {"name": "NVIDIA H200", "used_gb": 11.2, "total_gb": 139.8, "temperature": 64, "tier": "unlimited"}
BUSY = StudioState(
    "neon-drive",
    Connection.THERE,
    revision=7,
    settings={"loop": {"policy": "explore"}},
    loop=Loop(True, "rendering", "", 12, 100, {"takes_per_hour": 240}),
    progress=Progress("sampling", 6, 8, None, (2, 3), (1080, 1440), 100),
    machine=H200,
)


def line(state: StudioState, width: int = 200, looks: Looks = LOOKS) -> str:
    return status(state, 108.0, width, looks).text


def test_a_wide_line_says_everything() -> None:
    assert re.sub(" {3,}", " | ", line(BUSY)) == (
        "neon-drive  rev 7 | ● loop explore  rendering, step 6/8  ▕███████▌  ▏  for 8 s, 2-3 s left, all in 18-24 min  "
        "12 made, 240/h  H200 11/140 GB 64°C tier unlimited"
    )
    assert len(line(BUSY)) == 200


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (
            120,
            "neon-drive  r7  ● loop explore  rendering, step 6/8  ▕███████▌  ▏  2-3 s left, all in 18-24 min  240/h  "
            "H200 11/140 GB",
        ),
        (80, "neon-drive  rev 7  ● loop explore  rendering 6/8  ▕███▊ ▏  2-3 s left  11/140 GB"),
        (60, "neon-drive  r7  ●  rendering, step 6/8  ▕███████▌  ▏  2-3 s"),
        (40, "neon-drive  ●  rendering 6/8  2-3 s left"),
        (20, "●  step 6/8  2-3 s"),
        (8, "●  6/8"),
    ],
)
def test_narrow_lines_leave_out_the_least(width: int, text: str) -> None:
    assert re.sub(" {2,}", "  ", line(BUSY, width)).strip() == text


def test_an_idle_card_that_cools_down_changes_nothing() -> None:
    idle = replace(BUSY, loop=Loop(), progress=None)
    assert line(idle) == line(replace(idle, machine={**H200, "temperature": 41}))
    assert "11/140 GB" in line(idle)


def test_in_ascii_it_is_ascii() -> None:
    plain = line(BUSY, 200, PLAIN)
    assert plain.isascii()
    assert "@ loop explore  rendering, step 6/8  |#######...|" in plain


def test_a_sketch_model_is_marked_at_any_width() -> None:
    sketch = replace(BUSY, engine=SKETCH)
    assert "≈ sketch model" in line(sketch)
    assert all("sketch" in line(sketch, width) for width in range(201))
    assert "sketch" in line(replace(sketch, connection=Connection.LOST, trouble="It is gone."), 12)


def test_several_engines_are_counted_and_those_that_are_not_at_it_too() -> None:
    def with_engines(*states: str) -> StudioState:
        return replace(BUSY, engine={"engines": [{"name": f"cuda:{n}", "state": s} for n, s in enumerate(states)]})

    assert "loop explore  2 engines  rendering" in re.sub(" {2,}", "  ", line(with_engines("ready", "ready")))
    assert "1 of 2 engines" in line(with_engines("ready", "restarting"))
    assert "2 of 3 engines" in line(with_engines("ready", "waiting", "ready"), 100)
    assert "engine" not in line(with_engines("ready"))
    assert line(replace(BUSY, engine={"engines": []})) == line(BUSY)
    assert "engines" not in line(with_engines("ready", "ready"), 60)


def test_trouble_goes_before_everything() -> None:
    lost = replace(BUSY, connection=Connection.LOST, trouble="The studio does not answer.")
    assert "! The studio does not answer. It is being looked for; what is typed is kept." in line(lost, 120)
    assert "connection lost" in line(lost, 50)
    assert "lost" in line(lost, 6)
    assert "rendering" not in line(lost)
    waits = replace(BUSY, engine={"waiting_for": "the session other (process 77)"})
    assert "waiting for the card: the session other (process 77) has it" in line(waits, 120)
    assert "waiting" in line(waits, 10)
    failed = replace(BUSY, engine={"failure": {"error": "The engine died 5 times in a row.", "hint": ""}})
    assert "! The engine died 5 times in a row." in line(failed, 120)
    assert "! engine" in line(failed, 8)
    assert "engine restarting" in line(replace(BUSY, engine={"restarting": True}), 40)
    broken = replace(BUSY, problem={"error": "x"})
    assert "rev 7, session.toml cannot be read" in line(broken)


@pytest.mark.parametrize(
    ("standing", "short"),
    [
        (Standing(unheard=50), "unheard takes"),
        (Standing(free=10**9), "disk full"),
        (Standing(used=10**10), "quota full"),
    ],
)
def test_why_the_loop_waits_is_said_in_full_and_in_short(standing: Standing, short: str) -> None:
    reason = waiting(LoopSettings(quota_gb=9), standing)
    paused = replace(BUSY, loop=Loop(True, "paused", reason), progress=None)
    assert f"◐ paused: {reason}" in line(paused, 200)
    assert short_reason(reason) == short
    assert f"◐ paused: {short}" in line(paused, 50)
    assert "paused" in line(paused, 12)


def test_other_states_of_the_loop() -> None:
    assert "○ loop off" in line(replace(BUSY, loop=Loop(), progress=None))
    parked = replace(BUSY, loop=Loop(True, "parked", "3 failures in a row, the last: no."), progress=None)
    assert "! parked: 3 failures in a row" in line(parked)
    assert "! parked: failures" in line(parked, 50)
    assert "◐ ending: it was asked to stop" in line(replace(BUSY, loop=Loop(True, "stopping", "it was asked to stop")))
    starting = replace(BUSY, progress=Progress("load", 1, 3, since=100))
    assert "loading the model, part 1/3" in line(starting)
    assert "connecting to the studio" in line(StudioState("x"))


def test_stages_have_their_own_units() -> None:
    told = [
        line(replace(BUSY, progress=Progress(stage, done, total, take)), 200)
        for stage, done, total, take in (
            ("decode", 3, 9, 1),
            ("planner", 40, 0, None),
            ("planner", 40, 600, None),
            ("write", 0, 1, 0),
        )
    ]
    expected = ("decoding take 2, tile 3/9", "planning token 40", "planning, token 40/600", "writing take 1")
    for text, wanted in zip(told, expected, strict=True):
        assert wanted in text


def test_tiers_are_of_cards() -> None:
    card = {"name": "RTX 4090", "device": "cuda", "tier": "tier6b"}
    assert line(replace(BUSY, machine=card)).endswith("RTX 4090 tier 6b")
    assert line(replace(BUSY, machine={**card, "device": "cpu"})).endswith("RTX 4090")
    assert line(replace(BUSY, machine={**card, "device": "cpu", "simulated": True})).endswith("tier 6b")


def test_the_first_moments_of_a_stage_are_not_counted() -> None:
    assert "for " not in line(replace(BUSY, progress=Progress("sampling", 1, 8, since=107.0)))
    assert "for 4 s" in line(replace(BUSY, progress=Progress("sampling", 1, 8, since=104.0)))


def test_cards_are_called_as_people_call_them() -> None:
    assert [short_card(name) for name in ("NVIDIA GeForce RTX 4090", "NVIDIA H200", "cpu", "")] == [
        "RTX 4090",
        "H200",
        "cpu",
        "",
    ]


names = st.text("abcxyz-", min_size=1, max_size=30)
ranges = st.none() | st.tuples(st.floats(0, 9e4), st.floats(0, 9e4)).map(lambda ends: (min(ends), max(ends)))
progresses: st.SearchStrategy[Progress | None] = st.none() | st.builds(
    Progress,
    st.sampled_from(["load", "conditions", "planner", "sampling", "decode", "write", "odd"]),
    st.integers(0, 900),
    st.integers(0, 900),
    st.none() | st.integers(0, 7),
    ranges,
    ranges,
    st.floats(0, 108),
)
loops = st.builds(
    Loop,
    st.booleans(),
    st.sampled_from(["idle", "loading", "rendering", "paused", "parked", "stopping", "stopped"]),
    st.sampled_from(["", "50 takes are unheard, and 50 is the ceiling", "it was asked to stop"]),
    st.integers(0, 9999),
    st.just(0.0),
    st.just({}) | st.just({"takes_per_hour": 12.3}),
)
engines: st.SearchStrategy[Any] = st.sampled_from(
    [{}, SKETCH, SKETCH | {"restarting": True}, {"waiting_for": "the session x (process 7)"}]
)
states = st.builds(
    StudioState,
    names,
    st.sampled_from(Connection),
    st.just("The studio does not answer."),
    revision=st.integers(0, 999),
    loop=loops,
    progress=progresses,
    engine=engines,
    machine=st.just({}) | st.just(H200) | st.just({"name": "cpu"}),
)


@settings(max_examples=60, deadline=None)
@given(states, st.integers(0, 220), st.sampled_from([LOOKS, PLAIN]))
def test_whatever_the_state_the_line_fits_and_no_word_is_cut(state: StudioState, width: int, looks: Looks) -> None:
    shown = status(state, 108.0, width, looks)
    least = sum(len(word) for word in ("sketch", "  ", "! engine"))
    assert len(shown.text) <= max(width, least)
    whole = [piece.text for group in groups(state, 108.0, looks) for _, form in group.forms for piece in form]
    said = [piece.text for piece in (*shown.left, *shown.right) if piece.kind != "gap"]
    assert all(text in whole for text in said)
    if state.sketch:
        assert any("sketch" in text for text in said)
    assert looks is LOOKS or shown.text.isascii()


@settings(max_examples=60, deadline=None)
@given(states, st.integers(30, 200))
def test_a_wider_line_says_no_less(state: StudioState, width: int) -> None:
    kinds = [
        {piece.kind for piece in (*shown.left, *shown.right)}
        for shown in (status(state, 108.0, each, LOOKS) for each in (width, 400))
    ]
    assert kinds[0] <= kinds[1]
