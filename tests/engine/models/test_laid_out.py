"""Weights laid out for the processor: the same products, and rows that do not know of each other."""

from __future__ import annotations

import platform
import weakref
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import LMConfig
from engine.models import laid_out
from engine.models.laid_out import LaidOut, can_lay_out, lay_out
from engine.models.planner_lm import PlannerLM
from engine.models.steady import MOST, prepare

pytestmark = pytest.mark.usefixtures("one_thread")

CONFIG = LMConfig(
    vocab_size=300,
    hidden_size=96,
    intermediate_size=160,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
)
HERE = can_lay_out(torch.zeros(4, 4))
here = pytest.mark.skipif(not HERE, reason="this processor has no kernels for it")


@pytest.fixture(autouse=True)
def nothing_is_learnt() -> Iterator[None]:
    with torch.no_grad():
        yield


def randn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network(dtype: torch.dtype = torch.float32) -> PlannerLM:
    made = PlannerLM(CONFIG, CONFIG.vocab_size).to(dtype)
    for number, weight in enumerate(made.parameters()):
        weight.copy_(randn(*weight.shape, seed=number) * weight.shape[-1] ** -0.5 if weight.dim() > 1 else 1.0)
    return made


@here
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 16, 70])
def test_a_product_is_the_same(dtype: torch.dtype, rows: int) -> None:
    weight, x = randn(72, 48).to(dtype), randn(rows, 48, seed=2).to(dtype)
    if not can_lay_out(weight):
        pytest.skip("no such kernels here")
    found, expected = LaidOut(weight)(x), F.linear(x.double(), weight.double())
    assert found.shape == (rows, 72)
    assert found.dtype == dtype
    assert (found - expected).abs().max() < (1e-5 if dtype == torch.float32 else 1e-1)


def test_what_cannot_be_laid_out_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    with_bias, half = nn.Sequential(nn.Linear(4, 4)), nn.Sequential(nn.Linear(4, 4, bias=False)).half()
    assert not lay_out(with_bias)
    assert not lay_out(half)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    other = nn.Sequential(nn.Linear(4, 4, bias=False))
    assert not lay_out(other)
    assert isinstance(other[0], nn.Linear)


@here
def test_what_is_replaced_is_let_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is never room for two of a planner."""
    made = network()
    weights = [weakref.ref(part) for part in made.layers.modules() if isinstance(part, nn.Linear)]
    there = []

    def counted(weight: Tensor) -> LaidOut:
        there.append(sum(each() is not None for each in weights))
        return LaidOut(weight)

    monkeypatch.setattr(laid_out, "LaidOut", counted)
    assert lay_out(made.layers)
    assert there == list(range(len(weights), 0, -1))


def steps(made: PlannerLM, rows: list[int]) -> Tensor:
    tokens = torch.arange(80).view(8, 10)
    shared = made.lane(1, 6)
    made.read(torch.arange(6), shared)
    lane = shared.copies(len(rows), 16)
    head = made.rows_of_head(made.head[20:90])
    return torch.stack([made.logits(made.step(tokens[rows, n], [lane]), head) for n in range(10)])


@pytest.mark.parametrize("machine", ["as it is", "another"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_are_their_own(dtype: torch.dtype, machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Laid out and not; the numbers are those of the stock products but for rounding."""
    plain = steps(network(dtype), [3, 5])
    if machine == "another":
        monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    made = network(dtype)
    prepare(made)
    assert made.laid_out is (HERE and machine == "as it is" and can_lay_out(made.head))
    assert 1 <= made.even <= MOST
    assert (steps(made, [3, 5]) - plain).abs().max() < (1e-5 if dtype == torch.float32 else 0.1)
    if dtype == torch.float32 or made.laid_out:
        assert torch.equal(steps(made, list(range(8)))[:, [3]], steps(made, [3]))
