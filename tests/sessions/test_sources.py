"""Imported audio by the hash of its content."""

from __future__ import annotations

import hashlib
import io
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import EngineError, InvalidRequest
from sessions.sources import NoSource, Sources


def test_a_source_is_kept_once(tmp_path):
    sources = Sources(tmp_path)
    (tmp_path / "a.FLAC").write_bytes(b"sound")
    (tmp_path / "b.wav").write_bytes(b"sound")
    digest = sources.add(tmp_path / "a.FLAC")
    assert digest == hashlib.sha256(b"sound").hexdigest()
    assert sources.path(digest) == tmp_path / "sources" / f"{digest}.flac"
    assert sources.add(tmp_path / "b.wav") == sources.receive(io.BytesIO(b"sound"), "c.mp3") == digest
    assert list(sources) == [digest]
    assert os.listdir(tmp_path / "sources") == [f"{digest}.flac"]
    assert sources.verify(digest)
    sources.path(digest).write_bytes(b"other")
    assert not sources.verify(digest)


def test_a_large_source_is_copied_whole(tmp_path):
    content = os.urandom(3_000_001)
    digest = Sources(tmp_path).receive(io.BytesIO(content), "x.wav")
    assert Sources(tmp_path).path(digest).read_bytes() == content


@pytest.mark.parametrize("name", ["x", "x.tar/../../y", "x.", "x.wav;rm", "../../x.s h", "x." + "y" * 40, ""])
def test_of_a_name_only_an_ordinary_suffix_is_kept(tmp_path, name):
    digest = Sources(tmp_path).receive(io.BytesIO(b"x"), name)
    assert Sources(tmp_path).path(digest) == tmp_path / "sources" / f"{digest}.bin"


def test_what_cannot_be_imported(tmp_path):
    sources = Sources(tmp_path)
    assert list(sources) == []
    (tmp_path / "empty.wav").touch()
    for bad in (tmp_path / "missing.wav", tmp_path, tmp_path / "empty.wav"):
        with pytest.raises(InvalidRequest) as caught:
            sources.add(bad)
        assert caught.value.hint
    assert list(sources) == []


class Breaking(io.BytesIO):
    """An upload that breaks off."""

    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError("gone")


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path):
    with pytest.raises(EngineError):
        Sources(tmp_path).receive(Breaking(), "x.wav")
    assert os.listdir(tmp_path / "sources") == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=70) | st.sampled_from(["../session.toml", "*", "a" * 64, "A" * 64, "0" * 63]))
def test_nothing_but_a_source_can_be_reached(tmp_path, digest):
    (tmp_path / "sources").mkdir(exist_ok=True)
    (tmp_path / "session.toml").touch()
    with pytest.raises(NoSource) as caught:
        Sources(tmp_path).path(digest)
    assert caught.value.exit_code == 3
