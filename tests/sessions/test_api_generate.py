"""``POST /generate``: the guide's body over HTTP. What is written stays in exports/, whatever a path says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessions import api_generate
from sessions.studio import Studio
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api
from tests.sessions.test_control_guide import GUIDES_OWN

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")

BODY = {**GUIDES_OWN, "audio_duration": 10.0}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model in the box, an empty data folder, and a writer of audio that copies: a double's takes are no audio."""
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path / "data"))

    async def copied(studio: Studio, question: dict[str, Any]) -> dict[str, Any]:
        target = Path(question["target"])
        assert not question["overwrite"]
        with open(target, "xb") as file:
            file.write(Path(question["source"]).read_bytes())
        return {"loudness": None, "peak": None}

    monkeypatch.setattr(api_generate, "writing", copied)
    return tmp_path / "data"


def files(ask: Api) -> list[str]:
    """What lies in exports/."""
    folder = ask.made.folder / "exports"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_the_guides_body_is_answered_as_the_guide_describes(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        answer = await ask("POST", "/generate", {**BODY, "output_path": "./outputs/song.wav"})
        assert answer["status"] == "success"
        assert answer["message"].startswith("Generated 1 take.")
        path = Path(answer["output_path"])
        assert path == ask.made.folder / "exports" / "song.wav"
        assert path.read_bytes() == b"seed 135792468"
        told = json.loads(path.with_name("song_input_params.json").read_text())
        assert (told["prompt"], told["actual_seeds"], told["audio_path"]) == (BODY["prompt"], [135792468], "song.wav")
        assert told["guidance_scale"] == 15.0  # the guide's own number; the take has this model's
        (take,) = answer["takes"]
        request = (await ask("GET", f"/api/takes/{take}"))["request"]
        assert (request["seed"], request["duration"], request["caption"]) == (135792468, 10.0, BODY["prompt"])
        assert await ask("GET", "/health") == {"status": "healthy"}

    on_api(tmp_path, act)


def test_names_that_are_taken_get_a_number_and_several_seeds_are_several_takes(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        answer = await ask("POST", "/generate", {**BODY, "actual_seeds": [1, 2], "output_path": "a.flac"})
        assert [Path(path).name for path in answer["output_paths"]] == ["a.flac", "a-2.flac"]
        assert answer["takes"] == [1, 2]
        again = await ask(
            "POST", "/generate", {"prompt": "x", "actual_seeds": [1], "format": "mp3", "output_path": "b"}
        )
        assert Path(again["output_path"]).name == "b.mp3"
        nameless = await ask("POST", "/generate", {"prompt": "slow jazz", "actual_seeds": [7]})
        assert Path(nameless["output_path"]).name == "output_0004-slow-jazz-7.wav"
        assert len(files(ask)) == 8

    on_api(tmp_path, act)


OUTSIDE = [
    "/tmp/x.wav",
    "../x.wav",
    "a/../../x.wav",
    "..\\x.wav",
    "\\\\host\\x.wav",
    "C:\\x.wav",
    "~/x.wav",
    "./..",
]


def test_a_path_that_leads_out_of_the_folder_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for path in OUTSIDE:
            refused = await ask("POST", "/generate", {**BODY, "output_path": path}, status=403)
            assert refused["field"] == "output_path", path
        assert (await ask("GET", "/api/takes"))["total"] == 0
        assert files(ask) == []

    on_api(tmp_path, act)


NAMES = {
    "x": "x.wav",
    "deep/er/y.wav": "y.wav",
    ".hidden.wav": "hidden.wav",
    "x.exe": "x.exe.wav",
    "é ü.wav": "é ü.wav",
    "n" * 300 + ".wav": "n" * 100 + ".wav",
}


def test_whatever_a_file_is_called_it_lies_in_the_folder(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for path, name in NAMES.items():
            answer = await ask("POST", "/generate", {**BODY, "output_path": path})
            assert Path(answer["output_path"]) == ask.made.folder / "exports" / name
        await ask("POST", "/generate", {**BODY, "output_path": "a\nb\x00?.wav"}, status=400)
        await ask("POST", "/generate", {**BODY, "output_path": "..."}, status=400)

    on_api(tmp_path, act)


def test_links_are_never_followed(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        outside, folder = tmp_path / "outside", ask.made.folder / "exports"
        outside.mkdir()
        folder.mkdir()
        (outside / "there.wav").write_bytes(b"mine")
        (folder / "song.wav").symlink_to(outside / "there.wav")
        (folder / "song-2.wav").symlink_to(outside / "nothing.wav")
        (folder / "song-3_input_params.json").symlink_to(outside / "nothing.json")
        answer = await ask("POST", "/generate", {**BODY, "output_path": "song.wav"})
        assert Path(answer["output_path"]).name == "song-4.wav"
        assert [path.name for path in outside.iterdir()] == ["there.wav"]
        assert (outside / "there.wav").read_bytes() == b"mine"

    on_api(tmp_path, act)


def test_a_folder_that_leads_elsewhere_is_not_written_to(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (ask.made.folder / "exports").symlink_to(outside)
        await ask("POST", "/generate", BODY, status=409)
        assert list(outside.iterdir()) == []
        assert (await ask("GET", "/api/takes"))["total"] == 0

    on_api(tmp_path, act)


CHECKPOINTS = ["/models", "../acestep-v15-turbo", "..", ".", "~", "a/b", "a\\b", "acestep-v15-nano/."]


def test_a_checkpoint_is_a_name_and_no_path(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for path in CHECKPOINTS:
            refused = await ask("POST", "/generate", {**BODY, "checkpoint_path": path}, status=403)
            assert refused["field"] == "checkpoint_path", path

    on_api(tmp_path, act)


def test_only_a_checkpoint_that_is_known_is_named(tmp_path: Path, home: Path) -> None:
    async def act(ask: Api) -> None:
        await ask("POST", "/generate", {**BODY, "checkpoint_path": "acestep-v15-unheard-of"}, status=404)
        known = (await ask("POST", "/generate", {**BODY, "checkpoint_path": "none"}, status=404))["hint"]
        name = known.removeprefix("Name ").removesuffix(".")
        assert (await ask("POST", "/generate", {**BODY, "checkpoint_path": name}))["status"] == "success"
        await ask("POST", "/generate", {**BODY, "checkpoint_path": ""})

    on_api(tmp_path, act)


FOREIGN: list[tuple[dict[str, Any], str]] = [
    ({"task": "repaint", "src_audio_path": "/etc/passwd", "repaint_end": 3}, "src_audio_path"),
    ({"task": "repaint", "src_audio_path": "f" * 64, "repaint_end": 3}, "src_audio_path"),
    ({"audio2audio_enable": True, "ref_audio_input": "../x.wav"}, "ref_audio_input"),
    ({"lora_name_or_path": "/etc/passwd"}, "lora_name_or_path"),
    ({"lora_name_or_path": "unknown"}, "lora_name_or_path"),
]


def test_sources_are_named_by_hash(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for changes, field in FOREIGN:
            refused = await ask("POST", "/generate", {**BODY, **changes}, status=403)
            assert refused["field"] == field, changes
            assert field in refused["error"]

    on_api(tmp_path, act)


def test_a_source_and_an_adapter_that_are_there_reach_the_engine(tmp_path: Path, home: Path) -> None:
    async def act(ask: Api) -> None:
        (home / "adapters").mkdir(parents=True)
        (home / "adapters" / "choir.safetensors").write_bytes(b"x")
        async with await ask.raw("POST", "/api/sources?name=x.wav", data=b"some sound") as answer:
            digest = (await answer.json())["hash"]
        asked = {"task": "repaint", "src_audio_path": digest, "repaint_start": 1, "repaint_end": 4}
        await ask("POST", "/generate", {**BODY, **asked, "lora_name_or_path": "choir", "lora_weight": 0.5})
        request = ask.made.requests()[-1]
        assert request["src_audio"].endswith(f"{digest}.wav")
        assert request["adapters"] == [{"path": "choir", "scale": 0.5}]
        assert (request["task_type"], request["repainting_start"], request["repainting_end"]) == ("repaint", 1.0, 4.0)

    on_api(tmp_path, act)


UNKNOWN: list[dict[str, Any]] = [{"prompts": "x"}, {"infer_step": "many"}, {"guidance_interval": 2}, {"format": "exe"}]


def test_what_the_guide_does_not_know_is_refused_by_name(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for body in UNKNOWN:
            assert (await ask("POST", "/generate", body, status=400))["field"] in body

    on_api(tmp_path, act)


def test_whoever_has_no_token_gets_nothing(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        for method, path in (("POST", "/generate"), ("GET", "/health")):
            async with await ask.raw(method, path, token=None, json=BODY) as answer:
                assert answer.status == 401

    on_api(tmp_path, act)
