"""The layout against the published counts, and its names in every form in which they are stored."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from engine.config import DiTConfig, LMConfig, TextConfig, VAEConfig
from engine.layout import Shapes, dit_tensors, qwen3_tensors, stored_vae_tensors, vae_convs, vae_tensors
from engine.naming import (
    DIFFUSERS_FOLDERS,
    NULL_CONDITION,
    VAE_NAMINGS,
    from_diffusers,
    ignorable,
    to_diffusers,
    without_model_prefix,
)

XL = DiTConfig(
    hidden_size=2560,
    intermediate_size=9728,
    num_hidden_layers=32,
    num_attention_heads=32,
    encoder_hidden_size=2048,
    encoder_intermediate_size=6144,
    encoder_num_attention_heads=16,
    encoder_num_key_value_heads=8,
)


def count(shapes: Shapes) -> int:
    return sum(math.prod(shape) for shape in shapes.values())


def parts(shapes: Shapes) -> dict[str, int]:
    counted: Counter[str] = Counter()
    for name, shape in shapes.items():
        counted[name.split(".")[0]] += math.prod(shape)
    return dict(counted)


@pytest.mark.parametrize(
    ("config", "decoder", "total"),
    [(DiTConfig(), 1_575_458_880, 2_393_872_518), (XL, 4_168_897_088, 4_987_310_726)],
    ids=["2B", "XL"],
)
def test_dit_has_the_published_parameter_counts(config: DiTConfig, decoder: int, total: int) -> None:
    shapes = dit_tensors(config)
    assert parts(shapes) == {
        "decoder": decoder,
        "encoder": 608_367_616,
        "tokenizer": 105_032_198,
        "detokenizer": 105_011_776,
        "null_condition_emb": 2_048,
    }
    assert count(shapes) == total


def test_xl_shapes_are_the_published_ones() -> None:
    shapes = dit_tensors(XL)
    assert shapes["decoder.proj_in.1.weight"] == (2560, 192, 2)
    assert shapes["decoder.condition_embedder.weight"] == (2560, 2048)
    assert shapes["decoder.layers.31.cross_attn.q_proj.weight"] == (4096, 2560)
    assert shapes["decoder.layers.31.cross_attn.k_proj.weight"] == (1024, 2560)
    assert shapes["decoder.layers.0.scale_shift_table"] == (1, 6, 2560)
    assert shapes["decoder.proj_out.1.weight"] == (2560, 64, 2)
    assert shapes["tokenizer.quantizer.project_in.weight"] == (6, 2048)
    assert shapes["detokenizer.special_tokens"] == (1, 5, 2048)
    assert "decoder.layers.32.mlp_norm.weight" not in shapes


def test_vae_has_the_published_counts_and_shapes() -> None:
    shapes = vae_tensors(VAEConfig())
    assert {part: round(total / 1e6, 2) for part, total in parts(shapes).items()} == {
        "encoder": 84.26,
        "decoder": 84.40,
    }
    assert shapes["encoder.block.0.conv1.weight"] == (128, 128, 4)
    assert shapes["encoder.block.4.conv1.weight"] == (2048, 1024, 20)
    assert shapes["decoder.block.0.conv_t1.weight"] == (2048, 1024, 20)
    assert shapes["decoder.block.0.snake1.alpha"] == (1, 2048, 1)
    assert shapes["decoder.block.4.res_unit3.conv1.weight"] == (128, 128, 7)
    assert "decoder.conv2.bias" not in shapes


@pytest.mark.parametrize("naming", VAE_NAMINGS)
def test_weight_norm_is_found_under_each_naming(naming: str) -> None:
    config = VAEConfig()
    stored = stored_vae_tensors(config, naming=naming)
    assert stored_vae_tensors(config, present=stored) == stored
    gains = sum(shape[0] for _, shape in vae_convs(config)) if naming != "fused" else 0
    assert count(stored) == count(vae_tensors(config)) + gains


def test_gain_of_a_transposed_convolution_runs_over_its_inputs() -> None:
    stored = stored_vae_tensors(VAEConfig(), naming="weight_g")
    assert stored["decoder.block.1.conv_t1.weight_v"] == (1024, 512, 12)
    assert stored["decoder.block.1.conv_t1.weight_g"] == (1024, 1, 1)
    assert stored["decoder.block.1.conv_t1.bias"] == (512,)


@pytest.mark.parametrize(
    ("config", "billions"),
    [
        (LMConfig(), 0.663),
        (LMConfig(hidden_size=2048, intermediate_size=6144), 1.854),
        (LMConfig(hidden_size=2560, intermediate_size=9728, num_hidden_layers=36, num_attention_heads=32), 4.190),
    ],
    ids=["0.6B", "1.7B", "4B"],
)
def test_planners_have_the_published_counts(config: LMConfig, billions: float) -> None:
    assert round(count(qwen3_tensors(config, lm=True)) / 1e9, 3) == billions


def test_text_encoder_and_untied_planner() -> None:
    assert round(count(qwen3_tensors(TextConfig())) / 1e9, 3) == 0.596
    untied = qwen3_tensors(LMConfig(tie_word_embeddings=False), lm=True)
    assert untied["lm_head.weight"] == untied["embed_tokens.weight"] == (217204, 1024)


def test_diffusers_names_go_both_ways() -> None:
    shapes = dit_tensors(XL)
    renamed = {name: to_diffusers(name) for name in shapes}
    assert {folder for folder, _ in renamed.values()} == set(DIFFUSERS_FOLDERS)
    assert len(set(renamed.values())) == len(shapes)
    assert all(from_diffusers(*place) == name for name, place in renamed.items())
    assert renamed[NULL_CONDITION] == ("condition_encoder", NULL_CONDITION)
    assert renamed["decoder.proj_in.1.bias"] == ("transformer", "proj_in_conv.bias")
    assert renamed["decoder.layers.3.cross_attn.o_proj.weight"] == (
        "transformer",
        "layers.3.cross_attn.to_out.0.weight",
    )
    assert renamed["detokenizer.proj_out.weight"] == ("audio_token_detokenizer", "proj_out.weight")


def test_a_name_outside_the_layout_has_no_diffusers_place() -> None:
    with pytest.raises(KeyError):
        to_diffusers("vocoder.weight")


def test_only_harmless_extras_are_ignorable() -> None:
    assert ignorable("decoder.rotary_emb.inv_freq")
    assert ignorable("tokenizer.quantizer.layers.0._levels")
    assert ignorable("encoder.silence_latent")
    shapes = dit_tensors(DiTConfig())
    assert not any(map(ignorable, shapes))
    assert not ignorable("decoder.layers.24.mlp_norm.weight")


def test_model_prefix_is_dropped_once() -> None:
    assert without_model_prefix("model.layers.0.mlp.up_proj.weight") == "layers.0.mlp.up_proj.weight"
    assert without_model_prefix("decoder.model.weight") == "decoder.model.weight"
