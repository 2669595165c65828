"""The model in the box, as it ships: whole, small, and making takes that differ as they should."""

from __future__ import annotations

import pytest
import torch

from engine import Engine, Request, nano
from engine.checkpoints import inventory, open_set, verify
from engine.scoring.tempo import tempo, tempo_error

pytestmark = pytest.mark.usefixtures("one_thread")

LARGEST = 30_000_000
"""Bytes of everything together."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(nano.FOLDER, device="cpu", dtype="float32")


def request(seed: int, **fields: object) -> Request:
    """Without a plan: what is asked for is what is heard."""
    asked = {"caption": "warm synthwave with synth bass", "bpm": 100, "keyscale": "A minor", "duration": 10.0}
    return Request.from_dict({**asked, "thinking": False, **fields, "seed": seed, "use_random_seed": False})


def test_the_set_is_whole_and_small() -> None:
    assert nano.is_there()
    models = open_set(nano.FOLDER)
    assert models.dit.name == "acestep-v15-nano-turbo"
    assert models.lm is not None
    assert models.lm.name == "acestep-5Hz-lm-nano"
    for component in models.components:
        assert verify(component)
    assert sum(file.stat().st_size for file in nano.FOLDER.rglob("*") if file.is_file()) <= LARGEST
    assert len(inventory(nano.FOLDER).dits) >= 1


def test_it_says_what_it_is(engine: Engine) -> None:
    assert engine.profile.sketch
    assert engine.identity["profile"] == "nano-turbo"
    assert (nano.FOLDER.parent / "MODEL_CARD.md").is_file()


def test_takes_sound_and_follow_their_seeds(engine: Engine) -> None:
    (first,) = engine.render(request(1))
    (again,) = engine.render(request(1))
    (other,) = engine.render(request(2))
    assert first.audio.shape == (2, 480_000)
    assert torch.equal(first.audio, again.audio)
    alike = torch.nn.functional.cosine_similarity(first.latents.flatten(), other.latents.flatten(), dim=0)
    assert alike < 0.9
    loud = first.audio.unfold(1, 48_000, 48_000).square().mean(dim=(0, 2)).sqrt()
    assert (loud > 0.005).all(), "no second is silent"


def test_the_prompt_is_heard(engine: Engine) -> None:
    """The same noise under other words is another piece."""
    (synthwave,) = engine.render(request(1))
    (classical,) = engine.render(request(1, caption="calm classical music with strings and piano", bpm=80))
    difference = (synthwave.latents - classical.latents).square().mean() / synthwave.latents.square().mean()
    assert difference > 0.2


@pytest.mark.parametrize("bpm", [84, 100, 127, 160])
def test_a_take_has_the_tempo_that_was_asked_for(engine: Engine, bpm: int) -> None:
    (take,) = engine.render(request(4, caption="synthwave with gated drums and synth bass", bpm=bpm, duration=12.0))
    heard = tempo(take.audio.numpy())
    assert tempo_error(heard.bpm, bpm).right, f"{heard.bpm:.1f} instead of {bpm}"


def test_a_take_without_a_tempo_has_one_of_its_own(engine: Engine) -> None:
    (take,) = engine.render(request(5, bpm=None, keyscale="", duration=12.0))
    assert tempo(take.audio.numpy()).confidence > 0.3


def test_a_take_is_twenty_seconds_unless_somebody_says_otherwise(engine: Engine) -> None:
    asked = Request(caption="soft ambient pads", seed=3, use_random_seed=False, inference_steps=1, thinking=False)
    (take,) = engine.render(asked)
    assert take.audio.shape[1] == 20 * 48_000


# --- its planner ------------------------------------------------------------------------------------------------------


def test_words_and_numbers_are_planned_and_codes_only_where_they_are_asked_for(engine: Engine) -> None:
    asked = Request(caption="happy piano", lyrics="[Instrumental]", seeds=(3,), plan_seed=1, inference_steps=1)
    (take,) = engine.render(asked)
    assert take.plan is not None
    assert take.plan["model"] == "acestep-5Hz-lm-nano"
    assert 60 <= take.plan["bpm"] <= 180
    assert "piano" in take.plan["caption"]
    assert take.audio.shape[1] == take.plan["duration"] * 48_000
    assert take.codes is None
    (coded,) = engine.render(asked.replace(thinking=True, duration=10.0))
    assert coded.codes is not None
    assert len(coded.codes) == 50
    assert len(set(coded.codes)) > 10, "music that moves"


def test_words_for_a_tempo_make_a_difference(engine: Engine) -> None:
    def tempos(words: str) -> list[int]:
        plans = [engine.plan(Request(caption=words, lyrics="[Instrumental]", plan_seed=seed)) for seed in range(6)]
        return sorted(plan.bpm or 0 for plan in plans)

    assert tempos("slow classical music")[3] + 30 < tempos("fast classical music")[3]


@pytest.mark.parametrize(("words", "style"), [("rock with heavy guitar", "rock"), ("chiptune", "chiptune")])
def test_a_plan_keeps_the_style(engine: Engine, words: str, style: str) -> None:
    captions = [
        engine.plan(Request(caption=words, lyrics="[Instrumental]", plan_seed=seed)).caption for seed in range(4)
    ]
    assert sum(style in caption.lower() or "8-bit" in caption.lower() for caption in captions) >= 3, captions
    assert all(len(caption.split()) > len(words.split()) for caption in captions)


def test_the_other_jobs(engine: Engine) -> None:
    asked = {"instrumental": True, "use_random_seed": False}
    songs = [engine.sample("a calm bossa nova with flute", seed=seed, **asked) for seed in range(5)]
    assert sum("bossa" in song.caption.lower() for song in songs) >= 3
    assert all(song.lyrics.startswith("[") for song in songs)
    polished = [engine.format("rock, heavy guitar", "[Verse]", bpm=70, seed=seed) for seed in range(5)]
    assert {plan.bpm for plan in polished} == {70}
    assert sum("rock" in plan.caption.lower() or "guitar" in plan.caption for plan in polished) >= 3
    (take,) = engine.render(request(1))
    heard = engine.understand(take, seed=2, use_random_seed=False)
    assert heard.caption
    assert heard.duration
    assert len(heard.codes) == 50
