"""``python -m benchmarks``: measures, prints a table for each area, and with ``--json`` writes all of it to a file."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks import (
    dit,
    gpu,
    hearing,
    machine,
    overlap,
    planner,
    render,
    repaint,
    several,
    start,
    store,
    terminal,
    vae,
)
from benchmarks.bench import DTYPES, Bench
from benchmarks.peers import have_diffusers, quiet
from benchmarks.rows import Area
from benchmarks.table import show, write_json
from benchmarks.timing import Budget

MINUTES = {"cpu": 24.0, "gpu": 9.0}
"""What a run may take where nothing else is said; nothing new is started after that."""

SHARES = {"start": 2, "terminal": 5, "render": 3, "dit": 11, "vae": 9, "gpu": 6}
"""How the areas divide that time, about in minutes; what one leaves is the next ones'."""

JAM = ("store", "overlap", "several", "hearing", "scores")
"""What is measured by itself: sessions, and not the model."""

Part = Callable[[Bench], list[Area]]


def cpu_areas(*, quick: bool) -> dict[str, Part]:
    """The areas by name, in the order in which they run."""
    if quick:
        return {
            "start": lambda bench: start.run(bench, start.Sizes.quick()),
            "terminal": lambda bench: terminal.run(bench, terminal.Sizes.quick()),
            "render": lambda bench: render.run(bench, render.Sizes.quick()),
            "dit": lambda bench: dit.run(bench, dit.Sizes.quick()),
            "vae": lambda bench: vae.run(bench, vae.Sizes.quick()),
            "planner": lambda bench: _planner(bench, planner.Sizes.quick()),
            "repaint": lambda bench: repaint.run(bench, repaint.Sizes.quick()),
        }
    return {
        "start": lambda bench: start.run(bench, start.Sizes()),
        "terminal": lambda bench: terminal.run(bench, terminal.Sizes()),
        "render": lambda bench: render.run(bench, render.Sizes()),
        "dit": lambda bench: dit.run(bench, dit.Sizes.standard()),
        "vae": lambda bench: vae.run(bench, vae.Sizes()),
        "planner": lambda bench: _planner(bench, planner.Sizes.standard()),
        "repaint": lambda bench: repaint.run(bench, repaint.Sizes()),
    }


def _planner(bench: Bench, sizes: planner.Sizes) -> list[Area]:
    """Beside its peer, and what the peer has nothing like."""
    from benchmarks import drafts

    return [*planner.run(bench, sizes), *drafts.run(bench, sizes)]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("where", nargs="?", choices=("cpu", "gpu", *JAM), default="cpu")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="the same as cpu and gpu")
    parser.add_argument("--only", nargs="+", choices=tuple(cpu_areas(quick=True)), metavar="AREA", help="some areas")
    parser.add_argument(
        "--part",
        nargs="+",
        default=(),
        metavar="PART",
        help="of the planner, such as 'batch 8', 'prefill 8', 'drafts 1', 'company 8'",
    )
    parser.add_argument(
        "--dtype", nargs="+", choices=tuple(DTYPES), default=["bf16", "fp32"], help="the first is the main one"
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that it runs, measures nothing")
    parser.add_argument("--minutes", type=float, help="the time of the whole run; more time is more repetitions")
    parser.add_argument("--threads", type=int, help="threads on CPU")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file as well")
    arguments = parser.parse_args(argv)
    if arguments.device:
        arguments.where = {"cpu": "cpu", "cuda": "gpu"}[arguments.device]
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what is asked for; 0 unless something breaks: a missed target is a figure, not a failure."""
    arguments = parse(argv)
    if arguments.where in JAM:
        return _of_the_jam(arguments)
    if arguments.where == "gpu" and not torch.cuda.is_available():
        print("No CUDA device is at hand: the GPU benchmarks were NOT run.")
        return 0
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    quiet()
    minutes = arguments.minutes or MINUTES[arguments.where]
    scale = 0.0 if arguments.quick else minutes / MINUTES[arguments.where]
    device = torch.device("cuda" if arguments.where == "gpu" else "cpu")
    bench = Bench(device, Budget(minutes, scale), tuple(arguments.dtype), tuple(arguments.part))
    found = machine.describe(device)
    ceilings = machine.measure(device, quick=arguments.quick)
    print(machine.block(found, ceilings), flush=True)
    if arguments.quick:
        print("\nTiny sizes, one pair each: this shows that everything runs. No figure below means anything.")
    if not have_diffusers():
        print("\ndiffusers is not installed: only our own side is measured.")
    areas: list[Area] = []
    parts = _parts(arguments, ceilings)
    for i, (name, part) in enumerate(parts):
        left = [SHARES.get(each, 1) for each, _ in parts[i:]]
        bench.budget.share(SHARES.get(name, 1) / sum(left))
        new = [area for area in part(bench) if area.rows]
        for area in new:
            print(f"\n{show(area)}", flush=True)
        areas += new
    judged = [row.met for area in areas for row in area.rows if row.target]
    print(f"\n{judged.count(True)} of {len(judged)} targets met; {bench.budget.elapsed / 60:.1f} minutes.")
    if arguments.json:
        write_json(arguments.json, machine.as_dict(found, ceilings), areas, bench.budget.elapsed)
    return 0


def _of_the_jam(arguments: argparse.Namespace) -> int:
    """The benchmarks of sessions: store, hearing and scores, which need no model, and the loop with its own."""
    began = time.perf_counter()
    found = machine.describe(torch.device("cpu"))
    if arguments.where == "store":
        areas = store.run(store.Sizes.quick() if arguments.quick else store.Sizes())
    elif arguments.where == "hearing":
        areas = hearing.run(hearing.Sizes.quick() if arguments.quick else hearing.Sizes())
    elif arguments.where == "scores":
        areas = _scores(quick=arguments.quick)
    elif arguments.where == "several":
        areas = several.run(several.Sizes.quick() if arguments.quick else several.Sizes())
    else:
        areas = overlap.run(overlap.Sizes.quick() if arguments.quick else overlap.Sizes())
    print("\n\n".join(show(area) for area in areas))
    if arguments.json:
        write_json(arguments.json, found, areas, time.perf_counter() - began)
    return 0


def _scores(*, quick: bool) -> list[Area]:
    """Whether the ranking is better than none, and what aligning words costs."""
    from benchmarks import ranking, warping

    ranked = ranking.run(ranking.Sizes.quick() if quick else ranking.Sizes())
    return [*ranked, *warping.run(warping.Sizes.quick() if quick else warping.Sizes())]


def _parts(arguments: argparse.Namespace, ceilings: machine.Ceilings) -> list[tuple[str, Part]]:
    if arguments.where == "gpu":
        from benchmarks import planner_gpu

        peer = replace(planner.Sizes.standard(), dtypes=("bf16",))
        return [
            ("gpu", lambda bench: gpu.run(bench, gpu.Sizes(), ceilings.bfloat16)),
            ("planner on a card", lambda bench: planner_gpu.run(bench, planner_gpu.Sizes(), ceilings.copy)),
            ("planner", lambda bench: planner.run(bench, peer)),
        ]
    areas = cpu_areas(quick=arguments.quick)
    return [(name, area) for name, area in areas.items() if not arguments.only or name in arguments.only]


if __name__ == "__main__":
    sys.exit(main())
