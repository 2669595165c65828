"""Times and sizes in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acetui.how_long import age, clock_time, gigabytes, lasting, left, size, within


def test_ranges_in_words() -> None:
    assert left([40, 80]) == "40-80 s left"
    assert left([1.6, 2.4]) == "2 s left"
    assert left((1080, 1440)) == "18-24 min left"
    assert left((7200, 9000)) == "2.0-2.5 h left"
    assert within((2.2, 3.4)) == "2-3 s"


def test_clock_times() -> None:
    assert [clock_time(seconds) for seconds in (0, 9.6, 124.6, 3599.7, 4000)] == [
        "0:00",
        "0:10",
        "2:05",
        "1:00:00",
        "1:06:40",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "now"),
        (4.9, "now"),
        (5, "5 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (9e4, "1 d"),
    ],
)
def test_ages(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_what_goes_on_is_told_to_the_second_at_first() -> None:
    assert [lasting(seconds) for seconds in (0.4, 1, 8.2, 59, 185)] == ["0 s", "1 s", "8 s", "59 s", "3 min"]


def test_sizes_and_memory() -> None:
    assert [size(count) for count in (12, 7_000, 512_000_000, 3_140_000_000, 2.5e11)] == [
        "12 bytes",
        "7 kB",
        "512 MB",
        "3.1 GB",
        "250 GB",
    ]
    assert gigabytes(11.4, 139.2) == "11/139 GB"
    assert gigabytes(0.42, 8) == "0.4/8 GB"
    assert gigabytes(None, 24) == "24 GB"
    assert gigabytes(None, None) == ""


@given(st.floats(0, 1e7), st.floats(1, 3))
def test_a_range_is_one_or_two_numbers_and_a_unit(low: float, factor: float) -> None:
    assert re.fullmatch(r"\d+(\.\d)?(-\d+(\.\d)?)? (s|min|h)", within((low, low * factor)))
