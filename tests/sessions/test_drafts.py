"""Drafts: what is typed survives everything, exactly as it was typed, and is never rendered."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequest
from sessions import drafts as room
from sessions.drafts import Draft, Drafts

QUICK = settings(max_examples=40, deadline=None)
TYPED = st.text(st.sampled_from('a"\\\n\t \x00\x7f\r\u2028é{') | st.characters(exclude_categories=["Cs"]), max_size=20)


@QUICK
@given(
    st.dictionaries(st.sampled_from(["caption", "lyrics", "bpm", "odd name"]), TYPED, min_size=1), st.integers(0, 10**6)
)
def test_a_draft_comes_back_as_it_was_typed(typed: dict[str, str], based_on: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        draft = Draft("tty-1", based_on, typed)
        Drafts(Path(folder)).save(draft)
        assert Drafts(Path(folder)).get("tty-1") == draft


def test_half_a_character_is_no_reason_to_lose_the_rest(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    drafts.save(Draft("a", 1, {"caption": "warm \ud83d"}))
    assert drafts.get("a") == Draft("a", 1, {"caption": "warm ?"})


def test_what_is_saved_already_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drafts = Drafts(tmp_path)
    drafts.save(Draft("a", 1, {"caption": "w"}))
    monkeypatch.delattr(room, "write_whole")
    drafts.save(Draft("a", 1, {"caption": "w"}))
    with pytest.raises(NameError):
        drafts.save(Draft("a", 1, {"caption": "wa"}))


def test_a_draft_of_nothing_is_none(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    drafts.save(Draft("a", 1, {"caption": "w"}))
    drafts.save(Draft("a", 1, {}))
    assert drafts.all() == []
    drafts.discard("a")


def test_drafts_of_terminals_that_are_gone_can_be_adopted(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    for terminal in ("a", "b", "c"):
        drafts.save(Draft(terminal, 3, {"caption": terminal}))
    (tmp_path / "drafts" / "d.toml").write_text("half a wri")
    (tmp_path / "drafts" / "Odd.toml").write_text("")
    drafts.set_aside("x", 1)
    assert [draft.terminal for draft in drafts.orphans({"b"})] == ["a", "c"]
    adopted = drafts.adopt(drafts.orphans({"b"})[0], "new")
    assert adopted == Draft("new", 3, {"caption": "a"}) == drafts.get("new")
    assert drafts.get("a") is None
    with pytest.raises(InvalidRequest, match="has a draft of its own"):
        drafts.adopt(drafts.orphans({"b", "new"})[0], "new")
    assert [draft.terminal for draft in drafts.all()] == ["b", "c", "new"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", ".hidden", "-flag", "x" * 65, "é", "aside/0001-1"])
def test_a_terminal_cannot_reach_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest):
        Drafts(tmp_path).save(Draft(name, 1, {"caption": "x"}))
    assert list(tmp_path.iterdir()) == []


def test_texts_that_lost_are_all_kept(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    kept = [drafts.set_aside(text, 7) for text in ("one", "two", "one")]
    assert [path.read_text() for path in kept] == ["one", "two", "one"]
    assert [path.name for path in kept] == ["0007-1.toml", "0007-2.toml", "0007-1.toml"]
