"""Room on the disk, and which takes a rule lets go: never what a person has marked."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sessions.disk import audio_to_drop, beyond_keep, file_system, free_bytes, is_shared, may_drop, rank
from sessions.summary import Summary

SUMMARIES = st.builds(
    Summary,
    number=st.integers(1, 30),
    id=st.just(""),
    name=st.just("x"),
    seed=st.just(1),
    duration=st.just(1.0),
    score=st.none() | st.sampled_from([0.0, 0.5, 0.9]),
    verdict=st.sampled_from(["pinned", "liked", "rejected", "heard", "unheard"]),
    rating=st.none(),
    pinned=st.just(False),
    liked=st.just(False),
    faulty=st.booleans(),
    trashed=st.booleans(),
    marked=st.booleans(),
    parent=st.none(),
    operation=st.just("render"),
    revision=st.none(),
    stored=st.sampled_from(["whole", "latents only", "missing audio"]),
    created=st.just(""),
    audio_bytes=st.integers(0, 100),
    latents_bytes=st.sampled_from([0, 10]),
)


@st.composite
def situations(draw):
    from dataclasses import replace

    takes = draw(st.lists(SUMMARIES, max_size=12, unique_by=lambda take: take.number))
    takes = [replace(take, id=f"id{take.number}") for take in takes]
    numbers = [take.number for take in takes]
    parents = draw(st.sets(st.sampled_from([f"id{n}" for n in numbers] or ["none"]), max_size=3))
    playing = draw(st.sets(st.sampled_from(numbers or [1]), max_size=1))
    return takes, parents, playing


def held(take, parents, playing):
    return take.marked or take.id in parents or take.number in playing


@settings(deadline=None)
@given(situations(), st.integers(0, 400))
def test_a_quota_never_touches_what_is_somebodys(situation, needed):
    takes, parents, playing = situation
    chosen = audio_to_drop(takes, needed, parents=parents, playing=playing)
    by_number = {take.number: take for take in takes}
    dropped = [by_number[number] for number in chosen.numbers]
    for take in dropped:
        assert not held(take, parents, playing)
        assert take.verdict != "unheard"
        assert take.stored == "whole"
        assert take.latents_bytes
        assert may_drop(take, parents=parents, playing=playing)
    assert chosen.freed == sum(take.audio_bytes for take in dropped)
    assert chosen.short == max(0, needed - chosen.freed)
    # The worst go first, and no more of them than it takes.
    assert dropped == sorted(dropped, key=rank, reverse=True)
    if dropped:
        assert chosen.freed - dropped[-1].audio_bytes < needed
    kept = [take for take in takes if may_drop(take, parents=parents, playing=playing) and take not in dropped]
    assert not chosen.short or not kept
    assert all(rank(take) <= rank(gone) for take in kept for gone in dropped)


@settings(deadline=None)
@given(situations(), st.integers(0, 12))
def test_the_keep_rule_keeps_the_best_and_what_is_somebodys(situation, keep):
    takes, parents, playing = situation
    gone = set(beyond_keep(takes, keep, parents=parents, playing=playing))
    there = [take for take in takes if not take.trashed]
    best = sorted(there, key=rank)[:keep]
    assert not gone & {take.number for take in best}
    for take in there:
        assert (take.number in gone) == (take not in best and not held(take, parents, playing))
    assert gone <= {take.number for take in there}


def test_the_kind_of_a_file_system(tmp_path):
    import os

    stat = os.stat(tmp_path)
    device = f"{os.major(stat.st_dev)}:{os.minor(stat.st_dev)}"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 0:99 / / rw - ext4 /dev/x rw\n36 22 {device} / /m rw shared:7 - nfs4 host:/x rw\n")
    assert file_system(tmp_path, mounts) == "nfs4"
    mounts.write_text("nonsense\n\n - \n")
    assert file_system(tmp_path, mounts) == ""
    assert file_system(tmp_path / "nowhere") == ""
    assert file_system(tmp_path, tmp_path / "nowhere") == ""
    assert [kind for kind in ("ext4", "tmpfs", "apfs", "", "nfs4", "fuse.sshfs", "cifs") if is_shared(kind)] == [
        "nfs4",
        "fuse.sshfs",
        "cifs",
    ]
    assert free_bytes(tmp_path) > 0
