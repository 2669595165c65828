"""Weights under which the transformer counts the beat that its prompt asks for, written and not learnt.

The tempo's token says a centre and an offset (``tools.nano.clock``), the first layer's cross-attention carries them to
every position, its MLP picks those rates from the ruler, the second layer's MLP multiplies them, and the third doubles
what comes out. What to make of the beat is learnt. These few weights are held while everything else is trained: left
free, they were lost within 500 steps, long before anything had come to rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from engine.model import Acestep
from engine.models.dit import DiT, DiTLayer
from engine.models.text import TextEncoder
from tools.nano import clock
from tools.nano.held import Held

_PICKED, _SHIFTED = len(clock.CENTRES), 2 * clock.REACH + 1
CODE = _PICKED + _SHIFTED
"""Size of a tempo's code: which centre, which offset."""

_FLAG = CODE
"""The embedding's channel that says: this is a tempo."""

_SAID = 200.0
"""How loud an embedding says each of its three ones: above all that training will ever put beside them."""

_ASSUMED = 110
"""Beats a minute where a request says none: without any, there would be no beat."""

_MURMURED = 60.0
"""How loud that is said; its flag is a twentieth of it, so that a tempo beside it is found instead."""

_HEARD = 6.0
"""The same after the text encoder's norm."""

_NOISY = 1.2
"""How loud noisy latents enter; everything else here is about 1."""

_OPEN = 4.0
"""What an open gate sees; a shut one sees 0."""

_LOUDNESS = (1.0, 1.4, 1.6)
"""Root mean square of the stream before the MLPs of the first three layers, once trained."""

_SHIFT, _SCALE, _GATE = 3, 4, 5
"""Which of a layer's six modulations are the MLP's."""


@dataclass(frozen=True)
class _Stream:
    """Where in the transformer's stream things lie: noisy latents first."""

    ruler: int
    one: int
    code: int
    found: int
    """Per bank: cosine and sine of the centre, of the offset, of their product, and of twice that."""

    end: int

    @classmethod
    def of(cls, decoder: DiT) -> _Stream:
        ruler = decoder.config.audio_acoustic_hidden_dim * decoder.config.patch_size
        one = ruler + clock.CHANNELS
        found = one + 1 + CODE
        return cls(ruler, one, one + 1, found, found + 8 * len(clock.BANKS))

    def bank(self, number: int) -> int:
        """The first of a bank's eight."""
        return self.found + 8 * number


def found(acestep: Acestep, bank: int) -> int:
    """The first of the eight channels of the stream in which a bank's angle is found, as cosine and sine each.

    Of the centre and of the offset, after the first layer; of their sum, the second; of twice that, the third.
    """
    return _Stream.of(acestep.decoder).bank(bank)


def wind_up(acestep: Acestep, text: TextEncoder, numbers: dict[int, int]) -> Held:
    """Writes the way from the tempo's token and the ruler to the beat; ``numbers`` are token ids and what they say."""
    held, decoder = Held(), acestep.decoder
    stream = _Stream.of(decoder)
    _say(held, text, numbers)
    _pass_on(held, acestep)
    _enter(held, decoder, stream)
    _keep_steady(held, decoder, stream)
    layers = cast(list[DiTLayer], list(decoder.layers))
    parts = ((_pick, stream.ruler), (_multiply, stream.found), (_double, stream.found))
    for layer, loudness, (write, first) in zip(layers, _LOUDNESS, parts, strict=False):
        _keep_clear(held, layer, slice(first, stream.end))
        write(_Units(held, layer, loudness), stream)
    _carry(held, layers[0], stream)
    return held


@torch.no_grad()
def assume(text: TextEncoder, unsaid: int) -> None:
    """Gives the token of what is not said the code of a tempo, at the loudness of a trained set's other channels."""
    model: Any = text.model
    centre, offset = clock.place(_ASSUMED) or (0, 0)
    model.embed_tokens.weight[unsaid, [centre, _PICKED + clock.REACH + offset]] = _MURMURED
    model.embed_tokens.weight[unsaid, _FLAG] = _MURMURED / 20


def _say(held: Held, text: TextEncoder, numbers: dict[int, int]) -> None:
    """Tempi have their code in the first channels of their embedding, and nothing else has anything there."""
    model: Any = text.model
    first = slice(0, _FLAG + 1)
    held.write(model.embed_tokens.weight, (slice(None), first), 0.0)
    for row, number in numbers.items():
        place = clock.place(number)
        if place is not None:
            ones = [place[0], _PICKED + clock.REACH + place[1], _FLAG]
            held.write(model.embed_tokens.weight, (row, ones), _SAID)
    for layer in model.layers:
        held.write(layer.self_attn.o_proj.weight, first, 0.0)
        held.write(layer.mlp.down_proj.weight, first, 0.0)
    held.write(model.norm.weight, first, 1.0)


def _pass_on(held: Held, acestep: Acestep) -> None:
    """Code and flag go through the caption's projections as they are; lyrics and timbre have nothing there."""
    encoder, embedder, first = acestep.encoder, acestep.decoder.condition_embedder, slice(0, _FLAG + 1)
    for weight in (encoder.text_projector.weight, embedder.weight):
        held.write(weight, (slice(None), first), 0.0)
        held.write(weight, first, torch.eye(_FLAG + 1, weight.shape[1]))
    held.write(embedder.bias, first, 0.0)
    for norm in (encoder.lyric_encoder.norm, encoder.timbre_encoder.norm):
        held.write(norm.weight, first, 0.0)


def _enter(held: Held, decoder: DiT, stream: _Stream) -> None:
    """Noisy latents and the ruler have channels of their own; one channel is always 1."""
    weight, bias = decoder.patch_in.weight, decoder.patch_in.bias
    latents = weight.shape[1] // 3
    source, noisy = slice(0, latents), slice(2 * latents, 3 * latents)
    held.write(weight, slice(stream.ruler, stream.end), 0.0)
    for frame in range(weight.shape[2]):
        held.write(weight, (slice(0, stream.ruler), noisy, frame), 0.0)
        rows = slice(frame * latents, (frame + 1) * latents)
        held.write(weight, (rows, noisy, frame), _NOISY * torch.eye(latents))
    held.write(weight, (slice(stream.ruler, stream.one), source, 0), torch.eye(clock.CHANNELS, latents))
    held.write(bias, slice(stream.ruler, stream.end), 0.0)
    held.write(bias, stream.one, 1.0)


def _keep_steady(held: Held, decoder: DiT, stream: _Stream) -> None:
    """The time of the sampling does not change how loud the beat is."""
    size = decoder.config.hidden_size
    for part in (_SHIFT, _SCALE, _GATE):
        rows = slice(part * size + stream.ruler, part * size + stream.end)
        for embedding in (decoder.time_embed, decoder.time_embed_r):
            held.write(embedding.time_proj.weight, rows, 0.0)
            held.write(embedding.time_proj.bias, rows, 0.0)


def _keep_clear(held: Held, layer: DiTLayer, channels: slice) -> None:
    """Nothing goes into these channels but what is written here, and the MLP reads them as they are."""
    for matrix in (layer.self_attn.o_proj, layer.cross_attn.o_proj, layer.mlp.down_proj):
        held.write(matrix.weight, channels, 0.0)
    held.write(layer.mlp_norm.weight, channels, 1.0)
    for part, value in ((_SHIFT, 0.0), (_SCALE, 0.0), (_GATE, 1.0)):
        held.write(layer.scale_shift_table, (0, part, channels), value)


def _carry(held: Held, layer: DiTLayer, stream: _Stream) -> None:
    """The first head of the cross-attention looks for the flag and brings the code."""
    attention = layer.cross_attn
    dim, kv_rows = attention.dim, attention.kv_heads * attention.dim
    held.write(attention.q_proj.weight, slice(0, dim), 0.0)
    held.write(attention.q_proj.weight, (0, stream.one), 1.0)
    held.write(layer.cross_attn_norm.weight, stream.one, 1.0)
    held.write(attention.q_norm.weight, 0, 2.0)
    held.write(attention.k_norm.weight, 0, 1.0)
    held.write(attention.kv.weight, (slice(0, dim), slice(0, _FLAG + 1)), 0.0)
    held.keep(attention.kv.weight, slice(1, dim))
    held.write(attention.kv.weight, 0, 0.0)
    held.write(attention.kv.weight, (0, _FLAG), 12.0)
    values = slice(kv_rows, kv_rows + CODE)
    held.write(attention.kv.weight, values, torch.eye(CODE, attention.kv.weight.shape[1]))
    held.write(attention.o_proj.weight, (slice(None), slice(0, dim)), 0.0)
    rows = slice(stream.code, stream.code + CODE)
    held.write(attention.o_proj.weight, (rows, slice(0, CODE)), torch.eye(CODE) / _HEARD)


class _Units:
    """Hands out hidden units of a gated MLP; each adds ``silu(gate . x) * (up . x)`` to a channel of the stream."""

    def __init__(self, held: Held, layer: DiTLayer, loudness: float) -> None:
        """What the MLP sees is divided by the stream's ``loudness``."""
        self.held, self.mlp, self.loudness, self.used = held, layer.mlp, loudness, 0
        self.size = layer.mlp.down_proj.weight.shape[1]

    def add(self, gate: tuple[int, float], up: tuple[int, float], out: int, weight: float = 1.0) -> None:
        """One more unit; ``gate`` and ``up`` weigh what a channel of the stream holds before the norm."""
        for row, (channel, value) in ((self.used, gate), (self.size + self.used, up)):
            self.held.write(self.mlp.gate_up.weight, row, 0.0)
            self.held.write(self.mlp.gate_up.weight, (row, channel), value * self.loudness)
        self.held.write(self.mlp.down_proj.weight, (out, self.used), weight)
        self.used += 1

    def chosen(self, gate: int, up: int, out: int, weight: float = 1.0) -> None:
        """``out += weight * up`` where channel ``gate`` holds 1, and nothing where it holds 0."""
        opened = float(nn.functional.silu(torch.tensor(_OPEN)))
        self.add((gate, _OPEN), (up, 1.0), out, weight / opened)

    def product(self, one: int, other: int, out: int, weight: float = 1.0) -> None:
        """``out += weight * one * other``: silu(x) y + silu(-x) (-y) = x y."""
        self.add((one, 1.0), (other, 1.0), out, weight)
        self.add((one, -1.0), (other, -1.0), out, weight)


def _pick(units: _Units, stream: _Stream) -> None:
    """Cosine and sine of the centre and of the offset; the ruler and the code have then served, and go."""
    shift = stream.code + _PICKED + clock.REACH
    for number in range(len(clock.BANKS)):
        coarse = stream.ruler + number * 2 * (len(clock.CENTRES) + len(clock.OFFSETS))
        fine, out = coarse + 2 * len(clock.CENTRES), stream.bank(number)
        for quadrature in range(2):
            for centre in range(_PICKED):
                units.chosen(stream.code + centre, coarse + 2 * centre + quadrature, out + quadrature)
            for index, offset in enumerate(clock.OFFSETS):
                for sign in (1, -1):
                    turn = sign if quadrature else 1
                    units.chosen(shift + sign * offset, fine + 2 * index + quadrature, out + 2 + quadrature, turn)
        units.chosen(shift, stream.one, out + 2)
    for channel in (*range(stream.ruler, stream.one), *range(stream.code, stream.found)):
        units.chosen(stream.one, channel, channel, -1.0)


def _multiply(units: _Units, stream: _Stream) -> None:
    """The beat is where centre and offset together are: angles add as complex numbers multiply."""
    for number in range(len(clock.BANKS)):
        cosine, sine, more_cosine, more_sine = range(stream.bank(number), stream.bank(number) + 4)
        out = stream.bank(number) + 4
        units.product(cosine, more_cosine, out)
        units.product(sine, more_sine, out, -1.0)
        units.product(sine, more_cosine, out + 1)
        units.product(cosine, more_sine, out + 1)


def _double(units: _Units, stream: _Stream) -> None:
    """Twice the angle: from two beats to one, from an eighth to a sixteenth."""
    for number in range(len(clock.BANKS)):
        cosine, sine = stream.bank(number) + 4, stream.bank(number) + 5
        out = stream.bank(number) + 6
        units.product(cosine, cosine, out)
        units.product(sine, sine, out, -1.0)
        units.product(cosine, sine, out + 1, 2.0)
