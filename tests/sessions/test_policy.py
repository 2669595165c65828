"""What comes next: shares of siblings, seeds, grids."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.request import Request
from sessions.batch import RENDER, SIBLING
from sessions.policy import MOST_SIBLINGS, Policy, SeedBook, pins_for, policy_for, sibling_share
from sessions.revisions import Revision
from sessions.settings import LoopSettings, Settings
from sessions.store import Store
from sessions.summary import Summary
from sessions.take import Take


def revision(number: int = 1, **recipe: Any) -> Revision:
    return Revision(number, Settings.from_dict({"recipe": {"caption": "x", **recipe}}), "")


def take(number: int, seed: int = 1, **more: Any) -> Take:
    request = Request(caption="pinned", bpm=77, **more.pop("request", {})).to_dict()
    files = {"audio": f"takes/{number:04}-x.flac", "latents": f"latents/{number:04}.safetensors"}
    fields: dict[str, Any] = {"revision": 1, "request": request, "files": files, **more}
    return Take(id=f"id{number}", number=number, name="x", seed=seed, duration=10.0, **fields)


def pin(number: int, *, rev: int | None = 1) -> Summary:
    fields: dict[str, Any] = dict.fromkeys(Summary.__dataclass_fields__)
    return Summary(**{**fields, "number": number, "id": f"id{number}", "seed": 1, "revision": rev, "pinned": True})


def test_a_recipe_that_says_no_size_is_rendered_in_batches_of_the_machine() -> None:
    policy = Policy(revision())
    policy.at_once = 4
    assert len(policy.next(LoopSettings(), 8, [], take).seeds) == 4
    assert len(policy.next(LoopSettings(), 3, [], take).seeds) == 3
    policy = Policy(revision(batch_size=2))
    policy.at_once = 4
    assert len(policy.next(LoopSettings(), 8, [], take).seeds) == 2


def test_takes_of_a_take_are_called_as_it_unless_the_recipe_has_other_words() -> None:
    for caption, name in (("", "x"), ("pinned", "x"), ("Slow waltz, strings", "slow waltz")):
        child = Policy(revision(caption=caption, task_type="cover", src_audio="take:3")).next(
            LoopSettings(), 1, [], take
        )
        assert (child.parent, child.operation, child.name) == ("id3", "cover", name)
    assert Policy(revision()).next(LoopSettings(), 1, [], take).name == ""  # the engine calls it after its caption
    sibling = Policy(revision()).next(LoopSettings(policy="siblings"), 1, [pin(4)], take)
    assert (sibling.parent, sibling.name) == ("id4", "x")


def test_a_mix_shifts_toward_siblings_as_pins_appear() -> None:
    shares = [sibling_share("mix", pins) for pins in range(50)]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert 0.2 < shares[1] < 0.5 < shares[6] < shares[-1] < MOST_SIBLINGS
    assert (sibling_share("explore", 9), sibling_share("siblings", 9), sibling_share("siblings", 0)) == (0, 1, 0)


@pytest.mark.parametrize("pins", [1, 3, 10])
def test_a_mix_keeps_its_share(pins: int) -> None:
    policy = Policy(revision())
    made = [policy.next(LoopSettings(), 8, [pin(n) for n in range(1, pins + 1)], take).operation for _ in range(200)]
    assert made.count(SIBLING) / 200 == pytest.approx(sibling_share("mix", pins), abs=0.01)
    assert made[0] == RENDER


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.lists(st.integers(-1, 9), max_size=3)), max_size=30))
def test_a_cell_never_gets_a_seed_twice(asked: list[tuple[int, int, list[int]]]) -> None:
    def draw() -> Iterator[int]:
        rng = random.Random(1)
        while True:
            yield rng.randrange(200)

    seeds = draw()
    book, had = SeedBook(lambda: next(seeds)), dict[int, list[int]]()
    for cell, count, wanted in asked:
        taken = book.take(cell, count, wanted)
        assert len(taken) == count
        assert -1 not in taken
        had.setdefault(cell, []).extend(taken)
    assert all(len(each) == len(set(each)) for each in had.values())


def test_the_seeds_of_the_recipe_come_first_and_once() -> None:
    policy = Policy(revision(seeds=[5, 6, 7], batch_size=2))
    first, second = (policy.next(LoopSettings(), 8, [], take) for _ in range(2))
    assert first.seeds == (5, 6)
    assert second.seeds[0] == 7
    assert second.seeds[1] not in (5, 6, 7)


def test_a_batch_keeps_to_the_room_there_is() -> None:
    assert len(Policy(revision(batch_size=8)).next(LoopSettings(), 3, [], take).seeds) == 3


def test_the_cells_of_a_grid_take_turns_with_the_same_seeds() -> None:
    policy = Policy(revision(grid={"bpm": [90, 100], "shift": [1.0, 3.0]}))
    batches = [policy.next(LoopSettings(), 8, [], take) for _ in range(8)]
    cells = [(batch.request["bpm"], batch.request["shift"]) for batch in batches]
    assert cells[:4] == cells[4:] == [(90, 1.0), (90, 3.0), (100, 1.0), (100, 3.0)]
    assert len({batch.seeds for batch in batches[:4]}) == len({batch.seeds for batch in batches[4:]}) == 1
    assert batches[0].seeds != batches[4].seeds


def test_siblings_go_round_the_pins_with_fresh_noise() -> None:
    policy = Policy(revision(batch_size=2))
    loop = LoopSettings(policy="siblings", retake_variance=0.4)
    batches = [policy.next(loop, 8, [pin(1), pin(2)], lambda n: take(n, seed=n)) for _ in range(4)]
    assert [batch.parent for batch in batches] == ["id2", "id1", "id2", "id1"]
    assert [batch.seeds for batch in batches] == [(2, 2), (1, 1), (2, 2), (1, 1)]
    retakes = [retake for batch in batches for retake in batch.retakes]
    assert len(set(retakes)) == 8
    assert {(batch.request["bpm"], batch.request["retake_variance"]) for batch in batches} == {(77, 0.4)}
    job = batches[0].job()
    assert Request.from_dict(job).resolved is not None
    assert job["retake_seed"] == list(batches[0].retakes)


def test_a_sibling_of_codes_keeps_them_and_takes_new_noise() -> None:
    policy = Policy(revision())
    codes = {"request": {"audio_codes": (1, 2, 3)}}
    batch = policy.next(LoopSettings(policy="siblings"), 8, [pin(1)], lambda n: take(n, **codes))
    assert batch.request["audio_codes"] == [1, 2, 3]
    assert batch.retakes == ()
    assert batch.request["retake_variance"] == 0


def test_the_book_is_read_from_the_takes_the_trash_included(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for number, (seed, more) in enumerate(
            [(5, {}), (6, {}), (9, {"revision": 2}), (5, {"operation": SIBLING, "parent": "id1"})], 1
        ):
            extra = {"request": {"retake_seed": (33,), "retake_variance": 0.2}} if number == 4 else {}
            (tmp_path / f"takes/{number:04}-x.flac").touch()
            (tmp_path / f"latents/{number:04}.safetensors").touch()
            store.commit(take(number, seed, **more, **extra))
        store.trash(2)
        drawn = iter([5, 6, 9, 10, 33, 34])
        policy = policy_for(store, revision(), draw=lambda: next(drawn))
        assert policy.next(LoopSettings(), 1, [], store.get).seeds == (9,)
        assert policy.children == {"id1": 1}
        sibling = policy.next(LoopSettings(policy="siblings"), 1, [pin(1)], store.get)
        assert sibling.retakes == (10,)
        store.change(1, verdict="pinned")
        store.change(3, verdict="pinned")
        assert [p.number for p in pins_for(store, 1, "mix")] == [1]
        assert pins_for(store, 7, "mix") == pins_for(store, 1, "explore") == []
        assert {p.number for p in pins_for(store, 7, "siblings")} == {1, 3}
