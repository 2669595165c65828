"""Which device and which dtype a model runs in, on machines that this one may not be."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from engine import Engine, Request
from engine.cards import GB
from engine.device_memory import cap
from engine.errors import EngineError
from engine.events import Remark
from engine.model import choose_device, choose_dtype, device_name
from tests.engine.nvml_double import DoubleCard, library


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with nothing but a CPU, to which a test may add."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.xpu, "is_available", lambda: False)
    return monkeypatch


def add_cuda(
    machine: pytest.MonkeyPatch, cards: int = 1, capability: tuple[int, int] = (9, 0), sizes: tuple[int, ...] = ()
) -> None:
    properties = [SimpleNamespace(total_memory=size * GB) for size in sizes or (24,) * cards]
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "device_count", lambda: len(properties))
    machine.setattr(torch.cuda, "get_device_properties", lambda device: properties[device])
    machine.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    machine.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA Test")


def refusal(wanted: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        choose_device(wanted)
    assert caught.value.exit_code == 1
    assert caught.value.hint
    return caught.value


def test_auto_takes_what_is_fastest(machine: pytest.MonkeyPatch) -> None:
    assert choose_device("auto") == torch.device("cpu")
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto") == torch.device("mps")
    with machine.context() as card:
        card.setattr(torch.xpu, "is_available", lambda: True)
        card.setattr(torch.xpu, "device_count", lambda: 1)
        assert choose_device("auto") == choose_device("xpu") == torch.device("xpu:0")
    add_cuda(machine)
    assert choose_device("auto") == torch.device("cuda:0")


@pytest.mark.parametrize(("sizes", "place"), [((8, 24), 1), ((24, 8), 0), ((16, 16), 0), ((4, 24, 24), 1)])
def test_of_several_cards_auto_is_the_largest(machine: pytest.MonkeyPatch, sizes: tuple[int, ...], place: int) -> None:
    add_cuda(machine, sizes=sizes)
    assert choose_device("auto") == torch.device("cuda", place)


@pytest.mark.parametrize(
    ("built", "capability", "known"),
    [
        (["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"], (8, 9), True),  # as 8.6 of its generation
        (["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"], (6, 1), False),
        (["sm_75", "sm_80", "sm_90a"], (12, 0), False),
        (["sm_75", "sm_80", "compute_90"], (12, 0), True),
        (["sm_86"], (8, 0), False),
        ([], (3, 5), True),
    ],
)
def test_a_card_that_torch_has_no_code_for_is_not_begun_with(
    machine: pytest.MonkeyPatch, built: list[str], capability: tuple[int, int], known: bool
) -> None:
    add_cuda(machine, capability=capability)
    machine.setattr(torch.version, "cuda", "13.0")
    machine.setattr(torch.cuda, "get_arch_list", lambda: built)
    assert choose_device("auto") == torch.device("cuda:0" if known else "cpu")
    if known:
        assert choose_device("cuda") == torch.device("cuda:0")
    else:
        assert "NVIDIA Test is a card that torch" in refusal("cuda").error


def test_a_card_that_is_left_alone_is_told_of(tiny_turbo: Path, machine: pytest.MonkeyPatch) -> None:
    request = Request(caption="slow jazz", lyrics="la", duration=1.0, inference_steps=1, seeds=[3], thinking=False)

    def remarks(device: str) -> list[str]:
        events = Engine.load(tiny_turbo, lm="none", device=device).stream(request)
        return [event.text for event in islice(events, 2) if isinstance(event, Remark)]

    with library(DoubleCard()):
        (said,) = remarks("auto")
        assert "NVIDIA GeForce RTX 4060 is here" in said
        assert "on the processor" in said
        assert remarks("cpu") == []  # a person's own wish
    with library():
        assert remarks("auto") == []


def test_a_device_that_is_there_is_taken(machine: pytest.MonkeyPatch) -> None:
    assert choose_device("cpu") == torch.device("cpu")
    add_cuda(machine, cards=2)
    assert choose_device("cuda") == torch.device("cuda:0")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "cuda:7", "mps", "meta", "xpu"])
def test_a_device_that_is_not_there_is_refused_by_name(machine: pytest.MonkeyPatch, wanted: str) -> None:
    assert f" {wanted} " in refusal(wanted).error


def test_a_card_beyond_the_last_is_refused(machine: pytest.MonkeyPatch) -> None:
    add_cuda(machine, cards=2)
    assert "cuda:2" in refusal("cuda:2").error


@pytest.mark.parametrize("wanted", ["", "gpu", "banana", "0", "cuda:", "cuda:x", "cuda:-1", "CPU "])
def test_what_is_no_device_is_refused_with_what_is_one(machine: pytest.MonkeyPatch, wanted: str) -> None:
    error = refusal(wanted)
    assert repr(wanted) in error.error
    assert "auto, cpu, cuda" in error.hint


def test_the_dtype_follows_the_device(machine: pytest.MonkeyPatch) -> None:
    assert choose_dtype(None, torch.device("cpu")) == torch.float32
    assert choose_dtype(None, torch.device("mps")) == torch.float16
    for capability, expected in {
        (9, 0): torch.bfloat16,
        (8, 0): torch.bfloat16,
        (7, 5): torch.float16,
        (6, 1): torch.float16,
    }.items():
        add_cuda(machine, capability=capability)
        assert choose_dtype(None, torch.device("cuda")) == expected


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_named_dtype_goes_before_the_devices_own(name: str) -> None:
    for device in ("cpu", "mps", "cuda"):
        assert choose_dtype(name, torch.device(device)) == getattr(torch, name)


@pytest.mark.parametrize("name", ["", "fp16", "float64", "int8", "Float32"])
def test_what_is_no_dtype_is_refused_with_what_is_one(name: str) -> None:
    with pytest.raises(EngineError, match="float32, bfloat16, float16") as caught:
        choose_dtype(name, torch.device("cpu"))
    assert repr(name) in caught.value.error


def test_devices_have_names_for_people(machine: pytest.MonkeyPatch) -> None:
    add_cuda(machine)
    assert device_name(torch.device("cuda")) == "NVIDIA Test"
    assert device_name(torch.device("mps")) == "mps"
    machine.setattr(torch.xpu, "get_device_name", lambda device: "Arc Test")
    assert device_name(torch.device("xpu")) == "Arc Test"
    assert choose_dtype(None, torch.device("xpu")) == torch.bfloat16
    assert device_name(torch.device("cpu"))


def test_a_card_is_held_to_a_size_by_its_number(machine: pytest.MonkeyPatch) -> None:
    """torch takes no card without a number there: this is its own function, down to what it hands to the driver."""
    held: list[tuple[float, int]] = []
    add_cuda(machine, cards=2)
    machine.setenv("ACETUI_VRAM_GB", "8")
    machine.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=24 * GB))
    machine.setattr(torch.cuda.memory, "_lazy_init", lambda: None)
    machine.setattr(torch._C, "_cuda_setMemoryFraction", lambda *given: held.append(given), raising=False)
    cap(choose_device("auto"))
    cap(choose_device("cuda:1"))
    assert held == [(7.5 / 24, 0), (7.5 / 24, 1)]
