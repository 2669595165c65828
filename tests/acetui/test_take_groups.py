"""Dividers between revisions of the recipe."""

from __future__ import annotations

from acetui.browsing.take_groups import dividers, has_dividers

CHANGED = {1: "", 2: "bpm 96 -> 104", 3: "caption +2 words"}
FIRSTS = {1: 1, 2: 5, 3: 8}


def test_by_number_they_stand_where_a_revision_begins() -> None:
    words = {2: "from take 5: bpm 96 → 104", 3: "from take 8: caption +2 words"}
    rising = dividers(range(1, 10), "number", [], FIRSTS, CHANGED)
    assert rising == {5: words[2], 8: words[3]}
    falling = dividers(range(9, 0, -1), " -number", [], FIRSTS, CHANGED)
    assert falling == {4: words[2], 7: words[3]}
    assert dividers([1, 2, 9], "number", [], FIRSTS, CHANGED) == {9: words[3]}
    assert dividers([6, 7], "number", [], FIRSTS, CHANGED) == {}
    assert dividers([], "-number", [], FIRSTS, CHANGED) == {}


def test_by_revision_they_stand_between_groups_and_speak_of_the_newer() -> None:
    runs = [(3, 2), (2, 1), (1, 2), (None, 1)]
    assert dividers([9, 8, 6, 1, 2, 7], "-revision,-score", runs, FIRSTS, {3: "caption +2 words"}) == {
        6: "from take 8: caption +2 words",
        1: "from take 5: revision 2",
        7: "without a revision",
    }
    assert dividers([4, 6], "revision", [(1, 1), (4, 1)], FIRSTS, {4: "bpm 3 -> 4"}) == {6: "bpm 3 → 4"}


def test_other_sorts_have_none() -> None:
    assert dividers([2, 1], "-score,number", [(2, 1), (1, 1)], FIRSTS, CHANGED) == {}
    assert [has_dividers(sort) for sort in ("-number", " revision ,x", "-score,number", "")] == [
        True,
        True,
        False,
        False,
    ]
