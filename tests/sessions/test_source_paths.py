"""Engines are given paths; recipes and takes name sources by their hashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessions.lists import NoTake
from sessions.source_paths import SourcePaths, taken_back
from sessions.sources import NoSource, Sources
from sessions.take import Take
from tests.sessions.jamming import run, stage, state

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def none(key: int | str) -> Take:
    raise NoTake(f"There is no take {key}.")


def test_there_and_back(tmp_path: Path) -> None:
    (tmp_path / "here.wav").write_bytes(b"sound")
    digest = Sources(tmp_path).add(tmp_path / "here.wav")
    stored = str(Sources(tmp_path).path(digest))
    request = {
        "caption": "x",
        "src_audio": digest,
        "reference_audio": "here.wav",
        "adapters": [{"path": digest, "scale": 0.5}, {"path": "some-name", "scale": 1.0}],
    }
    given, back = SourcePaths(tmp_path, none).given(request)
    assert (given["src_audio"], given["reference_audio"]) == (stored, str(tmp_path / "here.wav"))
    assert given["adapters"] == [{"path": stored, "scale": 0.5}, {"path": "some-name", "scale": 1.0}]
    assert taken_back({"id": "1", "request": given}, back) == {"id": "1", "request": request}
    with pytest.raises(NoTake):
        SourcePaths(tmp_path, none).given({"src_audio": "take:3"})
    with pytest.raises(NoSource):
        SourcePaths(tmp_path, none).given({"src_audio": "0" * 64})


def test_a_render_is_given_the_path_and_the_take_has_the_hash(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"sound")
    made = stage(tmp_path)
    digest = Sources(made.folder).add(tmp_path / "a.wav")

    async def act() -> None:
        async with made.open(recipe={"src_audio": digest}) as jam:
            await jam.run(takes=1)

    run(act())
    assert made.takes[0]["request"]["src_audio"] == digest
    assert made.requests()[0]["src_audio"] == str(Sources(made.folder).path(digest))
    assert made.takes[0]["revision"] == 2


def test_a_source_that_is_gone_is_a_failure_in_words(tmp_path: Path) -> None:
    made = stage(tmp_path, recipe={"caption": "x", "src_audio": "0" * 64})

    async def act() -> None:
        async with made.open() as jam:
            running = jam.loop.turn_on(takes=1)
            await made.until(lambda: jam.loop.state == "parked")
            jam.loop.stop("now")
            await jam.loop.off()
            assert running.error is not None

    run(act())
    assert made.told("This session has no source")
