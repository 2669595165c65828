"""What a batch needs of a card's memory, told before it is rendered, from the sizes of the models alone. No torch.

Two things are added up: the weights that are there at once, and the most that any stage computes with beside them. The
factors of a stage are what its code holds at its widest place; ``docs/machine.md`` has them against measured peaks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from engine.allowance import Kind, Residence
from engine.checkpoints import ModelSet
from engine.config import DiTConfig, LMConfig, TextConfig, VAEConfig
from engine.layout import Shapes, dit_tensors, qwen3_tensors, vae_tensors
from engine.quantisation import is_quantised
from engine.values import CODES_A_SECOND, LARGEST_BATCH

PROMPT_TOKENS = 512
"""Of a caption and of lyrics of the usual length, as the DiT reads them."""

PLAN_TOKENS = 1024
"""Of a planner's prompt and of what it writes before the codes, where nobody knows the words."""

UNGUIDED_TOKENS = 64
"""Of the prompt that guidance leads the planner away from: it says nothing."""

CONTEXT_BYTES = {"cuda": 540_000_000, "mps": 300_000_000, "cpu": 266_000_000}
"""What is taken before any model is there: the driver's context, or on a CPU Python and torch themselves."""

MARGIN = 1.05
"""Allocators round up, and leave gaps."""

SHORTEST_RUN = 128
"""Frames that are sampled however short a take is."""

SPAN = 256
"""Tokens by which a planner's memory grows on a card."""

_FRAMES_A_SECOND = 25
_RECORDINGS = 1
"""Forward passes whose memory a recording keeps on CUDA, beside the one that runs."""

_CPU_TILE = 32
_CPU_SOUND = 128
"""Latent frames of the tiles that sound is read in on a CPU; a card reads it in those that it decodes."""

_REACH = 9
"""Latent frames that a tile looks at to each side."""


@dataclass(frozen=True)
class Sizes:
    """The models of a set, and what they are computed in."""

    dit: DiTConfig
    vae: VAEConfig
    text: TextConfig
    lm: LMConfig | None
    kind: Kind
    width: int
    """Bytes of a number: 4 in float32, 2 in halves."""

    tile: int = 512
    """Latent frames that a card decodes at once."""

    quantised: bool = False
    """Whether the matrices of the music model are of one byte a number (``engine.quantisation``)."""

    draft: LMConfig | None = None
    """The planner that is ahead of the planner (``engine.planner.ahead``)."""

    @classmethod
    def of(cls, models: ModelSet, kind: Kind, dtype: str, quantization: str | None = None, tile: int = 512) -> Sizes:
        """Those of a set that is rendered in ``dtype``; ``tile`` is in latent frames."""
        lm = models.lm.config if models.lm else None
        width = 4 if dtype == "float32" else 2
        quantised = quantization is not None
        sizes = (models.dit.config, models.vae.config, models.text_encoder.config, lm)
        return cls(*sizes, kind, width, tile, quantised)

    @property
    def planners(self) -> tuple[LMConfig, ...]:
        """The planner, where there is one, and its draft."""
        return tuple(each for each in (self.lm, self.draft) if self.lm is not None and each is not None)

    @cached_property
    def weights(self) -> Mapping[str, int]:
        """Bytes of each model."""
        found = {
            "vae": _count(vae_tensors(self.vae)),
            "text": _count(qwen3_tensors(self.text)),
            "planner": sum(map(self._planner, self.planners)),
        }
        return {"music": self._music(), **{name: self.width * count for name, count in found.items()}}

    def _planner(self, lm: LMConfig) -> int:
        """Numbers of a planner. On a CPU the rows of its head that stand for codes are there twice: once laid out."""
        again = math.prod(self.dit.fsq_input_levels) if self.kind == "cpu" else 0
        return _count(qwen3_tensors(lm, lm=True)) + min(again, lm.vocab_size) * lm.hidden_size

    @cached_property
    def away(self) -> int:
        """Bytes of the music model that are not there where its layers pass through two places."""
        layers = {name: shape for name, shape in dit_tensors(self.dit).items() if name.startswith("decoder.layers.")}
        every = self._bytes(layers)
        return max(0, every - 2 * every // self.dit.num_hidden_layers)

    def _music(self) -> int:
        return self._bytes(dit_tensors(self.dit))

    def _bytes(self, whole: Shapes) -> int:
        """Of some of the music model's tensors, by their official names."""
        packed = {name: whole.pop(name) for name in [*whole] if self.quantised and is_quantised(name)}
        rows = sum(shape[0] for shape in packed.values())
        return self.width * (_count(whole) + rows) + _count(packed)


@dataclass(frozen=True)
class Wish:
    """The part of a request that memory depends on."""

    takes: int = 1
    seconds: float = 60.0
    guided: bool = False
    planner: bool = False
    """Whether codes are written for it."""

    source: bool = False
    """Whether sound is read for it: a source, or what it is to sound like."""

    split: bool = False
    """Whether words and caption are guided apart, which is a third prompt."""

    words: int = PLAN_TOKENS
    """Tokens that a planner has read and written before the codes."""

    passes: int = 1
    """2 where each of the prompts that guidance needs goes through the decoder by itself."""


@dataclass(frozen=True)
class Need:
    """Bytes: of the ``models`` that are there at once at the worst moment, of what that ``stage`` computes with."""

    peak: int
    models: int
    stage: str
    working: int

    @property
    def gb(self) -> float:
        """The peak in GB of 2**30 bytes."""
        return self.peak / 2**30


def _count(shapes: Shapes) -> int:
    return sum(math.prod(shape) for shape in shapes.values())


def need(sizes: Sizes, wish: Wish, residence: Residence = "together") -> Need:
    """What a batch needs at its worst moment."""
    weights = sizes.weights
    stages = {
        "conditions": ("text", _conditions(sizes)),
        "sampling": ("text", _sampling(sizes, wish)),
        "decode": ("vae", _decode(sizes, wish)),
    }
    if wish.source:
        stages["encode"] = ("vae", _encode(sizes, wish))
    if wish.planner and sizes.lm is not None:
        stages["planner"] = ("planner", sum(_planner(sizes, each, wish) for each in sizes.planners))
    everything = sum(weights.values()) - (0 if "planner" in stages else weights["planner"])
    music = weights["music"] - (sizes.away if residence == "layers" else 0)
    kept = _kept(sizes, wish)
    needs = []
    for stage, (guest, working) in stages.items():
        models = everything if residence == "together" else music + weights[guest]
        peak = models + working + kept
        needs.append(Need(int(peak * MARGIN) + CONTEXT_BYTES[sizes.kind], models, stage, working + kept))
    return max(needs, key=lambda each: each.peak)


def fits(sizes: Sizes, wish: Wish, free: int, residence: Residence = "together") -> bool:
    """Whether a batch fits into ``free`` bytes, which nothing of this program has yet."""
    return need(sizes, wish, residence).peak <= free


def most_takes(sizes: Sizes, wish: Wish, free: int, residence: Residence = "together") -> int:
    """The largest batch of such takes that fits; 0 where not even one does."""
    counts = range(LARGEST_BATCH, 0, -1)
    return next((takes for takes in counts if fits(sizes, replace(wish, takes=takes), free, residence)), 0)


def _frames(wish: Wish) -> int:
    return max(SHORTEST_RUN, math.ceil(wish.seconds * _FRAMES_A_SECOND))


def _rows(sizes: Sizes, wish: Wish) -> int:
    """Rows of a step: on a CPU takes are made one after another."""
    together = 1 if wish.passes > 1 or not wish.guided else 3 if wish.split else 2
    return (1 if sizes.kind == "cpu" else wish.takes) * together


def _conditions(sizes: Sizes) -> int:
    """Caption and lyrics through the text encoder and the condition encoder."""
    text, encoder = sizes.text, sizes.dit.encoder
    widest = max(
        3 * text.hidden_size + 3 * text.intermediate_size, 3 * encoder.hidden_size + 3 * encoder.intermediate_size
    )
    return sizes.width * (PROMPT_TOKENS + sizes.dit.timbre_fix_frame) * widest


def _kept(sizes: Sizes, wish: Wish) -> int:
    """What stays beside the weights all the time: the prompt's keys and values in every layer, context, positions."""
    dit = sizes.dit
    patches = math.ceil(_frames(wish) / dit.patch_size)
    kv = 2 * dit.num_hidden_layers * dit.num_key_value_heads * dit.head_dim * PROMPT_TOKENS
    codes = wish.takes if wish.planner else 1
    context = codes * patches * dit.hidden_size + 2 * patches * dit.head_dim
    silence = 15_000 * dit.audio_acoustic_hidden_dim
    return sizes.width * (kv + context + silence)


def _sampling(sizes: Sizes, wish: Wish) -> int:
    """One step: the widest place of a layer is its MLP, or its attention inside a window."""
    dit = sizes.dit
    patches = math.ceil(_frames(wish) / dit.patch_size)
    rows = _rows(sizes, wish)
    heads, keys = dit.num_attention_heads * dit.head_dim, dit.num_key_value_heads * dit.head_dim
    mlp = 2 * dit.hidden_size + 4 * dit.intermediate_size
    if sizes.kind == "cuda":
        attention = _bands(dit, patches, rows)
    else:  # Queries, keys and values, turned ones, the bands' three times as many keys and values, and what comes out.
        attention = 2 * dit.hidden_size + 4 * heads + 9 * keys
    # A packed matrix is widened for its product; the largest is that of gate and up, whose result is half of an MLP.
    size = dit.hidden_size
    widened = rows * patches * (2 * size + 2 * dit.intermediate_size) + 2 * size * dit.intermediate_size
    widest = max(rows * patches * mlp, rows * patches * attention, widened if sizes.quantised else 0)
    passes = 1 + (_RECORDINGS if sizes.kind == "cuda" and wish.passes == 1 else 0)
    latents = 6 * wish.takes * _frames(wish) * dit.audio_acoustic_hidden_dim * 4
    return int(sizes.width * widest * passes + latents)


def _bands(dit: DiTConfig, patches: int, rows: int) -> float:
    """Numbers that a patch's attention inside a window takes on a card, where keys and values are written out.

    There are the layer's input and its norm, queries, keys and values, turned ones, then queries filled up to whole
    bands, keys and values for every head, filled up, the mask, and what comes out; and of several ``rows`` queries in
    bands, and keys and values in bands of three windows. One row's bands are seen where they are.
    """
    heads, keys = dit.num_attention_heads * dit.head_dim, dit.num_key_value_heads * dit.head_dim
    window = dit.sliding_window
    filled = math.ceil(patches / window) * window / patches
    once = 2 * dit.hidden_size + 2 * heads + 3 * keys
    written = 2 * heads * (1 + filled + 2 * window / patches)
    folded = 7 * heads * filled if rows > 1 else 0.0
    return once + 2 * heads * filled + written + folded + 3 * window


def _decode(sizes: Sizes, wish: Wish) -> int:
    """A tile through the VAE, and on a CPU the take's own samples as well."""
    vae = sizes.vae
    tile = _CPU_TILE if sizes.kind == "cpu" else sizes.tile
    frames = min(tile + 2 * _REACH, _frames(wish))
    rows, levels = frames, [frames * vae.decoder_channels * vae.channel_multiples[-1]]
    widths = [vae.decoder_channels * multiple for multiple in reversed((1, *vae.channel_multiples))]
    for stride, width in zip(reversed(vae.downsampling_ratios), widths[1:], strict=True):
        rows *= stride
        levels.append(rows * width)
    if sizes.kind == "cpu":
        samples = 4 * vae.audio_channels * vae.sampling_rate * wish.seconds
        return int(sizes.width * (max(levels) * 2 + _CPU_PIECES) + samples)
    return int(sizes.width * max(levels) * _TILE_COPIES)


def _encode(sizes: Sizes, wish: Wish) -> int:
    """A tile of sound through the VAE, widest at the full sample rate; on a CPU the sound itself as well."""
    vae = sizes.vae
    frames = _CPU_SOUND if sizes.kind == "cpu" else sizes.tile
    rows = (frames + 2 * _REACH) * math.prod(vae.downsampling_ratios)
    widest = rows * vae.encoder_hidden_size
    if sizes.kind == "cpu":
        samples = _SOUND_COPIES * 4 * vae.audio_channels * vae.sampling_rate * wish.seconds
        return int(sizes.width * (widest + _CPU_PIECES) + samples + _READING)
    return sizes.width * widest * _TILE_COPIES


_SOUND_COPIES = 2
"""Of a source's samples: as they were read, and as they are kept."""

_READING = 88_000_000
"""What reading sound takes beside it, whatever its length: found by measuring, most of it libraries."""

_TILE_COPIES = 5
"""Tensors of a level's size that its blocks hold at once on a card."""

_CPU_PIECES = 18_000_000
"""Numbers of the pieces that a level is computed in on a CPU, and of what their convolutions unfold."""


def _planner(sizes: Sizes, lm: LMConfig, wish: Wish) -> int:
    """Keys and values of every row, its logits, and a prompt on its way in."""
    rows, codes = 2 * wish.takes, CODES_A_SECOND * math.ceil(wish.seconds)
    if sizes.kind == "cpu":
        tokens = rows * (PLAN_TOKENS + codes)
    else:  # a lane has room for whole spans
        spans = (math.ceil((before + codes) / SPAN) for before in (wish.words, UNGUIDED_TOKENS))
        tokens = wish.takes * SPAN * sum(spans)
    kv = 2 * lm.num_hidden_layers * lm.num_key_value_heads * lm.head_dim * tokens
    reading = PLAN_TOKENS * (3 * lm.hidden_size + 3 * lm.intermediate_size)
    return sizes.width * (kv + reading) + 4 * rows * lm.vocab_size * 2
