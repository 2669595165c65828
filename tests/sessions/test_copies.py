"""Takes that are another one once more, found before they are committed; and what the loop does about them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from sessions.copies import Copies, is_empty
from sessions.store import Store
from sessions.take import Take
from tests.sessions.takes import committed, no_waiting, render

__all__ = ["no_waiting"]

pytestmark = pytest.mark.usefixtures("no_waiting")

ONE = random.Random(1).randbytes(64)
OTHER = random.Random(2).randbytes(64)


def changed(bits: bytes, count: int) -> bytes:
    """The same but for that many bits."""
    return (int.from_bytes(bits) ^ ((1 << count) - 1)).to_bytes(len(bits))


def heard(store: Store, bits: bytes, **fields: Any) -> Take:
    return render(store, measured={"fingerprint": bits.hex()}, **fields)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path) as store:
        committed(store, measured={"fingerprint": ONE.hex()}, codes="c1")
        committed(store, measured={"fingerprint": OTHER.hex()}, codes="c2", operation="repaint")
        committed(store)
        yield store


def test_sound_that_is_nearly_the_same_is_a_copy(store: Store) -> None:
    copies = Copies(store)
    assert copies.original(heard(store, changed(ONE, 51), number=9), own_codes=True) == "sounds like take 1"
    assert copies.original(heard(store, changed(ONE, 52), number=10), own_codes=True) == ""
    assert copies.original(heard(store, changed(ONE, 52), number=11), own_codes=True) == "sounds like take 10"


def test_another_length_is_another_piece(store: Store) -> None:
    assert Copies(store).original(heard(store, ONE, number=9, duration=3.0), own_codes=True) == ""


def test_what_is_made_from_a_take_may_sound_like_it(store: Store) -> None:
    copies = Copies(store)
    assert copies.original(heard(store, ONE, number=9, operation="sibling"), own_codes=True) == ""
    assert copies.original(heard(store, OTHER, number=10), own_codes=True) == ""


def test_codes_that_come_again_are_told_where_they_were_made_anew(store: Store) -> None:
    copies = Copies(store)
    again = render(store, number=9, codes="c1")
    assert copies.original(again, own_codes=True) == "the codes of take 1 again"
    assert copies.original(again, own_codes=False) == ""


@pytest.mark.parametrize("told", [None, "", "zz", 7, [], "abc"])
def test_what_is_no_fingerprint_is_like_none(store: Store, told: object) -> None:
    take = render(store, number=9, measured={"fingerprint": told})
    assert Copies(store).original(take, own_codes=True) == ""
    store.commit(take)
    assert Copies(store).original(heard(store, ONE, number=10), own_codes=True) == "sounds like take 1"


def test_takes_without_anything_to_hear_or_anything_new_are_empty(store: Store) -> None:
    heard = {"measured": {"bpm": 90.0}}
    for fields, empty in (
        ({}, False),
        ({"faults": ("silent",)}, True),
        ({"faults": ("silent",), "measured": {"latent_spread": 0.1, "timestamps": []}}, True),
        ({"faults": ("clips 9 times a second",), **heard}, False),
        ({"faults": ("sounds like take 3",), **heard}, True),
        ({"faults": ("clips 9 times a second", "the codes of take 3 again"), **heard}, True),
    ):
        assert is_empty(store.get(1).replace(**{"measured": {}, **fields})) is empty


def test_the_index_made_anew_knows_them_too(store: Store) -> None:
    before = store.fingerprints()
    (store.folder / "takes.db").unlink()
    with Store.open(store.folder, index=store.folder / "other.db") as again:
        assert again.fingerprints() == before
        assert before[0] == (1, "render", 1.0, "c1", ONE)
