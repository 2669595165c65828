"""A decoder whose forward pass is recorded on CUDA and replayed: a step of hundreds of kernels becomes one launch.

The loop renders the same recipe again and again, so shapes and prompt stay; the context, which may be of other codes
for every take, is copied into its place. The first batch of a recipe runs
as it is, which warms the kernels up; the second records; from then on every step is a replay. A single render therefore
never pays for a recording.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.models.dit import DiT, Memory, Time
from engine.models.primitives import Rotary

_KEPT = 2
"""Recordings kept; each holds the memory of one forward pass."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Inputs:
    """What stays between the steps of a batch. Holding it keeps the addresses that a recording has learnt valid."""

    context: Tensor
    memories: tuple[Memory, ...]
    rotary: Rotary


@dataclass(frozen=True)
class _Recording:
    """One recorded forward pass with the places of its inputs and its output."""

    graph: torch.cuda.CUDAGraph
    inputs: _Inputs
    x: Tensor
    time: Time
    out: Tensor

    def replay(self, x: Tensor, time: Time, context: Tensor) -> Tensor:
        """Runs the recording; the result is the caller's own."""
        self.x.copy_(x)
        self.inputs.context.copy_(context)
        self.time.emb.copy_(time.emb)
        self.time.proj.copy_(time.proj)
        self.graph.replay()
        return self.out.clone()


class RecordedDiT:
    """Calls like the decoder it wraps. Off CUDA, or where recording fails, it is that decoder."""

    def __init__(self, decoder: DiT) -> None:
        self._decoder = decoder
        self._seen: OrderedDict[tuple[object, ...], _Recording | _Inputs] = OrderedDict()
        self._on = decoder.passing is None  # a layer that comes and goes has no address to be recorded

    def warm(self, frames: int, batch: int, context: Tensor, memories: Sequence[Memory], rotary: Rotary) -> None:
        """To be called once a batch: the second time for the same recipe, the forward pass is recorded."""
        if not self._on or not records_on(context.device):
            return
        inputs = _Inputs(context, tuple(memories), rotary)
        key = _key(frames, batch, inputs)
        known = self._seen.get(key)
        if isinstance(known, _Inputs):
            self._seen[key] = self._record(frames, batch, inputs) or known
        elif known is None:
            self._seen[key] = inputs
        self._seen.move_to_end(key)
        while len(self._seen) > _KEPT:
            self._seen.popitem(last=False)

    def __call__(self, x: Tensor, time: Time, context: Tensor, memories: Sequence[Memory], rotary: Rotary) -> Tensor:
        """The decoder's forward pass, replayed where there is a recording of it."""
        known = self._seen.get(_key(x.shape[1], x.shape[0], _Inputs(context, tuple(memories), rotary)))
        if isinstance(known, _Recording):
            return known.replay(x, time, context)
        return self._decoder(x, time, context, memories, rotary)  # type: ignore[no-any-return]

    def _record(self, frames: int, batch: int, inputs: _Inputs) -> _Recording | None:
        """Records one forward pass; None where the device or a kernel does not allow it, which ends all attempts."""
        like = self._decoder.scale_shift_table
        inputs = replace(inputs, context=inputs.context.clone())
        x = like.new_zeros(batch, frames, self._decoder.config.audio_acoustic_hidden_dim)
        time = self._decoder.time(torch.ones(1, device=like.device))
        try:
            # A capture belongs to the current device, whichever device the tensors are on.
            with torch.cuda.device(like.device):
                graph = torch.cuda.CUDAGraph()
                stream = torch.cuda.Stream(like.device)  # type: ignore[no-untyped-call]
                stream.wait_stream(torch.cuda.current_stream(like.device))
                with torch.cuda.stream(stream):
                    expected = self._decoder(x, time, inputs.context, inputs.memories, inputs.rotary)
                torch.cuda.synchronize(like.device)
                with torch.cuda.graph(graph, stream=stream):
                    out = self._decoder(x, time, inputs.context, inputs.memories, inputs.rotary)
                recording = _Recording(graph, inputs, x, time, out)
                if not torch.allclose(recording.replay(x, time, inputs.context), expected, rtol=1e-2, atol=1e-3):
                    raise RuntimeError("a recording gave other values than the step it was made from")
        except torch.cuda.OutOfMemoryError:
            self.clear()
            return None
        except RuntimeError as cause:
            _log.warning("Steps are not recorded on this device: %s", cause)
            self._on = False
            return None
        return recording

    def clear(self) -> None:
        """Gives back the memory of all recordings."""
        self._seen.clear()


def records_on(device: torch.device) -> bool:
    """Whether a device has graphs to record into."""
    return device.type == "cuda"


def _key(frames: int, batch: int, inputs: _Inputs) -> tuple[object, ...]:
    """A recording belongs to this very prompt, not to an equal one, and to contexts of one shape."""
    return (frames, batch, inputs.context.shape, id(inputs.rotary), *(id(memory) for memory in inputs.memories))
