"""What a batch needs of memory, told from sizes: by hand for the published models, and against measured peaks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from engine import nano
from engine.checkpoints import open_set
from engine.config import DiTConfig, LMConfig, TextConfig, VAEConfig
from engine.preflight import Sizes, Wish, fits, most_takes, need
from engine.testing import make_checkpoint
from engine.testing.sizes import configs

GB = 2**30


def published(variant: str = "turbo", kind: str = "cuda", width: int = 2, planner: bool = False) -> Sizes:
    sizes = configs("full", variant, {})
    lm = LMConfig.from_dict({**sizes.lm, "vocab_size": 217204}) if planner else None
    dit, text = DiTConfig.from_dict(sizes.dit), TextConfig.from_dict({**sizes.text, "vocab_size": 151669})
    return Sizes(dit, VAEConfig.from_dict(sizes.vae), text, lm, kind, width)  # type: ignore[arg-type]


def test_weights_are_as_published() -> None:
    weights = published(planner=True).weights
    assert weights["music"] / 1e9 == pytest.approx(4.79, abs=0.02)
    assert weights["vae"] / 1e9 == pytest.approx(0.337, abs=0.002)
    assert weights["text"] / 1e9 == pytest.approx(1.19, abs=0.01)
    assert weights["planner"] / 1e9 == pytest.approx(1.33, abs=0.01)
    assert published("xl-turbo").weights["music"] / 1e9 == pytest.approx(9.97, abs=0.03)
    assert published(width=4).weights["music"] == 2 * weights["music"]


def test_more_of_anything_needs_more() -> None:
    sizes = published(planner=True)
    least = need(sizes, Wish())
    for more in (Wish(8, 240.0), Wish(4, 600.0), Wish(4, 240.0, guided=True), Wish(planner=True)):
        assert need(sizes, more).peak > least.peak
    assert need(published("xl-turbo", planner=True), Wish()).peak > least.peak + 4 * GB
    # On a CPU takes are made one after another.
    cpu = published(kind="cpu", width=4)
    assert need(cpu, Wish(takes=8)).peak == need(cpu, Wish()).peak


def test_a_draft_is_a_second_planner() -> None:
    alone = published(planner=True)
    both = replace(alone, draft=alone.lm)
    assert both.weights["planner"] == 2 * alone.weights["planner"]
    assert need(both, Wish(planner=True)).peak > need(alone, Wish(planner=True)).peak + alone.weights["planner"]
    assert replace(both, lm=None).weights["planner"] == 0


def test_in_turns_one_model_is_beside_the_music_model() -> None:
    sizes = published(planner=True)
    together, turns = need(sizes, Wish(planner=True)), need(sizes, Wish(planner=True), "turns")
    assert turns.peak < together.peak - 1.0 * GB
    assert turns.models <= sizes.weights["music"] + sizes.weights["planner"]


def test_the_table_of_the_published_guide_holds() -> None:
    # 16 GB: four takes of a minute with a planner; 8 GB: two, in turns.
    assert most_takes(published(planner=True), Wish(seconds=60.0, planner=True), int(15.5 * GB)) >= 4
    assert most_takes(published(planner=True), Wish(seconds=60.0, planner=True), int(7.5 * GB), "turns") >= 2
    assert not fits(published("xl-turbo"), Wish(), 10 * GB)
    assert most_takes(published(), Wish(), 2 * GB) == 0


_RENDER = """
import json, sys
from pathlib import Path
from engine.pipeline import Engine
from engine.request import Request
asked = json.loads(sys.argv[1])
engine = Engine.load(asked["root"], lm=asked["lm"], device="cpu", **asked["load"])
for _ in engine.stream(Request(**asked["request"])):
    pass
needless = {"diffusers", "sympy", "torch._dynamo", "transformers"} & set(sys.modules)
assert not needless, f"{needless} take memory and time, and nobody asked for them"
print(next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line))
"""

ASKED = {"caption": "slow jazz", "lyrics": "la la", "bpm": 96, "inference_steps": 1, "use_cot_caption": False}


def told_and_measured(root: Path, wish: Wish, lm: str | None, load: dict[str, Any], **request: Any) -> tuple[int, int]:
    """What a batch needs of an engine's process on a CPU, and the most that one had."""
    seeds = list(range(1, 1 + wish.takes))
    asked = {"duration": wish.seconds, "thinking": wish.planner, **ASKED, **request, "seeds": seeds}
    done = subprocess.run(
        [sys.executable, "-c", _RENDER, json.dumps({"root": str(root), "lm": lm, "load": load, "request": asked})],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    sizes = Sizes.of(open_set(root, None, lm), "cpu", "float32", load.get("quantization"))
    return need(sizes, wish).peak, 1024 * int(json.loads(done.stdout.splitlines()[-1]))


here = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is Linux's to tell")


@here
@pytest.mark.parametrize("wish", [Wish(seconds=10.0), Wish(takes=2, seconds=10.0, planner=True)], ids=["", "planned"])
def test_what_is_told_of_the_model_in_the_box_is_near_its_peak(wish: Wish) -> None:
    """And what it loads is what it needs: a library that nobody asks for is 40 to 110 MB."""
    told, measured = told_and_measured(nano.FOLDER, wish, None if wish.planner else "none", {})
    assert told == pytest.approx(measured, rel=0.1), (told / 1e6, measured / 1e6)


@here
@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "wish", "load"),
    [
        ("turbo", Wish(seconds=30.0), {}),
        ("turbo", Wish(takes=2, seconds=120.0), {}),
        ("turbo", Wish(seconds=30.0), {"quantization": "int8_weight_only"}),
        ("turbo", Wish(takes=2, seconds=30.0, planner=True), {}),
        ("turbo", Wish(seconds=40.0, source=True), {}),
        ("base", Wish(seconds=60.0, guided=True), {}),
        ("base", Wish(seconds=60.0, guided=True, passes=2), {"guidance_passes": 2}),
    ],
)
def test_what_is_told_is_within_a_tenth_of_the_peak(
    tmp_path: Path, variant: str, wish: Wish, load: dict[str, Any]
) -> None:
    root = make_checkpoint(tmp_path / "set", size="small", variant=variant, lm=wish.planner)
    request: dict[str, Any] = {}
    if wish.source:
        soundfile.write(tmp_path / "a.wav", np.sin(np.arange(int(wish.seconds * 48_000)) / 17.0) * 0.3, 48_000)
        request = {"task_type": "cover", "src_audio": str(tmp_path / "a.wav"), "duration": None}
    told, measured = told_and_measured(root, wish, None if wish.planner else "none", load, **request)
    assert told == pytest.approx(measured, rel=0.1), (told / 1e6, measured / 1e6)
