"""Takes as files for other programs, over HTTP: in ``exports/``, and nowhere else."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile

from engine.audio import RATE
from engine.limiter import true_peak
from engine.loudness import loudness
from sessions.lyric_times import line_at, lrc, timed_lines, vtt
from sessions.side_process import SideProcess
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

SUNG = [[0.5, 2.25, "Headlights bend"], [0, 0.5, "[Verse]"], [61.004, 61.0, "a < b --> c"], "no", [1, 2], [3, 4, 5]]


async def heard(ask: Api, number: int = 1) -> Path:
    """Gives a take of the double something to hear; returns its file."""
    take = await ask("GET", f"/api/takes/{number}")
    path = ask.made.folder / str(take["files"]["audio"])
    samples = np.random.default_rng(0).uniform(-0.3, 0.3, (RATE, 2))
    soundfile.write(path, samples, RATE, subtype="PCM_24")
    return path


def test_a_take_is_written_with_its_recipe_and_its_lyrics(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(1)
        source = await heard(ask)
        take = ask.studio.store.get(1)
        ask.studio.store.change(1, name="neon/../drive")
        said = await ask("POST", "/api/takes/1/export", {"lyrics": True})
        folder = ask.made.folder / "exports"
        assert said["files"] == ["exports/0001 neon-..-drive.flac", "exports/0001 neon-..-drive.toml"]
        assert {path.name for path in folder.iterdir()} == {name.removeprefix("exports/") for name in said["files"]}
        samples, _ = soundfile.read(ask.made.folder / said["files"][0], dtype="float32")
        assert np.array_equal(samples, soundfile.read(source, dtype="float32")[0])
        assert said["loudness"] == pytest.approx(loudness(samples.T, RATE))
        assert mutagen.File(ask.made.folder / said["files"][0])["title"] == ["neon/../drive"]
        recipe = tomllib.loads((ask.made.folder / said["files"][1]).read_text())["recipe"]
        assert recipe["caption"] == take.request["caption"]

        again = await ask("POST", "/api/takes/1/export", status=409)
        assert again["error"] == "exports/0001 neon-..-drive.flac is there already."
        assert str(ask.made.folder) not in json.dumps(again)
        louder = {"loudness": -12, "format": "wav", "name": "{seed} {score}", "overwrite": True}
        said = await ask("POST", "/api/takes/1/export", louder)
        samples, _ = soundfile.read(ask.made.folder / said["files"][0], dtype="float32")
        assert loudness(samples.T, RATE) == pytest.approx(-12, abs=0.3)
        assert true_peak(samples.T, RATE) <= 10 ** (-1 / 20) + 1e-4

    on_api(tmp_path, act)


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        await ask.takes(1)
        for body, field in (
            ({"format": "doc"}, "format"),
            ({"format": []}, "format"),
            ({"loudness": -3}, "loudness"),
            ({"loudness": True}, "loudness"),
            ({"name": "{nothing}"}, "name"),
            ({"name": "..."}, "name"),
            ({"name": 7}, "name"),
            ({"lyrics": "yes"}, "lyrics"),
            ({"folder": "/tmp"}, "folder"),
        ):
            assert (await ask("POST", "/api/takes/1/export", body, status=400))["field"] == field
        assert "No such" not in str(await ask("POST", "/api/takes/9/export", status=404))
        take = await ask("GET", "/api/takes/1")
        (ask.made.folder / str(take["files"]["audio"])).write_bytes(b"nothing")
        assert (await ask("POST", "/api/takes/1/export", status=409))["hint"]
        assert not list((ask.made.folder / "exports").iterdir())
        ask.studio.exporter = SideProcess(["python3", "-c", "raise SystemExit(3)"])
        assert (await ask("POST", "/api/takes/1/export", status=501))["error"] == "Audio cannot be written here."

    on_api(tmp_path, act)


def test_lyrics_with_times_are_lrc_and_webvtt() -> None:
    lines = timed_lines({"measured": {"timestamps": SUNG}})
    assert [line.text for line in lines] == ["[Verse]", "Headlights bend", "a < b --> c"]
    assert lrc(lines, "neon drive") == "[ti:neon drive]\n[00:00.50]Headlights bend\n[01:01.00]a < b --> c\n"
    assert vtt(lines) == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.250\nHeadlights bend\n\n00:01:01.004 --> 00:01:01.104\na &lt; b --&gt; c\n"
    )
    assert timed_lines({"measured": {}}) == timed_lines({}) == timed_lines({"measured": {"timestamps": "x"}}) == []
    sung = {second: line_at(lines, second) for second in (0.1, 0.6, 5.0, 7.0, 62.0)}
    assert sung == {0.1: "", 0.6: "Headlights bend", 5.0: "Headlights bend", 7.0: "", 62.0: "a < b --> c"}


def test_lyrics_are_written_where_their_times_are_known(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        ask.made.plan(measured={"timestamps": SUNG})
        await ask.takes(1)
        await heard(ask)
        said = await ask("POST", "/api/takes/1/export", {"lyrics": True, "name": "song"})
        assert said["files"] == [f"exports/song.{suffix}" for suffix in ("flac", "toml", "lrc", "vtt")]
        assert "[00:00.50]Headlights bend" in (ask.made.folder / "exports" / "song.lrc").read_text()

    on_api(tmp_path, act)
