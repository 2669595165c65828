"""The list of takes against a naive one, and what must hold whatever happens to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acetui.browsing.take_book import MOST_ROWS, TakeBook
from acetui.browsing.take_lines import NEW, TakeLines
from acetui.browsing.take_rows import Row, is_tie, row_of

NUMBERS = st.integers(1, 12)
SETS = st.lists(NUMBERS, unique=True, min_size=1, max_size=6)


class Naive:
    """Every take that ever was in the list keeps its place; those that left are only not shown."""

    def __init__(self) -> None:
        self.places: list[tuple[int, bool]] = []  # number, new
        self.out: set[int] = set()

    def shown(self, *, new: bool) -> list[int]:
        return [number for number, is_new in self.places if is_new is new and number not in self.out]

    def order(self, numbers: list[int]) -> None:
        self.places, self.out = [(number, False) for number in numbers], set()

    def arrive(self, numbers: list[int]) -> None:
        is_new = bool(self.shown(new=False) or self.shown(new=True))
        for number in numbers:
            if number not in dict(self.places):
                at = len(self.places) if is_new else sum(not place[1] for place in self.places)
                self.places.insert(at, (number, is_new))
        self.out -= set(numbers)

    def leave(self, numbers: list[int]) -> None:
        self.out |= set(dict(self.places)) & set(numbers)


CHANGES = st.tuples(st.sampled_from(["leave", "arrive", "leave", "arrive", "order"]), SETS)
STEPS = st.lists(
    st.one_of(
        CHANGES,
        CHANGES,
        st.tuples(st.sampled_from(["move", "scroll", "page"]), st.integers(-12, 12)),
        st.tuples(st.just("move_to"), st.integers(0, 40)),
        st.tuples(st.just("resize"), st.integers(1, 9)),
        st.tuples(st.sampled_from(["toggle", "select_to_here", "go_to_new"]), st.just(None)),
    ),
    min_size=4,
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(CHANGES, min_size=4, max_size=30))
def test_list_is_what_a_naive_one_is(changes: list[tuple[str, list[int]]]) -> None:
    lines, naive = TakeLines(), Naive()
    lines.order(range(1, 10), {})
    naive.order(list(range(1, 10)))
    for name, numbers in changes:
        getattr(lines, name)(*([numbers, {}] if name == "order" else [numbers]))
        getattr(naive, name)(numbers)
        assert [number for number in lines.lines[: lines.first_new] if number > 0] == naive.shown(new=False)
        assert lines.lines[lines.first_new :] == naive.shown(new=True)
        assert lines.takes == len(naive.shown(new=False)) + len(naive.shown(new=True))


def held(book: TakeBook) -> None:
    """What is always true."""
    lines = book.list.lines
    assert 0 <= book.top <= max(0, len(lines) - book.height)
    assert (book.cursor is None) == (len(book) == 0)
    if book.cursor is not None:
        assert lines[book.at] == book.cursor
    assert len(book) == sum(number > 0 for number in lines)
    assert all(book.list.has(number) for number in lines if number > 0)
    assert 0 <= book.unseen <= book.list.new
    assert book.selected <= {number for number in lines if number > 0}
    if book.list.new:
        assert book.list.entry(book.list.first_new - 1) == NEW


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_nothing_moves_under_the_cursor(steps: list[tuple[str, Any]]) -> None:
    book = TakeBook()
    book.order(range(1, 13))
    for name, value in steps:
        before, cursor, line = list(book.list.lines), book.cursor, book.at - book.top
        in_sight = 0 <= line < book.height
        getattr(book, name)(*([] if value is None else [value]))
        held(book)
        if name not in ("order", "arrive", "leave") or cursor is None or book.cursor is None:
            continue
        takes = [number for number in book.list.lines if number > 0]
        if cursor in takes:
            assert book.cursor == cursor
        else:
            behind = [number for number in before[before.index(cursor) :] if number in takes]
            assert (
                book.cursor
                == (behind or [number for number in before if number in takes] or takes)[
                    0 if behind or not set(before) & set(takes) else -1
                ]
            )
        if in_sight and 0 < book.top < len(book.list) - book.height:
            assert book.at - book.top == line


@given(STEPS, st.dictionaries(NUMBERS, st.just("from here"), max_size=5), SETS)
def test_dividers_stand_above_their_takes(
    steps: list[tuple[str, Any]], dividers: dict[int, str], last: list[int]
) -> None:
    book = TakeBook()
    book.order(last, dividers)
    entries = [book.list.entry(line) for line in range(len(book.list))]
    expected: list[Any] = []
    for number in last:
        expected += [dividers[number], number] if number in dividers else [number]
    assert entries == expected
    for name, value in steps:
        getattr(book, name)(*([] if value is None else [value]))
        held(book)


def row(number: int, **fields: Any) -> Row:
    return Row(number=number, id=f"id{number}", name="neon drive", **fields)


def filled(count: int = 20, height: int = 5) -> TakeBook:
    book = TakeBook()
    book.resize(height)
    book.order(range(count, 0, -1))
    return book


def test_new_takes_come_below_and_are_counted_until_they_are_seen() -> None:
    book = filled()
    book.move(7)
    top = book.top
    book.arrive([21, 22])
    assert (book.unseen, book.cursor, book.top) == (2, 13, top)
    assert book.list.entry(20) == NEW
    assert book.go_to_new()
    assert (book.cursor, book.unseen) == (21, 1)
    book.move(1)
    assert (book.cursor, book.unseen, book.list.new) == (22, 0, 2)
    assert book.go_to_new()
    assert book.cursor == 21
    book.order(range(22, 0, -1))
    assert (book.cursor, book.unseen, book.list.new, len(book)) == (21, 0, 0, 22)
    assert not book.go_to_new()


def test_sorting_in_keeps_the_row_on_its_line() -> None:
    book = filled(100, 10)
    book.move(50)
    line = book.at - book.top
    book.arrive(range(101, 131))
    book.order(range(130, 0, -1))
    assert (book.cursor, book.at - book.top) == (50, line)
    book.order(range(1, 131))
    assert (book.cursor, book.at - book.top) == (50, line)


def test_hidden_and_trashed_takes_go_and_come_back_to_where_they_were() -> None:
    book = filled(9)
    book.hides_rejected = True
    book.move(4)
    book.keep([row(5, marks=frozenset({"rejected"})), row(4)])
    assert (book.cursor, len(book)) == (4, 8)
    book.keep([row(4, trashed=True), row(3, trashed=True)])
    assert book.list.lines == [9, 8, 7, 6, 2, 1]
    book.keep([row(3), row(5)])
    assert book.list.lines == [9, 8, 7, 6, 5, 3, 2, 1]
    book.keep([row(40, trashed=True), row(41)])
    assert 41 not in book.list.lines  # rows are noted; takes come by being told of
    book.shows_trash = True
    book.keep([row(9), row(8, trashed=True)])
    assert book.list.lines == [8, 7, 6, 5, 3, 2, 1]
    book.filter, book.shows_trash = "trashed or pinned", False
    book.keep([row(8), row(7, trashed=True)])
    assert book.list.lines == [8, 7, 6, 5, 3, 2, 1]


def test_query_says_what_is_listed() -> None:
    book = TakeBook()
    assert book.query() == ("", "-score,number")
    book.filter, book.hides_rejected, book.grouped = "pinned or bpm>90", True, True
    assert book.query() == ("(pinned or bpm>90) and not rejected", "-revision,-score,number")
    book.filter, book.shows_trash = " ", True
    assert book.query()[0] == "trashed and not rejected"


def test_rows_are_wanted_where_they_are_in_sight_or_soon() -> None:
    book = filled(100, 10)
    book.order(range(100, 0, -1), {85: "from take 85"})
    book.scroll(12)
    assert book.wanted()[:9] == [88, 87, 86, 85, 84, 83, 82, 81, 80]
    assert set(book.wanted()) == set(range(98, 69, -1))
    assert book.wanted(3) == [88, 87, 86]
    book.keep(row(number) for number in range(70, 99))
    assert book.wanted() == []
    assert book.row(85) == row(85)
    assert book.row(1) is None
    book.keep(row(number) for number in range(1000, 1000 + MOST_ROWS))
    assert book.row(85) is None


def test_ties_are_of_neighbours_in_score_and_in_kind() -> None:
    book = filled(4)
    book.keep([row(4, score=0.9), row(3, score=0.9), row(2, score=0.9, sketch=True), row(1)])
    assert [book.is_tie(line) for line in range(5)] == [False, True, False, False, False]
    book.sort = "-number"
    assert not book.is_tie(1)
    assert not is_tie(row(1), row(2))


def test_selection_is_of_takes_and_keeps_the_order_of_the_list() -> None:
    book = filled(9)
    assert book.chosen() == [9]
    book.move(2)
    book.toggle()
    book.move(3)
    book.select_to_here()
    assert book.chosen() == [7, 6, 5, 4]
    book.toggle()
    assert book.chosen() == [7, 6, 5]
    book.order([1, 5, 6])
    assert book.chosen() == [5, 6]
    book.select_all()
    assert book.chosen() == [1, 5, 6]
    book.clear()
    assert book.chosen() == [book.cursor]
    assert TakeBook().chosen() == []


def test_moving_goes_around_dividers_and_seeks_among_takes() -> None:
    book = TakeBook()
    book.resize(4)
    book.order([6, 5, 4, 3, 2, 1], {6: "top", 3: "middle"})
    assert (book.cursor, book.at, book.top) == (6, 1, 0)
    book.move(3)
    assert (book.cursor, book.at) == (3, 5)
    book.move(-1)
    assert book.cursor == 4
    book.move_to(4)
    assert book.cursor == 3
    book.page(-1)
    assert book.cursor == 6
    assert book.top == 0
    assert book.seek({1, 4}, 1)
    assert book.cursor == 4
    assert book.seek({1, 4}, 1)
    assert book.seek({1, 4}, 1)
    assert book.cursor == 4
    assert book.seek({1}, -1)
    assert book.cursor == 1
    assert not book.seek({99}, 1)
    assert book.go_to(2)
    assert not book.go_to(99)
    assert not TakeBook().seek({1}, 1)


@pytest.mark.parametrize("short", [True, False])
def test_row_is_the_same_from_the_short_and_the_whole_take(short: bool) -> None:
    whole = {
        "number": 47, "id": "a1", "name": "neon drive", "score": 0.5, "duration": 60.0, "seed": 7, "revision": 3,
        "pinned": True, "liked": False, "rejected": False, "heard": True, "rating": 4, "tags": ["keep"], "parent": "b2",
        "operation": "sibling", "faults": [], "created": "2026-01-02T03:04:05Z", "stored": "whole", "trashed": False,
    }  # fmt: skip
    told = {"noted": True, "sketch": True} if short else {"note": "good", "identity": {"profile": "nano-turbo"}}
    found = row_of(whole | told)
    assert found == Row(
        number=47, id="a1", name="neon drive", score=0.5, duration=60.0, seed=7, revision=3, rating=4, tags=("keep",),
        marks=frozenset({"pinned", "heard"}), noted=True, parent="b2", operation="sibling",
        created="2026-01-02T03:04:05Z", sketch=True,
    )  # fmt: skip
    assert found.verdict == "pinned"
    assert row(1).verdict == "unheard"
