"""``acetui doctor``: on a machine without a card, in a container without NVML, and with cards of every size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from acetui.checkup import machine, models, surroundings
from acetui.cli import main
from acetui.verbs import doctor
from engine.allowance import allowance
from engine.cards import SIMULATED
from tests.engine.nvml_double import GB, DoubleCard, library

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person without models, sessions or a card of any other kind."""
    for name, folder in {"ACETUI_DATA": "data", "ACETUI_STATE": "state", "HF_HOME": "hub"}.items():
        monkeypatch.setenv(name, str(tmp_path / folder))
    for name in (SIMULATED, "ACETUI_MODELS", "ACESTEP_CHECKPOINTS_DIR", "CUDA_VISIBLE_DEVICES", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("engine.memory.card_files.amd_cards", lambda: ())
    monkeypatch.setattr(machine, "silent_cards", lambda root: ())
    monkeypatch.setattr(machine, "driverless", lambda root: ())
    monkeypatch.setattr(machine, "torch_build", lambda: {"version": "2.13.0", "build": "CUDA 12.8"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> dict[str, Any]:
    assert main(["doctor", *argv, "--json"]) == code
    (line,) = capsys.readouterr().out.splitlines()
    answer: dict[str, Any] = json.loads(line)
    return answer


def sentences(answer: dict[str, Any]) -> str:
    return " ".join(f"{each['error']} {each['hint']}" for each in answer["advice"])


def test_a_machine_without_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    with library():
        answer = told(capsys)
    assert (answer["tier"], answer["device"], answer["gpus"], answer["simulated"]) == ("tier1", "cpu", [], False)
    assert {"models", "sound", "terminal", "advice", "choices", "folders"} <= answer.keys()
    assert answer["models"]["sketch"] is True
    assert answer["machine"]["cores"] >= 1
    assert "room for" not in sentences(answer)  # nobody is talked into ten gigabytes that would be slow here


@pytest.mark.parametrize(
    ("gb", "tier", "planner"),
    [
        *((4, "tier1", None), (6, "tier2", None), (8, "tier3", "0.6B"), (12, "tier4", "0.6B"), (16, "tier6a", "1.7B")),
        *((20, "tier6b", "1.7B"), (24, "tier6b", "1.7B"), (48, "unlimited", "4B"), (80, "unlimited", "4B")),
    ],
)
def test_a_simulated_card_of_every_size(
    capsys: pytest.CaptureFixture[str], gb: int, tier: str, planner: str | None
) -> None:
    with library():
        answer = told(capsys, "--vram", str(gb))
    assert (answer["tier"], answer["memory_gb"], answer["simulated"], answer["device"]) == (tier, gb, True, "cuda")
    wanted = [each["name"] for each in answer["models"]["wanted"]]
    assert wanted[:3] == ["acestep-v15-turbo", "vae", "Qwen3-Embedding-0.6B"]
    assert wanted[3:] == ([f"acestep-5Hz-lm-{planner}"] if planner else [])
    assert "acetui models get" in sentences(answer)


def test_the_card_as_its_driver_tells_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    hot = DoubleCard(total=8 * GB, used=3 * GB, temperature=91, capability=(7, 5), tenants=((7, 2 * GB), (8, GB)))
    with library(hot, DoubleCard(name="NVIDIA H200", uuid="GPU-2", total=139 * GB)):
        answer = told(capsys)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
        assert [each["chosen"] for each in told(capsys)["gpus"]] == [False, True]  # the larger one
    first, second = answer["gpus"]
    assert (first["name"], first["total_gb"], first["free_gb"], first["chosen"]) == (
        "NVIDIA GeForce RTX 4060",
        8,
        5,
        True,
    )
    assert (first["driver"], first["power"], first["utilisation"], first["capability"]) == ("570.1", 20.5, 7, "7.5")
    assert [each["used_gb"] for each in first["processes"]] == [2, 1]
    assert second["chosen"] is False
    assert answer["tier"] == "tier3"
    precision = next(each for each in answer["choices"] if each["name"] == "precision")
    assert precision["value"] == "float16"
    for words in (
        "3.0 of 8.0 GB",
        "a program (process 7) has 2.0 GB, and 1 more",
        "91 °C",
        "published guide counts a card of 8 GB as tier4",
    ):
        assert words in sentences(answer)


def test_a_slice_counts_as_a_card_of_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    part = DoubleCard(name="NVIDIA A100 MIG 3g.20gb", uuid="MIG-aa", total=20 * GB, used=0)
    with library(DoubleCard(total=40 * GB, slices=(part,))):
        answer = told(capsys)
    assert (answer["tier"], answer["gpus"][0]["slice"]) == ("tier6b", True)


def test_how_many_engines_there_would_be(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with library(DoubleCard(uuid="GPU-1"), DoubleCard(uuid="GPU-2")):
        assert told(capsys)["engines"] == {"asked": "", "used": 1, "auto": 2, "cards": ["cuda:0", "cuda:1"]}
        main(["doctor"])
        assert "1; 2 with --workers auto, one a card" in capsys.readouterr().out
        for asked, used in (("auto", 2), ("cuda:1", 1), ("4", 2), ("ray://auto", None), ("nonsense", 1)):
            monkeypatch.setenv("ACETUI_WORKERS", asked)
            assert told(capsys)["engines"]["used"] == used
    monkeypatch.delenv("ACETUI_WORKERS")
    with library():
        main(["doctor"])
        assert "1; --workers auto is one here" in capsys.readouterr().out


def test_a_card_that_may_not_be_used(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with library(DoubleCard()):
        answer = told(capsys)
    assert answer["tier"] == "tier1"
    assert "CUDA_VISIBLE_DEVICES" in sentences(answer)


@pytest.mark.parametrize(
    ("build", "newest", "too_old"),
    [
        *(("CUDA 13.0", 12080, True), ("CUDA 13.0", 13000, False), ("CUDA 12.8", 12020, False)),
        *(("CUDA 12.8", 11040, True), ("ROCm 6.4", 11040, False), ("CPU", 11040, False)),
    ],
)
def test_a_driver_that_is_older_than_torch_is_told_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, build: str, newest: int, too_old: bool
) -> None:
    monkeypatch.setattr(machine, "torch_build", lambda: {"version": "2.13.0", "build": build})
    with library(DoubleCard()) as nvml:
        nvml.cuda = newest
        answer = told(capsys)
    assert answer["gpus"][0]["cuda"] == f"{newest // 1000}.{newest % 1000 // 10}"
    assert ("The driver (570.1) can do CUDA" in sentences(answer)) == too_old
    assert ("Update the driver" in sentences(answer)) == too_old


def test_a_card_without_a_driver_is_told_of(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "driverless", lambda root: ("0000:01:00.0",))
    with library():
        assert "0000:01:00.0) without NVIDIA's driver" in sentences(told(capsys))


def test_a_size_that_is_none_is_told_of(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIMULATED, "8GB")
    with library():
        answer = told(capsys)
    assert (answer["simulated"], answer["device"]) == (False, "cpu")
    assert "ACETUI_VRAM_GB is no size of a card: 8GB. A number of GB is, such as 8." in sentences(answer)


def test_a_container_without_nvml(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "silent_cards", lambda root: ("NVIDIA H100",))
    with library():
        answer = told(capsys)
    assert "There is NVIDIA H100" in sentences(answer)
    assert "NVIDIA_DRIVER_CAPABILITIES" in sentences(answer)


def test_a_torch_that_cannot_use_the_card(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "torch_build", lambda: {"version": "2.13.0+cpu", "build": "CPU"})
    with library(DoubleCard()):
        assert "built for CPUs alone" in sentences(told(capsys))
    monkeypatch.setattr(machine, "torch_build", lambda: None)
    with library(DoubleCard()):
        assert "torch is not here" in sentences(told(capsys))


def test_models_that_are_named_and_not_there(capsys: pytest.CaptureFixture[str], own_folders: Path) -> None:
    with library():
        answer = told(capsys, "--models", str(own_folders / "nowhere"), code=3)
    assert answer["advice"][0]["serious"] is True
    assert "nowhere" in answer["advice"][0]["error"]


def test_models_that_are_unfinished(capsys: pytest.CaptureFixture[str], own_folders: Path, tiny_turbo: Path) -> None:
    for folder in tiny_turbo.iterdir():
        (own_folders / "data" / "models").mkdir(parents=True, exist_ok=True)
        if folder.name != "vae":
            (own_folders / "data" / "models" / folder.name).symlink_to(folder)
    (own_folders / "data" / "models" / "vae").mkdir()
    with library():
        answer = told(capsys, code=3)
    here = {each["name"]: each for each in answer["models"]["here"]}
    assert here["vae"]["trouble"]
    assert here["acestep-v15-turbo"]["trouble"] is None
    assert here["acestep-v15-turbo"]["bytes"] > 1000
    assert "acetui models get vae" in sentences(answer)


def test_models_elsewhere_are_offered_and_not_downloaded(own_folders: Path, tiny_turbo: Path) -> None:
    env = {**os.environ, "ACESTEP_PROJECT_ROOT": str(own_folders / "reference")}
    (own_folders / "reference").mkdir()
    (own_folders / "reference" / "checkpoints").symlink_to(tiny_turbo)
    finding = models.look(allowance("cuda", 6.0), None, env)
    wanted = {each["name"]: each["elsewhere"] for each in finding.facts["models"]["wanted"]}
    assert wanted["vae"].endswith("reference/checkpoints/vae")
    (problem,) = [each for each in finding.problems if "models get" in each.hint]
    assert "room for" in problem.error or "already" in problem.error


def test_folders_that_cannot_be_written_to(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings.os, "access", lambda *_: False)
    finding = surroundings.disks(os.environ)
    assert {problem.code for problem in finding.problems} == {1}
    assert finding.facts["folders"]["sessions"]["writable"] is False


def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "free_bytes", lambda folder: 1_000_000_000)
    assert [problem.code for problem in surroundings.disks(os.environ).problems] == [0]
    monkeypatch.setattr(surroundings, "free_bytes", lambda folder: 1_000_000)
    assert {problem.code for problem in surroundings.disks(os.environ).problems} == {1}


def test_no_sound_is_told_by_where_the_person_sits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acetui.player.device.device_names", list)
    env = {"PATH": "/nothing"}
    assert "No sound device" in surroundings.sound(env).problems[0].error
    assert "--listen" in surroundings.sound(env | {"SSH_CONNECTION": "1 2 3 4"}).problems[0].hint
    monkeypatch.setattr("acetui.player.device.device_names", lambda: ["Speakers"])
    assert surroundings.sound(env).problems == ()


def test_what_people_read(capsys: pytest.CaptureFixture[str]) -> None:
    with library(DoubleCard()):
        assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for words in ("NVIDIA GeForce RTX 4060, 7 of 8 GB free", "tier3", "takes at once", "(--batch N", "sessions"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("size", ["0", "-3", "eight", "nan", "1e9"])
def test_what_is_no_size_of_a_card(capsys: pytest.CaptureFixture[str], size: str) -> None:
    assert main(["doctor", f"--vram={size}"]) == 2
    assert "no size of a card" in capsys.readouterr().err


def test_nothing_heavy_is_loaded(own_folders: Path) -> None:
    script = (
        "import sys; from acetui.cli import main; code = main(['doctor', '--json']); "
        "heavy = {'torch', 'transformers', 'huggingface_hub', 'textual'} & set(sys.modules); "
        "print(sorted(heavy), file=sys.stderr); "
        "sys.exit(code)"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().splitlines()[-1] == "[]"
    assert json.loads(done.stdout)["tier"]


def test_serious_things_are_told_first() -> None:
    with library(DoubleCard(used=7 * GB)):
        _, problems = doctor.examine({**os.environ, "ACETUI_MODELS": "/nowhere"})
    assert problems[0].code == 3
    assert problems[-1].code == 0
