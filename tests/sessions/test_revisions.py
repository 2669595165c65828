"""Revisions: numbered states of session.toml, and two hands on it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import InvalidRequest, RenderFailed
from sessions import revisions as room
from sessions.drafts import ASIDE, FOLDER
from sessions.errors import BadSessionFile, BadSetting, Clash, MissingSession
from sessions.places import SESSION_FILE
from sessions.revisions import Revisions

FIRST = '# mine\n[recipe]\ncaption = "neon"\nbpm = 96\n'
SECOND = FIRST.replace("96", "104").replace("neon", "neon drive at night")
BROKEN = "[recipe]\nbpm = \n"


@pytest.fixture
def session(tmp_path: Path) -> Path:
    (tmp_path / SESSION_FILE).write_text(FIRST)
    return tmp_path


def on_disk(session: Path) -> str:
    return (session / SESSION_FILE).read_text()


def aside(session: Path) -> list[str]:
    folder = session / FOLDER / ASIDE
    return sorted(path.read_text() for path in folder.iterdir()) if folder.exists() else []


def test_the_first_state_is_revision_one(session: Path) -> None:
    revisions = Revisions.open(session)
    assert (revisions.current.number, revisions.current.text, revisions.current.changed) == (1, FIRST, "")
    assert (session / "revisions" / "0001.toml").read_text() == FIRST
    assert revisions.numbers() == [1]
    assert Revisions.open(session).current == revisions.current


def test_applying_writes_the_file_and_numbers_it(session: Path) -> None:
    revisions = Revisions.open(session)
    second = revisions.apply(SECOND, based_on=1)
    assert (second.number, second.changed) == (2, "caption +3 words, bpm 96 -> 104")
    assert on_disk(session) == SECOND
    assert revisions.current == second == Revisions.open(session).current
    assert revisions.get(1).text == FIRST
    assert revisions.apply(SECOND, based_on=1) == second  # asked twice, as after a lost answer
    with pytest.raises(InvalidRequest, match="There is no revision 9"):
        revisions.get(9)


def test_values_are_changed_on_top_of_a_revision(session: Path) -> None:
    revisions = Revisions.open(session)
    assert revisions.change({"loop": {"takes": 5}}, based_on=1).changed == "loop.takes none -> 5"
    assert on_disk(session) == FIRST + "\n[loop]\ntakes = 5\n"
    with pytest.raises(BadSetting):
        revisions.change({"recipe": {"bpm": 5}}, based_on=2)
    assert revisions.current.number == 2


def test_comments_alone_are_no_new_revision(session: Path) -> None:
    revisions = Revisions.open(session)
    commented = FIRST + "# a thought\n"
    assert revisions.apply(commented, based_on=1).number == 1
    assert on_disk(session) == commented
    assert revisions.follow(FIRST).number == 1
    (session / SESSION_FILE).write_text(FIRST)
    assert Revisions.open(session).current.text == FIRST


def test_a_stale_edit_clashes_and_both_are_kept(session: Path) -> None:
    revisions = Revisions.open(session)
    revisions.apply(SECOND, based_on=1)
    mine = FIRST.replace("96", "120")
    with pytest.raises(Clash) as caught:
        revisions.apply(mine, based_on=1)
    assert (caught.value.mine, caught.value.theirs) == (mine, SECOND)
    assert caught.value.kept.read_text() == mine
    assert str(caught.value.kept) in caught.value.hint
    assert on_disk(session) == SECOND
    with pytest.raises(Clash):
        revisions.change({"recipe": {"bpm": 120}}, based_on=1)
    assert aside(session) == [mine]  # the same text is kept once
    with pytest.raises(Clash):
        revisions.change({"recipe": {"bpm": 121}}, based_on=1)
    assert len(aside(session)) == 2
    assert revisions.apply(mine, based_on=2).number == 3


@pytest.mark.parametrize("theirs", [SECOND, BROKEN, FIRST + "# a thought\n"])
def test_an_edit_on_disk_that_was_not_seen_is_not_overwritten(session: Path, theirs: str) -> None:
    revisions = Revisions.open(session)
    (session / SESSION_FILE).write_text(theirs)
    mine = FIRST.replace("96", "120")
    with pytest.raises(Clash) as caught:
        revisions.apply(mine, based_on=1)
    assert (caught.value.mine, caught.value.theirs) == (mine, theirs)
    assert on_disk(session) == theirs
    assert aside(session) == [mine]
    assert revisions.apply(mine, based_on=1, instead_of=theirs).number == 2
    assert on_disk(session) == mine
    assert sorted(aside(session)) == sorted([mine, theirs])


def test_the_same_edit_from_both_sides_is_no_clash(session: Path) -> None:
    revisions = Revisions.open(session)
    (session / SESSION_FILE).write_text(SECOND)
    assert revisions.apply(SECOND, based_on=1).number == 2
    assert revisions.follow(SECOND).number == 2
    assert aside(session) == []


def test_bytes_that_are_no_text_are_kept_too(session: Path) -> None:
    revisions = Revisions.open(session)
    (session / SESSION_FILE).write_bytes(b"caf\xe9")
    with pytest.raises(Clash) as caught:
        revisions.apply(SECOND, based_on=1)
    revisions.apply(SECOND, based_on=1, instead_of=caught.value.theirs)
    assert b"caf\xe9" in [path.read_bytes() for path in (session / FOLDER / ASIDE).iterdir()]


def test_a_saved_edit_is_followed_and_a_broken_one_is_not(session: Path) -> None:
    revisions = Revisions.open(session)
    with pytest.raises(BadSessionFile) as caught:
        revisions.follow(BROKEN)
    assert revisions.problem is caught.value
    assert revisions.current.number == 1
    assert revisions.follow(SECOND).number == 2
    assert revisions.problem is None
    assert revisions.follow(SECOND).number == 2


def test_edits_made_while_nothing_ran_are_found(session: Path) -> None:
    Revisions.open(session)
    (session / SESSION_FILE).write_text(SECOND)
    opened = Revisions.open(session)
    assert (opened.current.number, opened.current.changed) == (2, "caption +3 words, bpm 96 -> 104")
    assert Revisions.open(session).current == opened.current


@pytest.mark.parametrize("broken", [BROKEN, None])
def test_the_last_good_revision_goes_on(session: Path, broken: str | None) -> None:
    Revisions.open(session)
    path = session / SESSION_FILE
    path.write_text(broken) if broken else path.unlink()
    opened = Revisions.open(session)
    assert opened.current.text == FIRST
    assert isinstance(opened.problem, BadSessionFile if broken else MissingSession)
    if broken is None:
        assert opened.apply(SECOND, based_on=1).number == 2
        assert on_disk(session) == SECOND
        assert opened.problem is None


def test_without_any_good_revision_nothing_opens(tmp_path: Path) -> None:
    with pytest.raises(MissingSession):
        Revisions.open(tmp_path)
    (tmp_path / SESSION_FILE).write_text(BROKEN)
    with pytest.raises(BadSessionFile):
        Revisions.open(tmp_path)


def test_no_number_is_given_twice(session: Path) -> None:
    revisions = Revisions.open(session)
    revisions.apply(SECOND, based_on=1)
    (session / "revisions" / "0002.toml").write_text(BROKEN)
    opened = Revisions.open(session)
    assert opened.current.number == 3
    assert opened.numbers() == [1, 2, 3]
    with pytest.raises(BadSessionFile, match=r"0002\.toml, line 2"):
        opened.get(2)
    for path in (session / "revisions").iterdir():
        path.unlink()
    assert Revisions.open(session, used=12).current.number == 13


def test_a_crash_between_file_and_history_loses_no_edit(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    revisions = Revisions.open(session)

    def full(*_: object, **__: object) -> None:
        raise RenderFailed("The disk is full.")

    monkeypatch.setattr(room, "write_whole", full)
    with pytest.raises(RenderFailed):
        revisions.apply(SECOND, based_on=1)
    assert revisions.current.number == 1
    monkeypatch.undo()
    opened = Revisions.open(session)
    assert (opened.current.number, opened.current.text) == (2, SECOND)
