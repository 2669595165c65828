"""Training in slices: any run may end by the clock or be killed, and the next goes on from the last saved step.

What a trainer draws depends on the step's number and never on how the run was cut.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from engine.files import atomic_write
from tools.nano.optimise import Optimiser

_REPORT_EVERY = 50
_SAVE_SECONDS = 300.0


class Trainer(Protocol):
    """What can be trained in slices."""

    steps: int
    """How many there are in all."""

    def step(self, index: int) -> Mapping[str, Tensor]:
        """Takes one step; figures to report, as scalars."""

    def state(self) -> dict[str, Any]:
        """Everything that the next slice needs, as tensors and plain values."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Puts back what ``state`` gave."""


class Average:
    """A running average of weights, which is what is published: it is worth a long decay of the rate."""

    def __init__(self, module: nn.Module, horizon: int) -> None:
        """``horizon`` is in steps."""
        self.module, self.horizon = module, horizon
        self.weights = {name: value.detach().clone() for name, value in module.named_parameters()}

    @torch.no_grad()
    def update(self, index: int) -> None:
        """To be called after every step; the horizon grows with the steps taken, so the start is soon forgotten."""
        keep = min(1 - 1 / self.horizon, (index + 1) / (index + 10))
        names, values = zip(*self.module.named_parameters(), strict=True)
        torch._foreach_lerp_([self.weights[name] for name in names], list(values), 1 - keep)

    @torch.no_grad()
    def apply(self) -> None:
        """Puts the average into the module."""
        for name, value in self.module.named_parameters():
            value.copy_(self.weights[name])


class Learner:
    """What every trainer is made of: modules, their optimiser and their average, kept and put back together."""

    def __init__(self, modules: nn.Module, optimiser: Optimiser, average: Average, steps: int) -> None:
        self.modules, self.optimiser, self.average, self.steps = modules, optimiser, average, steps

    def learn(self, loss: Tensor, index: int) -> Tensor:
        """Moves the weights and their average; the gradient's norm."""
        norm = self.optimiser.step(loss, index, self.steps)
        self.hold()
        self.average.update(index)
        return norm

    def hold(self) -> None:
        """Puts back what a trainer does not mean to move."""

    def state(self) -> dict[str, Any]:
        """See ``Trainer``."""
        return {
            "modules": self.modules.state_dict(),
            "average": self.average.weights,
            "optimiser": self.optimiser.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """See ``Trainer``."""
        self.modules.load_state_dict(state["modules"])
        self.average.weights = dict(state["average"])
        self.optimiser.restore(state["optimiser"])


def run(trainer: Trainer, folder: Path, minutes: float) -> bool:
    """Trains until the steps or the minutes are up; whether all steps are done. State lies in ``folder``.

    Raises FloatingPointError where a figure stops being one; the state stays as it was saved last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "state.pt"
    first = 0
    if file.exists():
        state = torch.load(file, weights_only=True)
        trainer.restore(state["trainer"])
        first = int(state["step"])
    began = saved = time.monotonic()
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    done = first
    while done < trainer.steps and time.monotonic() - began < 60 * minutes:
        for name, value in trainer.step(done).items():
            sums[name] = sums.get(name, 0.0) + float(value)
            counts[name] = counts.get(name, 0) + 1
        done += 1
        if done % _REPORT_EVERY == 0:
            means = {name: value / counts[name] for name, value in sums.items()}
            if not all(map(math.isfinite, means.values())):
                raise FloatingPointError(f"Step {done} left the numbers: {means}.")
            _report(folder, done, means, (time.monotonic() - began) / (done - first))
            sums, counts = {}, {}
        if time.monotonic() - saved > _SAVE_SECONDS:
            _save(file, done, trainer)
            saved = time.monotonic()
    _save(file, done, trainer)
    return done == trainer.steps


def _save(file: Path, step: int, trainer: Trainer) -> None:
    state = {"step": step, "trainer": trainer.state()}
    atomic_write(file, lambda out: torch.save(state, out), overwrite=True)


def _report(folder: Path, step: int, means: Mapping[str, float], seconds: float) -> None:
    line = {"step": step, "seconds": round(seconds, 3), **{name: round(value, 4) for name, value in means.items()}}
    print(json.dumps(line), flush=True)
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")
