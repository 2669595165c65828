"""Weights in one byte a number: how near they are, what they take, what takes say of them, and adapters on them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from engine import readying
from engine.allowance import allowance
from engine.checkpoints import open_set
from engine.errors import EngineError
from engine.events import Remark
from engine.layout import dit_tensors
from engine.models.loading import build, slots
from engine.models.packed import Packed, PackedSlot
from engine.models.primitives import Fused
from engine.outfit import outfit
from engine.pipeline import Engine
from engine.preflight import Sizes, Wish, need
from engine.quantisation import METHODS, is_quantised
from engine.request import Request
from tests.engine.adapters.made import lora, single_file
from tests.engine.test_outfit import ALL, official

REQUEST = Request(caption="slow jazz", lyrics="la", duration=2.0, inference_steps=2, bpm=96, seeds=[3], thinking=False)
ERROR = {"int8_weight_only": 0.01, "fp8_weight_only": 0.03}
"""Root mean square of what packing changes, as a part of that of the weights."""


@pytest.fixture(scope="module")
def whole(tiny_turbo: Path) -> Engine:
    return Engine.load(tiny_turbo, lm="none", device="cpu")


@pytest.fixture(scope="module")
def packed(tiny_turbo: Path) -> Engine:
    return Engine.load(tiny_turbo, lm="none", device="cpu", quantization="int8_weight_only")


def strength(x: torch.Tensor) -> float:
    return float(x.double().square().mean().sqrt())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_come_back_as_near_as_eight_bits_are(method: str, dtype: torch.dtype) -> None:
    weight = torch.randn(48, 64, generator=torch.Generator().manual_seed(1)) * torch.logspace(-3, 2, 48).unsqueeze(1)
    weight[7] = 0.0
    matrix = Packed(48, 64, method, dtype, {})
    matrix.write(0, weight[:20])
    matrix.write(20, weight[20:].to(dtype))
    rounding = torch.finfo(dtype).eps
    for row in range(48):  # a row is as near as any other, whatever its size
        assert strength(matrix.read(row, 1)[0] - weight[row]) <= (ERROR[method] + rounding) * strength(weight[row])
    x = torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(2)).to(dtype)
    with torch.no_grad():
        expected = x.float() @ matrix.read(0, 48).float().T
        assert strength(matrix(x) - expected) <= 8 * rounding * strength(expected)
    assert matrix.packed.element_size() == 1
    again = Packed(48, 64, method, dtype, {})
    again.write(0, matrix.read(0, 48))
    if method == "int8_weight_only":  # what was packed once packs to itself, but for the scale's own rounding
        assert strength(again.read(0, 48) - matrix.read(0, 48)) <= 8 * rounding * strength(weight)


def test_what_is_packed_is_what_the_sizes_say(packed: Engine, tiny_turbo: Path) -> None:
    networks = packed._model.networks
    places = slots(networks)
    taken = {name for name, place in places.items() if isinstance(place, PackedSlot)}
    shapes = dit_tensors(packed._model.config)
    assert taken == {name for name in shapes if is_quantised(name)}
    assert taken
    assert {name: tuple(place.shape) for name, place in places.items() if name in taken} == {
        name: shapes[name] for name in taken
    }
    sizes = Sizes.of(open_set(tiny_turbo, None, "none"), "cpu", "float32", "int8_weight_only")
    held = sum(each.numel() * each.element_size() for each in networks.parameters())
    missing = 0 if hasattr(networks, "null_condition_emb") else 4 * shapes["null_condition_emb"][-1]
    assert held == sizes.weights["music"] - missing


def test_takes_are_near_and_say_what_they_were_made_with(whole: Engine, packed: Engine) -> None:
    one, other = whole.render(REQUEST)[0], packed.render(REQUEST)[0]
    assert not torch.equal(one.latents, other.latents)
    assert strength(one.latents - other.latents) < 0.05 * strength(one.latents)
    assert other.identity["quantization"] == "int8_weight_only"
    assert "quantization" not in one.identity
    assert {**one.identity, "quantization": "int8_weight_only"} == other.identity
    assert torch.equal(packed.render(REQUEST)[0].latents, other.latents)

    def size(engine: Engine) -> int:
        return sum(each.numel() * each.element_size() for each in engine._model.networks.parameters())

    assert size(packed) < 0.6 * size(whole)


def test_no_large_matrix_is_made_whole_on_the_way() -> None:
    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mlp = nn.ModuleDict({"gate_up": Fused(32, {"gate_proj": 8, "up_proj": 8}), "down": nn.Linear(8, 32)})

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.decoder = nn.ModuleDict({"layers": nn.ModuleList([Layer()])})
            self.tokenizer = nn.ModuleDict({"layers": nn.ModuleList([Layer()])})

    made = build(Both, torch.device("cpu"), torch.bfloat16, "fp8_weight_only")
    kinds = {path: type(part).__name__ for path, part in made.named_modules() if "." in path and "mlp." in path}
    assert kinds == {
        "decoder.layers.0.mlp.gate_up": "Packed",
        "decoder.layers.0.mlp.down": "Linear",  # it has a bias: none that is quantised has
        "tokenizer.layers.0.mlp.gate_up": "Fused",
        "tokenizer.layers.0.mlp.down": "Linear",
    }
    assert made.decoder.layers[0].mlp["gate_up"].packed.dtype == torch.float8_e4m3fn  # type: ignore[union-attr, index, operator]


def test_an_adapter_is_heard_on_packed_weights_and_comes_off_exactly(
    whole: Engine, packed: Engine, tmp_path: Path
) -> None:
    pairs = lora(dit_tensors(packed._model.config), names=("self_attn.q_proj", "cross_attn.k_proj"))
    path = single_file(tmp_path / "warm.safetensors", pairs, str, 8)
    worn = REQUEST.replace(adapters=[{"path": str(path)}])
    bare = packed.render(REQUEST)[0].latents
    heard, expected = packed.render(worn)[0].latents, whole.render(worn)[0].latents
    assert strength(heard - bare) > 4 * strength(heard - expected)
    assert torch.equal(packed.render(REQUEST)[0].latents, bare)
    assert torch.equal(whole.render(REQUEST)[0].latents, whole.render(REQUEST)[0].latents)


def test_what_is_no_method_is_refused_with_what_is_one(tiny_turbo: Path) -> None:
    with pytest.raises(EngineError, match="no quantisation called 'int4'") as caught:
        Engine.load(tiny_turbo, lm="none", device="cpu", quantization="int4")
    assert "int8_weight_only" in caught.value.hint
    assert "quantization" not in Engine.load(tiny_turbo, lm="none", device="cpu", quantization="none").identity


@pytest.mark.parametrize(
    ("gb", "variant", "method"),
    [
        (4, "turbo", "int8_weight_only"),
        (6, "turbo", "int8_weight_only"),
        (8, "turbo", None),
        (24, "turbo", None),
        (8, "xl-turbo", "int8_weight_only"),
        (12, "xl-turbo", None),
    ],
)
def test_a_card_quantises_by_itself_only_where_whole_weights_have_no_room(
    tmp_path: Path, gb: float, variant: str, method: str | None
) -> None:
    root, allowed = official(tmp_path, *ALL, variant=variant), allowance("cuda", gb)
    assert outfit(root, None, "none", allowed).quantization == method
    assert outfit(root, None, "none", allowed, "none").quantization is None
    assert outfit(root, None, "none", allowed, "fp8_weight_only").quantization == "fp8_weight_only"
    if variant == "turbo":
        assert allowed.quantised == (method is not None)


def test_quantised_weights_are_told_to_be_smaller(tmp_path: Path) -> None:
    models = open_set(official(tmp_path), None, "none")
    sizes = [Sizes.of(models, "cuda", "bfloat16", method) for method in (None, "int8_weight_only")]
    assert [round(each.weights["music"] / 2**30, 1) for each in sizes] == [4.5, 2.5]  # facts: tiers.md 3 says 2.4
    whole, packed = (need(each, Wish()).peak for each in sizes)
    assert 1.7 * 2**30 < whole - packed < 2.1 * 2**30


def test_a_machine_that_quantises_by_itself_says_so_once(tiny_turbo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = outfit(tiny_turbo, None, "none", allowance("cpu", 8.0), "int8_weight_only")
    monkeypatch.setattr(readying, "outfit", lambda *_: fitted)
    engine = Engine.load(tiny_turbo, lm="none", device="cpu")
    short = REQUEST.replace(duration=1.0, inference_steps=1)
    said = [[each.text for each in engine.stream(short) if isinstance(each, Remark)] for _ in range(2)]
    assert said == [[readying.QUANTISED.format("int8_weight_only")], []]
    engine = Engine.load(tiny_turbo, lm="none", device="cpu", quantization="int8_weight_only")
    assert not engine._untold  # whoever asked for it knows
