"""``acetui models``: what people and scripts are told, with a real small hub behind it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acetui.checkup import machine
from acetui.cli import main
from engine.hub.catalogue import MODELS, TEXT
from tests.engine.hub.hub_double import Hub, Whims, small_hub
from tests.engine.nvml_double import GB, DoubleCard, library


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    for name in ("ACETUI_MODELS", "ACESTEP_CHECKPOINTS_DIR", "ACESTEP_PROJECT_ROOT", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("engine.memory.card_files.amd_cards", lambda: ())
    monkeypatch.setattr(machine, "silent_cards", lambda root: ())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(name="small_hub")
def _small_hub(tiny_turbo: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with small_hub(tiny_turbo) as state:
        monkeypatch.setenv("HF_ENDPOINT", state.url)
        yield state


def lines(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> list[dict[str, Any]]:
    with library(DoubleCard(total=8 * GB)):
        assert main(["models", *argv, "--json"]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_list_asks_nobody(capsys: pytest.CaptureFixture[str], small_hub: Hub) -> None:
    rows = {row["short"]: row for row in lines(capsys)}
    assert set(rows) == {model.short for model in MODELS}
    wanted = {name for name, row in rows.items() if row["wanted"]}
    assert wanted == {"turbo", "vae", TEXT.name, "0.6B"}
    assert not any(row["here"] for row in rows.values())
    assert small_hub.asked == []


def test_what_a_card_of_another_size_would_want(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["short"]: row["wanted"] for row in lines(capsys, "list", "--vram", "80")}
    assert (rows["4B"], rows["0.6B"]) == (True, False)


def test_getting_what_this_machine_wants(capsys: pytest.CaptureFixture[str], small_hub: Hub, own_folders: Path) -> None:
    told = lines(capsys, "get")
    assert [each["how"] for each in told if each["event"] == "model"] == ["downloaded"] * 4
    steps = [each for each in told if each["event"] == "progress"]
    assert {each["stage"] for each in steps} == {"download"}
    assert all(each["done"] <= each["total"] for each in steps)
    assert (own_folders / "models" / "acestep-5Hz-lm-0.6B" / "tokenizer.json").is_file()
    rows = {row["short"]: row for row in lines(capsys)}
    assert {name for name, row in rows.items() if row["here"]} == {"turbo", "vae", TEXT.name, "0.6B"}
    assert [each["how"] for each in lines(capsys, "get", "turbo")] == ["here"] * 3
    told = lines(capsys, "verify")
    assert [(each["ok"], each["how"]) for each in told] == [(True, "checksums")] * 4
    assert lines(capsys, "path", "vae") == [{"event": "path", "path": str(own_folders / "models" / "vae")}]


def test_a_music_model_comes_with_what_it_needs(capsys: pytest.CaptureFixture[str], small_hub: Hub) -> None:
    with library():
        assert main(["models", "get", "turbo"]) == 0
    text = capsys.readouterr().out
    assert [line.split(":")[0] for line in text.splitlines()] == ["vae", TEXT.name, "acestep-v15-turbo"]


def test_the_second_hub_is_asked_by_itself_or_by_name(
    capsys: pytest.CaptureFixture[str], small_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_ENDPOINT")
    monkeypatch.setattr("engine.hub.hubs.HUGGING_FACE", "http://127.0.0.1:9")
    monkeypatch.setenv("MODELSCOPE_DOMAIN", small_hub.url)
    told = lines(capsys, "get", "vae")
    (notice,) = [each["text"] for each in told if each["event"] == "notice"]
    assert notice.startswith("The hub http://127.0.0.1:9 cannot be reached")
    assert [each["how"] for each in told if each["event"] == "model"] == ["downloaded"]
    told = lines(capsys, "get", "0.6B", "--hub", "modelscope")
    assert not [each for each in told if each["event"] == "notice"]
    assert lines(capsys, "get", TEXT.name, "--hub", "huggingface", code=1)


def test_what_people_read(capsys: pytest.CaptureFixture[str], small_hub: Hub, own_folders: Path) -> None:
    (own_folders / "models" / "acestep-v15-mine").mkdir(parents=True)
    with library(DoubleCard()):
        assert main(["models", "get", "vae"]) == 0
        assert main(["models"]) == 0
    text = capsys.readouterr().out
    for words in ("* turbo", "vae", "here", "acestep-v15-mine", "unfinished", "'acetui models get' brings", "* 0.6B"):
        assert words in text
    with library():
        assert main(["models", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(own_folders / "models")


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["get", "gpt"], 2, "no published model called 'gpt'"),
        (["list", "turbo"], 2, "'list' takes no names"),
        (["path", "turbo"], 3, "acestep-v15-turbo is not in"),
        (["verify"], 3, "There are no models"),
        (["verify", "4B"], 3, "acestep-5Hz-lm-4B is not in"),
        (["--models", "nowhere"], 3, "--models names nowhere"),
        (["burn"], 2, "invalid choice"),
    ],
)
def test_refusals_have_a_sentence_and_a_code(
    capsys: pytest.CaptureFixture[str], argv: list[str], code: int, words: str
) -> None:
    with library():
        assert main(["models", *argv]) == code
    assert words in capsys.readouterr().err


def test_a_hub_that_cannot_be_reached(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    (error,) = lines(capsys, "get", "vae", code=1)
    assert (error["event"], "cannot be reached" in error["error"]) == ("error", True)
    assert "HF_ENDPOINT" in error["hint"]


def test_a_download_that_is_stopped(
    capsys: pytest.CaptureFixture[str], small_hub: Hub, own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("acetui.verbs.models._Downloads.progress", stop)
    with library():
        assert main(["models", "get", "vae"]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    assert not (own_folders / "models" / "vae").exists()


def test_a_model_that_was_changed(capsys: pytest.CaptureFixture[str], small_hub: Hub, own_folders: Path) -> None:
    lines(capsys, "get", "vae")
    config = own_folders / "models" / "vae" / "config.json"
    config.write_text(config.read_text() + " ")
    (told,) = lines(capsys, "verify", "vae", code=3)
    assert (told["ok"], told["trouble"]) == (False, "vae/config.json is not what was published.")
    with library():
        assert main(["models", "verify"]) == 3
    assert "'acetui models get vae' mends it" in capsys.readouterr().out
    assert [each["how"] for each in lines(capsys, "get", "vae") if each["event"] == "model"] == ["downloaded"]
    assert lines(capsys, "verify", "vae")[0]["ok"] is True


def test_a_download_that_was_killed_goes_on(small_hub: Hub, own_folders: Path) -> None:
    weights = "diffusion_pytorch_model.safetensors"
    small_hub.whims[weights] = Whims(slow=0.02, piece=1 << 18)
    command = [sys.executable, "-m", "acetui", "models", "get", "vae"]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    part = own_folders / "models" / ".arriving" / "vae" / weights
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        until = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size > 1 << 19) and time.monotonic() < until:
            time.sleep(0.01)
        first.kill()
    kept = part.stat().st_size
    del small_hub.whims[weights]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("vae: downloaded to ")
    assert small_hub.sent(weights) == [0, kept]
    assert kept > 1 << 19
    assert not part.exists()
