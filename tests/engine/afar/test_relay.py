"""Both ends of an engine that is elsewhere, without Ray between them: what travels, and what is true here then."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.afar.parcels import TAKES, Parcels
from engine.afar.relay import Relay
from engine.afar.station import Heard, Station
from engine.lines import Channel
from engine.protocol import Cancel, Load, Message, Output, Ping, Render, Write

ROOT = Path(__file__).parents[3]
SECONDS = 30.0


class Near:
    """A station that runs in this process, as an actor would elsewhere; counts the files that it was sent."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.folder = station.greet()[1]
        self.sent: list[str] = []

    def tell(self, line: bytes, files: dict[str, bytes]) -> None:
        self.sent += files
        self.station.tell(line, files)

    def hear(self) -> list[Heard]:
        return self.station.hear()


class Elsewhere:
    """The parent's end: what it says, and what it was told."""

    def __init__(self, plan: Path) -> None:
        self.plan = plan
        self.said: list[dict[str, Any]] = []
        command = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.sessions.double_engine", str(plan)]
        self.near = Near(Station(command))
        reads, self._writes = os.pipe()
        hears, tells = os.pipe()
        self._channel = os.fdopen(tells, "wb")
        relay = Relay(Channel(self._channel), self.near)
        self.code: int | None = None
        self._working = threading.Thread(target=self._work, args=[relay, os.fdopen(reads, "rb")], daemon=True)
        self._hearing = threading.Thread(target=self._hear, args=[os.fdopen(hears, "rb")], daemon=True)
        self._working.start()
        self._hearing.start()

    def _work(self, relay: Relay, commands: Any) -> None:
        self.code = relay.run(commands)
        self._channel.close()

    def _hear(self, events: Any) -> None:
        self.said += (json.loads(line) for line in events)

    def __call__(self, message: Message | bytes) -> None:
        line = message if isinstance(message, bytes) else message.to_json().encode()
        os.write(self._writes, line + b"\n")

    def until(self, true: Callable[[], Any]) -> Any:
        until = time.monotonic() + SECONDS
        while not (found := true()):
            assert time.monotonic() < until, self.said
            time.sleep(0.005)
        return found

    def ends(self, job: str) -> dict[str, Any]:
        """What a job ended with."""
        kinds = ("done", "error", "loaded", "written")
        found: dict[str, Any] = self.until(
            lambda: next((each for each in self.said if each.get("id") == job and each["type"] in kinds), None)
        )
        return found

    def takes(self, job: str) -> list[dict[str, Any]]:
        return [each["take"] for each in self.said if each["type"] == "take" and each["id"] == job]

    def close(self) -> int | None:
        with contextlib.suppress(OSError):
            os.close(self._writes)
        self._working.join(SECONDS)
        self._hearing.join(SECONDS)
        return self.code


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    plan = tmp_path / "double" / "plan.json"
    plan.parent.mkdir()
    plan.write_text("{}")
    (tmp_path / "takes").mkdir()
    asked = Elsewhere(plan)
    asked(Load("load"))
    asked.ends("load")
    yield asked
    asked.close()


def render(tmp_path: Path, job: str, *seeds: int, names: dict[str, str] | None = None, **fields: Any) -> Render:
    request = {"caption": "x", "seeds": list(seeds), "retake_seed": [], **fields}
    return Render(job, request, Output(str(tmp_path / "takes"), job + "-{index}", keep_latents=True, names=names or {}))


def test_takes_come_here_whole_before_they_are_told_of(elsewhere: Elsewhere, tmp_path: Path) -> None:
    elsewhere(render(tmp_path, "a", 1, 2))
    assert elsewhere.ends("a")["summary"]["takes"] == 2
    for index, take in enumerate(elsewhere.takes("a")):
        assert take["files"] == {
            "audio": str(tmp_path / "takes" / f"a-{index}.flac"),
            "latents": str(tmp_path / "takes" / f"a-{index}.safetensors"),
        }
        assert {Path(path).read_bytes() for path in take["files"].values()} == {f"seed {take['seed']}".encode()}
    assert sorted(os.listdir(Path(elsewhere.near.folder, TAKES))) == []
    assert elsewhere.close() == 0
    assert not Path(elsewhere.near.folder).exists()


def test_sources_go_there_once_and_come_back_under_their_own_names(elsewhere: Elsewhere, tmp_path: Path) -> None:
    song, adapter = tmp_path / "song.wav", tmp_path / "voice"
    song.write_bytes(b"a song")
    adapter.mkdir()
    (adapter / "config.json").write_text("{}")
    (adapter / "weights").mkdir()
    (adapter / "weights" / "a.bin").write_bytes(b"w")
    fields: dict[str, Any] = {"src_audio": str(song), "adapters": [{"path": str(adapter), "scale": 0.5}]}
    names = {str(song): "sha:1", str(adapter): "voice", "/nowhere/at/all": "z"}
    for job in ("a", "b"):
        elsewhere(render(tmp_path, job, 1, names=names, **fields))
        elsewhere.ends(job)
    asked = [json.loads(line) for line in elsewhere.plan.with_name("requests.jsonl").read_text().splitlines()]
    there = Path(asked[0]["src_audio"])
    assert there.is_relative_to(elsewhere.near.folder)
    assert (there.name, there.read_bytes()) == ("song.wav", b"a song")
    folder = Path(asked[0]["adapters"][0]["path"])
    assert (folder / "weights" / "a.bin").read_bytes() == b"w"
    assert asked[1] == asked[0]
    assert len(elsewhere.near.sent) == 3
    assert elsewhere.takes("b")[0]["request"]["src_audio"] == str(song)
    song.write_bytes(b"another song")
    elsewhere(render(tmp_path, "c", 1, names=names, **fields))
    elsewhere.ends("c")
    assert len(elsewhere.near.sent) == 4  # what has changed goes again


def test_the_recipe_inside_the_audio_has_the_session_s_names(tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    song.write_bytes(b"a song")
    message = render(tmp_path, "a", 1, names={str(song): "sha:1", "words": ""}, src_audio=str(song))
    packed, files, job = Parcels("/there").packed(message)
    assert isinstance(packed, Render)
    place = packed.request["src_audio"]
    assert packed.output.names == {place: "sha:1", "words": ""}
    assert packed.output.folder == "/there/takes"
    assert job.back == {place: str(song)}
    assert [f"/there/{each}" for each in files] == [place]


def test_what_is_to_be_understood_goes_there_too(elsewhere: Elsewhere, tmp_path: Path) -> None:
    song = tmp_path / "song.wav"
    song.write_bytes(b"a song")
    elsewhere(Write("w", "understand", source=str(song)))
    plan = elsewhere.ends("w")["plan"]
    assert Path(plan["source"]).read_bytes() == b"a song"
    elsewhere(Write("v", "plan", {"caption": "x"}))
    assert elsewhere.ends("v")["plan"]["source"] is None


def test_a_take_that_cannot_be_written_here_ends_its_job(elsewhere: Elsewhere, tmp_path: Path) -> None:
    elsewhere.plan.write_text(json.dumps({"faults": [{"stage": "sampling", "do": "hold", "take": 0}], "steps": 4}))
    elsewhere(render(tmp_path, "a", 1, 2, 3))
    elsewhere.until(elsewhere.plan.with_name("held").exists)
    (tmp_path / "takes").rename(tmp_path / "gone")
    elsewhere.plan.with_name("release").touch()
    error = elsewhere.ends("a")
    assert (error["kind"], "There is no folder" in error["error"]) == ("failed", True)
    assert elsewhere.takes("a") == []
    (tmp_path / "gone").rename(tmp_path / "takes")
    assert os.listdir(tmp_path / "takes") == []
    elsewhere(render(tmp_path, "b", 1))
    assert elsewhere.ends("b")["type"] == "done"


def test_names_that_are_taken_here_are_refused_before_anything_goes_there(elsewhere: Elsewhere, tmp_path: Path) -> None:
    (tmp_path / "takes" / "a-0.flac").write_bytes(b"mine")
    elsewhere(render(tmp_path, "a", 1))
    assert elsewhere.ends("a")["kind"] == "invalid"
    assert not elsewhere.plan.with_name("requests.jsonl").exists()
    assert (tmp_path / "takes" / "a-0.flac").read_bytes() == b"mine"


def test_everything_else_passes_as_it_is(elsewhere: Elsewhere, tmp_path: Path) -> None:
    elsewhere(Ping("p"))
    elsewhere.until(lambda: {"type": "pong", "id": "p"} in elsewhere.said)
    elsewhere.plan.write_text(json.dumps({"faults": [{"stage": "sampling", "do": "hold"}]}))
    elsewhere(render(tmp_path, "a", 1))
    elsewhere.until(elsewhere.plan.with_name("held").exists)
    elsewhere(Cancel("a"))
    assert elsewhere.ends("a")["kind"] == "cancelled"
    elsewhere(b"{}")
    elsewhere.until(lambda: [each for each in elsewhere.said if each["type"] == "error" and each["id"] is None])
    assert elsewhere.said[0]["type"] == "hello"


def test_what_stations_left_that_were_killed_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, ours, unknown = (tmp_path / f"acetui-station-{each}-x" for each in (2**22 + 1, os.getpid(), "some"))
    for folder in (dead, ours, unknown):
        folder.mkdir()
    station = Station([sys.executable, "-c", "pass"])
    assert (dead.exists(), ours.exists(), unknown.exists()) == (False, True, True)
    while not any(heard.code == 0 for heard in station.hear()):
        pass
    assert not Path(station.greet()[1]).exists()


def test_an_engine_that_is_killed_there_ends_here_in_the_same_way(elsewhere: Elsewhere, tmp_path: Path) -> None:
    elsewhere.plan.write_text(json.dumps({"faults": [{"stage": "sampling", "do": "kill"}]}))
    elsewhere(render(tmp_path, "a", 1))
    elsewhere.until(lambda: elsewhere.code is not None)
    assert elsewhere.code == -signal.SIGKILL
    assert elsewhere.takes("a") == []
