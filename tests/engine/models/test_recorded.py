"""Recorded steps: what is recorded, what a replay is given, and that it is the step. CUDA's graphs are a double."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.checkpoints import open_set, verify
from engine.models import recorded, recorded_lm
from engine.models.dit import DiT, Memory
from engine.models.loading import build, fill
from engine.models.planner_lm import PlannerLM
from engine.models.recorded import RecordedDiT
from engine.models.recorded_lm import RecordedLM
from tests.engine.models.graphs_double import Graph, instead_of_cuda
from tests.engine.models.test_dit import CHANNELS, CONFIG, decoder

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
FRAMES = 20


@pytest.fixture(autouse=True)
def on_a_card(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    instead_of_cuda(monkeypatch)
    monkeypatch.setattr(recorded, "records_on", lambda device: True)
    monkeypatch.setattr(recorded_lm, "records_on", lambda device: True)
    with torch.no_grad():
        yield


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- the music model's ------------------------------------------------------------------------------------------------


class Rendering:
    """A recipe's batches with one decoder, recorded; ``batch`` compares each step with the decoder's own."""

    def __init__(self, dit: DiT, steps: RecordedDiT, rows: int = 2, prompt: int = 7) -> None:
        self.dit, self.steps, self.rows = dit, steps, rows
        self.memory: Memory = dit.remember(drawn(1, prompt, CONFIG.encoder.hidden_size, seed=prompt))
        self.rotary = dit.rotary(FRAMES)
        self.times = dit.time(torch.tensor([1.0, 0.7, 0.3]))

    def batch(self, seed: int) -> None:
        around = drawn(self.rows, FRAMES, CHANNELS, seed=seed)
        context = self.dit.patch_in.context(around, torch.ones_like(around))
        self.steps.warm(FRAMES, self.rows, context, [self.memory], self.rotary)
        for step in range(3):
            x, time = drawn(self.rows, FRAMES, CHANNELS, seed=100 * seed + step), self.times.step(step)
            found = self.steps(x, time, context, [self.memory], self.rotary)
            assert torch.equal(found, self.dit(x, time, context, [self.memory], self.rotary))

    @property
    def graphs(self) -> list[Graph]:
        kept = self.steps._seen.values()
        return [each.graph for each in kept if isinstance(each, recorded._Recording)]  # type: ignore[misc]


def test_the_first_batch_is_computed_the_second_recorded_and_all_later_ones_replayed() -> None:
    dit = decoder()
    rendering = Rendering(dit, RecordedDiT(dit))
    rendering.batch(1)
    assert not rendering.graphs
    rendering.batch(2)  # other codes, other noise, the same prompt
    (graph,) = rendering.graphs
    assert graph.replays == 1 + 3  # once to be compared
    rendering.batch(3)
    assert rendering.graphs == [graph]
    assert graph.replays == 1 + 6


def test_each_prompt_and_each_size_has_its_own_and_old_ones_make_room() -> None:
    dit = decoder()
    steps = RecordedDiT(dit)
    recipes = [Rendering(dit, steps), Rendering(dit, steps, rows=4), Rendering(dit, steps, prompt=9)]
    for recipe in recipes:
        recipe.batch(1)
        recipe.batch(2)
    assert len(recipes[0].graphs) == 2
    recipes[0].batch(3)  # gone: computed again, and not replayed with another one's
    assert len(recipes[0].graphs) == 1


def test_weights_that_change_are_seen_once_what_was_recorded_is_let_go() -> None:
    dit = decoder()
    rendering = Rendering(dit, RecordedDiT(dit))
    rendering.batch(1)
    rendering.batch(2)
    dit.layers[0].mlp.down_proj.weight = torch.nn.Parameter(dit.layers[0].mlp.down_proj.weight * 2)  # type: ignore
    with pytest.raises(AssertionError):
        rendering.batch(3)
    rendering.steps.clear()
    rendering.batch(4)


def test_what_records_wrongly_is_not_recorded_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    dit = decoder()
    rendering = Rendering(dit, RecordedDiT(dit))
    monkeypatch.setattr(Graph, "replay", lambda self: None)  # its output stays what the capture left there
    monkeypatch.setattr(torch, "allclose", lambda *given, **named: False)
    for seed in (1, 2, 3):
        rendering.batch(seed)
    assert not rendering.graphs


def test_where_memory_runs_out_while_recording_steps_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(graph: Graph, stream: object = None) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    dit = decoder()
    rendering = Rendering(dit, RecordedDiT(dit))
    monkeypatch.setattr(torch.cuda, "graph", full)
    for seed in (1, 2, 3):
        rendering.batch(seed)
    assert not rendering.graphs


# --- the planner's ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network(tiny_turbo: Path) -> PlannerLM:
    component = open_set(tiny_turbo).lm
    assert component is not None
    found = verify(component)
    made = build(lambda: PlannerLM(component.config, found["embed_tokens.weight"].shape[0]), CPU, torch.float32)
    fill(made, found)
    return made


def close(ours: Tensor, theirs: Tensor) -> bool:
    return float((ours - theirs).abs().max()) <= 1e-5 * float(theirs.abs().max())


def test_a_planners_recorded_steps_are_its_steps_over_spans_and_batches(
    network: PlannerLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded_lm, "SPAN", 8)
    steps = RecordedLM(network)
    for batch, lengths in enumerate(((5, 3), (6, 2), (11, 3))):
        read = [network.lane(1, length) for length in lengths]
        for lane, length in zip(read, lengths, strict=True):
            network.read(torch.arange(length) + batch, lane)
        lanes = steps.lanes(read, 2, 12)
        plain = [lane.copies(2, lane.length + 12) for lane in read]
        for step in range(12):
            tokens = torch.tensor([3, 4, 5, 6]) + 10 * batch + step
            assert close(steps.step(tokens, lanes), network.step(tokens, plain))
        desk = steps._desk
        assert desk is not None
        assert desk.lanes == lanes
        assert set(desk.graphs) <= {(8, 8), (16, 8), (16, 16), (24, 8), (24, 16)}  # one for every span they were in
        assert sum(graph.replays for graph in desk.graphs.values()) >= 12  # type: ignore[attr-defined]
