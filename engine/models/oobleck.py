"""The layers and blocks of the Oobleck VAE (facts: dit.md 7).

Signals are rows in time, ``[B, rows, channels]``: the layout in which a convolution reads whole vectors, a transposed
convolution is two matrix products, and a snake is element by element. A block knows which of its input rows any stretch
of its output needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_DILATIONS = (1, 3, 9)
KERNEL = 7
REACH = (KERNEL // 2) * sum(_DILATIONS)
"""Rows a chain of residual units looks to each side: 39."""


class Snake(nn.Module):
    """``x + sin(e^alpha x)^2 / (e^beta + 1e-9)``, a pair of logs for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(1, channels, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1))
        self._kept: tuple[Tensor, Tensor] | None = None

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Moving or casting the module makes what is kept stale."""
        self._kept = None
        return cast(Self, super()._apply(fn, recurse))  # type: ignore[no-untyped-call]

    def settle(self) -> None:
        """Keeps what the logs stand for: on a busy CPU every small operation waits for all threads."""
        with torch.no_grad():
            self._kept = self._constants()

    def _constants(self) -> tuple[Tensor, Tensor]:
        """Frequency and weight of the wave, ``[channels]`` each, computed in float32."""
        frequency = self.alpha.float().exp().flatten()
        weight = (self.beta.float().exp() + 1e-9).reciprocal().flatten()
        return frequency.to(self.alpha.dtype), weight.to(self.alpha.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, rows, channels]``, same shape out."""
        if torch.is_grad_enabled() or self._kept is None:
            frequency, weight = self._constants()
            return x + torch.sin(x * frequency).square() * weight
        frequency, weight = self._kept
        wave = (x * frequency).sin_()
        return torch.addcmul(x, wave.mul_(wave), weight)


class Conv(nn.Module):
    """Convolution over rows. The weight has the official shape ``[out, in, k]``, stored with channels innermost."""

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.stride, self.padding, self.dilation = stride, padding, dilation
        self.weight = nn.Parameter(torch.zeros(out, kernel, channels).transpose(1, 2))
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """``[B, rows, in]`` to ``[B, (rows + 2 padding - dilation (k-1) - 1) // stride + 1, out]``."""
        out = F.conv2d(
            x.transpose(1, 2).unsqueeze(2),
            self.weight.unsqueeze(2),
            self.bias,
            stride=(1, self.stride),
            padding=(0, self.padding),
            dilation=(1, self.dilation),
        )
        return out.squeeze(2).transpose(1, 2)


class Pointwise(nn.Module):
    """Convolution with kernel 1: a matrix product, added to a residual in the same pass."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, channels, 1))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, residual: Tensor) -> Tensor:
        """``residual + x W + b``, all ``[B, rows, channels]``."""
        flat = torch.addmm(residual.flatten(0, 1), x.flatten(0, 1), self.weight.squeeze(-1).t())
        return (flat + self.bias if torch.is_grad_enabled() else flat.add_(self.bias)).view(x.shape)


class Upsample(nn.Module):
    """Transposed convolution of stride s, kernel 2s, padding s/2: every output row is a sum over two input rows."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        self.stride, self.out = stride, out
        self.weight = nn.Parameter(torch.zeros(channels, 2 * stride, out).transpose(1, 2))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, rows, in]`` to ``[B, rows * s, out]``."""
        near, far = self.weight.transpose(1, 2).flatten(1).chunk(2, dim=1)
        padded = F.pad(x, (0, 0, 1, 1))
        bias = self.bias.repeat(self.stride)
        now, before = padded[:, 1:].flatten(0, 1), padded[:, :-1].flatten(0, 1)
        y = torch.addmm(torch.addmm(bias, now, near), before, far)
        first = self.stride // 2
        return y.view(x.shape[0], -1, self.out)[:, first : first + x.shape[1] * self.stride]


class ResidualUnit(nn.Module):
    """``x + conv1x1(snake(conv7(snake(x))))`` with one dilation."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        reach = dilation * (KERNEL // 2)
        self.snake1 = Snake(channels)
        self.conv1 = Conv(channels, channels, KERNEL, padding=reach, dilation=dilation)
        self.snake2 = Snake(channels)
        self.conv2 = Pointwise(channels)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, rows, channels]``, same shape out."""
        return self.conv2(self.snake2(self.conv1(self.snake1(x))), x)  # type: ignore[no-any-return]


class Block(nn.Module, ABC):
    """Three residual units and a change of rate; knows which input rows any stretch of its output needs."""

    def __init__(self, units: int, out: int) -> None:
        super().__init__()
        self.width, self.out = units, out
        self.res_unit1, self.res_unit2, self.res_unit3 = (ResidualUnit(units, d) for d in _DILATIONS)

    def units(self, x: Tensor) -> Tensor:
        """The residual units, in order."""
        return self.res_unit3(self.res_unit2(self.res_unit1(x)))  # type: ignore[no-any-return]

    @abstractmethod
    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Input rows that output rows ``[start, stop)`` depend on; may reach over the ends."""

    @abstractmethod
    def starts_at(self, row: int) -> int:
        """The output row that the output of a window of input from ``row`` on begins with."""


class DecoderBlock(Block):
    """Snake, upsampling, residual units at the output width."""

    rows_in = 1
    """Rows of the residual units to a row of output."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__(out, out)
        self.stride = stride
        self.snake1 = Snake(channels)
        self.conv_t1 = Upsample(channels, out, stride)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, rows, in]`` to ``[B, rows * stride, out]``."""
        return self.units(self.conv_t1(self.snake1(x)))

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """See ``Block``."""
        half = self.stride // 2
        return (start - REACH + half) // self.stride - 1, (stop - 1 + REACH + half) // self.stride + 1

    def starts_at(self, row: int) -> int:
        """See ``Block``."""
        return row * self.stride


class EncoderBlock(Block):
    """Residual units at the input width, snake, downsampling."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__(channels, out)
        self.stride = self.rows_in = stride
        self.snake1 = Snake(channels)
        self.conv1 = Conv(channels, out, 2 * stride, stride=stride, padding=stride // 2)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, rows, in]`` to ``[B, rows / stride, out]``."""
        return self.conv1(self.snake1(self.units(x)))  # type: ignore[no-any-return]

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """See ``Block``. Rounded out to whole strides, so that a window's output rows stay in step."""
        half = self.stride // 2
        first = start * self.stride - half - REACH
        last = (stop - 1) * self.stride - half + 2 * self.stride + REACH
        return first // self.stride * self.stride, -(-last // self.stride) * self.stride

    def starts_at(self, row: int) -> int:
        """See ``Block``."""
        return row // self.stride
