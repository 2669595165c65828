"""``acetui adapters``: what is there, and whether it fits the model in the box."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from acetui.cli import main
from engine.checkpoints import NO_LM, find_models, open_set
from engine.layout import Shapes, dit_tensors
from tests.engine.adapters.made import lora, peft_folder, single_file


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ACETUI_DATA", str(tmp_path))
    monkeypatch.delenv("ACETUI_MODELS", raising=False)
    return tmp_path / "adapters"


def shapes() -> Shapes:
    return dit_tensors(open_set(find_models("nano"), None, NO_LM).dit.config)


def test_the_adapters_that_are_there(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapters", "--models", "nano"]) == 0
    assert capsys.readouterr().out == f"There are none. They belong in {home}.\n"
    home.mkdir()
    single_file(home / "warm.safetensors", lora(shapes()), str)
    wide = {name: tuple(2 * size for size in shape) for name, shape in shapes().items()}
    peft_folder(home / "choir", lora(wide), base_model_name_or_path="acestep-v15-xl-turbo")
    assert main(["adapters", "--models", "nano"]) == 0
    told = capsys.readouterr().out
    assert "warm  LoRA, " in told
    assert "does not say its alpha" in told
    assert "choir  -  The adapter choir/adapter_model.safetensors does not fit" in told
    assert main(["adapters", "--models", "nano", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["event"], row["name"], row["fits"]) for row in rows] == [
        ("adapter", "choir", False),
        ("adapter", "warm", True),
    ]
    assert rows[0]["hint"] == "It was made for acestep-v15-xl-turbo."
    assert (rows[1]["kinds"], len(rows[1]["sha256"])) == (["LoRA"], 64)


def test_one_that_is_named(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = single_file(tmp_path / "warm.safetensors", lora(shapes()), str, 4)
    assert main(["adapters", str(path), "--models", "nano"]) == 0
    assert main(["adapters", "cold", "--models", "nano"]) == 3
    path.write_bytes(b"")
    assert main(["adapters", str(path), "--models", "nano"]) == 3
    assert "is not a whole safetensors file" in capsys.readouterr().err
