"""What the log keeps, and what of it is shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from acetui.log_book import Entry, LogBook, lines

NOW = "12:00:00"


def texts(book: LogBook) -> list[str]:
    return [entry.text for entry in book.entries()]


def test_it_keeps_the_latest_up_to_its_bound() -> None:
    book = LogBook(keep=3)
    for number in range(5):
        book.add("said", f"number {number}", NOW)
    assert texts(book) == ["number 2", "number 3", "number 4"]
    assert len(book) == 3


def test_the_same_again_is_counted() -> None:
    book = LogBook()
    for _ in range(3):
        book.add("error", "The disk  is\nfull.", NOW)
    book.add("said", "The disk is full.", NOW)
    book.add("error", "The disk is full.", NOW)
    assert texts(book) == ["The disk is full. (x3)", "The disk is full.", "The disk is full."]
    assert book.errors() == 2


def test_levels_and_words_leave_out() -> None:
    book = LogBook()
    for kind in ("said", "event", "notice", "error"):
        book.add(kind, f"a {kind} came", NOW)
    book.level = 1
    assert texts(book) == ["a notice came", "a error came"]
    book.level = 2
    assert texts(book) == ["a error came"]
    book.level, book.words = 0, "CAME not"
    assert texts(book) == ["a notice came"]
    book.words = ""
    assert len(texts(book)) == 4


def test_events_are_put_into_words() -> None:
    book = LogBook()
    events = [
        {"event": "notice", "text": "Skipped."},
        {"event": "error", "error": "It failed.", "hint": "Try again.", "field": None},
        {"event": "error", "error": "It failed otherwise.", "hint": None},
        {"event": "loop", "state": "paused", "reason": "50 takes are unheard"},
        {"event": "loop", "state": "idle", "reason": ""},
        {"event": "done", "summary": {"made": 12, "seconds": 80.2}},
    ]
    assert all(book.add_event(event, NOW) for event in events)
    assert texts(book) == [
        "Skipped.",
        "It failed. Try again.",
        "It failed otherwise.",
        "Loop paused: 50 takes are unheard.",
        "Loop idle.",
        "The loop has ended: 12 takes in 80 s.",
    ]
    assert [entry.kind for entry in book.entries()] == ["notice", "error", "error", *["event"] * 3]
    assert not any(book.add_event({"event": kind}, NOW) for kind in ("progress", "take", "machine", "scored", "recipe"))


@given(st.lists(st.text("abc def", max_size=80), max_size=6), st.integers(0, 60))
def test_lines_fit_and_lose_nothing(said: list[str], width: int) -> None:
    entries = [Entry(NOW, "said", " ".join(text.split())) for text in said]
    shown = lines(entries, width)
    assert [line.entry for line in shown if line.first] == entries
    assert all(len(line.text) <= max(width - 11, 8) for line in shown)
    for entry in entries:
        assert "".join(line.text for line in shown if line.entry is entry).replace(" ", "") == entry.text.replace(
            " ", ""
        )
