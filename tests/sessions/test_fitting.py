"""Whether a recipe fits: on a card, beside others, simulated, without one; and what people and scripts are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acetui.cli import main
from engine.cards import GB, SIMULATED
from engine.errors import BadCheckpoint
from engine.memory import Cards, available_bytes, memory_bytes
from engine.testing.sizes import configs
from sessions.fitting import Fit, fit, refusal, room_of
from tests.engine.nvml_double import DoubleCard, library
from tests.sessions.jamming import state
from tests.sessions.studios import Api, on_api
from tests.sessions.takes import flac

__all__ = ["state"]


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A set of published sizes as far as its configs tell; nothing of it is ever loaded."""
    sizes = configs("full", "turbo", {})
    root = tmp_path / "official"
    folders = {"acestep-v15-turbo": sizes.dit, "vae": sizes.vae, "Qwen3-Embedding-0.6B": sizes.text}
    for name, config in {**folders, "acestep-5Hz-lm-0.6B": {**sizes.lm, "vocab_size": 217204}}.items():
        (root / name).mkdir(parents=True)
        (root / name / "config.json").write_text(json.dumps(config))
        stem = "diffusion_pytorch_model" if name == "vae" else "model"
        (root / name / f"{stem}.safetensors").touch()
        (root / name / "tokenizer.json").touch()
    return root


def told(models: Path, card: DoubleCard | None, env: dict[str, str] | None = None, **request: Any) -> Fit:
    with library(*([card] if card else [])):
        return fit({"models": str(models), "device": "auto"}, request, Cards(), env=env or {})


def by_options(models: Path, card: DoubleCard, options: dict[str, Any]) -> Fit:
    with library(card):
        return fit({"models": str(models), "device": "auto", **options}, {"batch_size": 1}, Cards(), env={})


def test_a_card_with_room(official: Path) -> None:
    found = told(official, DoubleCard(total=24 * GB, used=0), batch_size=4, duration=60.0)
    assert (found.fits, found.possible, found.takes, found.most) == (True, True, 4, 8)
    assert found.sentence.startswith("fits: batch 4, ")
    assert found.sentence.endswith(" of 24.0 GB")
    assert 8 < found.need.gb < 12
    assert found.object()["fits"] is True
    assert refusal(found) is None


def test_a_card_that_others_use(official: Path) -> None:
    found = told(official, DoubleCard(total=24 * GB, used=16 * GB), batch_size=8, duration=600.0)
    assert (found.fits, found.possible) == (False, True)
    assert found.sentence.startswith("does not fit")
    assert refusal(found) is None


def test_what_the_engine_has_is_room_for_the_next_batch(official: Path) -> None:
    card = DoubleCard(total=24 * GB, used=16 * GB, tenants=((77, 10 * GB), (78, 6 * GB)))
    with library(card):
        cards = Cards().look()
    assert room_of("auto", cards, env={}).free == 8 * GB
    assert room_of("auto", cards, env={}, pid=77).free == 18 * GB
    assert room_of("auto", cards, env={}, pid=5).free == 8 * GB
    with library(DoubleCard(total=24 * GB, used=16 * GB)):  # in a container nobody says whose it is
        assert room_of("auto", Cards().look(), env={}, pid=5).free == 24 * GB


def test_a_card_that_is_too_small(official: Path) -> None:
    found = told(official, DoubleCard(total=2 * GB, used=0), batch_size=2)
    assert (found.fits, found.possible, found.most) == (False, False, 0)
    error = refusal(found)
    assert error is not None
    assert "there are 2.0 GB here" in error.error
    assert "smaller model" in error.hint


def test_a_small_card_does_what_it_takes(official: Path) -> None:
    ways = {
        gb: told(official, DoubleCard(total=int(gb * GB), used=0), batch_size=1).residence for gb in (3.9, 6, 8, 24)
    }
    assert ways == {3.9: "layers", 6: "turns", 8: "turns", 24: "together"}
    assert told(official, DoubleCard(total=4 * GB, used=0), batch_size=1).fits
    card = DoubleCard(total=24 * GB, used=0)
    by_hand = [
        by_options(official, card, {"offload": True}),
        by_options(official, card, {"offload_dit": True}),
        by_options(official, card, {"offload_dit": True, "quantization": "int8_weight_only"}),
    ]
    assert [each.residence for each in by_hand] == ["turns", "layers", "layers"]
    peaks = [each.need.peak for each in by_hand]
    assert peaks == sorted(peaks, reverse=True)
    assert len(set(peaks)) == 3


def test_a_card_that_is_simulated(official: Path) -> None:
    env = {SIMULATED: "16"}
    assert told(official, None, env, batch_size=1).room.total == 16 * GB
    assert told(official, DoubleCard(total=80 * GB, used=GB), env).room.free == 15 * GB


def test_a_machine_without_a_card(tiny_turbo: Path) -> None:
    found = told(tiny_turbo, None, batch_size=8, duration=30.0)
    assert (found.room.kind, found.fits, found.need.gb < 2) == ("cpu", True, True)
    assert 0 < available_bytes() <= memory_bytes()


def test_the_batch_is_the_machines_where_nobody_says(official: Path) -> None:
    assert told(official, DoubleCard(total=24 * GB, used=0)).takes == 8
    assert told(official, DoubleCard(total=24 * GB, used=0), seeds=[1, 2, 3]).takes == 3


def test_models_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint):
        told(tmp_path / "nowhere", None)


def test_over_http_while_a_person_edits(tmp_path: Path) -> None:
    async def act(asked: Api) -> None:
        found = await asked("POST", "/api/fit", {"recipe": {"batch_size": 3, "duration": 20.0}})
        assert (found["takes"], found["fits"], found["residence"]) == (3, True, "together")
        assert found["sentence"].startswith("fits: batch 3")
        assert (await asked("POST", "/api/fit", {}))["takes"] == 1
        assert (await asked("GET", "/api/fit"))["takes"] == 1
        assert (await asked("POST", "/api/fit", {"recipe": {"bpm": 9}}, status=400))["field"] == "bpm"
        await asked("POST", "/api/fit", {"recipe": 3}, status=400)

    on_api(tmp_path, act, recipe={"caption": "slow jazz"})


def test_what_is_made_of_a_source_is_as_long_as_that(tmp_path: Path) -> None:
    async def act(asked: Api) -> None:
        await asked("POST", "/api/render", {"recipe": {"duration": 90.0}, "wait": True})
        await asked("POST", "/api/render", {"recipe": {"duration": 40.0}, "wait": True})
        sources = {}
        for name, content in (("long.flac", flac(200.0)), ("no.mp3", b"ID3 or not")):
            sources[name] = (await asked("POST", f"/api/sources?name={name}", status=201, data=content))["hash"]
        machine, seen, needed = asked.studio.machine, list[Any](), {}
        told = machine.fit

        async def fit(options: Any, request: Any) -> Fit:
            seen.append(request["duration"])
            return await told(options, request)

        machine.fit = fit  # type: ignore[method-assign]
        here, repaint = {"src_audio": "take:1"}, {"task_type": "repaint", "src_audio": "take:1"}
        for fields, seconds in (
            ({}, None),
            ({**here, "task_type": "cover", "duration": 5.0}, 90.0),
            ({**here, "duration": 5.0}, 5.0),  # a source that text2music has no use for
            ({**here, "flow_edit_morph": True, "flow_edit_source_caption": "x"}, 90.0),
            ({"task_type": "cover", "src_audio": sources["long.flac"]}, 200.0),
            ({"task_type": "cover", "audio_codes": [1] * 50, "src_audio": sources["long.flac"]}, 10.0),
            ({**repaint, "repainting_start": 80.0, "repainting_end": 120.0}, 120.0),
            ({**repaint, "repainting_start": -30.0, "repainting_end": 5.0}, 120.0),
            ({**repaint, "next_audio": "take:2", "next_gap": 2.0}, 132.0),
            ({"task_type": "cover", "src_audio": sources["no.mp3"], "duration": 7.0}, 7.0),  # its header does not say
            ({"task_type": "cover", "src_audio": "take:9"}, None),
            ({"task_type": "cover", "src_audio": __file__}, None),  # no path from outside is ever read
        ):
            needed[seconds] = (await asked("POST", "/api/fit", {"recipe": {"caption": "x", **fields}}))["need_gb"]
            assert seen.pop() == seconds, fields
        assert needed[5.0] < needed[200.0]
        longer = {**repaint, "repainting_end": 700.0}
        assert (await asked("POST", "/api/fit", {"recipe": longer}, status=400))["field"] == "repainting_end"

    on_api(tmp_path, act, recipe={"caption": "slow jazz"})


def test_a_render_that_cannot_fit_is_not_begun(
    official: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SIMULATED, raising=False)
    with library(DoubleCard(total=2 * GB, used=0)):
        code = main(["render", "--models", str(official), "--caption", "x", "-o", "a.flac", "--json"])
    (error,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (code, error["event"]) == (1, "error")
    assert "there are 2.0 GB here" in error["error"]
    assert not (tmp_path / "a.flac").exists()
