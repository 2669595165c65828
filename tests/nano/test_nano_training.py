"""Every stage of nano's training takes real steps on real songs, and what it packs is what it trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from engine import Engine, Request, nano
from engine.model import Acestep
from engine.models.vae import VAE
from tools.nano import __main__ as stages
from tools.nano import codec, flow, material, pack
from tools.nano.codes import CodesTrainer, round_trip
from tools.nano.distil import DistilTrainer
from tools.nano.follow import FollowTrainer
from tools.nano.material import Material, Shard, make_shard, prompts
from tools.nano.music import compose, render, vocabulary
from tools.nano.networks import Networks, make_networks
from tools.nano.sizes import FRAME, vae_config
from tools.nano.words import NUMBERS, build_tokenizer, number_rows

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def vae() -> VAE:
    vae = VAE(vae_config())
    codec.initialise(vae, 5)
    return vae.requires_grad_(False)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory, vae: VAE) -> Material:
    """Two songs of ten seconds."""
    folder = tmp_path_factory.mktemp("latents")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(material, "SHARD", 2)
        patch.setattr(material, "LENGTHS", (10,))
        make_shard(vae, 0, folder)
        return Material(folder)


@pytest.fixture(autouse=True)
def few_songs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(material, "SHARD", 2)


@pytest.fixture
def networks() -> Networks:
    return make_networks("base", 5)


SILENCE = torch.full((1, 250, 64), 0.1)


# --- words -------------------------------------------------------------------------------------------------------


def test_every_word_of_the_songs_and_every_number_is_one_token() -> None:
    tokenizer = build_tokenizer()
    for word in vocabulary():
        for text in (word, f" {word}", word.capitalize()):
            if word.isalpha():
                assert len(tokenizer.encode(text).tokens) == 2, text
    for number in NUMBERS:
        assert len(tokenizer.encode(f" {number}").tokens) == 2
    assert len(number_rows(tokenizer)) >= len(NUMBERS)


def test_what_ships_was_trained_with_the_tokenizer_that_is_built() -> None:
    """New tasks and new words of the engine must not move the numbers of tokens: weights are of those numbers."""
    shipped = Tokenizer.from_file(str(nano.FOLDER / pack.TEXT_FOLDER / "tokenizer.json"))
    assert build_tokenizer().get_vocab() == shipped.get_vocab()


def test_any_other_text_survives_the_tokenizer() -> None:
    tokenizer = build_tokenizer()
    for text in ("Ünïcode – ünd 日本語 ♯♭", "12345 6", "a\n\n\tb  c"):
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=True) == text


def test_prompts_end_as_the_official_ones_do() -> None:
    tokenizer = build_tokenizer()
    caption, lyrics = prompts(compose(3), np.random.default_rng(0))
    assert tokenizer.encode(caption).tokens[-3:] == ["<|endoftext|>", "Ċ", "<|endoftext|>"]
    assert tokenizer.encode(lyrics).tokens[-2:] == ["<|endoftext|>"] * 2


# --- codec -------------------------------------------------------------------------------------------------------


def test_codec_steps_bring_the_copy_nearer(monkeypatch: pytest.MonkeyPatch, vae: VAE) -> None:
    monkeypatch.setattr("tools.nano.songs._POOL", 2)
    monkeypatch.setattr("tools.nano.songs._STEPS_A_SONG", 10**6)
    monkeypatch.setattr(codec, "CROP_FRAMES", 8)
    monkeypatch.setattr(codec, "BATCH", 2)
    fresh = VAE(vae_config())
    codec.initialise(fresh, 5)
    trainer = codec.CodecTrainer(fresh, "both", 12, 5, torch.device("cpu"))
    losses = [float(trainer.step(index)["spectral"]) for index in range(12)]
    assert losses[-1] < losses[0]
    encoder = {name: value.clone() for name, value in fresh.encoder.named_parameters()}
    decoder_only = codec.CodecTrainer(fresh, "decoder", 1, 5, torch.device("cpu"))
    decoder_only.step(0)
    assert all(torch.equal(value, encoder[name]) for name, value in fresh.encoder.named_parameters())


def test_training_and_rendering_read_the_same_codec(vae: VAE) -> None:
    audio = torch.from_numpy(render(compose(1, duration=10.0))[:, : 40 * FRAME]).unsqueeze(0)
    mean, _ = codec.encode(vae, audio)
    assert torch.allclose(mean, vae.encode(audio), atol=1e-5)
    assert torch.allclose(codec.decode(vae, mean), vae.decode(mean), atol=1e-4)


# --- transformer -------------------------------------------------------------------------------------------------


def test_a_batch_has_every_task_and_its_own_prompts(networks: Networks, songs: Material) -> None:
    batches = flow.Batches(networks, songs, SILENCE, 5)
    seen = set()
    for index in range(40):
        for item in batches.texts(index).items:
            empty, everything = bool((item.mask == 0).any()), bool((item.source == 0.1).all())
            seen.add("repaint" if empty else "text2music" if everything else "source")
            assert ("Repaint" in item.caption) == empty
    assert seen == {"repaint", "text2music", "source"}
    first, again = batches.texts(3), batches.texts(3)
    assert [item.caption for item in first.items] == [item.caption for item in again.items]


def test_prompts_encoded_together_are_what_each_is_alone(networks: Networks) -> None:
    rng = np.random.default_rng(1)
    pairs = [prompts(compose(seed), rng) for seed in range(3)]
    clips = torch.randn(2, 250, 64)
    captions, lyrics = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    together = networks.states(captions, lyrics, clips, [0, 1, 0])
    for index, state in enumerate(together):
        alone = networks.states([captions[index]], [lyrics[index]], clips[[0, 1, 0][index]].unsqueeze(0), [0])[0]
        assert torch.allclose(state, alone, atol=1e-5)
    for memory, state in zip(networks.memories(together), together, strict=True):
        alone_memory = networks.acestep.decoder.remember(state)
        assert torch.allclose(memory.keys[1], alone_memory.keys[1], atol=1e-5)


def test_codes_flow_and_distillation_learn(networks: Networks, songs: Material) -> None:
    codes = CodesTrainer(networks.acestep, songs, SILENCE, 30, 5)
    errors = [float(codes.step(index)["error"]) for index in range(15)]
    assert errors[-1] < errors[0]
    made, position = round_trip(networks.acestep, songs.shards[0].latents.float(), SILENCE)
    assert made.shape == songs.shards[0].latents.shape
    assert position.shape[-1] == 6

    batches = flow.Batches(networks, songs, SILENCE, 5)
    trainer = flow.FlowTrainer(networks, batches, 100, 5)
    before = {name: value.clone() for name, value in networks.modules.named_parameters()}
    losses = [float(trainer.step(index)["loss"]) for index in range(4)]
    assert all(np.isfinite(losses))
    moved = {name for name, value in networks.modules.named_parameters() if not torch.equal(value, before[name])}
    assert {"acestep.encoder.text_projector.weight", "text.model.embed_tokens.weight"} <= moved
    assert not any("tokenizer" in name for name in moved), "the 5 Hz codec stays as it was trained"
    trained = {name: value.clone() for name, value in networks.modules.named_parameters()}
    networks.wind_up()
    for name, value in networks.modules.named_parameters():
        assert torch.equal(value, trained[name]), f"the metronome stays as it was written: {name}"

    student = make_networks("turbo", 5)
    student.modules.load_state_dict(networks.modules.state_dict())
    distil = DistilTrainer(networks, student, flow.Batches(student, songs, SILENCE, 5), 10, 5)
    assert np.isfinite(float(distil.step(0)["loss"]))
    assert torch.equal(student.text.model.embed_tokens.weight, networks.text.model.embed_tokens.weight)


def test_what_codes_come_to_is_taught_by_a_transformer_that_stays(networks: Networks, songs: Material) -> None:
    before = {name: value.clone() for name, value in networks.modules.named_parameters()}
    trainer = FollowTrainer(networks, songs, SILENCE, 10, 5)
    assert np.isfinite(float(trainer.step(0)["loss"]))
    moved = {name for name, value in networks.modules.named_parameters() if not torch.equal(value, before[name])}
    assert moved
    assert all(name.startswith("acestep.detokenizer.") for name in moved)


# --- packing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["turbo", "base"])
def test_a_packed_set_loads_and_renders(tmp_path: Path, vae: VAE, variant: str) -> None:
    networks = make_networks(variant, 5)
    pack.write_set(vae, networks, variant, SILENCE, tmp_path)
    engine = Engine.load(tmp_path, device="cpu", dtype="float32")
    assert engine.profile.name == f"nano-{variant}"
    (take,) = engine.render(Request(caption="calm piano", duration=2.0, seed=1, use_random_seed=False))
    assert take.audio.shape == (2, 96000)


def test_what_is_packed_is_what_was_trained(tmp_path: Path, vae: VAE) -> None:
    networks = make_networks("turbo", 5)
    folder = tmp_path / pack.DIT_FOLDER.format(variant="turbo")
    pack.write_dit(networks, "turbo", SILENCE, folder)
    stored = load_file(folder / "model.safetensors")
    acestep: Acestep = networks.acestep
    layer = acestep.decoder.layers[1]
    q = stored["decoder.layers.1.self_attn.q_proj.weight"].float()
    assert torch.allclose(q, layer.self_attn.qkv.weight[: q.shape[0]], atol=1e-3)
    assert {value.dtype for value in stored.values()} == {torch.float16}


def test_training_goes_on_from_what_was_packed(tmp_path: Path, vae: VAE, monkeypatch: pytest.MonkeyPatch) -> None:
    networks = make_networks("turbo", 6)
    root = tmp_path / "set"
    pack.write_set(vae, networks, "turbo", SILENCE, root)
    monkeypatch.setattr("engine.nano.FOLDER", root)
    work = stages.Work(tmp_path / "work", torch.device("cpu"), 1.0, None)
    stages.stage_unpack(work)
    again = stages.networks_of(work, "base", "codes", "base")
    for (name, value), (_, packed) in zip(
        again.modules.named_parameters(), networks.modules.named_parameters(), strict=True
    ):
        assert torch.allclose(value, packed, atol=2e-3), name
    assert torch.allclose(stages.trained_vae(work).encoder.conv2.weight, vae.encoder.conv2.weight, atol=2e-3)


def test_a_shard_knows_its_songs(songs: Material) -> None:
    shard: Shard = songs.shards[0]
    assert shard.latents.shape == (2, 250, 64)
    assert shard.song(1).duration == 10.0
