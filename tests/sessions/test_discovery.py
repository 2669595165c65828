"""Where a studio is found: for its owner alone, and again after somebody has tidied up."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from sessions.discovery import LONGEST_SOCKET, Door, NoPlace, Place, who_has
from sessions.lock import FILE, SessionBusy, SessionLock


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / "s"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Place.of(tmp_path / "jam")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_sessions_have_places_of_their_own(place: Place, tmp_path: Path) -> None:
    assert place == Place.of(tmp_path / "x" / ".." / "jam")
    assert place.key != Place.of(tmp_path / "other").key
    assert place.key in place.cookie


def test_folder_token_and_socket_are_the_owners_alone(place: Place) -> None:
    before = os.umask(0)
    try:
        token = place.token()
        door = Door(place)
        listening = door.open()
    finally:
        os.umask(before)
    assert (mode(place.folder), mode(place.folder / "token"), mode(place.socket)) == (0o700, 0o600, 0o600)
    assert place.token() == place.known_token() == token
    assert len(token) >= 40
    listening.close()


def test_a_token_that_others_could_have_read_is_replaced(place: Place) -> None:
    token = place.token()
    (place.folder / "token").chmod(0o644)
    assert place.known_token() is None
    assert place.token() != token
    (place.folder / "token").write_text("short")
    assert place.known_token() is None


def test_a_folder_that_others_can_read_is_closed_and_one_that_is_none_is_refused(place: Place) -> None:
    place.folder.mkdir(parents=True)
    place.folder.chmod(0o755)
    place.make()
    assert mode(place.folder) == 0o700
    place.folder.rmdir()
    place.folder.symlink_to("/tmp")
    with pytest.raises(NoPlace):
        place.make()


def test_the_door_replaces_what_a_dead_studio_left_and_sees_when_it_is_gone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.make()
    place.socket.parent.mkdir(exist_ok=True)
    dead = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(place.socket.parent)  # whose name may be too long for a socket
    dead.bind("s")
    dead.close()
    door = Door(place)
    with door.open() as listening, socket.socket(socket.AF_UNIX) as client:
        client.connect("s")
        listening.setblocking(True)
        listening.accept()[0].close()
    assert door.is_there()
    place.socket.unlink()
    assert not door.is_there()
    with door.open():
        assert door.is_there()
        door.close()
        assert not place.socket.exists()


def test_a_door_does_not_take_another_ones_socket_away(place: Place) -> None:
    first, second = Door(place), Door(place)
    with first.open(), second.open():
        assert not first.is_there()
        first.close()
        assert second.is_there()


def test_a_state_folder_with_a_long_name_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / ("long" * 40)))
    place = Place.of(tmp_path / "jam")
    place.make()
    assert len(os.fsencode(place.socket)) <= LONGEST_SOCKET
    assert mode(place.socket.parent) == 0o700
    with Door(place).open() as listening:
        assert listening.getsockname()
    place.socket.unlink()
    place.socket.parent.rmdir()


def test_a_holder_that_has_not_written_its_name_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SessionLock.acquire(tmp_path) as lock:
        content = (tmp_path / FILE).read_bytes()
        (tmp_path / FILE).write_bytes(b"")
        monkeypatch.setattr("time.sleep", lambda seconds: (tmp_path / FILE).write_bytes(content))
        assert who_has(tmp_path) == lock.holder
        (tmp_path / FILE).write_bytes(b"")
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        with pytest.raises(SessionBusy):
            who_has(tmp_path)
    assert who_has(tmp_path) is None
