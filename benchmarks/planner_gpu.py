"""The planner on a CUDA device: how near a step is to what memory allows, and how long eight songs take it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import torch

from benchmarks import targets
from benchmarks.bench import DTYPES, Bench
from benchmarks.drafts import asked_for, decoder_of, rows_for
from benchmarks.planner import Sizes as Planner
from benchmarks.planner import random_lm
from benchmarks.rows import Area, Row
from engine.config import LMConfig
from engine.planner.decode import Decoder
from engine.values import CODES_A_SECOND


def _published() -> dict[str, Planner]:
    small = Planner.standard()
    middle = replace(small, config=LMConfig(hidden_size=2048, intermediate_size=6144))
    return {"0.6B": small, "1.7B": middle}


@dataclass(frozen=True)
class Sizes:
    """What to run."""

    planners: dict[str, Planner] = field(default_factory=_published)
    songs: int = 8
    seconds: int = 240
    dtype: str = "bf16"


def run(bench: Bench, sizes: Sizes, copy_rate: float) -> list[Area]:
    """``copy_rate`` is bytes a second, read and written."""
    area = Area(f"The planner on a card, guided codes, {sizes.dtype}")
    area.notes.append("The floor of a step is its weights, read once at the rate at which this card copies.")
    with torch.no_grad():
        for name, each in sizes.planners.items():
            bench.say(f"planner {name}")
            decoder = decoder_of(random_lm(each.config, DTYPES[sizes.dtype], bench.device), each)
            area.rows.append(_step(bench, each, decoder, name, copy_rate))
            area.rows.append(_songs(bench, sizes, each, decoder, name))
            del decoder
    return [area]


def _step(bench: Bench, sizes: Planner, decoder: Decoder, name: str, copy_rate: float) -> Row:
    _, spent = _write(bench, sizes, decoder, 1, 8 * sizes.tokens)
    step = spent / (8 * sizes.tokens - 1)
    layers = sum(weight.numel() * weight.element_size() for weight in decoder.network.layers.parameters())
    head = sizes.codes * sizes.config.hidden_size * decoder.network.head.element_size()
    floor = (layers + head) / copy_rate
    return Row(
        f"{name}, of a step's floor",
        100 * floor / step,
        unit="%",
        target=targets.GPU_PLANNER_SHARE,
        note=f"{1e3 * step:.2f} ms a step, the floor {1e3 * floor:.2f} ms",
    )


def _songs(bench: Bench, sizes: Sizes, planner: Planner, decoder: Decoder, name: str) -> Row:
    count = sizes.seconds * CODES_A_SECOND
    first, spent = _write(bench, planner, decoder, sizes.songs, count)
    return Row(
        f"{name}, {sizes.songs} songs of {sizes.seconds} s",
        first + spent,
        target=targets.GPU_PLANNER_SONGS if name == "1.7B" else None,
        note=f"{sizes.songs * count / (first + spent):,.0f} codes a second",
    )


def _write(bench: Bench, sizes: Planner, decoder: Decoder, batch: int, count: int) -> tuple[float, float]:
    """Seconds up to the first codes and after them, once everything has been recorded."""
    for _ in range(2):
        began = time.perf_counter()
        steps = decoder.codes(asked_for(sizes, count), rows_for(bench, range(batch)))
        next(steps)
        first = time.perf_counter()
        for _step in steps:
            pass
        last = time.perf_counter()
    return first - began, last - first
