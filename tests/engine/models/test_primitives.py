"""The shared layers against their definitions, forwards and backwards, with and without autograd watching."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from engine.config import EncoderConfig
from engine.models.loading import settle, slots
from engine.models.primitives import (
    EncoderLayer,
    Fused,
    GatedMLP,
    RMSNorm,
    Rotary,
    SelfAttention,
    encoder_stack,
    modulated_norm,
    rms_norm,
    score_bound,
)
from engine.testing.weights import random_tensor

pytestmark = pytest.mark.usefixtures("one_thread")

EPS = 1e-6
SIZES = EncoderConfig(
    hidden_size=24,
    intermediate_size=40,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    rms_norm_eps=EPS,
    rope_theta=1e6,
    sliding_window=5,
    layer_types=(),
)


def random(*shape: int, seed: int = 0, scale: float = 1.0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale


def weighted(module: nn.Module) -> nn.Module:
    """The module with random weights of a sensible scale."""
    for name, slot in slots(module).items():
        slot.write(random_tensor(name, slot.shape, seed=0))
    settle(module)
    return module


# --- the definitions -------------------------------------------------------------------------------------------------


def norm_by_definition(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight


def rotated(x: Tensor, theta: float = SIZES.rope_theta) -> Tensor:
    """``x cos + rotate_half(x) sin`` over ``[B, heads, S, D]``, positions counted from 0."""
    length, dim = x.shape[2:]
    frequency = torch.tensor([theta ** (-2 * i / dim) for i in range(dim // 2)], dtype=torch.float64)
    angle = torch.arange(length, dtype=torch.float64)[:, None] * frequency
    angle = torch.cat((angle, angle), dim=-1)
    first, second = x.chunk(2, dim=-1)
    return x * angle.cos().to(x) + torch.cat((-second, first), dim=-1) * angle.sin().to(x)


def attention_by_definition(module: SelfAttention, x: Tensor) -> Tensor:
    """Normalised heads, rotation, a softmax over every pair that the window lets through."""
    stored = {name: slot.target.narrow(0, slot.start, slot.rows) for name, slot in slots(module).items()}

    def heads(name: str, count: int) -> Tensor:
        return (x @ stored[f"{name}.weight"].T).unflatten(-1, (count, module.dim)).transpose(1, 2)

    q = rotated(norm_by_definition(heads("q_proj", module.heads), module.q_norm.weight, EPS))
    k = rotated(norm_by_definition(heads("k_proj", module.kv_heads), module.k_norm.weight, EPS))
    group = module.heads // module.kv_heads
    k, v = (y.repeat_interleave(group, dim=1) for y in (k, heads("v_proj", module.kv_heads)))
    scores = q @ k.transpose(2, 3) / math.sqrt(module.dim)
    if module.window is not None:
        position = torch.arange(x.shape[1])
        scores = scores.masked_fill((position[:, None] - position).abs() > module.window, -math.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2) @ stored["o_proj.weight"].T


# --- norms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e4])
@pytest.mark.parametrize("shape", [(3, 7, 128), (2, 5, 4, 6), (1, 1)])
def test_rms_norm_is_its_definition(scale: float, shape: tuple[int, ...]) -> None:
    x, weight = random(*shape, scale=scale), random(shape[-1], seed=1)
    expected = norm_by_definition(x.double(), weight.double(), EPS)
    torch.testing.assert_close(rms_norm(x, weight, EPS).double(), expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 300.0])
def test_rms_norm_in_bfloat16_only_rounds(scale: float) -> None:
    """The squares are summed in float32; what is rounded is the scalar and two products, by 2**-8 each at most."""
    x, weight = random(4, 9, 256, scale=scale).bfloat16(), random(256, seed=1).bfloat16()
    out = rms_norm(x, weight, EPS)
    assert out.dtype == torch.bfloat16
    expected = norm_by_definition(x.double(), weight.double(), EPS)
    torch.testing.assert_close(out.double(), expected, rtol=3.1 * 2**-8, atol=1e-30)


def test_rms_norm_of_nothing_is_nothing() -> None:
    assert torch.equal(rms_norm(torch.zeros(2, 8), torch.ones(8), EPS), torch.zeros(2, 8))


def test_the_norm_module_is_the_function() -> None:
    norm, x = RMSNorm(12, EPS), random(3, 12)
    norm.weight.data.copy_(random(12, seed=1))
    assert torch.equal(norm(x), rms_norm(x, norm.weight, EPS))


@pytest.mark.parametrize("rows", [1, 3])
def test_modulated_norm_is_its_definition(rows: int) -> None:
    """One row of modulation for the batch, or one for every item."""
    x, weight, scale, shift = random(3, 9, 16), random(16, seed=1), random(rows, 1, 16, seed=2), random(rows, 1, 16)
    expected = norm_by_definition(x.double(), weight.double(), EPS) * (1 + scale) + shift
    torch.testing.assert_close(
        modulated_norm(x, weight * (1 + scale), shift, EPS).double(), expected, rtol=1e-5, atol=1e-6
    )


# --- rotary positions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("length", "heads", "dim"), [(1, 1, 2), (9, 4, 8), (300, 2, 128)])
@pytest.mark.parametrize("theta", [1e4, 1e6])
def test_norm_and_rotation_in_one_is_norm_then_rotation(length: int, heads: int, dim: int, theta: float) -> None:
    x, weight = random(2, length, heads, dim), random(dim, seed=1)
    normed = norm_by_definition(x.double(), weight.double(), EPS).transpose(1, 2)
    actual = Rotary(length, dim, theta, x).normed(x, weight, EPS)
    assert actual.is_contiguous()
    # Angles are float32 as in every other implementation: at position 300 they are known to 3e-5.
    torch.testing.assert_close(actual.double(), rotated(normed, theta), rtol=0, atol=1e-6 + 3e-7 * length)


def test_rotation_is_relative() -> None:
    """A score depends on how far apart two positions are, and not on where they lie."""
    dim, length = 16, 40
    rotary = Rotary(length, dim, 1e4, torch.zeros(1))
    row = random(1, 1, 1, dim).expand(1, length, 1, dim)
    q = rotary.normed(row, torch.ones(dim), EPS)[0, 0]
    scores = q @ rotary.normed(row.flip(-1), torch.ones(dim), EPS)[0, 0].T
    for distance in (0, 1, 7):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=2e-5)


def test_tables_have_the_models_dtype_and_are_made_in_float32() -> None:
    exact = Rotary(500, 8, 1e6, torch.zeros(1))
    rounded = Rotary(500, 8, 1e6, torch.zeros(1, dtype=torch.bfloat16))
    assert rounded.cos.dtype == torch.bfloat16
    assert torch.equal(rounded.cos, exact.cos.bfloat16())
    assert torch.equal(rounded.sin, exact.sin.bfloat16())


# --- attention, MLP, layers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("length", [1, 6, 7, 90])
def test_self_attention_is_its_definition(window: int | None, length: int) -> None:
    module = weighted(SelfAttention(SIZES, window))
    x = random(2, length, SIZES.hidden_size)
    torch.testing.assert_close(
        module(x, Rotary(length, SIZES.head_dim, SIZES.rope_theta, x)),
        attention_by_definition(module, x),
        rtol=1e-5,
        atol=1e-5,
    )


def test_the_mlp_is_its_definition() -> None:
    mlp, x = weighted(GatedMLP(12, 20)), random(3, 5, 12)
    gate, up = mlp.gate_up.weight.split(20)
    expected = (F.silu(x @ gate.T) * (x @ up.T)) @ mlp.down_proj.weight.T
    torch.testing.assert_close(mlp(x), expected)


def test_fused_parts_are_slots_of_their_own() -> None:
    module = SelfAttention(SIZES, None)
    assert {name: slot.shape for name, slot in slots(module).items()} == {
        "q_proj.weight": (32, 24),
        "k_proj.weight": (16, 24),
        "v_proj.weight": (16, 24),
        "o_proj.weight": (24, 32),
        "q_norm.weight": (8,),
        "k_norm.weight": (8,),
    }
    assert Fused(3, {"a": 2, "b": 5}).weight.shape == (7, 3)


@pytest.mark.parametrize("window", [None, 5])
def test_an_encoder_layer_is_its_definition(window: int | None) -> None:
    layer, x = weighted(EncoderLayer(SIZES, window)), random(2, 30, SIZES.hidden_size)
    h = x + attention_by_definition(layer.self_attn, norm_by_definition(x, layer.input_layernorm.weight, EPS))
    expected = h + layer.mlp(norm_by_definition(h, layer.post_attention_layernorm.weight, EPS))
    torch.testing.assert_close(
        layer(x, Rotary(30, SIZES.head_dim, SIZES.rope_theta, x)), expected, rtol=1e-5, atol=1e-5
    )


def test_a_stack_is_its_layers_and_a_norm() -> None:
    layers = weighted(nn.ModuleList(EncoderLayer(SIZES, window) for window in (5, None)))
    norm, x = RMSNorm(SIZES.hidden_size, EPS), random(1, 11, SIZES.hidden_size)
    rotary = Rotary(11, SIZES.head_dim, SIZES.rope_theta, x)
    assert torch.equal(encoder_stack(layers, norm, x, SIZES), norm(layers[1](layers[0](x, rotary), rotary)))


# --- training: the same modules under autograd -----------------------------------------------------------------------


def layer_cases() -> dict[str, tuple[nn.Module, Callable[[nn.Module, Tensor], Tensor]]]:
    """Modules with how to call them on ``[2, 30, hidden]``."""

    def with_rotary(module: nn.Module, x: Tensor) -> Tensor:
        return module(x, Rotary(x.shape[1], SIZES.head_dim, SIZES.rope_theta, x))

    def plainly(module: nn.Module, x: Tensor) -> Tensor:
        return module(x)

    return {
        "norm": (RMSNorm(SIZES.hidden_size, EPS), plainly),
        "mlp": (GatedMLP(SIZES.hidden_size, 40), plainly),
        "full attention": (SelfAttention(SIZES, None), with_rotary),
        "attention in a window": (SelfAttention(SIZES, 5), with_rotary),
        "encoder layer": (EncoderLayer(SIZES, 5), with_rotary),
    }


@pytest.mark.parametrize("case", layer_cases())
def test_watched_and_unwatched_are_the_same(case: str) -> None:
    """Inference takes shorter ways than autograd can follow; they lead to the same place."""
    module, call = layer_cases()[case]
    weighted(module)
    x = random(2, 30, SIZES.hidden_size)
    watched = call(module, x)
    assert watched.requires_grad
    with torch.no_grad():
        unwatched = call(module, x)
    torch.testing.assert_close(unwatched, watched.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", layer_cases())
def test_gradients_are_the_slopes(case: str) -> None:
    """Every parameter and the input, along a random direction, against a difference quotient."""
    module, call = layer_cases()[case]
    weighted(module)
    x = random(2, 30, SIZES.hidden_size)
    inputs = {"x": x, **{name: p.detach() for name, p in module.named_parameters()}}
    probe = random(2, 30, SIZES.hidden_size, seed=5)

    def loss(values: dict[str, Tensor]) -> Tensor:
        parameters = {name: value for name, value in values.items() if name != "x"}
        called = functional_call(_Called(module, call), {f"module.{n}": v for n, v in parameters.items()}, values["x"])
        return (called * probe).double().sum()

    leaves = {name: value.clone().requires_grad_() for name, value in inputs.items()}
    gradients = dict(zip(leaves, torch.autograd.grad(loss(leaves), list(leaves.values())), strict=True))
    for number, name in enumerate(inputs):
        step = 1e-2 * inputs[name].abs().mean() * random(*inputs[name].shape, seed=20 + number)
        with torch.no_grad():
            ahead, behind = (loss(inputs | {name: inputs[name] + sign * step}) for sign in (1, -1))
        slope = float((gradients[name].double() * step).sum())
        size = float(gradients[name].double().norm() * step.double().norm())
        assert float(ahead - behind) / 2 == pytest.approx(slope, abs=2e-3 * size), name


class _Called(nn.Module):
    """A module together with the way it is called."""

    def __init__(self, module: nn.Module, call: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.module, self.call = module, call

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self.module, x)


def test_attention_has_the_gradients_of_its_definition() -> None:
    for window in (None, 5):
        module = weighted(SelfAttention(SIZES, window))
        x = random(1, 20, SIZES.hidden_size).requires_grad_()
        probe = random(1, 20, SIZES.hidden_size, seed=3)
        actual = torch.autograd.grad(
            (module(x, Rotary(20, SIZES.head_dim, SIZES.rope_theta, x)) * probe).sum(), (x, module.q_norm.weight)
        )
        expected = torch.autograd.grad((attention_by_definition(module, x) * probe).sum(), (x, module.q_norm.weight))
        for one, other in zip(actual, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_mlp_passes_gradcheck() -> None:
    mlp = weighted(GatedMLP(3, 4)).double()
    parameters = dict(mlp.named_parameters())
    x = random(2, 3).double().requires_grad_()

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return functional_call(mlp, dict(zip(parameters, values, strict=True)), x)

    assert torch.autograd.gradcheck(run, (x, *parameters.values()))


def test_a_score_bound_before_the_weights_is_none() -> None:
    with torch.device("meta"):
        unfilled = RMSNorm(8, EPS)
    assert score_bound(unfilled, unfilled) == math.inf


def test_a_score_bound_is_the_longest_query_times_the_longest_key() -> None:
    q_norm, k_norm = RMSNorm(4, EPS), RMSNorm(4, EPS)
    q_norm.weight.data.copy_(torch.tensor([1.0, -3.0, 2.0, 0.0]))
    k_norm.weight.data.fill_(0.5)
    assert score_bound(q_norm, k_norm) == pytest.approx(2 * 3 * 0.5)
