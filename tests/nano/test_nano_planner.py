"""The planner's training: pages of the real format, codes of real songs, and a packed planner that plans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from engine.checkpoints import verify
from engine.components import open_lm
from engine.models.vae import VAE
from engine.planner import prompts
from engine.planner.jobs import Planner, Work
from engine.planner.plan import Plan
from engine.planner.reasoning import read
from engine.planner.vocabulary import encode, make_vocabulary
from engine.request import Request
from tools.nano import __main__ as stages
from tools.nano import codec, material, pack
from tools.nano.hearing import BANDS, HEARD, heard, of_shard
from tools.nano.material import Shard
from tools.nano.music import STYLES, compose, render, vocabulary
from tools.nano.networks import make_networks
from tools.nano.planner import training
from tools.nano.planner.asking import asked
from tools.nano.planner.excerpts import GROUP, Excerpts, codes_of
from tools.nano.planner.network import Table, hidden_states, make_planner
from tools.nano.planner.pages import IN_WORDS, WITH_CODES, Job, page
from tools.nano.planner.tokens import build_tokenizer
from tools.nano.sizes import CODES, planner_config, vae_config

pytestmark = pytest.mark.usefixtures("one_thread")

SILENCE = torch.full((1, 250, 64), 0.1)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return build_tokenizer(CODES)


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Excerpts:
    """Two songs of ten seconds whose latents are noise."""
    latents = torch.randn(2, 250, 64, generator=torch.Generator().manual_seed(1)).half()
    shards = [Shard(10, material.FIRST_SEED, latents)]
    path = tmp_path_factory.mktemp("codes") / "codes.safetensors"
    return Excerpts(shards, codes_of(make_networks("base", 5).acestep, shards, SILENCE, path))


# --- words ------------------------------------------------------------------------------------------------------------


def test_every_word_of_the_songs_is_one_token(tokenizer: Tokenizer) -> None:
    for word in vocabulary():
        if word.isalpha():
            for text in (word, f" {word}", word.capitalize()):
                assert len(encode(tokenizer, text)) == 1, text
    assert len(encode(tokenizer, "120")) == 3, "digit by digit, as in the real one"


def test_any_other_text_survives(tokenizer: Tokenizer) -> None:
    for text in ("Ünïcode – ünd 日本語 ♯♭", "12345 6", "a\n\n\tb  c", "zydeco polka"):
        assert tokenizer.decode(encode(tokenizer, text), skip_special_tokens=False) == text


def test_the_engine_finds_everything_it_needs(tokenizer: Tokenizer) -> None:
    words = make_vocabulary(tokenizer, CODES)
    assert len(words.codes) == CODES
    assert tokenizer.decode([words.codes[7]], skip_special_tokens=False) == "<|audio_code_7|>"
    assert not set(words.codes) & {number for first, last in words.text for number in range(first, last)}


# --- pages ------------------------------------------------------------------------------------------------------------


def test_a_request_says_less_than_its_description_and_nothing_else() -> None:
    shorter = 0
    for seed in range(60):
        song = compose(seed)
        told = asked(song, np.random.default_rng(seed))
        shorter += len(told.words) < len(told.caption)
        other = set(STYLES) - {song.style}
        assert not any(style in told.words.lower() for style in other - {"house", "rock", "ambient", "classical"})
    assert shorter > 35


@pytest.mark.parametrize("job", [*WITH_CODES, *IN_WORDS])
def test_pages_have_the_real_format(job: Job) -> None:
    song = compose(4, duration=10.0)
    made = page(job, song, (5, 6, 7), np.random.default_rng(3))
    assert all(piece.startswith("<|im_start|>system\n# Instruction\n") for piece in made.read[:1])
    answer = "".join(made.written)
    if job == "unguided":
        assert made.read == prompts.unguided_prompt("", "", "", legacy=False)
    else:
        assert answer.startswith("<think>\n")
        found = read(answer)
        assert found.metadata.get("bpm", song.bpm) == song.bpm
        assert found.metadata.get("keyscale", song.key) == song.key
    assert (read(answer).codes == (5, 6, 7)) == (job in ("codes", "unguided"))
    assert answer.endswith("\n\n" if job == "plan" else "<|im_end|>")
    assert ("<|audio_code_5|>" in made.read[0]) == (job == "understand")


def test_excerpts_are_codes_from_the_beginning_of_a_bar_on(songs: Excerpts) -> None:
    rng = np.random.default_rng(0)
    drawn = [songs.draw(rng) for _ in range(12)]
    assert {len(codes) for _, codes in drawn} == {50}
    assert all(0 <= code < CODES for _, codes in drawn for code in codes)
    shard = Shard(30, material.FIRST_SEED, torch.zeros(1, 750, 64))
    marked = {f"0000.{begin}": torch.arange(149 + (begin == 0)).unsqueeze(0) for begin in range(GROUP)}
    for song, codes in (Excerpts([shard], marked).draw(rng) for _ in range(40)):
        assert len(codes) == int(song.duration) * GROUP
        bars = codes[0] / 5 / (song.bar_beats * song.beat_seconds)
        assert min(bars % 1, 1 - bars % 1) * song.bar_beats * song.beat_seconds <= 0.25


# --- codes ------------------------------------------------------------------------------------------------------------


def test_codes_are_to_tell_of_loudness_and_of_notes() -> None:
    sine = np.sin(2 * np.pi * 440 * np.arange(96_000) / 48_000)
    sine[:48_000] *= 0.01
    rows = heard(np.stack((sine, sine)).astype(np.float32), 50)
    assert rows.shape == (50, HEARD)
    quiet, loud = rows[5:20, :BANDS].max(), rows[30:45, :BANDS].max()
    assert loud - quiet > 30
    assert rows[40, BANDS:].argmax() == 0, "A is where pitch classes are counted from"
    told = of_shard(Shard(10, material.FIRST_SEED, torch.zeros(2, 250, 64)))
    assert told.shape == (2, 250, HEARD)
    assert abs(float(told[..., :BANDS].std()) - 1) < 0.05


# --- network ----------------------------------------------------------------------------------------------------------


def test_training_reads_what_rendering_reads(tokenizer: Tokenizer) -> None:
    network = make_planner(planner_config(tokenizer.get_vocab_size()), 5)
    pages = [torch.tensor(encode(tokenizer, text)) for text in ("warm jazz", "a slow house track with strings")]
    with torch.no_grad():
        together = hidden_states(network, torch.cat(pages), [len(ids) for ids in pages])
        alone = [network.read(ids, network.lane(1, len(ids))) for ids in pages]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)


def test_a_code_is_the_sum_of_its_levels_and_comes_out_as_it_was(tokenizer: Tokenizer) -> None:
    config = planner_config(tokenizer.get_vocab_size())
    (first,) = encode(tokenizer, "<|audio_code_0|>")
    network = make_planner(config, 5)
    table = Table(network, first, training.SHAPE, 5)
    with torch.no_grad():
        network.embed_tokens.weight[first:].zero_()
        rows = table()
        sums = rows[first + 1] - rows[first] + rows[first + 4]
        assert torch.allclose(rows[first + 5], sums, atol=1e-5), "5 is level 1 of the first two dimensions"
        network.embed_tokens.weight[first:] = torch.randn(CODES, config.hidden_size)
        was = network.embed_tokens.weight.clone()
        table.keep()
        assert torch.allclose(table(), was, atol=1e-4)


def test_what_is_published_is_what_was_trained(tokenizer: Tokenizer, songs: Excerpts) -> None:
    config = planner_config(tokenizer.get_vocab_size())
    trainer = training.PlannerTrainer(make_planner(config, 5), tokenizer, songs, 60, 5)
    whole = {f"model.{name}": value for name, value in make_planner(config, 9).named_parameters()}
    (first,) = encode(tokenizer, "<|audio_code_0|>")
    trainer.begin({name.removeprefix("model."): value for name, value in whole.items()})
    again = training.published(make_planner(config, 1), first, trainer.average.weights, 3)
    for name, value in again.named_parameters():
        assert torch.allclose(value, whole[f"model.{name}"], atol=1e-4), name
    plain = training.published(make_planner(config, 1), first, whole, 3)
    assert torch.equal(plain.embed_tokens.weight, whole["model.embed_tokens.weight"])


def test_steps_make_answers_likelier(tokenizer: Tokenizer, songs: Excerpts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "PAGES", 4)
    monkeypatch.setattr(training, "_CODES_EVERY", 2)
    network = make_planner(planner_config(tokenizer.get_vocab_size()), 5)
    trainer = training.PlannerTrainer(network, tokenizer, songs, 60, 5)
    losses = [float(trainer.step(index)["words"]) for index in range(8)]
    assert losses[-1] < losses[0] - 0.3
    pages = [trainer.pages(np.random.default_rng(2)) for _ in range(2)]
    assert pages[0] == pages[1]
    before = network.norm.weight.detach().clone()
    words, codes = trainer.tested(2)
    assert torch.equal(network.norm.weight, before)
    assert 0 < words < 9
    assert 0 < codes < 12


def collected(work: Work) -> Plan:
    """What a job comes to."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


# --- packing ----------------------------------------------------------------------------------------------------------


def test_a_packed_planner_loads_and_plans(tmp_path: Path, tokenizer: Tokenizer) -> None:
    network = make_planner(planner_config(tokenizer.get_vocab_size()), 5)
    folder = tmp_path / pack.PLANNER_FOLDER
    pack.write_planner(network, tokenizer, folder)
    component = open_lm(folder)
    found = verify(component)
    planner = Planner.load(component, found, CODES, torch.zeros(1), {})
    plan = collected(planner.plan(Request(caption="warm jazz", lyrics="[Instrumental]", use_cot_caption=False), 1))
    assert 30 <= plan.bpm <= 300


def test_training_goes_on_from_the_planner_that_ships(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: Tokenizer
) -> None:
    root = tmp_path / "set"
    vae = VAE(vae_config())
    codec.initialise(vae, 5)
    pack.write_set(vae, make_networks("turbo", 6), "turbo", SILENCE, root)
    network = make_planner(planner_config(tokenizer.get_vocab_size()), 8)
    pack.write_planner(network, tokenizer, root / pack.PLANNER_FOLDER)
    monkeypatch.setattr("engine.nano.FOLDER", root)
    work = stages.Work(tmp_path / "work", torch.device("cpu"), 1.0, None)
    stages.stage_unpack(work)
    again = make_planner(planner_config(tokenizer.get_vocab_size()), 1)
    stages.fill(torch.nn.ModuleDict({"model": again}), work.state("planner"))
    for (name, value), (_, packed) in zip(again.named_parameters(), network.named_parameters(), strict=True):
        assert torch.allclose(value, packed, atol=2e-3), name


def test_what_is_heard_of_a_song_is_its_own() -> None:
    one, other = (heard(render(compose(seed, duration=4.0)), 100) for seed in (1, 2))
    assert one.shape == other.shape
    assert np.abs(one - other).mean() > 1
