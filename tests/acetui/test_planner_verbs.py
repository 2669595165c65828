"""``acetui plan``, ``sample``, ``format`` and ``understand``, with a real engine process and a tiny model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from acetui.cli import main
from engine import Request
from engine.request import FIELDS
from engine.testing import make_checkpoint
from engine.values import KEYSCALES

ROOT = Path(__file__).parents[2]
FEW = ["--no-use-cot-caption"]
TINY: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "text_hidden_dim": 32,
    "fsq_input_levels": [4, 4, 4],
    "vae": {"decoder_channels": 2, "channel_multiples": [1, 1, 1, 1, 1]},
    "text_encoder": {"num_hidden_layers": 1, "intermediate_size": 64},
    "lm": {"num_hidden_layers": 1, "intermediate_size": 64},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_checkpoint(tmp_path_factory.mktemp("verbs") / "models", config=TINY))


def acetui(*argv: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "acetui", *argv, "--device", "cpu", "--threads", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env=env,
    )


def lines(ran: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_a_plan_as_json_and_as_a_recipe(models: str) -> None:
    asked = ["plan", "--models", models, "--caption", "slow jazz", "--duration", "2", "--seed", "7", *FEW]
    *progress, plan = lines(acetui(*asked, "--json"))
    assert {line["event"] for line in progress} == {"progress"}
    assert {line["stage"] for line in progress} == {"load", "planner"}
    assert plan["event"] == "plan"
    assert plan["duration"] == 2
    assert plan["keyscale"] in KEYSCALES
    assert len(plan["codes"]) == 10
    written = acetui(*asked)
    assert written.returncode == 0, written.stderr
    recipe = Request.from_dict(tomllib.loads(written.stdout))
    assert recipe.audio_codes == tuple(plan["codes"])
    assert (recipe.caption, recipe.keyscale) == ("slow jazz", plan["keyscale"])


@pytest.mark.slow  # a random model never ends by itself: thousands of tokens
def test_a_file_in_words(models: str, tmp_path: Path) -> None:
    import numpy as np

    from engine import encoding

    path = tmp_path / "tone.wav"
    encoding.write(path, 0.5 * np.sin(np.arange(96_000, dtype=np.float32) / 20)[None].repeat(2, 0), format="wav16")
    plan = lines(acetui("understand", str(path), "--models", models, "--json", "--seed", "3"))[-1]
    assert {"caption", "lyrics", "bpm", "keyscale", "timesignature", "duration", "vocal_language"} <= plan.keys()
    assert len(plan["codes"]) == 10


def test_refusals(models: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["understand", str(tmp_path / "nothing.wav"), "--models", models]) == 2
    capsys.readouterr()
    assert main(["understand", str(tmp_path), "--models", models]) == 2
    assert f"{tmp_path} is a folder." in capsys.readouterr().err
    assert main(["understand"]) == 2
    assert main(["plan", "--bpm", "9999"]) == 2
    assert main(["sample", "jazz", "--models", models, "--lm", "none"]) == 3
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "no planner" in said


@pytest.mark.parametrize("verb", ["plan", "sample", "format", "understand"])
def test_help_explains_every_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"acetui {verb}" in text
    assert all(f"--{name.replace('_', '-')}" in text for name in ("caption", "lm_temperature", "plan_seed"))
    assert {"plan_seed", "draft_plans"} <= FIELDS.keys()
