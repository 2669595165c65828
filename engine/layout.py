"""The official checkpoint layout as data: which tensor has which shape for which config. No torch.

One table serves three users: ``make_checkpoint`` writes it, ``checkpoints.verify`` checks headers against it, and the
loader fills modules from it. Names are the official ones without the optional ``model.`` prefix; shapes are torch's
(a Linear is ``[out, in]``, a Conv1d ``[out, in, k]``, a ConvTranspose1d ``[in, out, k]``). Facts: checkpoints.md 5-9.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from engine.config import DiTConfig, EncoderConfig, LMConfig, TextConfig, VAEConfig
from engine.naming import NULL_CONDITION, vae_naming, weight_norm_names

Shape = tuple[int, ...]
Shapes = dict[str, Shape]

TIME_FREQUENCIES = 256
"""Width of the sinusoidal time embedding; the one size that no config states."""

OPTIONAL = frozenset({NULL_CONDITION})
"""Tensors that community merges drop; guidance is impossible without them, everything else works."""

TABLES = frozenset({"embed_tokens.weight", "lm_head.weight"})
"""Token tables of the Qwen3 models, which may be padded beyond ``vocab_size``: their row count is free."""

PROBE = "decoder.proj_in.1.weight"
"""The tensor whose first axis tells a 2B decoder from an XL one."""


# --- DiT ---------------------------------------------------------------------------------------------------------


def dit_tensors(config: DiTConfig) -> Shapes:
    """Every tensor of a DiT folder: decoder, condition encoder, audio tokenizer, detokenizer, unconditional token."""
    return {
        **_under("decoder.", _decoder(config)),
        **_under("encoder.", _condition_encoder(config)),
        **_under("tokenizer.", _audio_tokenizer(config)),
        **_under("detokenizer.", _audio_detokenizer(config)),
        NULL_CONDITION: (1, 1, config.encoder.hidden_size),
    }


def _under(prefix: str, shapes: Shapes) -> Shapes:
    return {prefix + name: shape for name, shape in shapes.items()}


def _linear(name: str, out_width: int, in_width: int) -> Shapes:
    return {f"{name}.weight": (out_width, in_width), f"{name}.bias": (out_width,)}


def _attention(width: int, heads: int, kv_heads: int, head_dim: int) -> Shapes:
    return {
        "q_proj.weight": (heads * head_dim, width),
        "k_proj.weight": (kv_heads * head_dim, width),
        "v_proj.weight": (kv_heads * head_dim, width),
        "o_proj.weight": (width, heads * head_dim),
        "q_norm.weight": (head_dim,),
        "k_norm.weight": (head_dim,),
    }


def _mlp(width: int, inner: int) -> Shapes:
    return {"gate_proj.weight": (inner, width), "up_proj.weight": (inner, width), "down_proj.weight": (width, inner)}


def _decoder_layer(config: DiTConfig) -> Shapes:
    width = config.hidden_size
    attention = _attention(width, config.num_attention_heads, config.num_key_value_heads, config.head_dim)
    return {
        "self_attn_norm.weight": (width,),
        **_under("self_attn.", attention),
        "cross_attn_norm.weight": (width,),
        **_under("cross_attn.", attention),
        "mlp_norm.weight": (width,),
        **_under("mlp.", _mlp(width, config.intermediate_size)),
        "scale_shift_table": (1, 6, width),
    }


def _time_embedding(width: int) -> Shapes:
    return {
        **_linear("linear_1", width, TIME_FREQUENCIES),
        **_linear("linear_2", width, width),
        **_linear("time_proj", 6 * width, width),
    }


def _decoder(config: DiTConfig) -> Shapes:
    width, patch = config.hidden_size, config.patch_size
    shapes: Shapes = {
        "proj_in.1.weight": (width, config.in_channels, patch),
        "proj_in.1.bias": (width,),
        **_under("time_embed.", _time_embedding(width)),
        **_under("time_embed_r.", _time_embedding(width)),
        **_linear("condition_embedder", width, config.encoder.hidden_size),
    }
    for layer in range(config.num_hidden_layers):
        shapes |= _under(f"layers.{layer}.", _decoder_layer(config))
    return shapes | {
        "norm_out.weight": (width,),
        "scale_shift_table": (1, 2, width),
        "proj_out.1.weight": (width, config.audio_acoustic_hidden_dim, patch),
        "proj_out.1.bias": (config.audio_acoustic_hidden_dim,),
    }


def _pre_norm_layers(sizes: EncoderConfig | TextConfig, count: int) -> Shapes:
    """``layers.*`` and the final norm of a plain stack: condition encoder, codec and Qwen3 share this form."""
    width = sizes.hidden_size
    layer = {
        "input_layernorm.weight": (width,),
        "post_attention_layernorm.weight": (width,),
        **_under(
            "self_attn.",
            _attention(width, sizes.num_attention_heads, sizes.num_key_value_heads, sizes.head_dim),
        ),
        **_under("mlp.", _mlp(width, sizes.intermediate_size)),
    }
    shapes: Shapes = {}
    for index in range(count):
        shapes |= _under(f"layers.{index}.", layer)
    return shapes | {"norm.weight": (width,)}


def _condition_encoder(config: DiTConfig) -> Shapes:
    sizes = config.encoder
    width = sizes.hidden_size
    lyric = {
        **_linear("embed_tokens", width, config.text_hidden_dim),
        **_pre_norm_layers(sizes, config.num_lyric_encoder_hidden_layers),
    }
    timbre = {
        **_linear("embed_tokens", width, config.timbre_hidden_dim),
        "special_token": (1, 1, width),
        **_pre_norm_layers(sizes, config.num_timbre_encoder_hidden_layers),
    }
    return {
        "text_projector.weight": (width, config.text_hidden_dim),
        **_under("lyric_encoder.", lyric),
        **_under("timbre_encoder.", timbre),
    }


def _audio_tokenizer(config: DiTConfig) -> Shapes:
    sizes, axes = config.encoder, len(config.fsq_input_levels)
    width = sizes.hidden_size
    pooler = {
        **_linear("embed_tokens", width, width),
        "special_token": (1, 1, width),
        **_pre_norm_layers(sizes, config.num_attention_pooler_hidden_layers),
    }
    return {
        **_linear("audio_acoustic_proj", width, config.audio_acoustic_hidden_dim),
        **_under("attention_pooler.", pooler),
        **_linear("quantizer.project_in", axes, config.fsq_dim),
        **_linear("quantizer.project_out", config.fsq_dim, axes),
    }


def _audio_detokenizer(config: DiTConfig) -> Shapes:
    sizes = config.encoder
    width = sizes.hidden_size
    return {
        **_linear("embed_tokens", width, width),
        "special_tokens": (1, config.pool_window_size, width),
        **_pre_norm_layers(sizes, config.num_attention_pooler_hidden_layers),
        **_linear("proj_out", config.audio_acoustic_hidden_dim, width),
    }


# --- Qwen3 -------------------------------------------------------------------------------------------------------


def qwen3_tensors(config: TextConfig, lm: bool = False) -> Shapes:
    """Every tensor of the text encoder, or with ``lm`` of a planner, which has ``lm_head`` only when it is untied."""
    shapes: Shapes = {
        "embed_tokens.weight": (config.vocab_size, config.hidden_size),
        **_pre_norm_layers(config, config.num_hidden_layers),
    }
    if lm and not (isinstance(config, LMConfig) and config.tie_word_embeddings):
        shapes["lm_head.weight"] = (config.vocab_size, config.hidden_size)
    return shapes


# --- VAE ---------------------------------------------------------------------------------------------------------


def vae_tensors(config: VAEConfig) -> Shapes:
    """Every tensor of the VAE with its weight norm fused: ``<conv>.weight``, biases, and the snakes' two vectors."""
    return {**_under("encoder.", _vae_encoder(config)), **_under("decoder.", _vae_decoder(config))}


def _conv(name: str, out_width: int, in_width: int, kernel: int) -> Shapes:
    return {f"{name}.weight": (out_width, in_width, kernel), f"{name}.bias": (out_width,)}


def _snake(name: str, width: int) -> Shapes:
    return {f"{name}.alpha": (1, width, 1), f"{name}.beta": (1, width, 1)}


def _residual_units(width: int) -> Shapes:
    unit = {
        **_snake("snake1", width),
        **_conv("conv1", width, width, 7),
        **_snake("snake2", width),
        **_conv("conv2", width, width, 1),
    }
    return {**_under("res_unit1.", unit), **_under("res_unit2.", unit), **_under("res_unit3.", unit)}


def _vae_encoder(config: VAEConfig) -> Shapes:
    base = config.encoder_hidden_size
    widths = [base, *(base * multiple for multiple in config.channel_multiples)]
    shapes = _conv("conv1", base, config.audio_channels, 7)
    for index, stride in enumerate(config.downsampling_ratios):
        inner, outer = widths[index], widths[index + 1]
        block = {
            **_residual_units(inner),
            **_snake("snake1", inner),
            **_conv("conv1", outer, inner, 2 * stride),
        }
        shapes |= _under(f"block.{index}.", block)
    return shapes | _snake("snake1", widths[-1]) | _conv("conv2", config.statistics, widths[-1], 3)


def _vae_decoder(config: VAEConfig) -> Shapes:
    base = config.decoder_channels
    widths = [base * multiple for multiple in reversed(config.channel_multiples)] + [base]
    shapes = _conv("conv1", widths[0], config.decoder_input_channels, 7)
    for index, stride in enumerate(reversed(config.downsampling_ratios)):
        inner, outer = widths[index], widths[index + 1]
        block = {
            **_snake("snake1", inner),
            "conv_t1.weight": (inner, outer, 2 * stride),
            "conv_t1.bias": (outer,),
            **_residual_units(outer),
        }
        shapes |= _under(f"block.{index}.", block)
    return shapes | _snake("snake1", base) | {"conv2.weight": (config.audio_channels, base, 7)}


def vae_convs(config: VAEConfig) -> Iterator[tuple[str, Shape]]:
    """Each weight-normed convolution with the shape of its fused weight: all of the VAE's convolutions are."""
    for name, shape in vae_tensors(config).items():
        if name.endswith(".weight"):
            yield name.removesuffix(".weight"), shape


def stored_vae_tensors(config: VAEConfig, present: Collection[str] = (), naming: str | None = None) -> Shapes:
    """The names and shapes to find on disk, for one naming or for the one that ``present`` uses for each convolution.

    The gain is ``[axis 0, 1, 1]``: the norm of the direction runs over all other axes, so ``w = g * v / |v|``. Axis 0
    of a ConvTranspose1d is its INPUT width, and the rule stays the same.
    """
    shapes = vae_tensors(config)
    for conv, shape in vae_convs(config):
        pair = weight_norm_names(conv, naming or vae_naming(conv, present))
        if pair:
            del shapes[f"{conv}.weight"]
            shapes |= {pair[0]: (shape[0], 1, 1), pair[1]: shape}
    return shapes
