"""One writer a session: who holds it, who held it, and what a copied or shared folder makes of that."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.errors import EngineError
from sessions import lock as lock_module
from sessions.lock import FILE, Holder, LockLost, SessionBusy, SessionLock, holder_of

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys, time
from sessions.lock import SessionLock
lock = SessionLock.acquire(sys.argv[1], socket_path="/s/x.sock")
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def elsewhere(tmp_path):
    """A process that holds the session in ``tmp_path``."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_held_and_given_back(tmp_path):
    assert holder_of(tmp_path) is None
    with SessionLock.acquire(tmp_path) as lock:
        assert lock.previous is None
        assert (lock.holder.host, lock.holder.pid) == (socket.gethostname(), os.getpid())
        assert holder_of(tmp_path) == lock.holder
        with pytest.raises(SessionBusy):
            SessionLock.acquire(tmp_path)
        lock.beat()
        assert holder_of(tmp_path) == lock.holder
        assert lock.holder.beats == 1
    lock.release()
    assert holder_of(tmp_path) is None
    with SessionLock.acquire(tmp_path) as lock:
        assert lock.previous is None


def test_the_refusal_names_the_holder(tmp_path, elsewhere):
    with pytest.raises(SessionBusy) as caught:
        SessionLock.acquire(tmp_path)
    assert f"process {elsewhere.pid} on this machine" in caught.value.error
    assert tmp_path.name in caught.value.error
    assert caught.value.hint
    assert caught.value.holder == holder_of(tmp_path)
    assert caught.value.holder.socket == "/s/x.sock"


def test_nobody_is_sent_to_attach_to_what_is_no_studio(tmp_path):
    with SessionLock.acquire(tmp_path), pytest.raises(SessionBusy) as caught:
        SessionLock.acquire(tmp_path)
    assert "no studio" in caught.value.hint
    with SessionLock.acquire(tmp_path, socket_path="/s/x.sock"), pytest.raises(SessionBusy) as caught:
        SessionLock.acquire(tmp_path)
    assert "Attach" in caught.value.hint


def test_a_killed_holder_leaves_no_lock(tmp_path, elsewhere):
    elsewhere.send_signal(signal.SIGKILL)
    elsewhere.wait()
    assert holder_of(tmp_path) is None
    with SessionLock.acquire(tmp_path) as lock:
        assert lock.previous is not None
        assert lock.previous.pid == elsewhere.pid


def test_children_do_not_inherit_it(tmp_path):
    lock = SessionLock.acquire(tmp_path)
    child = subprocess.Popen(["sleep", "30"])
    lock.release()
    with SessionLock.acquire(tmp_path):
        pass
    child.kill()
    child.wait()


def test_only_one_of_many_gets_it(tmp_path):
    won, lost = [], []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        try:
            won.append(SessionLock.acquire(tmp_path))
        except SessionBusy as busy:
            lost.append(busy)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
    won[0].release()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff" * 2000, b'{"host": 3, "pid": "x"}'])
def test_whatever_is_in_the_file(tmp_path, content, elsewhere):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(SessionBusy, match="another process"):
        SessionLock.acquire(tmp_path)
    elsewhere.kill()
    elsewhere.wait()
    with SessionLock.acquire(tmp_path) as lock:
        assert lock.previous is None
        assert json.loads((tmp_path / FILE).read_bytes())["pid"] == os.getpid()


@pytest.mark.parametrize("change", [lambda path: path.unlink(), lambda path: path.rename(path.with_name("x"))])
def test_a_file_that_is_taken_away_is_noticed(tmp_path, change):
    lock = SessionLock.acquire(tmp_path)
    change(tmp_path / FILE)
    with pytest.raises(LockLost) as caught:
        lock.beat()
    assert caught.value.hint
    lock.release()


def foreign(beats: int = 4) -> Holder:
    return Holder("another-host", 1, "2031-01-01T00:00:00+00:00", "2031-01-01T00:00:00+00:00", beats)


def put(folder: Path, holder: Holder) -> None:
    from dataclasses import asdict

    (folder / FILE).write_text(json.dumps(asdict(holder)))


def test_a_folder_copied_from_another_host_is_free(tmp_path):
    put(tmp_path, foreign())
    began = time.monotonic()
    with SessionLock.acquire(tmp_path) as lock:
        assert lock.previous == foreign()
        assert lock.holder.host == socket.gethostname()
    assert time.monotonic() - began < 5


def test_a_copy_made_while_it_was_held_is_free(tmp_path, elsewhere):
    copy = tmp_path.with_name("copy")
    shutil.copytree(tmp_path, copy)
    with SessionLock.acquire(copy) as lock:
        assert lock.previous.pid == elsewhere.pid
    with pytest.raises(SessionBusy):
        SessionLock.acquire(tmp_path)


@pytest.mark.parametrize("lives", [True, False])
def test_on_a_shared_disk_the_other_hosts_beat_decides(tmp_path, monkeypatch, lives):
    """Whatever the clocks say: what counts is whether it changes."""
    monkeypatch.setattr(lock_module, "file_system", lambda folder: "nfs4")
    put(tmp_path, foreign())
    timer = threading.Timer(0.2, lambda: put(tmp_path, foreign(beats=5)))
    if lives:
        timer.start()
        with pytest.raises(SessionBusy, match="another-host"):
            SessionLock.acquire(tmp_path, watch=2.0)
        timer.join()
    else:
        with SessionLock.acquire(tmp_path, watch=0.5) as lock:
            assert lock.previous == foreign()


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EIO])
def test_a_disk_that_cannot_lock_says_so(tmp_path, monkeypatch, code):
    def fail(*_args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(EngineError, match="cannot be locked") as caught:
        SessionLock.acquire(tmp_path)
    assert caught.value.hint


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(EngineError, match="cannot be locked"):
        SessionLock.acquire(tmp_path / "nowhere")
    assert holder_of(tmp_path / "nowhere") is None


def test_no_descriptors_are_left(tmp_path):
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    for _ in range(5):
        with SessionLock.acquire(tmp_path), pytest.raises(SessionBusy):
            SessionLock.acquire(tmp_path)
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert after == before
