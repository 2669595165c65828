"""The Oobleck VAE: 48 kHz stereo to 25 Hz latents and back (facts: dit.md 7).

Work goes depth first: to produce a stretch of audio, each block computes exactly the rows that the stretch needs and no
more. So any tiling gives the same result and costs a few per cent (the receptive field is 9 latent frames a side), and
memory does not grow with the length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.config import VAEConfig
from engine.models.oobleck import KERNEL, REACH, Conv, DecoderBlock, EncoderBlock, Snake


@dataclass(frozen=True)
class Tiling:
    """How much is computed at once: latent frames a tile, and elements a piece inside a block (None: all of it).

    On CPU a piece stays in the cache and below the size from which every allocation is a fresh mapping; on a GPU small
    pieces would only leave it idle.
    """

    frames: int
    elements: int | None

    @classmethod
    def decoding(cls, device: torch.device) -> Tiling:
        """What was measured to be fast (docs/performance.md)."""
        return cls(32, 1_048_576) if device.type == "cpu" else cls(512, None)

    @classmethod
    def encoding(cls, device: torch.device) -> Tiling:
        """Longer tiles: what an encoder computes beside a tile is at the full sample rate, its dearest rows."""
        return cls(128, 1_048_576) if device.type == "cpu" else cls(512, None)

    def smaller(self) -> Tiling | None:
        """Half of it, for memory that ran out; None where that is no tile any more."""
        return Tiling(self.frames // 2, self.elements) if self.frames >= 2 * SMALLEST_TILE else None


SMALLEST_TILE = 32
"""Latent frames; below, what a tile computes beside itself costs more than it saves."""


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
    rows = max(elements // block.width, 16 * REACH) // block.rows_in
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
        self.conv1 = Conv(config.decoder_input_channels, widths[0], KERNEL, padding=KERNEL // 2)
        self.block = nn.ModuleList(
            DecoderBlock(i, o, s) for i, o, s in zip(widths[:-1], widths[1:], strides, strict=True)
        )
        self.snake1 = Snake(widths[-1])
        self.conv2 = Conv(widths[-1], config.audio_channels, KERNEL, padding=KERNEL // 2, bias=False)
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
        self.conv1 = Conv(config.audio_channels, widths[0], KERNEL, padding=KERNEL // 2)
        self.block = nn.ModuleList(
            EncoderBlock(i, o, s) for i, o, s in zip(widths[:-1], widths[1:], config.downsampling_ratios, strict=True)
        )
        self.snake1 = Snake(widths[-1])
        self.conv2 = Conv(widths[-1], config.statistics, 3, padding=1)
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
        self.tiling: Tiling | None = None
        """What decoding has come down to where memory ran out; None where it never did."""

        self.arrive: Callable[[], None] = lambda: None
        """Called before the weights are used: where memory is small they may be elsewhere (``engine.turns``)."""

        self.resign: Callable[[], None] = lambda: None
        """Called when the weights do not come and go any more."""

        self.at_home = False
        """Whether it computes on the processor because the device had no room for it, not even for a small tile."""

    def go_home(self) -> None:
        """Computes on the processor from now on, in float32, and leaves the device to others."""
        self.resign()
        self.arrive = self.resign = lambda: None
        self.to("cpu").float()
        for part in self.modules():
            if isinstance(part, Snake):
                part.settle()
        self.at_home, self.tiling = True, Tiling.decoding(torch.device("cpu"))

    def decode_tiles(
        self, latents: Tensor, tiling: Tiling | None = None, *, start: int = 0, stop: int | None = None
    ) -> Iterator[Tensor]:
        """Audio ``[B, channels, samples]`` of the frames ``[start, stop)`` of ``[B, T, 64]``, a tile at a time.

        A part is what it would be in the whole: the frames beside it are heard. Where a card's memory does not suffice
        for a tile, it goes on with half of it, and at last on the processor, and remembers that.
        """
        tiling = tiling or self.tiling or Tiling.decoding(latents.device)
        lengths, hop = self.decoder.lengths(latents.shape[1]), self.config.hop
        end = latents.shape[1] if stop is None else stop
        while start < end:
            until = min(start + tiling.frames, end)
            try:
                self.arrive()
                rows = self.decoder.produce(self._here(latents), lengths, start * hop, until * hop, tiling.elements)
            except torch.OutOfMemoryError:
                if self.at_home:
                    raise
            else:
                yield rows.transpose(1, 2)
                start = until
                continue
            # Outside of the handler, which holds what was computed so far.
            tiling = self.tiling = self._less(tiling) or Tiling.decoding(torch.device("cpu"))

    def _less(self, tiling: Tiling) -> Tiling | None:
        """Tiles of half the size after memory ran out; None where there are none, and it computes on the processor."""
        torch.cuda.empty_cache()
        if (smaller := tiling.smaller()) is None:
            self.go_home()
        return smaller

    def _here(self, x: Tensor) -> Tensor:
        """What is computed with, where the weights are."""
        return x.to(self.decoder.conv1.weight) if self.at_home else x

    def decode(self, latents: Tensor, tiling: Tiling | None = None) -> Tensor:
        """All tiles in one: ``[B, T, 64]`` to ``[B, channels, 1920 T]``."""
        nothing = latents.new_empty(latents.shape[0], self.config.audio_channels, 0)
        return torch.cat([nothing, *self.decode_tiles(latents, tiling)], dim=2)

    def encode_tiles(self, audio: Tensor, tiling: Tiling | None = None) -> Iterator[Tensor]:
        """Latent statistics ``[B, frames, 128]`` (mean, then raw scale) of ``[B, channels, samples]``, in order.

        Where a card's memory does not suffice for a tile, it goes on as decoding does.
        """
        tiling = tiling or self._hearing(audio.device)
        frames, start = audio.shape[2] // self.config.hop, 0
        rows = audio.transpose(1, 2)
        lengths = self.encoder.lengths(rows.shape[1])
        while start < frames:
            stop = min(start + tiling.frames, frames)
            try:
                self.arrive()
                made = self.encoder.produce(self._here(rows), lengths, start, stop, tiling.elements)
            except torch.OutOfMemoryError:
                if self.at_home:
                    raise
            else:
                yield made.to(audio)
                start = stop
                continue
            tiling = self._less(tiling) or Tiling.encoding(torch.device("cpu"))

    def _hearing(self, device: torch.device) -> Tiling:
        """Tiles to encode in: on a card as long as those that it decodes in."""
        if self.at_home or device.type == "cpu" or self.tiling is None:
            return Tiling.encoding(torch.device("cpu") if self.at_home else device)
        return self.tiling

    def encode(self, audio: Tensor, tiling: Tiling | None = None) -> Tensor:
        """The mean latents ``[B, floor(samples / 1920), 64]`` of audio ``[B, channels, samples]``.

        The mean and not a sample: the same file gives the same latents. ``statistics`` has the spread as well.
        """
        return self.statistics(audio, tiling)[0]

    def statistics(self, audio: Tensor, tiling: Tiling | None = None) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the latents, each ``[B, frames, 64]``."""
        nothing = audio.new_empty(audio.shape[0], 0, self.config.statistics)
        both = torch.cat([nothing, *self.encode_tiles(audio, tiling)], dim=1)
        mean, scale = both.chunk(2, dim=2)
        return mean, F.softplus(scale) + 1e-4
