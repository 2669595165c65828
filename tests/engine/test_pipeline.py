"""A request through all of it: what a seed owes its neighbours, what is said on the way, what ends in a refusal."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine import Cancelled, Engine, EngineError, RenderFailed, Request
from engine.loudness import loudness
from engine.pipeline import Progress, Remark, TakeReady
from engine.sampling import noise as streams
from engine.sampling.noise import INITIAL, normal
from engine.testing import make_checkpoint

pytestmark = pytest.mark.usefixtures("one_thread")

ROOT = Path(__file__).parents[2]
RATE = 48_000

NANO: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "sliding_window": 16,
    "text_hidden_dim": 32,
    "num_lyric_encoder_hidden_layers": 1,
    "num_timbre_encoder_hidden_layers": 1,
    "num_attention_pooler_hidden_layers": 1,
    "timbre_fix_frame": 50,
    "vae": {"decoder_channels": 2, "channel_multiples": [1, 1, 1, 1, 1]},
    "text_encoder": {"num_hidden_layers": 1, "intermediate_size": 64},
}
"""Smaller still than tiny: what happens here does not depend on sizes, and happens often."""

ONE = Request(caption="warm jazz", lyrics="[Verse]\nla la la", duration=1, seeds=(7,), inference_steps=3)


@pytest.fixture(scope="module")
def turbo(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine.load(make_checkpoint(tmp_path_factory.mktemp("turbo"), lm=False, config=NANO), device="cpu")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    path = make_checkpoint(tmp_path_factory.mktemp("base"), variant="base", lm=False, config=NANO)
    return Engine.load(path, device="cpu")


@contextmanager
def times(parameter: Tensor, factor: float) -> Iterator[None]:
    """A parameter multiplied by ``factor``, for a while."""
    kept = parameter.clone()
    parameter.mul_(factor)
    try:
        yield
    finally:
        parameter.copy_(kept)


def same(one: Any, other: Any) -> bool:
    """Whether two takes are equal bit for bit."""
    return torch.equal(one.latents, other.latents) and torch.equal(one.audio, other.audio) and one.gain == other.gain


# --- seeds -----------------------------------------------------------------------------------------------------------

STYLES: dict[str, dict[str, Any]] = {
    "plain": {},
    "sde": {"infer_method": "sde"},
    "heun": {"sampler_mode": "heun"},
    "retake": {"retake_variance": 0.4, "retake_seed": tuple(range(100, 108))},
    "steered": {"velocity_norm_threshold": 0.5, "velocity_ema_factor": 0.3},
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("family", ["turbo", "base"])
def test_an_item_of_a_batch_is_its_seed_alone(request: pytest.FixtureRequest, family: str, style: str) -> None:
    """Bit for bit, in float32 on a CPU. On base the guidance remembers: not from one item to the next."""
    engine: Engine = request.getfixturevalue(family)
    seeds = (3, 1, 4, 15, 9, 2, 6, 5)
    asked = ONE.replace(seeds=seeds, **STYLES[style])
    takes = engine.render(asked)
    assert [take.seed for take in takes] == list(seeds)
    for i in (0, 3, 7):
        alone = {"retake_seed": asked.retake_seed[i : i + 1]} if asked.retake_seed else {}
        assert same(engine.render(asked.replace(seeds=seeds[i : i + 1], **alone))[0], takes[i])
    assert len({take.latents.sum().item() for take in takes}) == len(seeds)


def test_the_same_seed_is_the_same_take(turbo: Engine) -> None:
    first, again, twice = turbo.render(ONE), turbo.render(ONE), turbo.render(ONE.replace(seeds=(7, 7)))
    assert all(same(first[0], take) for take in (*again, *twice))
    assert not torch.equal(turbo.render(ONE.replace(seeds=(8,)))[0].latents, first[0].latents)


def test_what_was_rendered_before_leaves_no_trace(turbo: Engine) -> None:
    first = turbo.render(ONE)[0]
    turbo.render(ONE.replace(caption="loud drums", duration=6.5, infer_method="sde"))
    assert same(turbo.render(ONE)[0], first)


def test_words_change_the_music(turbo: Engine) -> None:
    plain = turbo.render(ONE)[0].latents
    for changed in ({"caption": "cold drums"}, {"lyrics": "other words"}, {"bpm": 99}, {"vocal_language": "en"}):
        assert not torch.allclose(turbo.render(ONE.replace(**changed))[0].latents, plain, atol=1e-6), changed


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("family", ["turbo", "base"])
def test_a_takes_request_renders_it_again(request: pytest.FixtureRequest, family: str, style: str) -> None:
    """Through JSON, as it lies in a file's tags; also for one take of many, and with every default left open."""
    engine: Engine = request.getfixturevalue(family)
    for take in engine.render(ONE.replace(seeds=(-1, 5), **STYLES[style])):
        written = json.loads(json.dumps(take.request.to_dict()))
        assert Request.from_dict(written) == take.request
        assert same(engine.render(Request.from_dict(written))[0], take)


def test_a_take_says_what_was_left_open(base: Engine) -> None:
    take = base.render(Request(caption="x", duration=1, inference_steps=2))[0]
    resolved = take.request
    assert (resolved.seeds, resolved.seed, resolved.batch_size) == ((take.seed,), take.seed, 1)
    assert (resolved.guidance_scale, resolved.shift, resolved.infer_method) == (7.0, 1.0, "ode")
    assert resolved.use_random_seed is False


def test_a_take_without_a_length_is_a_minute(turbo: Engine) -> None:
    take = turbo.render(Request(caption="x", seeds=(1,), inference_steps=1))[0]
    assert take.audio.shape == (2, 60 * RATE)
    assert take.request.duration == 60


# --- conditions ------------------------------------------------------------------------------------------------------


def test_words_are_encoded_once_for_every_batch_of_a_plan(turbo: Engine) -> None:
    before = turbo.conditions.encoded
    asked = ONE.replace(caption="never heard before")
    turbo.render(asked)
    turbo.render(asked.replace(seeds=(8, 9)))
    assert turbo.conditions.encoded == before + 1
    turbo.render(asked.replace(caption="nor this"))
    assert turbo.conditions.encoded == before + 2
    turbo.render(asked)
    assert turbo.conditions.encoded == before + 2


def test_only_a_few_prompts_are_kept(turbo: Engine) -> None:
    asked = [ONE.replace(caption=f"prompt {i}") for i in range(5)]
    for each in asked:
        turbo.render(each)
    before = turbo.conditions.encoded
    for each in reversed(asked[1:]):
        turbo.render(each)
    assert turbo.conditions.encoded == before
    turbo.render(asked[0])
    assert turbo.conditions.encoded == before + 1


# --- length ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "frames"),
    # 25 * 1.12 and 25 * 2.2 come out a little above the whole numbers that they are.
    [(1, 25), (1.12, 28), (2.2, 55), (1.13, 29), (5.03, 126), (5.12, 128), (5.13, 129), (12.34, 309)],
)
def test_a_take_is_as_long_as_was_asked(turbo: Engine, seconds: float, frames: int) -> None:
    """To the sample; the latents are the whole frames that hold them."""
    take = turbo.render(ONE.replace(duration=seconds, inference_steps=1))[0]
    assert take.audio.shape == (2, round(seconds * RATE))
    assert take.latents.shape == (frames, 64)


def test_a_short_take_is_the_start_of_a_run_of_128_frames(turbo: Engine) -> None:
    """The model has never seen less. The prompt names the seconds, so lengths within one second are compared."""
    short = turbo.render(ONE.replace(duration=3.2))[0]
    longer = turbo.render(ONE.replace(duration=3.96))[0]
    assert torch.equal(longer.latents[:80], short.latents)


# --- what comes out --------------------------------------------------------------------------------------------------


def test_the_audio_is_the_decoded_latents_at_a_gain(turbo: Engine) -> None:
    take = turbo.render(ONE.replace(duration=3.21))[0]
    with torch.no_grad():
        decoded = turbo._model.vae.decode(take.latents[None])[0, :, : take.audio.shape[1]]
    assert torch.equal(decoded * take.gain, take.audio)
    assert take.latents.dtype == take.audio.dtype == torch.float32


def test_latents_are_rescaled_and_shifted_before_they_are_decoded(turbo: Engine) -> None:
    plain = turbo.render(ONE)[0]
    moved = turbo.render(ONE.replace(latent_rescale=0.8, latent_shift=0.1))[0]
    torch.testing.assert_close(moved.latents, plain.latents * 0.8 + 0.1)
    with torch.no_grad():
        decoded = turbo._model.vae.decode(moved.latents[None])[0, :, : moved.audio.shape[1]]
    assert torch.equal(decoded * moved.gain, moved.audio)


@pytest.mark.parametrize("target", [-1.0, -6.0, 0.0])
def test_the_peak_is_where_it_was_asked_for(turbo: Engine, target: float) -> None:
    take = turbo.render(ONE.replace(normalization_db=target))[0]
    assert float(take.audio.abs().max()) == pytest.approx(10 ** (target / 20), rel=1e-6)
    assert float(take.audio.abs().max()) <= 1


def test_without_normalisation_only_clipping_is_prevented(turbo: Engine) -> None:
    quiet = turbo.render(ONE.replace(enable_normalization=False))[0]
    assert quiet.gain == 1
    assert float(quiet.audio.abs().max()) < 1
    with times(turbo._model.vae.decoder.conv2.weight, 1000):
        loud = turbo.render(ONE.replace(enable_normalization=False))[0]
    assert loud.gain == pytest.approx(1e-3 / float(quiet.audio.abs().max()), rel=1e-5)
    assert float(loud.audio.abs().max()) == pytest.approx(1, rel=1e-6)


def test_a_take_knows_how_long_each_stage_took(turbo: Engine) -> None:
    for take in turbo.render(ONE.replace(seeds=(1, 2))):
        assert {"conditions", "sampling", "decode"} <= take.timings.keys()
        assert all(seconds >= 0 for seconds in take.timings.values())
        assert take.identity == turbo.identity | {"lanes": 1}


def test_a_take_measures_its_loudness_when_asked(turbo: Engine) -> None:
    """Six decibels less peak are six loudness units less."""
    loud, quiet = (turbo.render(ONE.replace(normalization_db=target))[0] for target in (-1.0, -7.0))
    assert loud.loudness == loudness(loud.audio.numpy(), RATE)
    assert loud.loudness is not None
    assert quiet.loudness == pytest.approx(loud.loudness - 6, abs=1e-3)


# --- noise -----------------------------------------------------------------------------------------------------------


def test_given_noise_takes_the_place_of_the_seeds(turbo: Engine) -> None:
    noise = torch.stack([normal(seed, INITIAL, 128, 64) for seed in (7, 8)])
    takes = turbo.render(ONE.replace(seeds=(1, 2)), noise=noise)
    for take, expected in zip(takes, turbo.render(ONE.replace(seeds=(7, 8))), strict=True):
        assert torch.equal(take.latents, expected.latents)


def test_given_noise_may_be_as_long_as_the_take(turbo: Engine) -> None:
    """What a short take is run beyond its end on comes from the seed."""
    noise = normal(7, INITIAL, 25, 64)[None]
    assert torch.equal(turbo.render(ONE, noise=noise)[0].latents, turbo.render(ONE)[0].latents)


def test_a_retake_leads_from_the_seed_to_the_retake_seed(turbo: Engine) -> None:
    plain, other = (turbo.render(ONE.replace(seeds=(seed,)))[0] for seed in (7, 21))
    none, some, all_of_it = (
        turbo.render(ONE.replace(retake_seed=(21,), retake_variance=variance))[0] for variance in (0.0, 0.3, 1.0)
    )
    assert torch.equal(none.latents, plain.latents)
    assert torch.equal(all_of_it.latents, other.latents)
    assert 0 < (some.latents - plain.latents).norm() < (other.latents - plain.latents).norm()


def test_a_retake_without_a_seed_draws_one_and_says_which(turbo: Engine) -> None:
    take = turbo.render(ONE.replace(retake_variance=0.5))[0]
    assert len(take.request.retake_seed) == 1
    assert take.request.retake_seed[0] >= 0
    assert same(turbo.render(take.request)[0], take)


def test_an_sde_draws_a_numbered_stream_of_its_seed_for_every_step(
    turbo: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step adds no noise; nothing else draws any."""
    drawn: list[tuple[int, int]] = []

    def spy(seed: int, stream: int, *shape: int) -> Tensor:
        drawn.append((seed, stream))
        return normal(seed, stream, *shape)

    monkeypatch.setattr(streams, "normal", spy)
    turbo.render(ONE.replace(seeds=(7, 8), infer_method="sde"))
    assert drawn == [(7, INITIAL), (7, 1), (7, 2), (8, INITIAL), (8, 1), (8, 2)]
    drawn.clear()
    turbo.render(ONE)
    assert drawn == [(7, INITIAL)]


# --- every solver and guidance ---------------------------------------------------------------------------------------

VARIANTS = ("apg_classic", "cfg", "adg", "adg_w_norm", "adg_wo_clip")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("solver", ["euler", "heun", "sde"])
def test_every_solver_and_guidance_renders(base: Engine, solver: str, variant: str) -> None:
    method = {"infer_method": "sde"} if solver == "sde" else {"sampler_mode": solver}
    asked = ONE.replace(guidance_variant=variant, guidance_scale=5, **method)
    guided, plain = base.render(asked)[0], base.render(asked.replace(guidance_scale=1))[0]
    assert guided.latents.isfinite().all()
    assert guided.audio.abs().max() <= 1
    assert not torch.allclose(guided.latents, plain.latents, atol=1e-4)


def test_guidance_variants_differ(base: Engine) -> None:
    latents = [base.render(ONE.replace(guidance_variant=variant))[0].latents for variant in VARIANTS]
    for i, one in enumerate(latents):
        assert not any(torch.allclose(one, other, atol=1e-4) for other in latents[:i])


def test_use_adg_is_the_variant_adg(base: Engine) -> None:
    assert same(base.render(ONE.replace(use_adg=True))[0], base.render(ONE.replace(guidance_variant="adg"))[0])


def test_guidance_acts_inside_its_interval_only(base: Engine) -> None:
    """Times are 1, 2/3, 1/3: an interval between them is no guidance at all, and one around them is all of it."""
    never = base.render(ONE.replace(cfg_interval_start=0.4, cfg_interval_end=0.6))[0]
    always = base.render(ONE.replace(cfg_interval_start=0.3, cfg_interval_end=1.0))[0]
    assert torch.equal(never.latents, base.render(ONE.replace(guidance_scale=1))[0].latents)
    assert torch.equal(always.latents, base.render(ONE)[0].latents)


def test_turbo_takes_no_guidance(turbo: Engine) -> None:
    take = turbo.render(ONE.replace(guidance_scale=9))[0]
    assert take.request.guidance_scale == 1
    assert same(take, turbo.render(ONE)[0])


def test_custom_times_are_snapped_on_turbo_and_kept_on_base(turbo: Engine, base: Engine) -> None:
    near, known = (0.99, 0.51), (1.0, 0.5)
    assert torch.equal(*(turbo.render(ONE.replace(timesteps=times))[0].latents for times in (near, known)))
    assert not torch.equal(*(base.render(ONE.replace(timesteps=times))[0].latents for times in (near, known)))


# --- events ----------------------------------------------------------------------------------------------------------


def test_events_come_in_order_with_their_totals(turbo: Engine) -> None:
    """Three seconds and a bit: 76 frames in tiles of at most 32."""
    events = list(turbo.stream(ONE.replace(seeds=(1, 2), duration=3.01, inference_steps=3)))
    assert events[:2] == [Progress("conditions", 0, 1), Progress("conditions", 1, 1)]
    rest = iter(events[2:])
    for item in range(2):
        assert [next(rest) for _ in range(3)] == [Progress("sampling", i + 1, 3, item) for i in range(3)]
        done = 0
        while done < 76:
            event = next(rest)
            assert isinstance(event, Progress)
            assert (event.stage, event.total, event.take) == ("decode", 76, item)
            assert 0 < event.done - done <= 32
            done = event.done
        assert done == 76
        ready = next(rest)
        assert isinstance(ready, TakeReady)
        assert (ready.index, ready.take.seed) == (item, (1, 2)[item])
    assert next(rest, None) is None


def test_render_is_what_the_stream_collects(turbo: Engine) -> None:
    heard: list[tuple[str, int, int]] = []
    takes = turbo.render(ONE.replace(seeds=(1, 2)), progress=lambda *event: heard.append(event))
    events = list(turbo.stream(ONE.replace(seeds=(1, 2))))
    assert heard == [(e.stage, e.done, e.total) for e in events if isinstance(e, Progress)]
    streamed = [e.take for e in events if isinstance(e, TakeReady)]
    assert all(same(a, b) for a, b in zip(takes, streamed, strict=True))


@pytest.fixture
def steps(turbo: Engine) -> Iterator[list[int]]:
    """One entry for every time the model looks."""
    seen: list[int] = []
    handle = turbo._model.networks.decoder.patch_in.register_forward_hook(lambda *_: seen.append(1))
    yield seen
    handle.remove()


def test_nothing_is_computed_between_two_events(turbo: Engine, steps: list[int]) -> None:
    """Pausing is not to ask for the next."""
    events = turbo.stream(ONE.replace(inference_steps=8))
    counts = [len(steps) for event in events if isinstance(event, Progress) and event.stage == "sampling"]
    assert counts == list(range(1, 9))


@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_cancelled_render_stops_within_a_step(turbo: Engine, steps: list[int], after: int) -> None:
    cancel = threading.Event()

    def watch(stage: str, done: int, total: int) -> None:
        if stage == "sampling" and done == after:
            cancel.set()

    if after == 0:
        cancel.set()
    with pytest.raises(Cancelled) as caught:
        turbo.render(ONE.replace(inference_steps=8), progress=watch, cancel=cancel)
    assert caught.value.exit_code == 130
    assert len(steps) <= after + 1


def test_a_render_is_cancelled_while_it_decodes(turbo: Engine) -> None:
    cancel, tiles = threading.Event(), []

    def watch(stage: str, done: int, total: int) -> None:
        if stage == "decode":
            tiles.append(done)
            cancel.set()

    with pytest.raises(Cancelled):
        turbo.render(ONE.replace(duration=20, inference_steps=1), progress=watch, cancel=cancel)
    assert len(tiles) == 1


@pytest.mark.parametrize("events", [1, 2, 3, 5, 7])
def test_an_engine_survives_a_stream_that_is_closed(turbo: Engine, events: int) -> None:
    expected = turbo.render(ONE)[0]
    stream = turbo.stream(ONE.replace(seeds=(1, 2), duration=3, caption=f"closed after {events}"))
    for _ in range(events):
        next(stream)
    stream.close()
    assert next(stream, None) is None
    assert torch.is_grad_enabled()
    assert same(turbo.render(ONE)[0], expected)


def test_two_streams_may_take_turns(turbo: Engine) -> None:
    one, other = ONE.replace(duration=3), ONE.replace(seeds=(8,), duration=6, caption="another")
    expected = [turbo.render(each)[0] for each in (one, other)]
    streams, takes = [turbo.stream(one), turbo.stream(other)], {}
    while len(takes) < 2:
        for number, stream in enumerate(streams):
            event = next(stream, None)
            if isinstance(event, TakeReady):
                takes[number] = event.take
    assert all(same(takes[i], expected[i]) for i in range(2))


def test_a_stream_leaves_autograd_as_it_was(turbo: Engine) -> None:
    for event in turbo.stream(ONE):
        assert torch.is_grad_enabled()
        if isinstance(event, TakeReady):
            assert not event.take.audio.requires_grad


# --- what is no take -------------------------------------------------------------------------------------------------


def test_a_model_that_gives_no_numbers_is_no_take(turbo: Engine) -> None:
    with (
        times(turbo._model.networks.decoder.norm_out.weight, torch.nan),
        pytest.raises(RenderFailed, match="not numbers") as caught,
    ):
        turbo.render(ONE)
    assert caught.value.hint
    assert turbo.render(ONE)[0].audio.isfinite().all()


@pytest.mark.parametrize(("factor", "sentence"), [(torch.nan, "not numbers"), (0.0, "silent"), (1e-6, "silent")])
def test_a_decoder_that_gives_nothing_to_hear_is_no_take(turbo: Engine, factor: float, sentence: str) -> None:
    with (
        times(turbo._model.vae.decoder.conv2.weight, factor),
        pytest.raises(RenderFailed, match=sentence) as caught,
    ):
        turbo.render(ONE)
    assert caught.value.hint
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("shape", [(1, 25, 63), (1, 25), (2, 129, 64), (0, 25, 64)], ids=str)
def test_noise_that_does_not_fit_is_refused(turbo: Engine, shape: tuple[int, ...]) -> None:
    """Other channels, no items, more frames than are sampled, too few items."""
    with pytest.raises(EngineError, match="noise"):
        turbo.render(ONE, noise=torch.zeros(shape))


# --- the door --------------------------------------------------------------------------------------------------------


def test_importing_the_engine_does_not_import_torch() -> None:
    program = (
        "import sys, engine; from engine import Request, EngineError; Request(caption='x');"
        "print(sorted({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_dtypes_render_something_alike(tmp_path: Path, turbo: Engine, dtype: str) -> None:
    """Sampling keeps its latents in float32 whatever the model computes in."""
    path = make_checkpoint(tmp_path, lm=False, config=NANO)
    narrow = Engine.load(path, device="cpu", dtype=dtype).render(ONE)[0]
    exact = turbo.render(ONE)[0]
    assert narrow.latents.dtype == narrow.audio.dtype == torch.float32
    assert narrow.identity["dtype"] == dtype
    error = (narrow.latents - exact.latents).norm() / exact.latents.norm()
    assert error < 0.1
    assert error > 0


def test_a_person_is_told_what_the_model_does_not_read(tiny_turbo: Path) -> None:
    engine = Engine.load(tiny_turbo, device="cpu")
    request = Request(caption="rain", lyrics="la la la\n" * 1200, duration=1, seeds=[1])
    remarks = [event.text for event in engine.stream(request) if isinstance(event, Remark)]
    assert len(remarks) == 1
    assert remarks[0].startswith("The lyrics are longer than the model reads: the last ")
    assert not any(isinstance(event, Remark) for event in engine.stream(request.replace(lyrics="la")))


def test_the_door_is_importable_without_torch_and_opens_to_the_engine(tiny_turbo: Path) -> None:
    script = "import sys; from engine import Engine, Request, EngineError; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=False).returncode == 0
    assert isinstance(Engine.load(tiny_turbo, device="cpu"), Engine)
