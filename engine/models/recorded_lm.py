"""A planner's step, recorded on CUDA and replayed: the launches of hundreds of small kernels become one.

A recording belongs to the very lanes that it was made with, so lanes are used again by the next batch of the same
shape; and to a span of places, because attention looks at a fixed number of tokens, those to come behind a mask.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from engine.models.planner_lm import Lane, PlannerLM
from engine.models.recorded import records_on
from engine.preflight import SPAN

_log = logging.getLogger(__name__)


@dataclass
class _Desk:
    """Lanes with the places of their inputs and outputs, and a recording for each span."""

    lanes: list[Lane]
    tokens: Tensor
    places: list[Tensor]
    hidden: Tensor
    graphs: dict[tuple[int, ...], torch.cuda.CUDAGraph] = field(default_factory=dict)

    @property
    def seen(self) -> tuple[int, ...]:
        """How many tokens of each lane a step looks at now."""
        return tuple(_spans(lane.length + 1) for lane in self.lanes)


class RecordedLM:
    """Steps of a planner. Off CUDA, or where recording fails, they are its own."""

    def __init__(self, network: PlannerLM) -> None:
        self._network = network
        self._desk: _Desk | None = None
        self._on = records_on(network.head.device)

    def lanes(self, read: Sequence[Lane], rows: int, room: int) -> list[Lane]:
        """``rows`` that go on from each of the lanes that were read, for ``room`` more tokens."""
        if not self._on:
            return [lane.copies(rows, lane.length + room) for lane in read]
        rooms = [_spans(lane.length + room) for lane in read]
        desk = self._desk
        if desk is None or [(lane.rows, lane.room) for lane in desk.lanes] != [(rows, each) for each in rooms]:
            self._desk = desk = None  # its memory is let go before there is new
            lanes = [lane.copies(rows, each, clean=True) for lane, each in zip(read, rooms, strict=True)]
            self._desk = desk = _desk_of(lanes, self._network)
        for lane, source in zip(desk.lanes, read, strict=True):
            lane.take_from(source)
        return desk.lanes

    def step(self, tokens: Tensor, lanes: Sequence[Lane]) -> Tensor:
        """One token for every row; replayed where it can be."""
        desk = self._desk
        if not self._on or desk is None or any(a is not b for a, b in zip(desk.lanes, lanes, strict=False)):
            return self._network.step(tokens, lanes)
        desk.tokens.copy_(tokens)
        for lane, place in zip(desk.lanes, desk.places, strict=True):
            place.fill_(lane.length)
        graph = desk.graphs.get(desk.seen) or self._record(desk)
        if graph is None:
            return self._network.step(tokens, lanes)
        graph.replay()
        for lane in desk.lanes:
            lane.length += 1
        return desk.hidden

    def clear(self) -> None:
        """Gives back the memory of lanes and recordings."""
        self._desk = None

    def _record(self, desk: _Desk) -> torch.cuda.CUDAGraph | None:
        """A recording of the step for the span that the lanes are in; None where it fails, which ends all attempts.

        A step writes the same again wherever it is repeated, so running it to compare does no harm.
        """
        device, seen = desk.tokens.device, desk.seen

        def run() -> None:
            desk.hidden.copy_(self._network.step_within(desk.tokens, desk.lanes, desk.places, seen))

        try:
            with torch.cuda.device(device):
                graph = torch.cuda.CUDAGraph()
                stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
                stream.wait_stream(torch.cuda.current_stream(device))
                with torch.cuda.stream(stream):
                    run()
                torch.cuda.synchronize(device)
                expected = desk.hidden.clone()
                with torch.cuda.graph(graph, stream=stream):
                    run()
                graph.replay()
                if not torch.allclose(desk.hidden, expected, rtol=1e-2, atol=1e-3):
                    raise RuntimeError("a recording gave other values than the step it was made from")
        except torch.cuda.OutOfMemoryError:
            self.clear()
            self._on = False
            return None
        except RuntimeError as cause:
            _log.warning("The planner's steps are not recorded on this device: %s", cause)
            self._on = False
            return None
        desk.graphs[seen] = graph
        return graph


def _desk_of(lanes: list[Lane], network: PlannerLM) -> _Desk:
    rows = sum(lane.rows for lane in lanes)
    weight = network.norm.weight
    tokens = torch.zeros(rows, dtype=torch.int64, device=weight.device)
    places = [torch.zeros(1, dtype=torch.int64, device=weight.device) for _ in lanes]
    return _Desk(lanes, tokens, places, weight.new_zeros(rows, weight.shape[0]))


def _spans(tokens: int) -> int:
    """So many tokens, rounded up to whole spans."""
    return -(-tokens // SPAN) * SPAN
