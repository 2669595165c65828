"""Drafts in the terminal: kept as they are typed, wherever they can be, and applied once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetui.client import Refused
from acetui.link import NotThere
from acetui.recipe import draft_keeper as room
from acetui.recipe.drafting import DraftClash, Drafting
from engine.errors import InvalidRequest
from sessions.drafts import Draft, Drafts


class Studio:
    """What a studio would answer, and whether it answers."""

    def __init__(self) -> None:
        self.there = True
        self.revision = 7
        self.settings: dict[str, Any] = {"recipe": {"caption": "warm jazz", "bpm": 96}}
        self.kept: dict[str, tuple[int, dict[str, str]]] = {}
        self.saves = 0
        self.on_disk: str | None = None
        self.applied: list[tuple[str, str | None]] = []

    def client(self) -> Any:
        if not self.there:
            raise NotThere("The studio is not connected.", "Wait.")
        return self

    async def keep_draft(self, terminal: str, revision: int, typed: Mapping[str, str]) -> dict[str, Any]:
        self.client()
        self.saves += 1
        self.kept.pop(terminal, None)
        if typed:
            self.kept[terminal] = (revision, dict(typed))
        return {}

    async def drafts(self) -> list[dict[str, Any]]:
        self.client()
        return [{"terminal": name, "revision": at, "typed": typed} for name, (at, typed) in self.kept.items()]

    async def change_recipe(self, revision: int, **tables: Mapping[str, Any]) -> dict[str, Any]:
        self.client()
        if revision != self.revision or self.on_disk is not None:
            content = {"error": "Another came first.", "hint": "Look.", "mine": "mine", "theirs": self.on_disk or ""}
            raise Refused(412, {**content, "revision": self.revision})
        for table, values in tables.items():
            mine = self.settings.setdefault(table, {})
            for name, value in values.items():
                mine.pop(name, None)
                if value is not None:
                    mine[name] = value
        self.revision += 1
        return {"revision": self.revision, "settings": self.copy()}

    async def apply(self, revision: int, text: str, instead_of: str | None = None) -> dict[str, Any]:
        self.applied.append((text, instead_of))
        self.revision += 1
        return {"revision": self.revision, "settings": self.copy()}

    def copy(self) -> dict[str, Any]:
        return {table: dict(values) for table, values in self.settings.items()}


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SAVE_SECONDS", 0.02)


def drafting(studio: Studio, here: Path, terminal: str = "a") -> Drafting:
    made = Drafting(terminal, studio.client, Drafts(here))
    made.follow(studio.revision, studio.copy())
    return made


async def opened(studio: Studio, here: Path) -> Drafting:
    made = drafting(studio, here)
    await made.attached()
    return made


async def test_what_is_typed_is_kept_soon_and_by_one_write(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    for end in range(1, 9):
        draft.type("caption", "warm jazz, brush"[: 8 + end])
    assert (draft.differs(), draft.differs("caption"), draft.differs("bpm")) == (True, True, False)
    await asyncio.sleep(0.1)
    assert studio.kept["a"] == (7, {"caption": "warm jazz, brush"})
    assert studio.saves == 1


async def test_typing_does_not_put_off_the_saving(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    for number in range(30):
        draft.type("caption", f"warm {number}")
        await asyncio.sleep(0.005)
    assert studio.saves >= 3


async def test_what_is_as_it_is_applied_is_no_draft(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    draft.type("bpm", "104")
    draft.type("bpm", "96")
    draft.type("duration", "")
    assert not draft.differs()
    await draft.flush()
    assert studio.kept == {}


async def test_applying_sends_values_and_clears_the_draft(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    draft.type("duration", "2:04")
    draft.type("bpm", "")
    draft.type("loop.takes", "12")
    assert draft.settings() == {"recipe": {"caption": "warm jazz", "duration": 124.0}, "loop": {"takes": 12}}
    answer = await draft.apply()
    assert answer is not None
    assert studio.settings == {"recipe": {"caption": "warm jazz", "duration": 124.0}, "loop": {"takes": 12}}
    assert (draft.typed, draft.revision, draft.text("duration")) == ({}, 8, "2:04")
    assert await draft.apply() is None
    await draft.flush()
    assert studio.kept == {}


async def test_what_cannot_be_read_is_kept_and_not_applied(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    draft.type("bpm", "fast")
    draft.type("caption", "cold jazz")
    assert draft.recipe() == {"caption": "cold jazz", "bpm": 96}
    assert draft.problems().keys() == {"bpm"}
    with pytest.raises(InvalidRequest, match="bpm cannot be 'fast'"):
        await draft.apply()
    await draft.flush()
    assert studio.kept["a"][1] == {"bpm": "fast", "caption": "cold jazz"}


async def test_another_hand_on_another_field_is_no_clash(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    draft.type("caption", "cold jazz")
    await studio.change_recipe(7, recipe={"bpm": 120})
    draft.follow(studio.revision, studio.copy())
    assert (draft.clashing, draft.text("bpm"), draft.text("caption")) == (frozenset(), "120", "cold jazz")
    await draft.apply()
    assert studio.settings["recipe"] == {"caption": "cold jazz", "bpm": 120}


async def test_two_hands_on_one_field_are_told_once(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    draft.type("caption", "cold jazz")
    await studio.change_recipe(7, recipe={"caption": "hot jazz"})
    draft.follow(studio.revision, studio.copy())
    assert draft.clashing == {"caption"}
    with pytest.raises(DraftClash, match="Revision 8 has changed caption meanwhile, and both are kept"):
        await draft.apply()
    assert (draft.text("caption"), studio.settings["recipe"]["caption"]) == ("cold jazz", "hot jazz")
    await draft.apply()
    assert studio.settings["recipe"]["caption"] == "cold jazz"


async def test_the_same_change_by_somebody_else_settles_it(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    draft.type("caption", "hot jazz")
    await studio.change_recipe(7, recipe={"caption": "hot jazz"})
    draft.follow(studio.revision, studio.copy())
    assert not draft.differs()
    await draft.flush()
    assert studio.kept == {}


async def test_a_revision_that_was_not_seen_yet(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    draft.type("caption", "cold jazz")
    await studio.change_recipe(7, recipe={"bpm": 120})
    with pytest.raises(DraftClash, match="Another came first"):
        await draft.apply()
    assert draft.text("caption") == "cold jazz"
    draft.follow(studio.revision, studio.copy())
    await draft.apply()
    assert studio.settings["recipe"] == {"caption": "cold jazz", "bpm": 120}


async def test_an_edit_on_disk_is_replaced_only_when_asked_twice(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    draft.type("caption", "cold jazz")
    studio.on_disk = "half an edit"
    with pytest.raises(DraftClash):
        await draft.apply()
    assert studio.applied == []
    await draft.apply()
    assert studio.applied == [("mine", "half an edit")]


async def test_what_is_typed_while_it_is_applied_stays(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    draft.type("caption", "cold jazz")
    applying = asyncio.ensure_future(draft.apply())
    await asyncio.sleep(0)
    draft.type("caption", "cold jazz, slow")
    await applying
    assert draft.typed == {"caption": "cold jazz, slow"}


async def test_without_a_studio_it_is_kept_here_and_handed_over_later(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    studio.there = False
    draft.type("lyrics", "[Verse]\nla")
    await draft.flush()
    assert Drafts(tmp_path).get("a") == Draft("a", 7, {"lyrics": "[Verse]\nla"})
    studio.there = True
    assert await draft.attached() == {}
    assert studio.kept["a"] == (7, {"lyrics": "[Verse]\nla"})
    assert Drafts(tmp_path).all() == []


async def test_an_earlier_draft_comes_back(studio: Studio, tmp_path: Path) -> None:
    studio.kept = {"a": (6, {"caption": "cold", "unknown field": "x", "bpm": "96"}), "b": (7, {"caption": "b"})}
    draft = drafting(studio, tmp_path)
    assert await draft.attached() == {"caption": "cold"}
    assert draft.typed == {"caption": "cold"}
    assert await draft.attached() == {}


async def test_what_was_kept_here_goes_before_what_the_studio_has(studio: Studio, tmp_path: Path) -> None:
    studio.kept = {"a": (7, {"caption": "old"})}
    Drafts(tmp_path).save(Draft("a", 7, {"caption": "newer"}))
    draft = drafting(studio, tmp_path)
    assert await draft.attached() == {"caption": "newer"}
    assert studio.kept["a"] == (7, {"caption": "newer"})


async def test_typing_before_the_studio_is_there_loses_no_earlier_text(studio: Studio, tmp_path: Path) -> None:
    studio.kept = {"a": (7, {"caption": "earlier", "lyrics": "la"})}
    Drafts(tmp_path).save(Draft("a", 7, {"caption": "kept here", "lyrics": "la"}))
    draft = drafting(studio, tmp_path)
    draft.type("caption", "new")
    await draft.flush()
    assert await draft.attached() == {"lyrics": "la"}
    assert draft.typed == {"caption": "new", "lyrics": "la"}
    assert studio.kept == {"a": (7, {"caption": "new", "lyrics": "la"}), "a.earlier": (7, {"caption": "kept here"})}


async def test_orphans_are_offered_and_adopted(studio: Studio, tmp_path: Path) -> None:
    studio.kept = {"a": (7, {"bpm": "90"}), "b": (6, {"caption": "b", "bpm": "80"}), "c": (7, {"caption": "c"})}
    draft = drafting(studio, tmp_path)
    await draft.attached()
    (orphan,) = await draft.orphans(attached=["c"])
    assert orphan.terminal == "b"
    assert await draft.adopt(orphan) == {"caption": "b"}
    assert studio.kept == {"a": (7, {"caption": "b", "bpm": "90"}), "c": (7, {"caption": "c"})}


async def test_what_a_terminal_that_is_gone_kept_here_is_offered_too(studio: Studio, tmp_path: Path) -> None:
    here = Drafts(tmp_path)
    for terminal in ("a", "gone", "there"):
        here.save(Draft(terminal, 7, {"caption": f"by {terminal}"}))
    draft = drafting(studio, tmp_path)
    assert await draft.attached() == {"caption": "by a"}
    assert await draft.orphans(attached=["there"]) == [Draft("gone", 7, {"caption": "by gone"})]
    assert here.all() == [Draft("there", 7, {"caption": "by there"})]


async def test_discarding_returns_what_was_typed(studio: Studio, tmp_path: Path) -> None:
    seen = []
    draft = Drafting("a", studio.client, Drafts(tmp_path), lambda: seen.append(1))
    draft.follow(7, studio.copy())
    draft.put({"bpm": 120, "thinking": False, "caption": None})
    assert draft.typed == {"bpm": "120", "thinking": "off", "caption": ""}
    assert draft.discard(["bpm"]) == {"bpm": "120"}
    assert draft.discard() == {"thinking": "off", "caption": ""}
    assert draft.discard() == {}
    assert len(seen) == 6
    await draft.flush()


async def test_the_end_of_the_process_keeps_the_last_words(studio: Studio, tmp_path: Path) -> None:
    draft = await opened(studio, tmp_path)
    draft.keep_now()
    assert Drafts(tmp_path).all() == []
    draft.type("caption", "last words")
    draft.keep_now()
    assert Drafts(tmp_path).get("a") == Draft("a", 7, {"caption": "last words"})
    await draft.flush()


NAMES = st.sampled_from(["caption", "lyrics", "bpm", "duration", "thinking", "seeds"])
EDITS = st.lists(st.tuples(NAMES, st.text(max_size=6) | st.sampled_from(["", "96", "2:04", "off"])), max_size=12)


@settings(max_examples=60, deadline=None)
@given(EDITS, EDITS)
def test_whatever_is_typed_can_be_read_back_and_settings_stay_sound(
    first: list[tuple[str, str]], second: list[tuple[str, str]]
) -> None:
    async def edit() -> None:
        import tempfile

        studio = Studio()
        with tempfile.TemporaryDirectory() as folder:
            draft = drafting(studio, Path(folder))
            for name, text in [*first, *second]:
                draft.type(name, text)
                assert draft.text(name) == text
            assert draft.problems().keys() <= draft.typed.keys()
            if not draft.problems():
                wanted = draft.settings()
                await draft.apply()
                assert {t: v for t, v in studio.settings.items() if v} == {t: v for t, v in wanted.items() if v}
            await draft.flush()

    asyncio.run(edit())
