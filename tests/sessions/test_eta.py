"""What the machine learns about its own speed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.eta import FILE, KEPT, Eta, Range

IDENTITY = {"device": "Test GPU", "dtype": "bfloat16", "threads": 4, "profile": "turbo", "models": {"dit": "1"}}


def take(
    sampling: float, decode: float = 1.0, duration: float = 60.0, steps: int = 8, **identity: Any
) -> dict[str, Any]:
    return {
        "request": {"inference_steps": steps, "duration": duration},
        "duration": duration,
        "timings": {"conditions": 0.1, "sampling": sampling, "decode": decode, "write": 99.0},
        "identity": {**IDENTITY, **identity},
    }


def estimate(eta: Eta, duration: float | None = 60.0, steps: int = 8, **identity: Any) -> Range | None:
    return eta.take({**IDENTITY, **identity}, {"inference_steps": steps, "duration": duration}, 60.0)


def test_nothing_is_said_before_anything_was_made() -> None:
    assert estimate(Eta()) is None


def test_a_range_around_what_was_seen() -> None:
    eta = Eta()
    for sampling in (4.0, 5.0, 6.0):
        eta.learn(take(sampling))
    range_ = estimate(eta)
    assert range_ is not None
    assert 4.9 < range_.low <= 5.2
    assert 6.9 < range_.high < 7.3


def test_it_scales_with_steps_and_open_lengths_are_the_default() -> None:
    eta = Eta()
    eta.learn(take(8.0, decode=0.0))
    once, twice = estimate(eta), estimate(eta, steps=16)
    assert once is not None
    assert twice is not None
    assert (twice.low - 0.09, twice.high - 0.11) == pytest.approx((2 * (once.low - 0.09), 2 * (once.high - 0.11)))
    assert estimate(eta, duration=None) == once


def test_another_length_gives_a_wider_range_and_another_machine_none() -> None:
    eta = Eta()
    eta.learn(take(8.0))
    near, far = estimate(eta), estimate(eta, duration=240.0)
    assert near is not None
    assert far is not None
    assert far.high / far.low > 2 * near.high / near.low
    assert estimate(eta, device="another") is None
    assert estimate(eta, models={"dit-xl": "2"}) is None


def test_what_was_learnt_is_kept_on_this_machine(tmp_path: Path) -> None:
    eta = Eta.open(tmp_path / "state")
    for _ in range(KEPT + 10):
        eta.learn(take(8.0))
    eta.save()
    again = Eta.open(tmp_path / "state")
    assert again.observed == eta.observed
    assert max(len(rates) for stages in again.observed.values() for rates in stages.values()) == KEPT
    assert estimate(again) == estimate(eta)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": 9}', b'{"format": 1, "observed": {"a": {"b": ["x"]}}}']
)
def test_what_cannot_be_read_is_learnt_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert Eta.open(tmp_path).observed == {}


def test_a_folder_that_cannot_be_written_is_no_drama(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    eta = Eta.open(tmp_path / "file")
    eta.learn(take(1.0))
    eta.save()


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=60), st.floats(1, 600), st.integers(1, 100))
def test_a_range_is_a_range(samplings: list[float], duration: float, steps: int) -> None:
    eta = Eta()
    for sampling in samplings:
        eta.learn(take(sampling))
    range_ = estimate(eta, duration, steps)
    assert range_ is not None
    assert 0 <= range_.low <= range_.high
    assert range_.less(range_.high) == Range(0.0, 0.0)


@pytest.mark.parametrize(
    ("start", "end", "seconds"), [(10, 16, 6), (50, -1, 10), (-5, -1, 5), (-5, 5, 10), (0, -1, 60)]
)
def test_of_a_repaint_the_region_alone_is_decoded(start: float, end: float, seconds: float) -> None:
    """So what it teaches is as much a second as of any other take, and what it takes is less."""
    eta, part = Eta(), take(8.0, decode=seconds / 10)
    part["request"] |= {"task_type": "repaint", "repainting_start": start, "repainting_end": end}
    eta.learn(part)
    (rates,) = [rates for place, rates in eta.observed.popitem()[1].items() if place.startswith("decode")]
    assert rates == pytest.approx([0.1])
