"""The Oobleck VAE: 48 kHz stereo to 25 Hz latents and back (facts: dit.md 7).

Signals are rows in time, ``[B, rows, channels]``: the layout in which a convolution reads whole vectors, a transposed
convolution is two matrix products, and a snake is element by element. Work goes depth first: to produce a stretch of
audio, each block computes exactly the rows that the stretch needs and no more, so any tiling gives the same result and
costs about two per cent (the receptive field is 9 latent frames a side), and memory does not grow with the length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import VAEConfig

_DILATIONS = (1, 3, 9)
_KERNEL = 7
_REACH = (_KERNEL // 2) * sum(_DILATIONS)
"""Rows a chain of residual units looks to each side: 39."""


@dataclass(frozen=True)
class Tiling:
    """How much is computed at once: latent frames a tile, and elements a piece inside a block (None: all of it).

    On CPU a piece stays in the cache and below the size from which every allocation is a fresh mapping; on a GPU small
    pieces would only leave it idle.
    """

    frames: int
    elements: int | None

    @classmethod
    def for_device(cls, device: torch.device) -> Tiling:
        """What was measured to be fast (docs/performance.md)."""
        return cls(32, 1_048_576) if device.type == "cpu" else cls(512, None)


class Snake(nn.Module):
    """``x + sin(e^alpha x)^2 / (e^beta + 1e-9)``, a pair of logs for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(1, channels, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1))
        self._kept: tuple[Tensor, Tensor] | None = None

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
        reach = dilation * (_KERNEL // 2)
        self.snake1 = Snake(channels)
        self.conv1 = Conv(channels, channels, _KERNEL, padding=reach, dilation=dilation)
        self.snake2 = Snake(channels)
        self.conv2 = Pointwise(channels)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, rows, channels]``, same shape out."""
        return self.conv2(self.snake2(self.conv1(self.snake1(x))), x)  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Three residual units and a change of rate; knows which input rows any stretch of its output needs."""

    def __init__(self, units: int, out: int) -> None:
        super().__init__()
        self.width, self.out = units, out
        self.res_unit1, self.res_unit2, self.res_unit3 = (ResidualUnit(units, d) for d in _DILATIONS)

    def units(self, x: Tensor) -> Tensor:
        """The residual units, in order."""
        return self.res_unit3(self.res_unit2(self.res_unit1(x)))  # type: ignore[no-any-return]

    def needs(self, start: int, stop: int) -> tuple[int, int]:
        """Input rows that output rows ``[start, stop)`` depend on; may reach over the ends."""
        raise NotImplementedError

    def starts_at(self, row: int) -> int:
        """The output row that the output of a window of input from ``row`` on begins with."""
        raise NotImplementedError


class DecoderBlock(_Block):
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
        """See ``_Block``."""
        half = self.stride // 2
        return (start - _REACH + half) // self.stride - 1, (stop - 1 + _REACH + half) // self.stride + 1

    def starts_at(self, row: int) -> int:
        """See ``_Block``."""
        return row * self.stride


class EncoderBlock(_Block):
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
        """See ``_Block``. Rounded out to whole strides, so that a window's output rows stay in step."""
        half = self.stride // 2
        first = start * self.stride - half - _REACH
        last = (stop - 1) * self.stride - half + 2 * self.stride + _REACH
        return first // self.stride * self.stride, -(-last // self.stride) * self.stride

    def starts_at(self, row: int) -> int:
        """See ``_Block``."""
        return row // self.stride


class _Stack(nn.Module):
    """A convolution, blocks that change the rate, a snake and a convolution: either half of the VAE."""

    conv1: Conv
    block: nn.ModuleList
    snake1: Snake
    conv2: Conv

    def produce(self, x: Tensor, lengths: list[int], start: int, stop: int, elements: int | None) -> Tensor:
        """Rows ``[start, stop)`` of the output for input ``x`` ``[B, rows, channels]``.

        ``lengths`` are the row counts of the input and of every block's output. Rows beyond a signal's ends are the
        zeros that each convolution pads with, so windows are cut at the ends and nowhere else.
        """
        reach = self.conv2.padding
        low, high = max(0, start - reach), min(lengths[-1], stop + reach)
        top = self._level(x, lengths, len(self.block), low, high, elements)
        out = self.conv2(self.snake1(top))
        return out[:, start - low : stop - low]  # type: ignore[no-any-return]

    def _level(self, x: Tensor, lengths: list[int], level: int, start: int, stop: int, elements: int | None) -> Tensor:
        """Rows ``[start, stop)`` after ``level`` blocks (0: after the first convolution)."""
        if level == 0:
            reach = self.conv1.padding
            low, high = max(0, start - reach), min(lengths[0], stop + reach)
            return self.conv1(x[:, low:high])[:, start - low : stop - low]  # type: ignore[no-any-return]
        block = cast(DecoderBlock | EncoderBlock, self.block[level - 1])
        low, high = _clamp(block.needs(start, stop), lengths[level - 1])
        below = self._level(x, lengths, level - 1, low, high, elements)
        if elements is None:
            first = block.starts_at(low)
            return block(below)[:, start - first : stop - first]  # type: ignore[no-any-return]
        out = below.new_empty(below.shape[0], stop - start, block.out)
        for a, b in _pieces(start, stop, block, elements):
            piece_low, piece_high = _clamp(block.needs(a, b), lengths[level - 1])
            first = block.starts_at(piece_low)
            piece = block(below[:, piece_low - low : piece_high - low])
            out[:, a - start : b - start] = piece[:, a - first : b - first]
        return out


def _clamp(span: tuple[int, int], length: int) -> tuple[int, int]:
    return max(0, span[0]), min(length, span[1])


def _pieces(start: int, stop: int, block: DecoderBlock | EncoderBlock, elements: int) -> Iterator[tuple[int, int]]:
    """Equal stretches of about ``elements`` values, each well longer than what its neighbours make it compute twice."""
    rows = max(elements // block.width, 16 * _REACH) // block.rows_in
    count = max(1, round((stop - start) / max(1, rows)))
    size = -(-(stop - start) // count)
    for a in range(start, stop, size):
        yield a, min(a + size, stop)


class Decoder(_Stack):
    """Latents to audio."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        widths = [config.decoder_channels * m for m in reversed((1, *config.channel_multiples))]
        strides = list(reversed(config.downsampling_ratios))
        self.conv1 = Conv(config.decoder_input_channels, widths[0], _KERNEL, padding=_KERNEL // 2)
        self.block = nn.ModuleList(
            DecoderBlock(i, o, s) for i, o, s in zip(widths[:-1], widths[1:], strides, strict=True)
        )
        self.snake1 = Snake(widths[-1])
        self.conv2 = Conv(widths[-1], config.audio_channels, _KERNEL, padding=_KERNEL // 2, bias=False)
        self.strides = strides

    def lengths(self, frames: int) -> list[int]:
        """Rows at every level, from latents to audio."""
        rows = [frames]
        for stride in self.strides:
            rows.append(rows[-1] * stride)
        return rows


class Encoder(_Stack):
    """Audio to the mean and scale of latents."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        widths = [config.encoder_hidden_size * m for m in (1, *config.channel_multiples)]
        self.conv1 = Conv(config.audio_channels, widths[0], _KERNEL, padding=_KERNEL // 2)
        self.block = nn.ModuleList(
            EncoderBlock(i, o, s) for i, o, s in zip(widths[:-1], widths[1:], config.downsampling_ratios, strict=True)
        )
        self.snake1 = Snake(widths[-1])
        self.conv2 = Conv(widths[-1], config.encoder_hidden_size, 3, padding=1)
        self.strides = list(config.downsampling_ratios)

    def lengths(self, samples: int) -> list[int]:
        """Rows at every level, from audio to latents."""
        rows = [samples]
        for stride in self.strides:
            rows.append(rows[-1] // stride)
        return rows


class VAE(nn.Module):
    """Both halves. Parameter names are the official ones with weight norm already multiplied out."""

    def __init__(self, config: VAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)

    def decode_tiles(self, latents: Tensor, tiling: Tiling | None = None) -> Iterator[Tensor]:
        """Audio ``[B, channels, samples]`` of latents ``[B, T, 64]``, a tile at a time, in order."""
        tiling = tiling or Tiling.for_device(latents.device)
        lengths = self.decoder.lengths(latents.shape[1])
        for start in range(0, latents.shape[1], tiling.frames):
            stop = min(start + tiling.frames, latents.shape[1])
            rows = self.decoder.produce(
                latents, lengths, start * self.config.hop, stop * self.config.hop, tiling.elements
            )
            yield rows.transpose(1, 2)

    def decode(self, latents: Tensor, tiling: Tiling | None = None) -> Tensor:
        """All tiles in one: ``[B, T, 64]`` to ``[B, channels, 1920 T]``."""
        return torch.cat(list(self.decode_tiles(latents, tiling)), dim=2)

    def encode_tiles(self, audio: Tensor, tiling: Tiling | None = None) -> Iterator[Tensor]:
        """Latent statistics ``[B, frames, 128]`` (mean, then raw scale) of ``[B, channels, samples]``, in order."""
        tiling = tiling or Tiling.for_device(audio.device)
        frames = audio.shape[2] // self.config.hop
        rows = audio.transpose(1, 2)
        lengths = self.encoder.lengths(rows.shape[1])
        for start in range(0, frames, tiling.frames):
            stop = min(start + tiling.frames, frames)
            yield self.encoder.produce(rows, lengths, start, stop, tiling.elements)

    def encode(self, audio: Tensor, tiling: Tiling | None = None) -> Tensor:
        """The mean latents ``[B, floor(samples / 1920), 64]`` of audio ``[B, channels, samples]``.

        The mean and not a sample: the same file gives the same latents. ``statistics`` has the spread as well.
        """
        return self.statistics(audio, tiling)[0]

    def statistics(self, audio: Tensor, tiling: Tiling | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the latents, each ``[B, frames, 64]``."""
        both = torch.cat(list(self.encode_tiles(audio, tiling)), dim=1)
        mean, scale = both.chunk(2, dim=2)
        return mean, F.softplus(scale) + 1e-4
