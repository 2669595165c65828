"""Which engines a session has: what people write, and what that is on a machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cards import Card
from engine.memory import cores
from sessions.errors import BadSetting
from sessions.gpu_lease import card_of
from sessions.settings import ModelSettings, Settings
from sessions.worker_names import VARIABLE, asked_for, normal
from sessions.workers import ALONE, chosen, visible, workers
from tests.engine.nvml_double import DoubleCard, library
from tests.sessions.jamming import run, stage, state

__all__ = ["state"]

CARDS = ("cuda:0", "cuda:1", "cuda:2")


@pytest.mark.parametrize(
    ("written", "form"),
    [
        *(("", ""), (" Auto ", "auto"), ("02", "2"), ("cuda", "cuda:0"), ("CUDA:1,cuda:0", "cuda:1, cuda:0")),
        *(("cpu,cpu", "cpu, cpu"), ("cpu, cuda:0", "cpu, cuda:0"), ("mps", "mps")),
        *(("ray://auto", "ray://auto"), ("ray://Box.local:10001/4", "ray://Box.local:10001/4")),
    ],
)
def test_what_is_written_has_one_form(written: str, form: str) -> None:
    assert normal(written) == form
    assert normal(form) == form


@pytest.mark.parametrize(
    "nonsense", ["0", "65", "-1", "cuda:0,cuda:0", "cuda,cuda:0", "mps,mps", "gpu", "cpu,,cpu", "ray://", "ray://a/0"]
)
def test_what_names_no_engines_is_refused_with_what_would(nonsense: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        normal(nonsense)
    with pytest.raises(BadSetting, match=r"workers cannot be .*it must be auto, a number"):
        Settings.from_dict({"models": {"workers": nonsense}})


@given(st.text(max_size=30))
def test_nothing_else_comes_out_than_went_in(text: str) -> None:
    try:
        form = normal(text)
    except ValueError:
        return
    assert normal(form) == form


@pytest.mark.parametrize(
    ("text", "devices", "names", "less"),
    [
        ("", CARDS, [None], ""),
        ("auto", (), [None], ""),
        ("auto", CARDS[:1], [None], ""),
        ("auto", CARDS, [*CARDS], ""),
        ("2", CARDS, [*CARDS[:2]], ""),
        ("1", CARDS, [None], ""),
        ("4", CARDS, [*CARDS], "4 engines were asked for, and there is room for 3: one a card."),
        ("cuda:2", CARDS, ["cuda:2"], ""),
        ("cuda:1, cpu", (), ["cuda:1", "cpu"], ""),
    ],
)
def test_engines_are_one_a_card(text: str, devices: tuple[str, ...], names: list[str | None], less: str) -> None:
    found, told = chosen(text, devices)
    assert [worker.device for worker in found] == names
    assert told == less
    assert len({worker.name for worker in found}) == len(found)
    assert bool(found[0].name) == (len(found) > 1)


def test_several_on_the_processor_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    found, _ = chosen("3", ())
    assert [worker.name for worker in found] == ["cpu 1", "cpu 2", "cpu 3"]
    assert {worker.threads for worker in found} == {max(1, cores() // 3)}
    assert found[0].options({"threads": 7, "dit": "x"}) == {"threads": 7, "dit": "x", "device": "cpu"}
    assert found[0].options({"threads": None})["threads"] == max(1, cores() // 3)


def test_cards_that_may_be_used_are_those_that_cuda_shows() -> None:
    cards = (Card(index=0, name="a", uuid="GPU-a"), Card(index=1, name="b", uuid="GPU-b"))
    assert visible(cards, {}) == ("cuda:0", "cuda:1")
    assert visible(cards, {"CUDA_VISIBLE_DEVICES": "1"}) == ("cuda:0",)
    assert visible(cards, {"CUDA_VISIBLE_DEVICES": ""}) == ()


def test_each_slice_of_a_card_has_an_engine_that_is_shown_no_other() -> None:
    slices = tuple(Card(index=0, name="part", uuid=f"MIG-{n}", slice_of="GPU-a") for n in range(3))
    other = Card(index=1, name="whole", uuid="GPU-b")
    assert visible((*slices, other), {}) == ("MIG-0", "MIG-1", "MIG-2", "GPU-b")
    assert visible((*slices, other), {"CUDA_VISIBLE_DEVICES": "MIG-2,MIG-0"}) == ("MIG-2", "MIG-0")
    assert visible((*slices, other), {"CUDA_VISIBLE_DEVICES": "GPU-b"}) == ("cuda:0",)
    found, less = chosen("2", visible(slices, {}))
    assert less == ""
    assert [(each.name, each.device, each.env) for each in found] == [
        ("cuda:0", "cuda", {"CUDA_VISIBLE_DEVICES": "MIG-0"}),
        ("cuda:1", "cuda", {"CUDA_VISIBLE_DEVICES": "MIG-1"}),
    ]
    assert found[0].options({"device": "auto"}) == {"device": "cuda"}
    assert chosen("1", visible(slices, {})) == (ALONE, "")
    # Each of them is leased by itself, and under the name by which another studio leases it.
    assert card_of(found[1].card, {}) == "cuda-MIG-1"
    shown = {"CUDA_VISIBLE_DEVICES": "MIG-1"}
    assert card_of("cuda", shown, look=lambda: slices) == card_of("cuda", shown, look=tuple) == "cuda-MIG-1"


def test_the_driver_is_asked_and_no_card_is_taken_unasked() -> None:
    with library(DoubleCard(uuid="GPU-1"), DoubleCard(uuid="GPU-2")):
        assert [worker.device for worker in workers("auto", {})[0]] == ["cuda:0", "cuda:1"]
        assert workers("", {}) == (ALONE, "")


def test_the_flag_goes_before_the_session_and_that_before_the_variable() -> None:
    assert asked_for("2", "3", env={VARIABLE: "4"}) == "2"
    assert asked_for("", "3", env={VARIABLE: "4"}) == "3"
    assert asked_for("", None, env={VARIABLE: "4"}) == "4"
    assert asked_for("", env={}) == ""


def test_engines_are_told_nothing_of_how_many_there_are(tmp_path: Path) -> None:
    assert "workers" not in ModelSettings(workers="2").load_options(tmp_path)


@pytest.mark.usefixtures("state")
def test_a_variable_that_names_no_engines_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "gpu")
    made = stage(tmp_path)

    async def opened() -> int:
        async with made.open() as jam:
            return len(jam.engine.engines)

    assert run(opened()) == 1
    assert made.told("ACETUI_WORKERS names no engines")


@pytest.mark.usefixtures("state")
def test_other_engines_count_from_the_next_start_and_that_is_said(tmp_path: Path) -> None:
    made = stage(tmp_path, models={"workers": "cpu, cpu"})

    async def opened() -> int:
        async with made.open() as jam:
            file = made.folder / "session.toml"
            file.write_text(file.read_text().replace('"cpu, cpu"', '"cpu, cpu, cpu"'))
            await made.until(lambda: made.told("from the next start"))
            return len(jam.engine.engines)

    assert run(opened()) == 2
