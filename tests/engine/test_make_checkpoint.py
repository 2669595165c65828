"""The random sets: official files, names and tokenizers, the same bytes every time, and numbers that stay sane."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from tokenizers import Tokenizer

from engine.checkpoints import open_set, verify
from engine.config import VAEConfig
from engine.errors import BadCheckpoint
from engine.layout import vae_tensors
from engine.testing import VARIANTS, make_checkpoint
from engine.testing.sizes import configs
from engine.testing.vocabulary import build_tokenizer, reserved_codes
from engine.testing.weights import random_vae_weights

END = "<|endoftext|>"


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def digests(root: Path) -> dict[str, str]:
    return {name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in files(root)}


# --- files -------------------------------------------------------------------------------------------------------


def test_official_files(tiny_turbo: Path) -> None:
    dit = {f"acestep-v15-turbo/{name}" for name in ("config.json", "model.safetensors", "silence_latent.pt")}
    vae = {f"vae/{name}" for name in ("config.json", "diffusion_pytorch_model.safetensors")}
    assert dit | vae <= files(tiny_turbo)
    for folder in ("Qwen3-Embedding-0.6B", "acestep-5Hz-lm-0.6B"):
        for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.json"):
            assert f"{folder}/{name}" in files(tiny_turbo)
        assert f"{folder}/merges.txt" in files(tiny_turbo)


@pytest.mark.parametrize("variant", VARIANTS)
def test_config_says_what_the_variant_is(variant: str) -> None:
    dit = configs("tiny", variant, {}).dit
    assert dit["is_turbo"] == ("turbo" in variant)
    assert ("encoder_hidden_size" in dit) == variant.startswith("xl-")
    assert dit.get("encoder_hidden_size") != dit["hidden_size"]


def test_full_size_configs_are_the_official_ones() -> None:
    dit = configs("full", "xl-sft", {}).dit
    assert (dit["hidden_size"], dit["num_hidden_layers"], dit["fsq_dim"], dit["vocab_size"]) == (2560, 32, 2048, 64003)
    assert dit["layer_types"][:2] == ["sliding_attention", "full_attention"]


def test_overrides_carry_what_they_imply(tmp_path: Path) -> None:
    override: dict[str, Any] = {
        "num_hidden_layers": 1,
        "hidden_size": 64,
        "text_hidden_dim": 48,
        "fsq_input_levels": [3, 3],
        "vae": {"decoder_channels": 8},
        "lm": {"num_hidden_layers": 1, "tie_word_embeddings": False},
    }
    models = open_set(make_checkpoint(tmp_path, config=override))
    assert models.dit.config.fsq_dim == 64
    assert models.dit.config.window(1) is None
    assert models.text_encoder.config.hidden_size == 48
    assert models.vae.config.decoder_channels == 8
    assert models.lm is not None
    assert "lm_head.weight" in verify(models.lm)
    assert models.lm.tokenizer is not None
    assert Tokenizer.from_file(str(models.lm.tokenizer)).token_to_id("<|audio_code_15|>") is None
    for component in models.components:
        verify(component)


def test_choices_that_do_not_exist(tmp_path: Path) -> None:
    for choice in ({"size": "huge"}, {"variant": "lite"}, {"format": "gguf"}, {"dtype": "int8"}, {"vae_naming": "old"}):
        with pytest.raises(ValueError, match="must be one of"):
            make_checkpoint(tmp_path, **choice)  # type: ignore[arg-type]
    with pytest.raises(BadCheckpoint, match="fit together"):
        make_checkpoint(tmp_path, config={"num_key_value_heads": 3})
    assert files(tmp_path) == set()


def test_a_second_variant_leaves_its_neighbours_as_they_were(tmp_path: Path) -> None:
    before = digests(make_checkpoint(tmp_path, variant="turbo"))
    after = digests(make_checkpoint(tmp_path, variant="sft"))
    assert before.items() <= after.items()


def test_same_bytes_in_another_process(tiny_turbo: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "engine.testing", str(tmp_path / "again")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(tmp_path / "again")
    silence = "acestep-v15-turbo/silence_latent.pt"
    ours, theirs = digests(tiny_turbo), digests(tmp_path / "again")
    assert {name for name in ours if ours[name] != theirs[name]} - {silence} == set()
    assert torch.equal(torch.load(tiny_turbo / silence), torch.load(tmp_path / "again" / silence))


def test_seed_and_dtype(tmp_path: Path, tiny_turbo: Path) -> None:
    root = make_checkpoint(tmp_path, seed=1, dtype="bfloat16", lm=False)
    name, file = "decoder.proj_in.1.weight", "acestep-v15-turbo/model.safetensors"
    other = load_file(root / file)[name]
    assert other.dtype == torch.bfloat16
    assert not torch.equal(other, load_file(tiny_turbo / file)[name].to(torch.bfloat16))


def test_silence_is_smooth_and_starts_differently(tiny_turbo: Path) -> None:
    silence = torch.load(tiny_turbo / "acestep-v15-turbo" / "silence_latent.pt", weights_only=True)
    assert silence.shape == (1, 64, 15000)
    assert silence.dtype == torch.float32
    steps = silence.diff(dim=-1).abs()
    assert steps[..., 100:].max() < 0.05 < steps[..., :4].mean()


def test_namings_of_the_vae_hold_the_same_weights() -> None:
    shapes = vae_tensors(VAEConfig(16, (2, 6), (1, 2), decoder_channels=8, decoder_input_channels=8))
    fused, old, new = (random_vae_weights(shapes, 0, naming) for naming in ("fused", "weight_g", "parametrizations"))
    for conv in ("encoder.conv1", "decoder.block.0.conv_t1", "decoder.conv2"):
        gain, direction = old[f"{conv}.weight_g"], old[f"{conv}.weight_v"]
        norm = direction.flatten(1).norm(dim=1)[:, None, None]
        assert not torch.allclose(gain, norm, rtol=1e-2)
        torch.testing.assert_close(gain * direction / norm, fused[f"{conv}.weight"])
        assert torch.equal(new[f"{conv}.parametrizations.weight.original0"], gain)
        assert torch.equal(new[f"{conv}.parametrizations.weight.original1"], direction)


# --- tokenizers --------------------------------------------------------------------------------------------------


@cache
def text_tokenizer() -> Tokenizer:
    return build_tokenizer(end_every_text=True)


def test_prompts_end_as_the_text_encoder_expects(tiny_turbo: Path) -> None:
    tokenizer = Tokenizer.from_file(str(tiny_turbo / "Qwen3-Embedding-0.6B" / "tokenizer.json"))
    end = tokenizer.token_to_id(END)
    newline = tokenizer.encode("\n", add_special_tokens=False).ids
    assert tokenizer.encode(f"# Languages\nen\n\n# Lyric\nla{END}").ids[-2:] == [end, end]
    assert tokenizer.encode(f"# Metas\n- bpm: N/A\n{END}\n").ids[-3:] == [end, *newline, end]
    assert tokenizer.encode("la").ids.count(end) == 1


@settings(deadline=None)
@given(st.text())
def test_any_text_survives(text: str) -> None:
    tokenizer = text_tokenizer()
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == unicodedata.normalize("NFC", text)


def test_planner_tokens_are_in_qwens_order(tiny_turbo: Path) -> None:
    folder = tiny_turbo / "acestep-5Hz-lm-0.6B"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    first = tokenizer.token_to_id("<|audio_code_0|>")
    last = tokenizer.token_to_id("<|audio_code_2046|>")
    order = [tokenizer.token_to_id(token) for token in (END, "<|im_start|>", "<|im_end|>", "<think>", "</think>")]
    assert order == [first - 26, first - 25, first - 24, first - 2, first - 1]
    assert last == first + 2046 == tokenizer.get_vocab_size() - 1
    config = json.loads((folder / "config.json").read_text())
    assert config["vocab_size"] == tokenizer.get_vocab_size()
    assert config["eos_token_id"] == order[2]
    assert tokenizer.encode("<|audio_code_7|><|im_end|>\n<think>").ids == [
        first + 7,
        order[2],
        *tokenizer.encode("\n").ids,
        order[3],
    ]


def test_reserved_codes_follow_the_official_rule() -> None:
    assert reserved_codes((8, 8, 8, 5, 5, 5)) == 65535
    assert reserved_codes((4, 4, 4, 3, 3, 3)) == 2047


# --- against the libraries that read the published sets ----------------------------------------------------------


@pytest.mark.parity
@pytest.mark.parametrize("variant", ["turbo", "xl-base"])
def test_diffusers_and_transformers_read_it_whole(tmp_path: Path, variant: str) -> None:
    from diffusers import AceStepTransformer1DModel, AutoencoderOobleck
    from diffusers.pipelines.ace_step import modeling_ace_step as peer
    from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3Model

    root = make_checkpoint(tmp_path, variant=variant, format="diffusers")
    for kind, folder in (
        (AceStepTransformer1DModel, "transformer"),
        (peer.AceStepConditionEncoder, "condition_encoder"),
        (peer.AceStepAudioTokenizer, "audio_tokenizer"),
        (peer.AceStepAudioTokenDetokenizer, "audio_token_detokenizer"),
        (AutoencoderOobleck, "vae"),
        (Qwen3Model, "text_encoder"),
        (AutoModelForCausalLM, "acestep-5Hz-lm-0.6B"),
    ):
        _, report = kind.from_pretrained(root / folder, output_loading_info=True)
        assert not any(report.values()), f"{folder}: {report}"
    tokenizer = AutoTokenizer.from_pretrained(root / "tokenizer")
    assert tokenizer(f"la{END}").input_ids[-2:] == [tokenizer.pad_token_id] * 2


@pytest.mark.parity
def test_audio_and_velocity_are_of_order_one(tmp_path: Path) -> None:
    from diffusers import AceStepTransformer1DModel, AutoencoderOobleck

    root = make_checkpoint(tmp_path, lm=False, format="diffusers")
    noise = torch.randn(1, 20, 64, generator=torch.Generator().manual_seed(0))
    dit = AceStepTransformer1DModel.from_pretrained(root / "transformer").eval()
    vae = AutoencoderOobleck.from_pretrained(root / "vae").eval()
    time = torch.tensor([0.5])
    with torch.no_grad():
        velocity = dit(
            hidden_states=noise,
            timestep=time,
            timestep_r=time,
            encoder_hidden_states=torch.randn(1, 30, 128, generator=torch.Generator().manual_seed(1)),
            context_latents=torch.cat([noise.flip(1), torch.ones(1, 20, 64)], dim=-1),
        ).sample
        audio = vae.decode(noise.mT).sample
    assert 0.5 < velocity.std() < 2
    assert 0.02 < audio.std() < 0.7
    assert audio.mean().abs() < 0.1
