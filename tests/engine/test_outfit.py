"""Which planner a machine is given and how long its takes may be, for models of the published sizes and for others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from engine import device_memory, outfit
from engine.allowance import allowance
from engine.cards import GB, SIMULATED
from engine.device_memory import allowed_on, gb_of
from engine.pipeline import Engine
from engine.request import Request
from engine.testing.sizes import configs


def official(root: Path, *planners: str, variant: str = "turbo") -> Path:
    """A set of published sizes as far as its configs tell; nothing of it is ever loaded."""
    sizes = configs("full", variant, {})
    weights = {"vae": "diffusion_pytorch_model.safetensors"}
    folders = {f"acestep-v15-{variant}": sizes.dit, "vae": sizes.vae, "Qwen3-Embedding-0.6B": sizes.text}
    for name, config in {**folders, **dict.fromkeys(planners, sizes.lm)}.items():
        (root / name).mkdir()
        (root / name / "config.json").write_text(json.dumps(config))
        (root / name / weights.get(name, "model.safetensors")).touch()
        (root / name / "tokenizer.json").touch()
    return root


ALL = ("acestep-5Hz-lm-0.6B", "acestep-5Hz-lm-1.7B", "acestep-5Hz-lm-4B")


@pytest.mark.parametrize(
    ("gb", "planner", "on", "longest", "bounds"),
    [
        (4, "0.6B", False, 240, (360, 1)),
        (6, "0.6B", False, 480, (600, 1)),
        (8, "0.6B", True, 480, (480, 2)),
        (12, "0.6B", True, 480, (480, 2)),
        (16, "1.7B", True, 480, (480, 4)),
        (24, "1.7B", True, 480, (480, 8)),
        (80, "4B", True, 600, (600, 8)),
    ],
)
def test_the_planner_that_a_card_has_room_for(
    tmp_path: Path, gb: float, planner: str, on: bool, longest: int, bounds: tuple[float, int]
) -> None:
    found = outfit.outfit(official(tmp_path, *ALL), None, None, allowance("cuda", gb))
    assert found.models.lm is not None
    assert found.models.lm.name == f"acestep-5Hz-lm-{planner}"
    assert (found.planner_on, found.longest, found.bounds) == (on, longest, bounds)


def test_a_larger_model_has_room_for_fewer_takes(tmp_path: Path) -> None:
    root = official(tmp_path, "acestep-5Hz-lm-1.7B", variant="xl-base")
    found = outfit.outfit(root, None, None, allowance("cuda", 12.5))
    assert (found.residence, found.quantization) == ("turns", None)
    assert found.bounds is not None
    assert 1 <= found.bounds[1] < 4
    assert outfit.outfit(root, None, None, allowance("cuda", 48)).bounds == (600, 8)


def test_a_planner_that_is_named_is_used(tmp_path: Path) -> None:
    found = outfit.outfit(official(tmp_path, *ALL), None, "4B", allowance("cuda", 8))
    assert found.models.lm is not None
    assert (found.models.lm.name, found.planner_on) == ("acestep-5Hz-lm-4B", True)
    none = outfit.outfit(tmp_path, None, "none", allowance("cuda", 8))
    assert (none.models.lm, none.planner_on, none.bounds) == (None, False, (600, 2))


def test_what_is_on_the_disk_is_what_there_is(tmp_path: Path) -> None:
    root = official(tmp_path, "acestep-5Hz-lm-4B")
    found = outfit.outfit(root, None, None, allowance("cuda", 8))
    assert found.models.lm is not None  # for its other jobs, where somebody asks for one
    assert (found.models.lm.name, found.planner_on) == ("acestep-5Hz-lm-4B", False)
    (root / "acestep-5Hz-lm-0.6B").mkdir()  # unfinished: it is not chosen by itself
    found = outfit.outfit(root, None, None, allowance("cuda", 8))
    assert found.models.lm is not None
    assert found.models.lm.name == "acestep-5Hz-lm-4B"


def test_of_one_size_the_longest_name_is_taken(tmp_path: Path) -> None:
    root = official(tmp_path, "acestep-5Hz-lm-0.6B", "acestep-5Hz-lm-0.6B-v4-fix")
    found = outfit.outfit(root, None, None, allowance("cuda", 8))
    assert found.models.lm is not None
    assert found.models.lm.name == "acestep-5Hz-lm-0.6B-v4-fix"


def test_smaller_planners_end_with_none(tmp_path: Path) -> None:
    root = official(tmp_path, *ALL)
    for name, size in zip(ALL, (10, 20, 30), strict=True):
        (root / name / "model.safetensors").write_bytes(b"x" * size)
    (root / "acestep-5Hz-lm-unfinished").mkdir()
    assert outfit.smaller_planners(str(root), ALL[2]) == (ALL[1], ALL[0], "none")
    assert outfit.smaller_planners(str(root), ALL[0]) == ("none",)
    assert outfit.smaller_planners(str(root / "nowhere"), ALL[0]) == ("none",)


def test_models_of_other_sizes_are_not_bound_by_the_table(tiny_turbo: Path) -> None:
    engine = Engine.load(tiny_turbo, device="cpu")
    request = Request(caption="x", duration=10.0).resolved(engine.profile)
    assert engine.planning.wanted(request)
    assert engine.planning.ready().longest == 600
    assert (engine.profile.longest, engine.profile.at_once) == (None, None)


def test_the_limit_reaches_the_planner_and_the_form(tiny_turbo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outfit, "is_official", lambda config: True)
    engine = Engine.load(tiny_turbo, device="cpu")
    request = Request(caption="x", duration=400.0, batch_size=2)
    assert not engine.planning.wanted(request.resolved(engine.profile))  # a machine without a card plans if asked to
    assert engine.planning.ready().longest == 240
    assert (engine.profile.longest, engine.profile.at_once) == (360, 1)
    said = dict(request.warnings(engine.profile))
    assert "400 seconds are more than this machine is meant for: 360." in said["duration"]
    assert "2 takes are more than this machine is meant for: 1." in said["batch_size"]
    assert not dict(Request(duration=360.0, batch_size=1).warnings(engine.profile)).keys() & {"duration", "batch_size"}
    named = Engine.load(tiny_turbo, lm=engine.planning.name, device="cpu")
    assert named.planning.wanted(request.resolved(named.profile))
    assert (named.planning.ready().longest, named.profile.longest) == (240, 240)


def test_what_a_device_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SIMULATED, raising=False)
    assert gb_of(torch.device("cpu")) > 0.2
    assert allowed_on(torch.device("cpu")).tier.name == "tier1"
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: type("Card", (), {"total_memory": 24 * GB})())
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    card = torch.device("cuda")
    assert (gb_of(card), allowed_on(card).tier.name, allowed_on(card).dtype) == (24, "tier6b", "float16")


def test_a_simulated_card_is_held_to_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SIMULATED, "8")
    card = torch.device("cuda")
    held: list[float] = []
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: type("Card", (), {"total_memory": 80 * GB})())
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, _: held.append(share))
    device_memory.cap(card)
    assert held == [pytest.approx(7.5 / 80)]
    assert allowed_on(card).tier.name == "tier3"
    monkeypatch.delenv(SIMULATED)
    device_memory.cap(card)
    assert len(held) == 1


@pytest.mark.parametrize(("gb", "in_turns"), [(8, True), (16, False), (24, False)])
def test_models_take_turns_where_they_do_not_fit_at_once(tmp_path: Path, gb: float, in_turns: bool) -> None:
    assert outfit.outfit(official(tmp_path, *ALL), None, None, allowance("cuda", gb)).residence == (
        "turns" if in_turns else "together"
    )
    assert outfit.outfit(tmp_path, None, None, allowance("cpu", gb)).residence == "together"
