"""What guidance pulls away from: vague readings, and the prompt without its lyrics (docs/controls.md)."""

from __future__ import annotations

import pytest
import torch

from engine import Engine, Request
from engine.conditions import Conditions, Prompt
from engine.contrast import Contrast, Vagueness, weakened
from engine.models.dit import Memory
from engine.models.primitives import Rotary, SelfAttention
from engine.take import Take
from engine.testing import make_checkpoint
from tests.engine.test_pipeline import NANO

WORDS = {"caption": "warm jazz, brushes", "lyrics": "[Verse]\nslow rain", "duration": 1.0, "inference_steps": 3}
SECONDS = 1.0


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = make_checkpoint(tmp_path_factory.mktemp("base"), variant="base", lm=False, config=NANO)
    return Engine.load(folder, device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def contrast(engine: Engine) -> Contrast:
    return Contrast(engine._model, Conditions(engine._model))


@pytest.fixture(scope="module")
def plain(engine: Engine) -> Take:
    """What comes of the same words and seed without any control."""
    return engine.render(Request(**WORDS, seeds=(3,)))[0]


PROMPT = Prompt.of(Request(**WORDS), SECONDS)


def states(contrast: Contrast, vagueness: Vagueness) -> torch.Tensor:
    with torch.no_grad():
        return contrast._states(PROMPT, vagueness)


def test_read_as_sharply_as_ever_a_vague_reading_is_the_prompt_without_its_sound(contrast: Contrast) -> None:
    with torch.no_grad():
        whole = contrast._conditions.states(PROMPT)
    null = contrast._model.null
    assert null is not None
    both = states(contrast, Vagueness(True, True, False, 1.0))
    differs = [i for i in range(whole.shape[1]) if not torch.allclose(both[:, i], whole[:, i], atol=1e-5)]
    assert len(differs) == 1  # the timbre's row
    assert torch.equal(both[:, differs[0]], null[:, 0])
    timbre = differs[0]
    for vagueness, read in (
        (Vagueness(True, False, False, 1.0), range(timbre + 1, whole.shape[1])),
        (Vagueness(False, True, False, 1.0), range(timbre)),
    ):
        rows = states(contrast, vagueness)
        assert rows.shape == whole.shape
        for i in range(whole.shape[1]):
            torch.testing.assert_close(rows[:, i], whole[:, i] if i in read else null[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("caption", "lyrics"), [(True, False), (False, True), (True, True)])
def test_a_vague_reading_is_another_one(contrast: Contrast, caption: bool, lyrics: bool) -> None:
    sharp, vague = (states(contrast, Vagueness(caption, lyrics, False, tau)) for tau in (1.0, 0.01))
    assert sharp.shape == vague.shape
    assert not torch.allclose(sharp, vague, atol=1e-3)
    assert torch.equal(states(contrast, Vagueness(caption, lyrics, False, 1.0)), sharp)  # nothing of it stays behind


def test_the_decoder_reads_weakly_through_weaker_keys(contrast: Contrast) -> None:
    def memory(decoder: bool) -> Memory:
        return contrast._negative(PROMPT, Vagueness(True, True, decoder, 0.25))

    plain, weak = memory(False), memory(True)
    layers = len(plain.keys)
    expected = weakened(layers, 15 / 24, 20 / 24, 0.25)
    for i in range(layers):
        torch.testing.assert_close(weak.keys[i], plain.keys[i] * expected.get(i, 1.0))
        assert torch.equal(weak.values[i], plain.values[i])
    assert memory(True) is weak  # kept for the next batch


@pytest.mark.parametrize(
    ("layers", "begin", "end", "expected"),
    [
        (28, 8 / 12, 10 / 12, range(18, 23)),
        (8, 4 / 6, 1.0, range(5, 8)),
        (24, 15 / 24, 20 / 24, range(15, 20)),
        (32, 15 / 24, 20 / 24, range(20, 26)),
        (2, 8 / 12, 10 / 12, range(1, 2)),
    ],
)
def test_the_layers_that_are_weakened(layers: int, begin: float, end: float, expected: range) -> None:
    assert list(weakened(layers, begin, end, 0.01)) == list(expected)


def test_nothing_read_is_the_learned_row(contrast: Contrast) -> None:
    request = Request(**WORDS, use_erg_diffusion=True)
    assert contrast.memories(request, PROMPT, split=False) == [contrast._conditions.null()]


def test_attention_without_any_sharpness_is_the_mean(engine: Engine) -> None:
    layer = engine._model.networks.encoder.lyric_encoder.layers[0].self_attn
    assert isinstance(layer, SelfAttention)
    x = torch.randn(1, 9, layer.qkv.in_features, generator=torch.Generator().manual_seed(1))
    rotary = Rotary(9, layer.dim, 1e6, x)
    with torch.no_grad():
        v = layer.qkv(x).unflatten(-1, (-1, layer.dim))[:, :, layer.heads + layer.kv_heads :]
        mean = v.mean(dim=1).repeat_interleave(layer.heads // layer.kv_heads, dim=1).flatten(1)
        torch.testing.assert_close(layer(x, rotary, 0.0), layer.o_proj(mean).expand(1, 9, -1), rtol=1e-4, atol=1e-5)


# --- rendered --------------------------------------------------------------------------------------------------------


def test_a_prompt_without_lyrics_of_its_own_is_guided_by_its_caption_alone(engine: Engine) -> None:
    """The two prompts are then the same, and what is left of the split rule is the plain one."""
    words = WORDS | {"lyrics": "[Instrumental]"}
    common = {**words, "seeds": (3,), "guidance_variant": "cfg"}
    (split,) = engine.render(Request(**common, guidance_scale_text=4.0, guidance_scale_lyric=2.5))
    (plain,) = engine.render(Request(**common, guidance_scale=4.0))
    torch.testing.assert_close(split.latents, plain.latents, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "fields",
    [
        {"use_erg_tag": True},
        {"use_erg_lyric": True},
        {"use_erg_tag": True, "use_erg_lyric": True, "use_erg_diffusion": True},
        {"use_erg_tag": True, "guidance_params": {"erg_tau": 0.5}},
        {"guidance_scale_text": 4.0, "guidance_scale_lyric": 2.0},
        {"guidance_scale_text": 4.0, "guidance_scale_lyric": 2.0, "use_erg_lyric": True},
        {"guidance_interval": 0.4},
        {"guidance_interval_decay": 1.0, "min_guidance_scale": 1.0},
        {"guidance_variant": "cfg_star", "guidance_scale": 3.0},
        {"cfg_type": "cfg", "guidance_scale": 3.0},
        {"scheduler_type": "heun"},
        {"scheduler_type": "pingpong"},
        {"sampler_mode": "dpm3m"},
        {"omega_scale": 12.0},
        {"oss_steps": (1, 3)},
        {"dcw_enabled": True},
        {"velocity_norm_threshold": 0.5},
        {"velocity_ema_factor": 0.3},
        {"guidance_params": {"eta": 1.0}},
        {"latent_shift": 0.1, "latent_rescale": 0.9},
    ],
    ids=lambda fields: " ".join(fields),
)
def test_every_control_changes_the_music_and_can_be_had_again(
    engine: Engine, plain: Take, fields: dict[str, object]
) -> None:
    """And an item of a batch is what it is alone."""
    one, two = engine.render(Request(**WORDS, seeds=(3, 4), **fields))
    assert one.latents.isfinite().all()
    assert not torch.equal(one.latents, plain.latents)
    (again,) = engine.render(two.request)
    assert torch.equal(again.audio, two.audio)


def test_nothing_of_a_control_stays_behind(engine: Engine, plain: Take) -> None:
    engine.render(Request(**WORDS, seeds=(3,), use_erg_tag=True, guidance_scale_text=3.0, guidance_scale_lyric=2.0))
    (after,) = engine.render(plain.request)
    assert torch.equal(after.audio, plain.audio)
