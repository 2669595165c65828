"""What is found in a folder after crashes and after hands: all of it is kept, and every number is one take's."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from engine.files import TEMPORARY_PREFIX
from sessions.scan import number_of
from sessions.store import Store
from sessions.take import Take
from tests.sessions.takes import REQUEST, committed, flac, no_waiting, render, write

__all__ = ["no_waiting"]

FIRST = "takes/0001-neon-drive-7"
SECOND = "takes/0002-neon-drive-7"


pytestmark = pytest.mark.usefixtures("no_waiting")


@pytest.fixture
def session(tmp_path):
    """Two takes, the second with a note, and the session closed."""
    with Store.open(tmp_path) as store:
        committed(store)
        committed(store, score=0.5)
        store.change(2, note="mine", verdict="liked")
    return tmp_path


@pytest.fixture(params=["with the index", "without the index"])
def lost(request, session):
    """The same, once with its index and once without."""
    if "without" in request.param:
        (session / "takes.db").unlink()
    return session


def open_twice(session):
    """The store at its first opening, whose report says all; the second has nothing to add."""
    store = Store.open(session)
    store.close()
    again = Store.open(session)
    assert again.report.lines() == []
    assert again.refresh().adopted == again.report.renumbered == again.report.broken == []
    files = {path: path.read_bytes() for path in session.rglob("*.json")}
    for take in again.query("trashed or not trashed").takes:
        assert Take.from_json(files[again.path(take, "json")]).replace(stored=take.stored) == take
    again.close()
    return store.report, again


def test_audio_without_json_is_adopted_from_its_tags(lost):
    (lost / f"{FIRST}.json").unlink()
    (lost / "takes.db").unlink(missing_ok=True)
    report, _ = open_twice(lost)
    assert report.adopted == [1]
    with Store.open(lost) as store:
        take = store.get(1)
        assert (take.seed, take.duration, take.name, take.request["bpm"]) == (7, 1.0, "neon drive", 96)
        assert take.files == {"audio": f"{FIRST}.flac", "latents": "latents/0001.safetensors"}
        assert (take.operation, take.verdict, take.revision) == ("render", "unheard", None)


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ('{"revision": 4, "parent": "ab12", "operation": "sibling", "batch": "b1"}', (4, "ab12", "sibling", "b1")),
        ('{"revision": "4", "parent": null, "batch": 7, "else": 1}', (None, None, "render", None)),
        ("[1]", (None, None, "render", None)),
        ("{", (None, None, "render", None)),
    ],
)
def test_audio_without_json_knows_where_it_came_from_as_far_as_its_tags_tell(tmp_path, told, known):
    (tmp_path / "takes").mkdir()
    (tmp_path / "takes" / "0003-x-1.flac").write_bytes(flac(ACETUI_TAKE=told))
    with Store.open(tmp_path) as store:
        take = store.get(3)
        assert (take.revision, take.parent, take.operation, take.batch) == known


def test_a_json_that_was_lost_is_written_as_the_index_knows_it(session):
    before = json.loads((session / f"{SECOND}.json").read_bytes())
    (session / f"{SECOND}.json").unlink()
    report, _ = open_twice(session)
    assert report.restored == [2]
    assert json.loads((session / f"{SECOND}.json").read_bytes()) == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\0" * 500, b'{"format": 1, "number": 1}'])
def test_broken_json_is_set_aside_and_its_take_stays(lost, content):
    with_index = (lost / "takes.db").exists()
    (lost / f"{SECOND}.json").write_bytes(content)
    (lost / "takes" / "touched").touch()
    report, _ = open_twice(lost)
    assert report.broken == [f"{SECOND}.json.broken"]
    assert (lost / f"{SECOND}.json.broken").read_bytes() == content
    with Store.open(lost) as store:
        assert store.get(2).note == ("mine" if with_index else "")
        assert report.restored == ([2] if with_index else [])
        assert report.adopted == ([] if with_index else [2])
    (lost / f"{SECOND}.json").write_bytes(content)
    (lost / "takes" / "touched").unlink()
    report, _ = open_twice(lost)
    assert report.broken == [f"{SECOND}.json.broken2"]


def test_a_newer_json_is_left_alone_and_so_is_its_audio(lost):
    content = b'{"format": 7, "number": 2, "anything": true}'
    (lost / f"{SECOND}.json").write_bytes(content)
    (lost / "takes" / "touched").touch()
    with Store.open(lost) as store:
        assert store.report.newer == [f"{SECOND}.json"]
        assert "newer" in store.report.lines()[0]
        assert [take.number for take in store.query().takes] == [1]
        assert store.report.adopted == []
        assert store.next_number() == 3
    assert (lost / f"{SECOND}.json").read_bytes() == content


def test_an_older_json_is_understood_and_written_anew_with_its_next_change(lost):
    raw = json.loads((lost / f"{SECOND}.json").read_bytes())
    for name in ("format", "liked", "pinned", "rejected", "heard"):
        raw.pop(name)
    raw["verdict"] = "rejected"
    content = json.dumps(raw)
    (lost / f"{SECOND}.json").write_text(content)
    (lost / "takes" / "touched").touch()
    with Store.open(lost) as store:
        assert store.get(2).verdict == "rejected"
        assert (lost / f"{SECOND}.json").read_text() == content
        store.change(2, rating=1)
    assert json.loads((lost / f"{SECOND}.json").read_bytes())["rejected"] is True


def test_json_without_audio_is_marked_and_unmarked(lost):
    shutil.move(lost / f"{FIRST}.flac", lost / "first")
    shutil.move(lost / f"{SECOND}.flac", lost / "second")
    (lost / "latents" / "0002.safetensors").unlink()
    report, _ = open_twice(lost)
    assert report.marked == [1, 2]
    with Store.open(lost) as store:
        assert (store.get(1).stored, store.get(2).stored) == ("latents only", "missing audio")
        assert store.query('stored:"missing audio"').takes[0].note == "mine"
        assert store.change(2, rating=3).stored == "missing audio"
    shutil.move(lost / "first", lost / f"{FIRST}.flac")
    shutil.move(lost / "second", lost / f"{SECOND}.flac")
    report, _ = open_twice(lost)
    assert report.returned == [1, 2]


def test_what_dead_processes_left_is_swept(lost):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for room in ("takes", "latents", "."):
        (lost / room / f"{TEMPORARY_PREFIX}{ended.pid}-00ff").write_bytes(b"half")
    (lost / "takes" / f"{TEMPORARY_PREFIX}1-00ff").write_bytes(b"somebody's")
    with Store.open(lost) as store:
        assert len(store.report.swept) == 3
        assert store.query().total == 2
    assert [path.name for path in lost.rglob(f"{TEMPORARY_PREFIX}*")] == [f"{TEMPORARY_PREFIX}1-00ff"]


def test_a_copied_take_becomes_one_of_its_own(lost):
    for suffix in (".flac", ".json"):
        shutil.copy(lost / f"{SECOND}{suffix}", lost / f"{SECOND} (copy){suffix}")
    report, _ = open_twice(lost)
    assert report.renumbered == [(2, 3)]
    with Store.open(lost) as store:
        assert {take.note for take in store.query("number>1").takes} == {"mine"}
        assert store.get(3).files == {"audio": f"{SECOND} (copy).flac"}
        assert store.get(2).files["latents"] == "latents/0002.safetensors"
        assert store.get(3).id != store.get(2).id


def test_a_copied_json_alone(lost):
    shutil.copy(lost / f"{SECOND}.json", lost / "takes" / "0000-copy.json")
    report, _ = open_twice(lost)
    assert report.renumbered == [(2, 3)]
    with Store.open(lost) as store:
        assert (store.get(3).stored, store.get(2).stored) == ("missing audio", "whole")


def test_takes_of_another_session_are_taken_in(lost, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    with Store.open(other) as store:
        for i in range(3):
            committed(store, id=f"other{i}", note=f"other {i}", seed=9)
    for path in (other / "takes").iterdir():
        shutil.copy(path, lost / "takes")
    report, _ = open_twice(lost)
    assert sorted(report.renumbered) == [(1, 4), (2, 5)]
    with Store.open(lost) as store:
        assert store.query().total == 5
        assert {take.note for take in store.query("note~other").takes} == {"other 0", "other 1", "other 2"}
        assert store.get(2).note == "mine"


def test_renamed_by_hand(lost):
    for suffix in (".flac", ".json"):
        os.rename(lost / f"{FIRST}{suffix}", lost / f"takes/my favourite{suffix}")
    os.rename(lost / f"{SECOND}.json", lost / "takes/second.json")
    _, _ = open_twice(lost)
    with Store.open(lost) as store:
        assert store.query().total == 2
        assert store.get(1).files["audio"] == "takes/my favourite.flac"
        assert (store.get(2).note, store.get(2).stored) == ("mine", "whole")
    assert (lost / f"{SECOND}.json").exists()


def test_numbers_swapped_by_hand(lost):
    contents = [(lost / f"{name}.json").read_bytes() for name in (FIRST, SECOND)]
    for name, content in zip((SECOND, FIRST), contents, strict=True):
        (lost / f"{name}.json").write_bytes(content)
    (lost / "takes" / "touched").touch()
    _, _ = open_twice(lost)
    with Store.open(lost) as store:
        assert store.query().total == 2
        assert store.get(2).files["audio"] == f"{FIRST}.flac"
        assert store.get(2).note == "mine"


def test_audio_of_a_killed_engine_gets_a_number_and_its_latents(lost):
    write(lost / "takes" / "batch-5.flac", flac(2.0, {**REQUEST, "seed": 5, "seeds": [5], "task_type": "repaint"}))
    write(lost / "takes" / "batch-5.safetensors", b"latents")
    write(lost / "takes" / "batch-6.safetensors", b"no audio came")
    write(lost / "latents" / "0009.safetensors", b"no audio either")
    report, _ = open_twice_loose(lost)
    assert report.adopted == [10]
    assert report.loose_latents == ["latents/0009.safetensors", "takes/batch-6.safetensors"]
    with Store.open(lost) as store:
        take = store.get(10)
        assert (take.seed, take.operation, take.duration) == (5, "repaint", 2.0)
        assert take.files == {"audio": "takes/0010-neon-drive-5.flac", "latents": "latents/0010.safetensors"}
        assert store.next_number() == 11


@pytest.mark.parametrize("call", ["link", "rename", "unlink"])
@pytest.mark.parametrize("when", range(3))
def test_a_commit_that_is_killed_at_any_step_keeps_audio_and_latents_together(tmp_path, monkeypatch, call, when):
    store = Store.open(tmp_path)
    take = render(store, seed=9)
    calls = iter(range(100))
    real = getattr(os, call)

    def killed(*arguments, **options):
        if next(calls) == when:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        patch.setattr(os, call, killed)
        store.commit(take)
    store._living._index.close()
    report, _ = open_twice(tmp_path)
    assert report.loose_latents == []
    with Store.open(tmp_path) as store:
        (found,) = store.query().takes
        assert (found.seed, found.stored) == (9, "whole")
        assert store.path(found, "latents").read_bytes() == b"latents 1"
    assert len(list((tmp_path / "latents").iterdir())) == 1
    assert list((tmp_path / "takes").glob("batch-*")) == []


def open_twice_loose(session):
    """``open_twice`` where loose latents stay to be reported."""
    store = Store.open(session)
    store.close()
    with Store.open(session) as again:
        assert again.report.adopted == again.report.renumbered == []
    return store.report, again


def test_audio_that_is_no_take_is_left_alone(lost):
    write(lost / "takes" / "song.flac", b"fLaC" + bytes(50))
    write(lost / "takes" / "notes.txt", b"words")
    write(lost / "takes" / "20260101-mix.wav", b"RIFF\0\0\0\0WAVE")
    write(lost / "takes" / "odd.flac", flac(request={"caption": 5, "seed": "x"}, title=""))
    with Store.open(lost) as store:
        assert len(store.report.strays) == 2
        assert all(line.endswith(".") for line in store.report.lines())
        assert store.report.adopted == [3]
        assert (store.get(3).seed, store.get(3).name) == (-1, "take")
        assert store.next_number() == 4
    assert (lost / "takes" / "song.flac").exists()


@pytest.mark.parametrize("trashed", [True, False])
@pytest.mark.parametrize("moved", range(4))
def test_a_way_into_the_trash_and_back_that_was_interrupted(session, trashed, moved):
    """The JSON says where to; of audio, latents and the JSON itself, some have arrived."""
    if not trashed:
        with Store.open(session) as store:
            store.trash(2)
    there = session if trashed else session / "trash"
    goal = session / "trash" if trashed else session
    path = there / f"{SECOND}.json"
    path.write_bytes(Take.from_json(path.read_bytes()).replace(trashed=trashed).to_json())
    (session / "trash" / "takes").mkdir(parents=True, exist_ok=True)
    (session / "trash" / "latents").mkdir(exist_ok=True)
    for name in (f"{SECOND}.flac", "latents/0002.safetensors", f"{SECOND}.json")[:moved]:
        os.rename(there / name, goal / name)
    (session / "takes" / "touched").touch()
    report, _ = open_twice(session)
    assert report.moved == ([2] if moved < 3 else [])
    with Store.open(session) as store:
        take = store.get(2)
        assert (take.trashed, take.stored, take.note) == (trashed, "whole", "mine")
        assert store.path(take).exists()
        assert store.path(take, "latents").exists()
        assert store.query("trashed").total == int(trashed)


def test_a_trash_that_is_in_the_way_is_reported_and_nothing_is_overwritten(session):
    write(session / "trash" / f"{SECOND}.flac", b"already here")
    path = session / f"{SECOND}.json"
    path.write_bytes(Take.from_json(path.read_bytes()).replace(trashed=True).to_json())
    (session / "takes" / "touched").touch()
    with Store.open(session) as store:
        assert "could not be moved" in store.report.troubles[0]
    assert (session / "trash" / f"{SECOND}.flac").read_bytes() == b"already here"
    assert (session / f"{SECOND}.flac").exists()


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_numbers_are_never_used_again(tmp_path):
    with Store.open(tmp_path) as store:
        for _ in range(3):
            committed(store)
        store.trash(3)
        store.delete(3)
        assert store.next_number() == 4
    (tmp_path / "takes.db").unlink()
    with Store.open(tmp_path) as store:
        assert store.next_number() == 5  # 4 was given before the end
        store.trash(2)
        store._living._index.close()  # killed
    shutil.rmtree(tmp_path / "trash")
    (tmp_path / "takes.db").unlink()
    with Store.open(tmp_path) as store:
        assert store.query().total == 1
        assert store.next_number() >= 5


def test_numbers_of_takes_removed_by_hand_are_not_used_again(session):
    for path in (session / "takes").glob("0002*"):
        path.unlink()
    (session / "latents" / "0002.safetensors").unlink()
    with Store.open(session) as store:
        assert store.report.gone == [2]
        assert "not used again" in store.report.lines()[0]
        store._living._index.close()
    (session / "takes.db").unlink()
    with Store.open(session) as store:
        assert store.next_number() == 3


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"highest": "x"}', '{"highest": -3}', '{"highest": 1e99}', "\0"])
def test_a_list_of_numbers_that_cannot_be_read(session, content):
    (session / "numbers.json").write_text(content)
    with Store.open(session) as store:
        assert store.next_number() == 3


def test_numbers_in_names():
    named = {"0047-neon-8.flac": 47, "0047.safetensors": 47, "12345-x.json": 12345, "0000-x.json": None}
    none = dict.fromkeys(("x.flac", "47-x.flac", "20260101-x.flac", "-0047.flac", "", "004a-x.flac"))
    assert {name: number_of(name) for name in (*named, *none)} == {**named, **none}


def test_a_commit_after_a_wild_start(lost):
    """A folder with everything wrong at once still takes new takes."""
    (lost / f"{FIRST}.json").write_text("{")
    shutil.copy(lost / f"{SECOND}.json", lost / "takes" / "0077-x.json")
    write(lost / "takes" / "0055-song.flac", flac())
    with Store.open(lost) as store:
        numbers = [take.number for take in store.query("", "number", 99).takes]
        assert len(numbers) == len(set(numbers)) == 4
        assert store.commit(render(store)).number > max(numbers)


def test_a_take_that_was_edited_in_place_while_the_session_was_closed_is_read_again_in_the_background(session):
    with Store.open(session) as store:
        assert store.look_again() == []
        store.change(1, note="old")
    file = session / f"{FIRST}.json"
    file.write_text(file.read_text().replace('"old"', '"new"'))  # in place: the folder looks as it did
    told = []
    with Store.open(session) as store:
        assert store.report.lines() == []
        store.subscribe(lambda change: told.append((change.kind, change.take.note)))
        store.change(2, note="of this very moment")
        assert store.look_again() == [1]
        assert store.get(1).note == "new"
        assert store.query("note~new").total == 1
        assert store.look_again() == []
    assert told[-1] == ("changed", "new")


def test_an_edit_that_leaves_no_take_is_set_aside_and_its_take_stays(session):
    with Store.open(session):
        pass
    (session / f"{FIRST}.json").write_text("{")
    with Store.open(session) as store:
        store.look_again()
        assert (session / f"{FIRST}.json.broken").exists()
        assert store.get(1).number == 1
