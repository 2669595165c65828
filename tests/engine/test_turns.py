"""Models that take turns: who is there when, what comes out, and what it takes of memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.models.loading import fill
from engine.moving import Moment, Mover
from engine.pipeline import Engine
from engine.request import Request
from engine.turns import Guest, Turns


def test_one_guest_at_a_time() -> None:
    said: list[str] = []
    turns = Turns()
    for name in ("vae", "text"):
        turns.invite(
            name, Guest(lambda name=name: said.append(f"{name} in"), lambda name=name: said.append(f"{name} out"))
        )  # type: ignore[misc]
    assert said == ["vae out", "text out"]
    said.clear()
    for name in ("text", "text", "vae", "text"):
        turns.take(name)
    assert said == ["text in", "text out", "vae in", "vae out", "text in"]


def test_a_guest_that_cannot_come_leaves_the_place_free() -> None:
    turns = Turns()
    came: list[str] = []

    def fails() -> None:
        raise torch.OutOfMemoryError("no room")

    turns.invite("text", Guest(lambda: came.append("in"), lambda: came.append("out")))
    turns.invite("vae", Guest(fails, lambda: None))
    turns.take("text")
    with pytest.raises(torch.OutOfMemoryError):
        turns.take("vae")
    turns.take("text")
    assert came == ["out", "in", "out", "in"]


class Counted(Turns):
    """Says who comes and who leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def invite(self, name: str, guest: Guest) -> None:
        def enter() -> None:
            self.said.append(f"{name} in")
            guest.enter()

        def leave() -> None:
            self.said.append(f"{name} out")
            guest.leave()

        super().invite(name, Guest(enter, leave))


@pytest.mark.usefixtures("one_thread")
def test_takes_are_the_same_and_weights_are_gone_between(tiny_turbo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"bpm": 96, "keyscale": "A minor", "timesignature": "4", "vocal_language": "en"}
    asked = {"caption": "slow jazz", "lyrics": "la", "duration": 1.0, "use_cot_caption": False, "inference_steps": 1}
    request = Request.from_dict({**known, **asked, "seeds": [3, 4]})
    first = Engine.load(tiny_turbo, device="cpu", offload=False)
    together = first.render(request)
    turns = Counted()
    monkeypatch.setattr("engine.readying.Turns", lambda: turns)
    engine = Engine.load(tiny_turbo, device="cpu", offload=True)
    turns.said.clear()
    model = engine._model
    assert _size(model.vae) == _size(model.text) == 0
    in_turns = engine.render(request)
    # Two takes, and each model came once: all plans, then all takes, then all of their sound.
    assert [each for each in turns.said if each.endswith("in")] == ["planner in", "text in", "vae in"]
    for one, other in zip(together, in_turns, strict=True):
        assert torch.equal(one.audio, other.audio)
        assert torch.equal(one.latents, other.latents)
        assert (one.codes, one.plan, one.identity) == (other.codes, other.plan, other.identity)
    assert _size(model.vae) > 0
    assert _size(model.text) == 0
    assert engine.planning.loaded is None
    turns.said.clear()
    again = engine.render(request)  # what reads the prompt is not needed for it again
    assert [each for each in turns.said if each.endswith("in")] == ["planner in", "vae in"]
    assert torch.equal(again[0].audio, in_turns[0].audio)
    assert together[0].codes
    assert engine.codes_of(in_turns[0].audio) == first.codes_of(in_turns[0].audio)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("draft", [None, "0.6B"])
def test_a_planner_waits_beside_a_card_and_is_not_read_again(
    tiny_turbo: Path, monkeypatch: pytest.MonkeyPatch, draft: str | None
) -> None:
    """As on a card, but that its memory is the computer's: weights move between two places, and copies are plain."""
    filled: list[object] = []

    def noted(network: torch.nn.Module, found: Any) -> None:
        filled.append(network)
        fill(network, found)

    monkeypatch.setattr("engine.planner.jobs.fill", noted)
    monkeypatch.setattr("engine.models.steady.lay_out", lambda layers: False)  # a card's weights lie as they are
    nothing_open: dict[str, Any] = {"use_cot_metas": False, "use_cot_caption": False, "use_cot_language": False}
    request = Request(caption="slow jazz", lyrics="la", duration=1.0, inference_steps=1, seeds=[3, 4], **nothing_open)
    together = Engine.load(tiny_turbo, lm="0.6B", device="cpu", offload=False, lm_draft=draft).render(request)
    engine = Engine.load(tiny_turbo, lm="0.6B", device="cpu", offload=True, lm_draft=draft)
    mover = engine.planning._mover = Counting(torch.device("cpu"))
    networks = 1 if draft is None else 2
    filled.clear()
    for batch in range(2):
        for one, other in zip(together, engine.render(request), strict=True):
            assert (one.codes, one.plan, one.identity) == (other.codes, other.plan, other.identity)
            assert torch.equal(one.latents, other.latents)
        assert engine.planning.loaded is None  # the decoder, and all that looked at where the weights were, is gone
        assert len(filled) == networks
        assert (mover.homes, mover.fetched) == (networks, batch * networks)
    homes = {each.data.untyped_storage()._cdata for each in filled[0].parameters()}  # type: ignore[attr-defined]
    assert len(homes) == 1  # all of it in one piece, which waits
    monkeypatch.setattr("engine.planner.planning.available_bytes", lambda: 0)
    engine = Engine.load(tiny_turbo, lm="0.6B", device="cpu", offload=True, lm_draft=draft)
    engine.planning._mover = mover
    filled.clear()
    for _ in range(2):
        assert engine.render(request)[0].codes == together[0].codes
    assert len(filled) == 2 * networks  # there is no room to wait in: it is read again


class Counting(Mover):
    """Counts the places in which weights wait, and how often they come."""

    homes = fetched = 0

    def home(self, size: int) -> torch.Tensor:
        self.homes += 1
        return super().home(size)

    def fetch(self, home: torch.Tensor, place: torch.Tensor, after: Moment) -> Moment:
        self.fetched += 1
        return super().fetch(home, place, after)


def _size(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


_LOAD = """
import sys
from pathlib import Path
import torch
from engine.pipeline import Engine
engine = Engine.load(sys.argv[1], lm="none", device="cpu", offload=sys.argv[2] == "turns")
print(next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line))
print(sum(p.numel() * 4 for part in (engine._model.vae, engine._model.text) for p in part.parameters()))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="what a process has is Linux's to tell")
def test_what_waits_takes_no_memory(tmp_path: Path) -> None:
    from engine.testing import make_checkpoint

    root = make_checkpoint(tmp_path / "small", size="small")
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[2])}

    def resident(how: str) -> tuple[int, int]:
        done = subprocess.run(
            [sys.executable, "-c", _LOAD, str(root), how], capture_output=True, text=True, check=True, env=env
        )
        kilobytes, weights = map(int, done.stdout.split())
        return kilobytes * 1024, weights

    (together, weights), (in_turns, left) = resident("together"), resident("turns")
    assert left == 0
    assert together - in_turns > 0.8 * weights > 10_000_000
