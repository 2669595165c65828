"""Layers that pass through a small memory, and models that wait outside of it: what moves when, and what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.checkpoints import open_set
from engine.layout import dit_tensors
from engine.model import Model, load_model
from engine.moving import CudaMover, Moment, Mover, mover_for
from engine.passing import PLACES, Passing
from engine.pipeline import Engine
from engine.preflight import Sizes
from engine.request import Request
from engine.turns import Turns, Waiting
from tests.engine.adapters.made import lora, single_file

CPU = torch.device("cpu")
REQUEST = Request(caption="slow jazz", lyrics="la", duration=1.0, inference_steps=1, bpm=96, seeds=[3], thinking=False)


class Watched(Mover):
    """Copies at once, says what it does, and has only so much room."""

    def __init__(self, budget: int = 1 << 40) -> None:
        super().__init__(CPU)
        self.said: list[str] = []
        self.names: dict[int, str] = {}
        self.taken, self.budget = 0, budget
        self._moments = 0

    def home(self, size: int) -> Tensor:
        home = super().home(size)
        self.names[home.data_ptr()] = str(len(self.names))
        return home

    def place(self, size: int) -> Tensor:
        self.taken += size
        if self.taken > self.budget:
            raise torch.OutOfMemoryError("the card is full")
        return super().place(size)

    def fetch(self, home: Tensor, place: Tensor, after: Moment) -> Moment:
        self.said.append(f"fetch {self.names[home.data_ptr()]} after {after}")
        super().fetch(home, place, after)
        return f"fetched {self.names[home.data_ptr()]}"

    def reach(self, moment: Moment) -> None:
        self.said.append(f"reach {moment}")

    def now(self) -> Moment:
        self._moments += 1
        self.said.append(f"done {self._moments}")
        return self._moments


def stack(count: int) -> list[nn.Linear]:
    layers = [nn.Linear(4, 4) for _ in range(count)]
    for number, layer in enumerate(layers):
        nn.init.constant_(layer.weight, number + 1.0)
    return layers


def test_the_next_layer_comes_while_one_computes_and_no_place_is_filled_too_early() -> None:
    layers, mover = stack(3), Watched()
    passing = Passing(layers, mover)
    assert mover.said == ["done 1", "done 2"]  # whoever had that memory before
    mover.said.clear()
    for layer in passing(layers):
        mover.said.append(f"compute {layer.weight.data[0, 0]:g}")
    assert mover.said == [
        "fetch 0 after 1",
        "reach fetched 0",
        "fetch 1 after 2",
        "compute 1",
        "done 3",
        "reach fetched 1",
        "fetch 2 after 3",  # into the place that the first layer was in
        "compute 2",
        "done 4",
        "reach fetched 2",
        "fetch 0 after 4",  # the next step begins with it
        "compute 3",
        "done 5",
    ]
    mover.said.clear()
    next(iter(passing(layers)))
    assert mover.said[0] == "reach fetched 0"


def test_what_was_written_meanwhile_is_what_is_computed_with() -> None:
    layers = stack(2)
    passing = Passing(layers, Mover(CPU))
    for _ in passing(layers):
        break  # whoever has seen enough leaves early
    layers[0].weight.data.fill_(9.0)
    layers[1].weight.data.fill_(8.0)
    passing.forget()
    assert [float(layer.weight.data[0, 0]) for layer in passing(layers)] == [9.0, 8.0]
    assert [float(layer.weight.data[0, 0]) for layer in layers] == [9.0, 8.0]


def loaded(root: Path, method: str | None = None, mover: Mover | None = None) -> Model:
    models = open_set(root, None, "none")
    model = load_model(models, CPU, torch.float32, lambda *_: None, Turns(), method, layers_pass=True)
    if mover is not None:
        decoder = model.networks.decoder
        decoder.passing = Passing([*decoder.layers], mover)
    return model


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("method", [None, "int8_weight_only"])
def test_takes_are_the_same_bit_for_bit_with_adapters_too(tiny_turbo: Path, tmp_path: Path, method: str | None) -> None:
    plain = Engine.load(tiny_turbo, lm="none", device="cpu", quantization=method)
    sizes = Sizes.of(open_set(tiny_turbo, None, "none"), "cpu", "float32", method)
    layer = (sizes.weights["music"] - sizes.away) and (sizes.away // (plain._model.config.num_hidden_layers - 2))
    mover = Watched(budget=PLACES * (layer + 256 * 32))  # a card that the layers would not fit on
    engine = Engine(loaded(tiny_turbo, method, mover))
    assert mover.taken == engine._model.networks.decoder.passing.room  # type: ignore[union-attr]
    pairs = lora(dit_tensors(plain._model.config), names=("self_attn.q_proj", "cross_attn.k_proj"))
    path = single_file(tmp_path / "warm.safetensors", pairs, str, 8)
    before: Tensor | None = None
    for request in (REQUEST, REQUEST.replace(adapters=[{"path": str(path)}])):
        one, other = plain.render(request)[0], engine.render(request)[0]
        assert torch.equal(one.latents, other.latents)
        assert one.identity == other.identity
        before = other.latents if before is None else before
    assert before is not None
    assert torch.equal(engine.render(REQUEST)[0].latents, before)  # the adapter is off again
    assert mover.taken <= mover.budget  # no further room was asked for
    assert engine.saving["offload"]


def test_what_stays_on_the_card_is_what_the_sizes_say(tiny_turbo: Path) -> None:
    networks = loaded(tiny_turbo).networks
    passing = networks.decoder.passing
    assert passing is not None
    away = {id(each) for each in networks.decoder.layers.parameters()}
    stays = sum(each.numel() * 4 for each in networks.parameters() if id(each) not in away)
    sizes = Sizes.of(open_set(tiny_turbo, None, "none"), "cpu", "float32")
    assert stays + passing.room == pytest.approx(sizes.weights["music"] - sizes.away, rel=0.01)


# --- models that wait -------------------------------------------------------------------------------------------------


def test_a_model_that_waits_comes_as_it_was_and_is_not_copied_back() -> None:
    mover = Watched()
    network = nn.Sequential(nn.Linear(4, 4), nn.Conv1d(4, 2, 3).to(memory_format=torch.contiguous_format))
    network[1].weight.data = network[1].weight.data.transpose(1, 2).contiguous().transpose(1, 2)
    was = [each.data.clone() for each in network.parameters()]
    strides = [each.stride() for each in network.parameters()]
    guest = Waiting(network, mover).guest
    guest.leave()
    for _ in range(2):
        guest.enter()
        assert all(torch.equal(each, before) for each, before in zip(network.parameters(), was, strict=True))
        assert [each.stride() for each in network.parameters()] == strides
        guest.leave()
    assert [each for each in mover.said if "fetch" in each] == [
        "fetch 0 after 1",
        "reach fetched 0",
        "fetch 0 after 2",
        "reach fetched 0",
    ]


def test_only_what_waits_for_a_card_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    empty = torch.empty

    def spied(*size: Any, pin_memory: bool = False, **more: Any) -> Tensor:
        asked.append(pin_memory)
        if pin_memory and size[0] > 100:
            raise RuntimeError("the system pins no more")
        return empty(*size, **more)

    monkeypatch.setattr(torch, "empty", spied)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: object())
    assert type(mover_for(CPU)) is Mover
    mover_for(CPU).home(8)
    assert asked == [False]
    card = mover_for(torch.device("cuda"))
    assert isinstance(card, CudaMover)
    assert card.home(8).numel() == 8
    assert card.home(200).numel() == 200  # slower, and it works
    assert asked == [False, True, True, False]
