"""The official ``config.json`` files as typed values. No torch: ``doctor`` and the loader's checks read them too.

Sizes come from the files and never from constants, so that very small and future sets load as well. Missing keys take
the published defaults; unknown keys are ignored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from engine.errors import BadCheckpoint

SLIDING = "sliding_attention"
FULL = "full_attention"


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


_FITS: dict[str, Callable[[Any], bool]] = {
    "int": _is_size,
    "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "tuple[int, ...]": lambda value: isinstance(value, list | tuple) and all(map(_is_size, value)),
    "tuple[str, ...]": lambda value: isinstance(value, list | tuple) and all(isinstance(v, str) for v in value),
}


def _known(cls: type, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of ``raw`` that ``cls`` has a field for; lists become tuples, so that configs are hashable.

    Raises BadCheckpoint for a value of the wrong kind: sizes are positive integers.
    """
    known: dict[str, Any] = {}
    for field in fields(cls):
        value = raw.get(field.name)
        if value is None:
            continue
        if not _FITS[str(field.type).removesuffix(" | None")](value):
            raise BadCheckpoint(f"A config.json holds {field.name} = {value!r}, which cannot be.", "Download it again.")
        known[field.name] = tuple(value) if isinstance(value, list) else value
    return known


def _lyric_heads(raw: object) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Layer to heads, as a tuple; empty for what is none: a model sings as well without."""
    if not isinstance(raw, Mapping):
        return ()
    try:
        return tuple(sorted((int(layer), tuple(int(head) for head in heads)) for layer, heads in raw.items()))
    except (TypeError, ValueError):
        return ()


@dataclass(frozen=True)
class EncoderConfig:
    """What one transformer stack of the condition encoder, the codec or the text encoder needs (facts: dit.md 3)."""

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    sliding_window: int
    layer_types: tuple[str, ...]


@dataclass(frozen=True)
class DiTConfig:
    """``config.json`` of a DiT folder: decoder, condition encoder, audio tokenizer and detokenizer."""

    hidden_size: int = 2048
    intermediate_size: int = 6144
    num_hidden_layers: int = 24
    num_attention_heads: int = 16
    num_key_value_heads: int = 8
    head_dim: int = 128
    encoder_hidden_size: int | None = None
    encoder_intermediate_size: int | None = None
    encoder_num_attention_heads: int | None = None
    encoder_num_key_value_heads: int | None = None
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1e6
    sliding_window: int = 128
    use_sliding_window: bool = True
    layer_types: tuple[str, ...] = ()
    in_channels: int = 192
    audio_acoustic_hidden_dim: int = 64
    patch_size: int = 2
    pool_window_size: int = 5
    text_hidden_dim: int = 1024
    timbre_hidden_dim: int = 64
    timbre_fix_frame: int = 750
    num_lyric_encoder_hidden_layers: int = 8
    num_timbre_encoder_hidden_layers: int = 4
    num_attention_pooler_hidden_layers: int = 2
    fsq_dim: int = 2048
    fsq_input_levels: tuple[int, ...] = (8, 8, 8, 5, 5, 5)
    fsq_input_num_quantizers: int = 1
    is_turbo: bool = False
    model_version: str | None = None
    lyric_heads: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """Layers with the heads of their cross-attention that follow the words, where the file says so."""

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Reads a parsed ``config.json``; raises BadCheckpoint where sizes contradict each other."""
        heads = _lyric_heads(raw.get("lyric_alignment_layers_config"))
        sizes = {name: value for name, value in raw.items() if name != "lyric_heads"}
        config = replace(cls(**_known(cls, sizes)), lyric_heads=heads)
        config.check()
        return config

    def check(self) -> None:
        """Raises BadCheckpoint unless the sizes fit together."""
        facts = {
            "num_attention_heads must be a multiple of num_key_value_heads": self.num_attention_heads
            % self.num_key_value_heads
            == 0,
            "in_channels must be three times audio_acoustic_hidden_dim": self.in_channels
            == 3 * self.audio_acoustic_hidden_dim,
            "timbre_hidden_dim must equal audio_acoustic_hidden_dim": self.timbre_hidden_dim
            == self.audio_acoustic_hidden_dim,
            "fsq_dim must equal the encoder's width": self.fsq_dim == self.encoder.hidden_size,
            "fsq_input_num_quantizers must be 1": self.fsq_input_num_quantizers == 1,
            "head_dim must be even": self.head_dim % 2 == 0,
            "layer_types is shorter than a stack it describes": not self.layer_types
            or len(self.layer_types) >= self.deepest,
            "layer_types may only hold sliding_attention and full_attention": set(self.layer_types) <= {SLIDING, FULL},
        }
        for sentence, holds in facts.items():
            if not holds:
                raise BadCheckpoint(f"The DiT's config.json does not fit together: {sentence}.", "Download it again.")

    @property
    def deepest(self) -> int:
        """Layers of the deepest stack; all of them index one ``layer_types``."""
        return max(
            self.num_hidden_layers,
            self.num_lyric_encoder_hidden_layers,
            self.num_timbre_encoder_hidden_layers,
            self.num_attention_pooler_hidden_layers,
        )

    @property
    def turbo(self) -> bool:
        """Whether guidance is distilled into the weights: no unconditional branch, few steps."""
        return self.is_turbo or self.model_version == "turbo"

    @property
    def encoder(self) -> EncoderConfig:
        """Sizes of the condition encoder and the codec; XL has its own, 2B shares the decoder's."""
        return EncoderConfig(
            hidden_size=self.encoder_hidden_size or self.hidden_size,
            intermediate_size=self.encoder_intermediate_size or self.intermediate_size,
            num_attention_heads=self.encoder_num_attention_heads or self.num_attention_heads,
            num_key_value_heads=self.encoder_num_key_value_heads or self.num_key_value_heads,
            head_dim=self.head_dim,
            rms_norm_eps=self.rms_norm_eps,
            rope_theta=self.rope_theta,
            sliding_window=self.sliding_window,
            layer_types=self.layer_types,
        )

    @property
    def decoder(self) -> EncoderConfig:
        """Sizes of the decoder's own layers."""
        return replace(
            self.encoder,
            hidden_size=self.hidden_size,
            intermediate_size=self.intermediate_size,
            num_attention_heads=self.num_attention_heads,
            num_key_value_heads=self.num_key_value_heads,
        )

    @property
    def timbre_has_cls(self) -> bool:
        """XL prepends the learned token to a reference clip; 2B stores it but pools the first frame instead.

        The test is on the sizes and not on the key's presence: diffusers-format configs always carry the key.
        """
        return self.encoder_hidden_size is not None and self.encoder_hidden_size != self.hidden_size

    def window(self, layer: int) -> int | None:
        """The attention window of a layer, in positions to each side, inclusive; None where it sees everything.

        All stacks (decoder, lyric, timbre, pooler, detokenizer) index the same list from 0.
        """
        if not self.use_sliding_window:
            return None
        if self.layer_types:
            return self.sliding_window if self.layer_types[layer] == SLIDING else None
        return self.sliding_window if layer % 2 == 0 else None


@dataclass(frozen=True)
class VAEConfig:
    """``config.json`` of the Oobleck VAE."""

    encoder_hidden_size: int = 128
    downsampling_ratios: tuple[int, ...] = (2, 4, 4, 6, 10)
    channel_multiples: tuple[int, ...] = (1, 2, 4, 8, 16)
    decoder_channels: int = 128
    decoder_input_channels: int = 64
    audio_channels: int = 2
    sampling_rate: int = 48000

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Reads a parsed ``config.json``; raises BadCheckpoint where its lists contradict each other."""
        config = cls(**_known(cls, raw))
        facts = {
            "downsampling_ratios and channel_multiples differ in length": len(config.downsampling_ratios)
            == len(config.channel_multiples),
            "downsampling_ratios must be even, as every convolution pads by half of its stride": not any(
                ratio % 2 for ratio in config.downsampling_ratios
            ),
        }
        for sentence, holds in facts.items():
            if not holds:
                raise BadCheckpoint(f"The VAE's config.json does not fit together: {sentence}.", "Download it again.")
        return config

    @property
    def statistics(self) -> int:
        """What the encoder ends in: a mean and a scale for each latent channel.

        The published sets make this their ``encoder_hidden_size`` too, and some implementations read it from there; the
        decoder says how many channels there are, so a set may have a narrow encoder.
        """
        return 2 * self.decoder_input_channels

    @property
    def hop(self) -> int:
        """Samples a latent frame: 1920 in every published set."""
        return math.prod(self.downsampling_ratios)

    @property
    def frame_rate(self) -> float:
        """Latent frames a second: 25 in every published set."""
        return self.sampling_rate / self.hop


@dataclass(frozen=True)
class TextConfig:
    """``config.json`` of a Qwen3 model, with the sizes of the text encoder (Qwen3-Embedding-0.6B) as defaults."""

    vocab_size: int = 151669
    hidden_size: int = 1024
    intermediate_size: int = 3072
    num_hidden_layers: int = 28
    num_attention_heads: int = 16
    num_key_value_heads: int = 8
    head_dim: int = 128
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1e6

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Reads a parsed ``config.json``; newer writers nest ``rope_theta`` in ``rope_parameters``."""
        rope = raw.get("rope_parameters")
        nested = rope.get("rope_theta") if isinstance(rope, Mapping) else None
        config = cls(**_known(cls, {"rope_theta": nested} | {k: v for k, v in raw.items() if v is not None}))
        if config.num_attention_heads % config.num_key_value_heads:
            raise BadCheckpoint(
                "A Qwen3 config.json does not fit together: num_attention_heads must be a multiple of "
                "num_key_value_heads.",
                "Download it again.",
            )
        return config

    @property
    def stack(self) -> EncoderConfig:
        """The sizes of its layers, none of which has a window."""
        return EncoderConfig(
            hidden_size=self.hidden_size,
            intermediate_size=self.intermediate_size,
            num_attention_heads=self.num_attention_heads,
            num_key_value_heads=self.num_key_value_heads,
            head_dim=self.head_dim,
            rms_norm_eps=self.rms_norm_eps,
            rope_theta=self.rope_theta,
            sliding_window=0,
            layer_types=(FULL,) * self.num_hidden_layers,
        )


@dataclass(frozen=True)
class LMConfig(TextConfig):
    """``config.json`` of a 5 Hz language model: Qwen3 with audio-code tokens at the end of its vocabulary."""

    vocab_size: int = 217204
    tie_word_embeddings: bool = True
