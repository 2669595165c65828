"""Files that are whole or not there."""

import errno
import os
import stat
import subprocess
import sys

import pytest

from engine import files
from engine.errors import Cancelled, InvalidRequest, RenderFailed
from engine.files import TEMPORARY_PREFIX, atomic_add, atomic_write, sweep_dead


def test_writes_and_leaves_nothing_else(tmp_path):
    target = tmp_path / "take.json"
    atomic_write(target, lambda file: file.write(b"{}"))
    assert target.read_bytes() == b"{}"
    assert os.listdir(tmp_path) == ["take.json"]


def test_keeps_to_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        atomic_write(tmp_path / "a", lambda file: None)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_refuses_an_existing_file_before_any_work(tmp_path):
    target = tmp_path / "take.flac"
    target.write_bytes(b"old")
    with pytest.raises(InvalidRequest, match="exists already") as caught:
        atomic_write(target, lambda file: pytest.fail("called"))
    assert caught.value.hint
    atomic_write(target, lambda file: file.write(b"new"), overwrite=True)
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("hard_links", [True, False])
def test_refuses_a_file_that_appears_meanwhile(tmp_path, monkeypatch, hard_links):
    target = tmp_path / "take.flac"
    if not hard_links:
        monkeypatch.setattr(os, "link", _raise(OSError(errno.EPERM, "no hard links")))
    with pytest.raises(InvalidRequest, match="exists already"):
        atomic_write(target, lambda file: target.write_bytes(b"theirs"))
    assert target.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["take.flac"]


def test_works_without_hard_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", _raise(OSError(errno.EPERM, "no hard links")))
    atomic_write(tmp_path / "a", lambda file: file.write(b"x"))
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("failure", [ValueError("bug"), KeyboardInterrupt(), Cancelled()])
def test_a_failing_writer_leaves_the_old_file(tmp_path, failure):
    target = tmp_path / "take.json"
    target.write_bytes(b"old")

    def writer(file):
        file.write(b"half")
        assert [name for name in os.listdir(tmp_path) if name.startswith(TEMPORARY_PREFIX)]
        raise failure

    with pytest.raises(type(failure)):
        atomic_write(target, writer, overwrite=True)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["take.json"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_free_space(tmp_path, monkeypatch, code):
    monkeypatch.setattr(files.os, "fsync", _raise(OSError(code, "full")))
    with pytest.raises(RenderFailed, match=r"disk is full.*MB free") as caught:
        atomic_write(tmp_path / "take.flac", lambda file: file.write(b"x"))
    assert "space" in caught.value.hint
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.EACCES, "not allowed"), (errno.EROFS, "not allowed"), (errno.EIO, "could not be written")],
)
def test_other_refusals_are_sentences(tmp_path, monkeypatch, code, words):
    monkeypatch.setattr(files.os, "fsync", _raise(OSError(code, "no")))
    with pytest.raises(RenderFailed, match=words) as caught:
        atomic_write(tmp_path / "take.flac", lambda file: None)
    assert caught.value.hint


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(RenderFailed, match="no folder"):
        atomic_write(tmp_path / "nowhere" / "a", lambda file: None)


def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not here")
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", fsync)
    atomic_write(tmp_path / "a", lambda file: file.write(b"x"))
    assert (tmp_path / "a").read_bytes() == b"x"


# Names that follow from the content


def test_adds_under_the_name_that_the_writer_finds(tmp_path):
    def writer(file):
        file.write(b"x")
        return "found.bin"

    assert atomic_add(tmp_path, writer) == tmp_path / "found.bin"
    assert (tmp_path / "found.bin").read_bytes() == b"x"
    assert os.listdir(tmp_path) == ["found.bin"]


def test_adding_keeps_a_file_that_is_there(tmp_path):
    (tmp_path / "found.bin").write_bytes(b"old")
    assert atomic_add(tmp_path, lambda file: "found.bin").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["found.bin"]


@pytest.mark.parametrize("failure", [InvalidRequest("no"), ValueError("bug")])
def test_adding_passes_on_the_refusal_of_the_writer(tmp_path, failure):
    with pytest.raises(type(failure)):
        atomic_add(tmp_path, _raise(failure))
    assert os.listdir(tmp_path) == []


def test_adding_says_that_the_disk_is_full(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", _raise(OSError(errno.ENOSPC, "full")))
    with pytest.raises(RenderFailed, match="disk is full"):
        atomic_add(tmp_path, lambda file: "x")
    assert os.listdir(tmp_path) == []


# What killed processes leave


def test_sweeps_what_dead_processes_left_and_nothing_else(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = [f"{TEMPORARY_PREFIX}{ended.pid}-0000", f"{TEMPORARY_PREFIX}{os.getpid()}-0000", f"{TEMPORARY_PREFIX}x"]
    kept = [f"{TEMPORARY_PREFIX}1-0000", "take.json"]
    for name in (*left, *kept):
        (tmp_path / name).touch()

    def writer(file):
        assert sweep_dead(tmp_path) == sorted(left)
        file.write(b"x")

    atomic_write(tmp_path / "a", writer)
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "a"])


def _raise(failure):
    def function(*_args, **_kwargs):
        raise failure

    return function
