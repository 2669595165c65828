"""Every area of the benchmarks at tiny sizes: rows are there, ratios are finite, both sides agree. Nothing is timed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import (
    child,
    dit,
    drafts,
    gpu,
    hearing,
    machine,
    overlap,
    planner,
    planner_gpu,
    render,
    repaint,
    several,
    start,
    store,
    vae,
)
from benchmarks.arithmetic import dit_step, visible_pairs
from benchmarks.bench import Bench
from benchmarks.peers import quiet
from benchmarks.rows import Area, Row
from benchmarks.sshd import Sshd
from benchmarks.table import show, write_json
from benchmarks.targets import SAMPLING, VAE_MEMORY
from benchmarks.timing import Budget, Clock, race
from engine.config import DiTConfig
from engine.models.attention import SAMPLED_BOUND

CPU = torch.device("cpu")
FP32 = 1e-4


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """On cores that others use, a second thread makes tiny work slower by far."""
    quiet()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def bench(*dtypes: str) -> Bench:
    """One pair of everything: no time is given to more."""
    return Bench(CPU, Budget(minutes=10, scale=0), dtypes)


def check(areas: list[Area], *, rows: int) -> None:
    """All rows are measured and printed, on both sides."""
    assert sum(len(area.rows) for area in areas) == rows
    for area in areas:
        text = show(area)
        for row in area.rows:
            assert row.what in text
            assert row.ours is not None
            assert row.peer is None or row.peer > 0
            assert all(math.isfinite(ratio) and ratio > 0 for ratio in row.ratios)
            assert "not run" not in row.note
            if row.apart is not None:
                assert row.apart < (FP32 if "fp32" in row.what else 0.2), f"{area.title}: {row.what}"


# --- areas -----------------------------------------------------------------------------------------------------------


def test_dit() -> None:
    areas = dit.run(bench("fp32", "bf16"), dit.Sizes.quick())
    check(areas, rows=14)
    exact = [row for area in areas if "rms" in area.title for row in area.rows]
    assert len(exact) == 3
    assert all(0 < row.ours < 5 and 0 < row.peer < 5 for row in exact)
    sampling = next(area for area in areas if "eight steps" in area.title)
    assert [row.what for row in sampling.rows] == ["2 s fp32", "6 s fp32"]


def test_the_guarded_row_is_beyond_the_bound() -> None:
    pairs = dit._Pairs(dit.small_config("small"), gain=dit._LARGE_NORMS)
    assert all(layer.self_attn.bound > SAMPLED_BOUND for layer in pairs.ours("bf16").layers)
    assert all(layer.cross_attn.bound > SAMPLED_BOUND for layer in pairs.ours("bf16").layers)


def test_planner() -> None:
    areas = planner.run(bench("fp32"), planner.Sizes.quick())
    check(areas, rows=3)
    assert [row.what for row in areas[0].rows] == ["batch 1 fp32", "batch 2 fp32", "prefill, batch 2 over batch 1"]
    assert all(row.apart is not None and row.apart < FP32 for row in areas[0].rows[:2])


def test_what_the_planners_peer_has_nothing_like() -> None:
    areas = drafts.run(bench("fp32"), planner.Sizes.quick())
    check(areas, rows=2 * len(drafts.ADDED) + len(drafts.KERNELS))
    one = bench("fp32")
    one.parts = ("drafts 1",)
    assert [len(area.rows) for area in drafts.run(one, planner.Sizes.quick())] == [len(drafts.ADDED), 0]
    assert planner.run(one, planner.Sizes.quick()) == []


def test_vae(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vae, "in_child", lambda task, **arguments: getattr(child, task)(**arguments))
    check(vae.run(bench("bf16", "fp32"), vae.Sizes.quick()), rows=4 + 2 + 2 + 2)


def test_vae_memory_in_a_process_of_its_own() -> None:
    from benchmarks.memory import in_child

    report = in_child("vae_memory", side="ours", dtype="fp32", frames=20, config=asdict(vae.Sizes.quick().config))
    assert report["absolute"] > report["growth"] >= 0


def test_render() -> None:
    check(render.run(bench("fp32"), render.Sizes.quick()), rows=1 + 2 + 2)


def test_repaint() -> None:
    check(repaint.run(bench("fp32"), repaint.Sizes.quick()), rows=5)


def test_first_render_on_both_sides(tiny_turbo: Path, tmp_path: Path) -> None:
    (tmp_path / "official").symlink_to(tiny_turbo)
    report = child.first_render("ours", str(tmp_path), 2, "fp32")
    assert set(report) == {"load", "first", "second", "absolute", "growth"}


def test_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "in_child", lambda task, **arguments: getattr(child, task)(**arguments))
    areas = start.run(bench("fp32"), start.Sizes.quick())
    check(areas, rows=4 + 3)
    assert all(row.met for row in areas[0].rows if row.target)


def test_store() -> None:
    check(store.run(store.Sizes.quick()), rows=7 + 6 + 2)


def test_hearing() -> None:
    check(hearing.run(hearing.Sizes.quick()), rows=5 + Sshd.there() + 3)


@pytest.mark.slow
def test_several() -> None:
    check(several.run(several.Sizes.quick()), rows=5)


def test_overlap() -> None:
    check(overlap.run(overlap.Sizes.quick()), rows=3 + 2)


def test_gpu_code_runs_on_a_cpu_at_tiny_sizes() -> None:
    config = dit.small_config("tiny")
    sizes = gpu.Sizes(config, vae.Sizes.quick().config, 2, (1, 2), (2, 4), (1, 2), "fp32", 20)
    areas = [area for area in gpu.run(bench("fp32"), sizes, 1e12) if area.rows]
    check(areas, rows=6 + 2 + 4)
    assert [row.apart < FP32 for area in areas for row in area.rows if row.apart is not None] == [True] * 8


def test_the_planner_on_a_card_at_tiny_sizes() -> None:
    tiny = planner_gpu.Sizes({"1.7B": planner.Sizes.quick()}, songs=2, seconds=1, dtype="fp32")
    areas = planner_gpu.run(bench("fp32"), tiny, 1e10)
    check(areas, rows=2)
    assert [row.target is not None for row in areas[0].rows] == [True, True]


# --- tools -----------------------------------------------------------------------------------------------------------


def test_without_a_cuda_device_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main(["gpu"]) == 0
    assert command.main(["--device", "cuda"]) == 0
    assert capsys.readouterr().out.count("NOT run") == 2


def test_the_machine_is_described(tmp_path: Path) -> None:
    found, ceilings = machine.describe(CPU), machine.measure(CPU, quick=True)
    text = machine.block(found, ceilings)
    assert all(name in text for name in ("instruction set", "threads", "torch", "C++ compiler", "GFLOP/s"))
    file = tmp_path / "out.json"
    write_json(file, machine.as_dict(found, ceilings), [Area("one", rows=[Row("x", 1, 2)])], 3.0)
    assert json.loads(file.read_text())["areas"][0]["rows"][0]["ratio"] == 2


def test_a_race_counts_warm_pairs_and_says_when_there_are_none() -> None:
    times = iter([5.0, 5.0, 1.0, 2.0, 1.0, 4.0, 9.0])

    class Counted(Clock):
        def seconds(self, work: object) -> tuple[float, object]:
            return next(times), None

    found = race(lambda: None, lambda: None, Counted(CPU), allowance=30, at_most=7)
    assert (found.ratios, found.cold) == ([2.0, 4.0], False)
    cold = race(lambda: None, None, Counted(CPU), allowance=1)
    assert (cold.ours, cold.ratios, cold.cold) == ([9.0], [], True)


def test_targets_are_judged() -> None:
    assert Row("x", 1, 2, ratios=(1.4, 1.6), target=SAMPLING[240.0]).met is True
    assert Row("x", 1, 2, ratios=(1.4, 1.4), target=SAMPLING[240.0]).met is False
    assert Row("x", 50, 100, target=VAE_MEMORY).met is True
    assert Row("x", 70, 100, target=VAE_MEMORY).met is False
    assert Row("x", target=VAE_MEMORY).met is None


def test_windows_are_counted_exactly() -> None:
    for length, window in ((5, 128), (300, 128), (10, 3), (129, 128)):
        seen = sum(abs(i - j) <= window for i in range(length) for j in range(length))
        assert visible_pairs(length, window) == seen


def test_operations_of_the_official_size_are_those_of_the_baseline() -> None:
    """4.67 TFLOP for 120 s, banded and with kept keys and values."""
    assert dit_step(DiTConfig(), 3000, 600) == pytest.approx(4.67e12, rel=0.02)


def test_where_the_peer_runs_out_of_memory_ours_is_still_measured() -> None:
    def too_much() -> None:
        raise torch.OutOfMemoryError

    area = Area("full")
    bench("fp32").race(area, "x", lambda: None, too_much, seconds=1)
    bench("fp32").race(area, "x", too_much, None, seconds=1)
    assert [row.note for row in area.rows] == ["1 cold run, out of memory with peer", "out of memory"]
