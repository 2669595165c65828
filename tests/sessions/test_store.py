"""The store: commits, changes, the trash and what is refused. Crashes are in test_store_kills and test_reconcile."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.errors import EngineError, InvalidRequest, RenderFailed
from engine.files import TEMPORARY_PREFIX
from sessions.errors import MissingSession
from sessions.home import NoAudio
from sessions.lists import NoTake
from sessions.query_parser import BadQuery
from sessions.store import Protected, ReadOnly, Store, Taken
from sessions.take import Take
from tests.sessions.takes import committed, render


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "") as opened:
        yield opened


def names(folder: Path) -> list[str]:
    """Every file of a session but its index."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("takes.db") and path.name != "numbers.json"
    )


def test_a_folder_becomes_a_session(tmp_path):
    (tmp_path / "session.toml").write_text("")
    with Store.open(tmp_path) as store:
        assert store.query().total == 0
        assert store.next_number() == 1
        assert store.report.lines() == []
    with pytest.raises(MissingSession) as caught:
        Store.open(tmp_path / "nowhere")
    assert caught.value.exit_code == 3


def test_commit(store):
    take = committed(store, latents=True)
    assert take.files == {"audio": "takes/0001-neon-drive-7.flac", "latents": "latents/0001.safetensors"}
    assert names(store.folder) == [
        "latents/0001.safetensors",
        "takes/0001-neon-drive-7.flac",
        "takes/0001-neon-drive-7.json",
    ]
    assert Take.from_json(store.path(take, "json").read_bytes()) == take
    assert store.get(1) == store.get("id1") == store.get("1") == take
    assert take.created
    assert (store.query().takes, store.query().total) == ([take], 1)


def test_takes_of_a_batch_get_names_of_their_own(store):
    takes = [render(store, seed=seed) for seed in (3, 4)]
    assert [store.commit(take).files["audio"] for take in takes] == [
        "takes/0001-neon-drive-3.flac",
        "takes/0002-neon-drive-4.flac",
    ]


def test_what_is_no_take_of_this_session_is_refused(store):
    take = committed(store)
    with pytest.raises(Taken, match="Take 1 is there"):
        store.commit(take)
    with pytest.raises(Taken):
        store.commit(render(store, number=9, id="id1"))
    with pytest.raises(NoAudio, match="Render it again"):
        store.commit(take.replace(number=5, id="other", files={"audio": "takes/nothing.flac"}))
    for missing in (77, 2**63, "nobody", "99999999999999999999", ""):
        with pytest.raises(NoTake) as caught:
            store.get(missing)
        assert caught.value.exit_code == 3


def test_latents_that_were_not_kept_are_not_claimed(store):
    take = render(store, latents=False)
    take = store.commit(take.replace(files={**take.files, "latents": "takes/batch-1.safetensors"}))
    assert "latents" not in take.files


def test_listeners_are_told_last_and_in_order(store):
    told = []

    def listener(change):
        on_disk = Take.from_json(store.path(change.take, "json").read_bytes()) if change.kind != "deleted" else None
        told.append((change.kind, change.take.number, on_disk == change.take, store.counts().takes))

    end = store.subscribe(listener)
    committed(store)
    store.change(1, verdict="liked")
    store.change(1, verdict="liked")
    store.trash(1)
    store.restore(1)
    store.trash(1)
    store.delete(1)
    end()
    committed(store)
    assert told == [
        ("committed", 1, True, 1),
        ("changed", 1, True, 1),
        ("trashed", 1, True, 0),
        ("restored", 1, True, 1),
        ("trashed", 1, True, 0),
        ("deleted", 1, False, 0),
    ]


def test_a_failing_listener_fails_nobody_else(store, caplog):
    told = []
    store.subscribe(lambda change: 1 / 0)
    store.subscribe(told.append)
    committed(store)
    assert len(told) == 1
    assert "take 1" in caplog.text


def test_changes(store):
    committed(store)
    assert store.change(1, verdict="pinned", rating=4, note="that bass", tags=["keep"]).marked
    assert store.change("id1", score=0.5, parts={"lyrics": 0.4}, faults=[]).score == 0.5
    take = store.get(1)
    assert (take.verdict, take.rating, take.note, take.tags) == ("pinned", 4, "that bass", ("keep",))
    assert store.query("tags:keep parts.lyrics<0.5").total == 1
    with pytest.raises(InvalidRequest):
        store.change(1, rating=7)
    with pytest.raises(NoTake):
        store.change(2, rating=1)
    assert store.get(1) == take


def test_a_change_keeps_what_a_person_wrote_into_the_json(store):
    take = committed(store)
    path = store.path(take, "json")
    raw = json.loads(path.read_bytes()) | {"note": "by hand", "mine": [1], "number": 12, "trashed": True}
    path.write_text(json.dumps(raw))
    changed = store.change(1, rating=2)
    assert (changed.note, changed.extra, changed.number, changed.trashed) == ("by hand", {"mine": [1]}, 1, False)
    path.write_text("{")
    assert store.change(1, rating=3).note == "by hand"
    assert "takes/0001-neon-drive-7.json.broken" in names(store.folder)
    path.unlink()
    assert store.change(1, rating=4).note == "by hand"


def test_a_newer_take_is_not_overwritten(store):
    take = committed(store)
    path = store.path(take, "json")
    path.write_text('{"format": 99}')
    with pytest.raises(EngineError, match="format 99"):
        store.change(1, rating=4)
    assert path.read_text() == '{"format": 99}'


def test_what_was_joined_behind_a_take_is_a_parent_too(store):
    for _ in range(3):
        committed(store)
    committed(store, operation="stitch", parent="id1", request={"caption": "x", "next_audio": "take:id3"})
    assert store.parents() == {"id1", "id3"}
    store.trash(4)
    assert store.parents() == frozenset()


def test_pages_and_sorts(store):
    for number in range(1, 8):
        committed(store, score=number / 10 if number % 2 else None, parts={"sound": -number}, parent="id1")
    store.trash(7)
    assert [take.number for take in store.query().takes] == [6, 5, 4, 3, 2, 1]
    assert [s.number for s in store.summaries("", "score")[0]] == [1, 3, 5, 2, 4, 6]
    assert [s.number for s in store.summaries("", "-score")[0]] == [5, 3, 1, 2, 4, 6]  # ties by their numbers
    assert [s.number for s in store.summaries("", "-score,-number")[0]] == [5, 3, 1, 6, 4, 2]
    assert [s.number for s in store.summaries("", "parts.sound", 2, 1)[0]] == [5, 4]
    store.change(5, faults=["silent"])  # the best by its score alone
    assert [s.number for s in store.summaries("", "-score")[0]] == [3, 1, 2, 4, 6, 5]
    assert [s.number for s in store.summaries("", "faulty,-score")[0]] == [3, 1, 2, 4, 6, 5]
    assert store.summaries("", "-faulty,-score")[0][0].number == 5
    page = store.query("score:none", "number", 1, 1)
    assert ([take.number for take in page.takes], page.total) == ([4], 3)
    assert store.query("parent:1").total == 6
    assert store.query("parent:2").total == 0
    assert store.query("trashed").takes[0].number == 7
    assert store.query("trashed or number=1").total == 2
    assert store.summary(7).trashed
    assert store.parents() == {"id1"}
    counts = store.counts()
    assert (counts.takes, counts.trashed, counts.unheard, counts.verdicts) == (6, 1, 6, {"unheard": 6})
    with pytest.raises(BadQuery):
        store.query("scor>1")
    with pytest.raises(BadQuery):
        store.query("", "scor")


def test_many_sorts_do_not_pile_up(store):
    from sessions.columns import COLUMNS

    committed(store)
    for name in COLUMNS:
        assert store.summaries("", f"-{name},number")[1] == 1


def test_changes_from_many_threads_are_all_there(store):
    for _ in range(4):
        committed(store)
    heard = []
    store.subscribe(lambda change: heard.append(change.take.note))

    def work(i: int) -> None:
        number = i % 4 + 1
        with store._lock:  # what one person does in two steps
            store.change(number, note=store.get(number).note + "x")
        store.query("note~x", "-score")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert [len(store.get(number).note) for number in (1, 2, 3, 4)] == [10] * 4
    assert len(heard) == 40
    assert threading.active_count() < 20


def test_dropping_audio_and_having_it_back(store):
    for _ in range(4):
        committed(store)
    store.change(1, verdict="heard")
    store.change(2, verdict="heard", note="mine")
    store.change(4, verdict="heard")
    committed(store, parent="id4")
    for kept in (2, 3, 4):  # noted, unheard, a parent
        with pytest.raises(Protected):
            store.drop_audio(kept)
    with pytest.raises(Protected):
        store.drop_audio(1, playing={1})
    before = store.usage()
    take = store.drop_audio(1)
    assert take.stored == "latents only"
    assert not store.path(take).exists()
    assert store.usage() < before
    assert store.query('stored:"latents only"').total == 1
    with pytest.raises(Protected):
        store.drop_audio(1)
    store.path(take).write_bytes(b"decoded again")
    back = store.audio_is_back(1, audio="abc")
    assert (back.stored, back.hashes) == ("whole", {"audio": "abc"})


def test_deleting_is_for_the_trash_alone(store):
    committed(store)
    with pytest.raises(Protected, match="not in the trash"):
        store.delete(1)
    store.trash(1)
    store.delete(1)
    assert names(store.folder) == []
    with pytest.raises(NoTake):
        store.get(1)
    assert store.next_number() == 2


# --- the disk --------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MB; skipped where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(ballast: Path) -> None:
    """Writes until nothing more goes onto the disk."""
    with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_full_disk_is_a_sentence_and_nothing_is_half_there(small_disk, tmp_path):
    session = small_disk / "jam"
    session.mkdir()
    with Store.open(session, index=tmp_path / "index.db") as store:
        take = committed(store)
        waiting = render(store)
        ballast = small_disk / "ballast"
        fill(ballast)
        before = [name for name in names(session) if "0002" not in name and "batch" not in name]
        for _ in range(2):
            with pytest.raises(RenderFailed, match="disk is full"):
                store.commit(waiting)
        with pytest.raises(RenderFailed, match="disk is full"):
            store.change(1, note="no room " * 1000)
        assert store.get(1) == take == Take.from_json(store.path(take, "json").read_bytes())
        assert [name for name in names(session) if "0002" not in name] == before
        assert not [name for name in names(session) if TEMPORARY_PREFIX in name]
        ballast.unlink()
        assert store.commit(waiting).number == 2
        assert committed(store).number == 3
    with Store.open(session, index=tmp_path / "index.db") as store:
        assert store.query().total == 3
        assert store.report.lines() == []


def test_a_full_disk_still_opens_whatever_is_wrong_in_it(small_disk):
    with Store.open(small_disk) as store:
        for _ in range(4):
            committed(store)
    (small_disk / "takes.db").unlink()
    (small_disk / "takes" / "0001-neon-drive-7.json").write_text("{")
    shutil.copy(small_disk / "takes" / "0002-neon-drive-7.json", small_disk / "takes" / "0002-copy.json")
    for path in (small_disk / "takes").glob("0004*"):
        path.unlink()
    (small_disk / "latents" / "0004.safetensors").unlink()
    fill(small_disk / "ballast")
    with Store.open(small_disk) as store:
        numbers = {take.number for take in store.query().takes}
        assert {2, 3} <= numbers
        assert "full" in " ".join(store.report.lines())
    (small_disk / "ballast").unlink()
    with Store.open(small_disk) as store:
        assert store.report.troubles == []
        assert store.query().total == 4


def test_a_full_disk_of_the_index_does_not_stop_the_session(small_disk, tmp_path):
    with Store.open(tmp_path, index=small_disk / "index.db") as store:
        committed(store)
        fill(small_disk / "ballast")
        for _ in range(60):
            committed(store, note="long " * 2000)
        assert store.query().total == 61
        assert store.query('"long"', "-number", 5).takes[0].number == 61
        assert "memory" in store.report.index
    (small_disk / "ballast").unlink()
    with Store.open(tmp_path, index=small_disk / "index.db") as store:
        assert store.query().total == 61


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", ["fsync", "link", "rename"])
def test_a_disk_that_fails_at_any_step(store, monkeypatch, call, code):
    first = committed(store)
    waiting = render(store)

    def fail(*_args, **_kwargs):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        if call == "link":  # then a rename is tried, which works
            patch.setattr(os, "rename", fail)
        with pytest.raises(EngineError) as caught:
            store.commit(waiting)
        assert caught.value.hint
    assert not [name for name in names(store.folder) if name.endswith("2.json") or TEMPORARY_PREFIX in name]
    assert store.query().takes == [first]
    assert store.commit(waiting).number == 2
    assert store.query().total == 2


def test_a_disk_that_fails_in_a_change_leaves_the_take_as_it_was(store, monkeypatch):
    take = committed(store)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        for change in (lambda: store.change(1, note="x"), lambda: store.trash(1)):
            with pytest.raises(RenderFailed, match="disk is full"):
                change()
    assert store.get(1) == take == Take.from_json(store.path(take, "json").read_bytes())


def test_a_read_only_disk_is_opened_for_reading(small_disk):
    with Store.open(small_disk) as store:
        committed(store)
        committed(store, score=0.5)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with Store.open(small_disk) as store:
        assert not store.writable
        assert store.query("score>0").total == 1
        assert store.summaries("", "-rating,score")[1] == 2
        for write in (
            lambda: store.change(1, rating=1),
            lambda: store.trash(1),
            lambda: store.delete(1),
            lambda: store.commit(store.get(1).replace(number=3, id="x")),
        ):
            with pytest.raises(ReadOnly) as caught:
                write()
            assert "reading" in caught.value.error
            assert caught.value.hint


def test_a_read_only_disk_without_an_index(small_disk):
    with Store.open(small_disk) as store:
        committed(store)
        committed(store)
    (small_disk / "takes.db").unlink()
    (small_disk / "takes" / "0002-neon-drive-7.json").unlink()
    before = names(small_disk)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with Store.open(small_disk) as store:
        assert store.query().total == 2
        assert store.report.adopted == [2]
        assert store.get(2).seed == 7
    assert names(small_disk) == before


def test_reading_beside_a_writer(tmp_path):
    with Store.open(tmp_path) as writer:
        committed(writer)
        with Store.open(tmp_path, read_only=True) as reader:
            committed(writer)
            assert reader.query().total == 1
            assert reader.refresh().lines() == []
            assert reader.query().total == 2
            with pytest.raises(ReadOnly):
                reader.trash(1)
        assert writer.query().total == 2


def test_an_index_on_another_disk(tmp_path):
    session, elsewhere = tmp_path / "jam", tmp_path / "fast" / "jam.db"
    session.mkdir()
    elsewhere.parent.mkdir()
    with Store.open(session, index=elsewhere) as store:
        committed(store)
    assert elsewhere.exists()
    assert not (session / "takes.db").exists()
    with Store.open(session, index=elsewhere) as store:
        assert store.query().total == 1
    with Store.open(session, index=tmp_path / "nowhere" / "x.db") as store:
        assert store.query().total == 1
        assert "memory" in store.report.index


def test_clocks_do_not_matter(tmp_path, monkeypatch):
    """Time stands still, jumps back and forth; files too are as old as they like."""
    import time

    moments = iter([2e9, 1e9, 0.0, 4e9, 1e9] * 40)
    monkeypatch.setattr(time, "time", lambda: next(moments))
    with Store.open(tmp_path) as store:
        for _ in range(3):
            committed(store)
        store.change(1, rating=1)
    for path in tmp_path.rglob("*"):
        os.utime(path, (0, 0))
    with Store.open(tmp_path) as store:
        assert [take.number for take in store.query().takes] == [3, 2, 1]
        assert store.get(1).rating == 1
        committed(store)
    for path in tmp_path.rglob("*"):
        os.utime(path, (4e9, 4e9))
    with Store.open(tmp_path) as store:
        assert [take.number for take in store.query().takes] == [4, 3, 2, 1]
        assert store.next_number() == 5


def test_a_session_that_was_copied(tmp_path):
    with Store.open(tmp_path / "") as store:
        for _ in range(3):
            committed(store)
        shutil.copytree(tmp_path, tmp_path.with_name("while-open"))
    shutil.copytree(tmp_path, tmp_path.with_name("copied"))
    for name in ("while-open", "copied"):
        with Store.open(tmp_path.with_name(name)) as store:
            assert store.report.lines() == []
            assert store.query().total == 3
            assert committed(store).number == 4
