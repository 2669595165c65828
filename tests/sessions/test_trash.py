"""Into the trash and back."""

from __future__ import annotations

import pytest

from sessions.store import Store
from sessions.take import Take
from sessions.trash import NotMoved, move
from tests.sessions.takes import committed, no_waiting

__all__ = ["no_waiting"]

pytestmark = pytest.mark.usefixtures("no_waiting")


def test_there_and_back(tmp_path):
    with Store.open(tmp_path) as store:
        take = committed(store, note="mine", rating=4)
        trashed = store.trash(1)
        assert trashed == take.replace(trashed=True)
        assert store.trash(1) == trashed
        assert [path.name for path in (tmp_path / "takes").iterdir()] == []
        assert (tmp_path / "trash" / "takes" / "0001-neon-drive-7.flac").exists()
        assert (tmp_path / "trash" / "latents" / "0001.safetensors").exists()
        assert trashed.object()["files"]["audio"] == "trash/takes/0001-neon-drive-7.flac"
        assert store.query().total == 0
        assert store.query("trashed").takes == [trashed]
    with Store.open(tmp_path) as store:
        assert store.get(1) == trashed
        assert store.change(1, note="still mine").trashed
        assert store.restore(1) == store.restore(1) == take.replace(note="still mine")
        assert store.path(take).exists()
        assert list((tmp_path / "trash" / "takes").iterdir()) == []


def test_a_take_without_audio_goes_too(tmp_path):
    with Store.open(tmp_path) as store:
        take = committed(store)
        store.path(take).unlink()
        store.refresh()
        assert store.trash(1).stored == "latents only"
        assert store.restore(1).stored == "latents only"
        assert Take.from_json(store.path(take, "json").read_bytes()).trashed is False


def test_nothing_is_overwritten_on_the_way(tmp_path):
    with Store.open(tmp_path) as store:
        take = committed(store)
        (tmp_path / "trash" / "takes").mkdir(parents=True)
        blocked = tmp_path / "trash" / take.files["audio"]
        blocked.write_bytes(b"here before")
        with pytest.raises(NotMoved) as caught:
            store.trash(1)
        assert "trash" in caught.value.hint
        assert store.get(1).number == 1
        blocked.unlink()
        assert store.trash(1).trashed
        assert store.path(store.get(1)).exists()


def test_moving(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    assert move(tmp_path / "nothing", tmp_path / "b") is None
    assert move(tmp_path / "a", tmp_path / "a") is None
    assert move(tmp_path / "a", tmp_path / "new" / "b") == str(tmp_path / "new")
    (tmp_path / "a").touch()
    with pytest.raises(FileExistsError):
        move(tmp_path / "a", tmp_path / "new" / "b")
