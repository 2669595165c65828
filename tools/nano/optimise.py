"""One optimiser for every stage: orthogonalised steps for matrices and convolutions, Adam for the rest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


@contextlib.contextmanager
def half_precision(device: torch.device) -> Iterator[None]:
    """Products in bfloat16 inside, weights and sums in float32: half the time where a processor has the instructions.

    Attention stays in float32 on CPU, where its bfloat16 kernel is more than twice as slow.
    """
    with torch.autocast(device.type, torch.bfloat16):
        if device.type == "cpu":
            with _SingleAttention():
                yield
        else:
            yield


class _SingleAttention(TorchFunctionMode):
    """Takes attention out of autocast."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        with torch.autocast("cpu", enabled=False):
            return func(*(tensor.float() for tensor in args), **(kwargs or {}))


@dataclass(frozen=True)
class Rate:
    """Learning rate: a rise over ``warm`` steps, a plateau, a straight line to nothing over the last ``cool``."""

    peak: float
    warm: int
    cool: int

    def at(self, index: int, steps: int) -> float:
        """The rate of a step."""
        return self.peak * min(1.0, (index + 1) / self.warm, max(0.0, steps - index) / max(1, self.cool))


class Optimiser:
    """Muon for ``matrices``, AdamW for all other weights that are trained; one rate for both.

    A convolution's kernel is seen as a matrix from all that an output reads to that output.
    """

    def __init__(self, module: nn.Module, matrices: Iterable[nn.Parameter], rate: Rate, clip: float = 1.0) -> None:
        self.rate, self.clip = rate, clip
        self.kernels = list(matrices)
        chosen = set(map(id, self.kernels))
        self.others = [p for p in module.parameters() if p.requires_grad and id(p) not in chosen]
        self.views = [nn.Parameter(_matrix(kernel.data)) for kernel in self.kernels]
        if any(view.data_ptr() != kernel.data_ptr() for view, kernel in zip(self.views, self.kernels, strict=True)):
            raise ValueError("A kernel's channels do not lie innermost: its steps would be lost.")
        self.parts: list[torch.optim.Optimizer] = [
            torch.optim.Muon(self.views, lr=0.0, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(self.others, lr=0.0, betas=(0.9, 0.98), weight_decay=0.0),
        ]

    def step(self, loss: Tensor, index: int, steps: int) -> Tensor:
        """Moves the weights; the gradient's norm."""
        for parameter in (*self.kernels, *self.others):
            parameter.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_([*self.kernels, *self.others], self.clip)
        for view, kernel in zip(self.views, self.kernels, strict=True):
            view.grad = None if kernel.grad is None else _matrix(kernel.grad)
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = self.rate.at(index, steps)
            part.step()
        return norm.detach()

    def state(self) -> list[dict[str, Any]]:
        """For the next slice."""
        return [part.state_dict() for part in self.parts]

    def restore(self, states: list[dict[str, Any]]) -> None:
        """Puts back what ``state`` gave."""
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def _matrix(kernel: Tensor) -> Tensor:
    """``[out, in]`` as it is, ``[out, in, k]`` as ``[out, k * in]``: a view, as our kernels have channels innermost."""
    return kernel if kernel.dim() == 2 else kernel.transpose(1, 2).flatten(1)
