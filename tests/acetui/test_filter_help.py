"""Help while a filter is typed, and filters that are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from acetui.browsing.filter_help import fields, filter_problem, going_on, meant, sort_going_on, sort_problem
from acetui.browsing.saved_filters import FILE, save, saved
from engine.errors import EngineError
from sessions.columns import COLUMNS, column
from sessions.query_parser import BadQuery


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("sc", "score"),
        ("score", "score>="),
        ("score>=0.8 and pi", "score>=0.8 and pinned"),
        ("(not rej", "(not rejected"),
        ("tag", "tags"),
        ("tags", "tags:"),
        ("capt", "caption"),
        ("caption", "caption~"),
        ("pinned", None),
        ("tags:ke", None),
        ('"score', None),
        ("zzz", None),
        ("0.8 ", None),
        ("", None),
    ],
)
def test_a_word_goes_on_as_a_field_and_a_field_with_its_operator(typed: str, offered: str | None) -> None:
    assert going_on(typed) == offered


def test_sorts_go_on_too_and_problems_have_their_place() -> None:
    assert sort_going_on("-sco") == "-score"
    assert sort_going_on("-score,num") == "-score,number"
    assert sort_going_on("-score,") is None
    assert "column 8" in sort_problem("-score,beauty")
    assert sort_problem("-score,number") == filter_problem("score>0.5 pinned") == ""


def test_every_field_can_be_offered_once() -> None:
    assert len(fields()) == len(set(fields()))
    assert set(COLUMNS) <= set(fields())
    assert all(column(name) is not None for name in fields())


@pytest.mark.parametrize(
    ("typed", "filter"),
    [
        ("slow rain", '"slow rain"'),
        ("pinned", "pinned"),
        (" pinned and liked ", "pinned and liked"),
        ("pinned and slow", '"pinned and slow"'),
        ("scor>0.5", "scor>0.5"),
        ('"rain', '"rain'),
        ("  ", ""),
    ],
)
def test_plain_words_are_meant_as_words(typed: str, filter: str) -> None:
    assert meant(typed) == filter


def test_filters_are_kept_by_name(tmp_path: Path) -> None:
    assert saved(tmp_path) == {}
    save(tmp_path / "new", "the best", 'score>0.8 and "quoted \\\\ ä"')
    save(tmp_path / "new", 'odd "name"', "pinned")
    assert saved(tmp_path / "new") == {"the best": 'score>0.8 and "quoted \\\\ ä"', 'odd "name"': "pinned"}
    save(tmp_path / "new", "the best", " ")
    assert saved(tmp_path / "new") == {'odd "name"': "pinned"}
    with pytest.raises(BadQuery):
        save(tmp_path, "bad", "scor>>")
    (tmp_path / FILE).write_text("best = 3\n")
    with pytest.raises(EngineError, match="'best' is no filter"):
        saved(tmp_path)
    (tmp_path / FILE).write_text("best = \n")
    with pytest.raises(EngineError, match=FILE):
        saved(tmp_path)
