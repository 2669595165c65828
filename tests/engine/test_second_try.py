"""Memory that runs out inside the engine: once more, smaller tiles, the processor; each of them is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.events import Remark, TakeReady
from engine.models.vae import SMALLEST_TILE, Tiling
from engine.moving import Mover
from engine.pipeline import Engine
from engine.request import Request
from engine.turns import Guest, Turns, Waiting

REQUEST = Request(caption="slow jazz", duration=1.0, inference_steps=1, bpm=96, seeds=[3], thinking=False)


@pytest.fixture
def engine(tiny_turbo: Path) -> Engine:
    return Engine.load(tiny_turbo, lm="none", device="cpu")


def rendered(engine: Engine, request: Request = REQUEST) -> tuple[list[Tensor], list[str]]:
    events = list(engine.stream(request))
    takes = [event.take.audio for event in events if isinstance(event, TakeReady)]
    return takes, [event.text for event in events if isinstance(event, Remark) and "ran out" in event.text]


def running_out(engine: Engine, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The decoder has no room for so many steps."""
    decoder = engine._decoder
    left = iter(range(times))

    class Full:
        def __call__(self, *given: Any) -> Tensor:
            if next(left, None) is not None:
                raise torch.OutOfMemoryError("the card is full")
            return decoder(*given)

        def __getattr__(self, name: str) -> Any:
            return getattr(decoder, name)

    monkeypatch.setattr(engine._denoiser, "_decoder", Full())


def test_a_step_is_tried_once_more_and_no_more_than_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, quiet = rendered(engine)
    assert not quiet
    let_go: list[bool] = []
    monkeypatch.setattr(engine._decoder, "clear", lambda: let_go.append(True))
    running_out(engine, monkeypatch, 1)
    takes, said = rendered(engine)
    assert torch.equal(takes[0], expected[0])
    assert said == [
        "Memory ran out while sampling. What was kept beside the models is let go, and it is tried once more."
    ]
    assert let_go == [True]
    running_out(engine, monkeypatch, 2)
    with pytest.raises(torch.OutOfMemoryError):
        rendered(engine)


def test_decoding_comes_down_tile_by_tile_and_at_last_to_the_processor(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _ = rendered(engine)
    vae, asked = engine._model.vae, []
    produce = vae.decoder.produce
    vae.bfloat16()  # what a card has, so that it can be told from what the processor has

    def full(x: Tensor, lengths: list[int], start: int, stop: int, elements: int | None) -> Tensor:
        if vae.decoder.conv1.weight.dtype == torch.bfloat16:
            asked.append(vae.tiling.frames)
            raise torch.OutOfMemoryError("the card is full")
        return produce(x, lengths, start, stop, elements)

    monkeypatch.setattr(vae.decoder, "produce", full)
    vae.tiling = Tiling(128, None)
    takes, said = rendered(engine)
    assert asked == [128, 64, SMALLEST_TILE]
    assert said == ["Memory ran out while decoding. It goes on on the processor, which is slower."]
    assert vae.at_home
    assert (takes[0] - expected[0]).abs().max() < 0.05  # its weights were halves before
    assert rendered(engine)[1] == []  # it stays there, and is not told of twice
    assert len(asked) == 3


def test_reading_sound_comes_down_in_the_same_way(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    vae, asked = engine._model.vae, []
    audio = torch.randn(1, 2, 34 * vae.config.hop, generator=torch.Generator().manual_seed(1)) * 0.1
    with torch.no_grad():
        expected = vae.encode(audio)
        produce = vae.encoder.produce

        def full(x: Tensor, lengths: list[int], start: int, stop: int, elements: int | None) -> Tensor:
            asked.append(stop - start)
            if len(asked) < 3:
                raise torch.OutOfMemoryError("the card is full")
            return produce(x, lengths, start, stop, elements)

        monkeypatch.setattr(vae.encoder, "produce", full)
        found = vae.encode(audio, Tiling(64, None))
    assert asked == [34, SMALLEST_TILE, 34]  # it ends on the processor, where a longer tile is the faster one
    assert vae.at_home
    assert torch.allclose(found, expected, atol=1e-5)


class Full(Mover):
    """To a device without any room."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"))

    def place(self, size: int) -> Tensor:
        raise torch.OutOfMemoryError("no room for it at all")


def test_what_is_at_home_takes_no_turns(tiny_turbo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine.load(tiny_turbo, lm="none", device="cpu", offload=True)
    expected, _ = rendered(engine)
    vae, turns = engine._model.vae, engine._model.turns
    assert turns is not None
    turns.dismiss("vae")
    turns.invite("vae", Waiting(vae, Full()).guest)  # as it waits for a card, which has no room for it
    takes, said = rendered(engine, REQUEST.replace(caption="fast jazz"))
    assert said
    assert vae.at_home
    assert "vae" not in turns._guests
    assert torch.allclose(rendered(engine)[0][0], expected[0], atol=1e-5)
    assert takes[0].shape == expected[0].shape


def test_who_takes_no_turns_any_more_is_not_sent_away() -> None:
    turns, said = Turns(), []
    turns.invite("vae", Guest(lambda: said.append("in"), lambda: said.append("out")))
    turns.invite("text", Guest(lambda: None, lambda: None))
    turns.take("vae")
    turns.dismiss("vae")
    turns.take("text")
    assert said == ["out", "in"]
