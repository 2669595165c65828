"""What changed, in a few words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from sessions.changes import summary
from sessions.settings import Settings
from tests.sessions.made import SETTINGS


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {}, ""),
        ({"recipe": {"bpm": 96}}, {"recipe": {"bpm": 104, "caption": "warm jazz"}}, "caption +2 words, bpm 96 -> 104"),
        ({"recipe": {"caption": "warm slow jazz"}}, {"recipe": {"caption": "warm fast jazz"}}, "caption +1 -1 word"),
        ({"recipe": {"caption": "a b c"}}, {"recipe": {"caption": "a"}}, "caption -2 words"),
        ({"recipe": {"caption": "a  b"}}, {"recipe": {"caption": "a b"}}, "caption spacing"),
        ({"recipe": {"lyrics": "a\nb\nc"}}, {"recipe": {"lyrics": "a\nx\nc\nd"}}, "lyrics +2 -1 lines"),
        ({"recipe": {"bpm": 96}}, {"recipe": {"thinking": False}}, "bpm 96 -> auto, thinking auto -> off"),
        ({"loop": {"takes": 5}}, {"loop": {"policy": "explore"}}, "loop.policy mix -> explore, loop.takes 5 -> none"),
        ({}, {"recipe": {"grid": {"bpm": [90, 100]}}}, "grid auto -> {bpm [90, 100]}"),
        ({}, {"models": {"dit": "x" * 99}}, f"models.dit auto -> {'x' * 21}..."),
    ],
)
def test_summaries(before: dict[str, Any], after: dict[str, Any], words: str) -> None:
    assert summary(Settings.from_dict(before), Settings.from_dict(after)) == words


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(SETTINGS, SETTINGS)
def test_a_summary_is_empty_only_where_nothing_changed(before: Settings, after: Settings) -> None:
    assert bool(summary(before, after)) == (before != after)
    assert "\n" not in summary(before, after)
