"""Training in slices gives what one long run gives, whatever ended a slice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tools.nano.optimise import Rate
from tools.nano.slices import Average, run


class Slope:
    """Fits a line; step ``breaks_at`` fails once."""

    def __init__(self, steps: int, breaks_at: int | None = None, poison: int | None = None) -> None:
        torch.manual_seed(3)
        self.steps, self.breaks_at, self.poison = steps, breaks_at, poison
        self.line = nn.Linear(4, 1)
        self.optimiser = torch.optim.AdamW(self.line.parameters(), lr=0.01)
        self.average = Average(self.line, horizon=20)

    def step(self, index: int) -> Mapping[str, Tensor]:
        if index == self.breaks_at:
            raise KeyboardInterrupt
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(index))
        loss = (self.line(x).squeeze(1) - x.sum(1)).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        self.average.update(index)
        return {"loss": loss.detach() * (float("nan") if index == self.poison else 1.0)}

    def state(self) -> dict[str, Any]:
        return {
            "line": self.line.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.weights,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.line.load_state_dict(state["line"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average.weights = dict(state["average"])


def test_slices_end_where_one_run_ends(tmp_path: Path) -> None:
    whole, first, second = Slope(120), Slope(60), Slope(120)
    assert run(whole, tmp_path / "whole", minutes=1)
    assert run(first, tmp_path / "cut", minutes=1)
    assert run(second, tmp_path / "cut", minutes=1)
    assert torch.equal(whole.line.weight, second.line.weight)
    assert torch.equal(whole.average.weights["weight"], second.average.weights["weight"])


def test_the_clock_ends_a_slice_and_the_next_goes_on(tmp_path: Path) -> None:
    assert not run(Slope(50), tmp_path, minutes=0)
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 0
    assert run(Slope(50), tmp_path, minutes=1)
    assert run(Slope(50), tmp_path, minutes=0), "there was nothing left to do"


def test_a_run_that_is_broken_off_goes_on_from_the_last_state(tmp_path: Path) -> None:
    run(Slope(20), tmp_path, minutes=1)
    with pytest.raises(KeyboardInterrupt):
        run(Slope(60, breaks_at=40), tmp_path, minutes=1)
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 20
    again, whole = Slope(60), Slope(60)
    run(again, tmp_path, minutes=1)
    run(whole, tmp_path / "whole", minutes=1)
    assert torch.equal(again.line.weight, whole.line.weight)


def test_a_figure_that_is_no_number_stops_the_run_and_spoils_no_state(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match="Step 50"):
        run(Slope(100, poison=30), tmp_path, minutes=1)
    assert not (tmp_path / "state.pt").exists()


def test_the_rate_rises_stays_and_falls() -> None:
    rate = Rate(2.0, warm=10, cool=20)
    assert [rate.at(index, 100) for index in (0, 9, 50, 79, 90, 99)] == [0.2, 2.0, 2.0, 2.0, 1.0, 0.1]


def test_the_average_forgets_its_start() -> None:
    line = nn.Linear(1, 1)
    average = Average(line, horizon=10)
    nn.init.constant_(line.weight, 5.0)
    for index in range(200):
        average.update(index)
    average.apply()
    assert torch.allclose(average.weights["weight"], torch.tensor([[5.0]]), atol=1e-4)
    assert torch.equal(line.weight, average.weights["weight"])
