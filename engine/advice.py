"""What a person should know about a request that is allowed: values outside training, and values without effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.controls import GUIDANCE_NUMBERS, LEAST_SCALE, NEUTRAL_OMEGA
from engine.tasks import TASKS
from engine.values import CODES_A_SECOND, RELIABLE_BPM, TURBO_TIMESTEPS

if TYPE_CHECKING:
    from engine.profiles import Profile
    from engine.request import Request

Advice = Iterator[tuple[str, str]]

ADVISED_CHARACTERS: Mapping[str, int] = MappingProxyType({"caption": 512, "lyrics": 4096})
"""Published lengths; what counts in the end is tokens, and the text encoder cuts at those."""

WITHOUT_EFFECT: Mapping[str, str] = MappingProxyType(
    {
        "global_caption": "global_caption has no effect: no published model reads it.",
        "use_cot_lyrics": "use_cot_lyrics has no effect: it is reserved.",
        "auto_score": "auto_score has no effect here: takes of a session are always scored.",
        "auto_lrc": "auto_lrc has no effect here: timed lyrics are made when a take is exported.",
        "autogen": "autogen has no effect here: the loop belongs to a session.",
    }
)
"""Published names that are accepted so that published files can be read."""

COVERS = ("cover", "cover-nofsq")

_OF_TASKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("repainting_start", "repainting_end"), ("repaint", "lego")),
        **dict.fromkeys(("repaint_mode", "repaint_strength", "repaint_latent_crossfade_frames"), ("repaint",)),
        **dict.fromkeys(("repaint_wav_crossfade_sec", "next_gap"), ("repaint",)),
        **dict.fromkeys(("audio_cover_strength", "cover_noise_strength"), COVERS),
        **dict.fromkeys(("crop_start", "crop_end", "fade_in", "fade_out"), ("crop",)),
    }
)
"""Fields that say how a source is worked on, and the tasks that look at them; codes are followed as covers are."""

_OF_GUIDANCE = (
    "use_adg",
    "guidance_variant",
    "cfg_type",
    "cfg_interval_start",
    "cfg_interval_end",
    "guidance_interval",
    "guidance_interval_decay",
    "guidance_scale_text",
    "guidance_scale_lyric",
    "use_erg_tag",
    "use_erg_lyric",
    "use_erg_diffusion",
)
"""Fields that say how guidance is done, and not how strongly."""


def warnings(request: Request, profile: Profile) -> list[tuple[str, str]]:
    """(field, sentence) for everything in ``request`` that is untrained or has no effect on a model of ``profile``."""
    of_request = (_words, _metadata, _solver, _task, _source_fields, _seeds, _names)
    of_model = (_length, _machine, _steps, _times, _turbo_mode, _guidance)
    found = [list(rule(request)) for rule in of_request] + [list(rule(request, profile)) for rule in of_model]
    return [advice for rule in found for advice in rule]


def _words(request: Request) -> Advice:
    for name, most in ADVISED_CHARACTERS.items():
        length = len(getattr(request, name))
        if length > most:
            yield name, f"{name} has {length} characters; beyond about {most} the model may not read the rest."


def _metadata(request: Request) -> Advice:
    slow, fast = RELIABLE_BPM
    if request.bpm is not None and not slow <= request.bpm <= fast:
        yield "bpm", f"{request.bpm} beats a minute is outside {slow} to {fast}, where the model keeps time best."


def _length(request: Request, profile: Profile) -> Advice:
    low, high = profile.trained_seconds
    if request.duration is None or any(_useless_duration(request)):
        return
    if not low <= request.duration <= high:
        seconds = "1 second is" if request.duration == 1 else f"{request.duration:g} seconds are"
        yield (
            "duration",
            f"{seconds} outside the {low:g} to {high:g} that a {profile.name} model was trained on.",
        )


def _machine(request: Request, profile: Profile) -> Advice:
    """What is beyond the machine's row of the published table; it is tried all the same."""
    if profile.longest is not None and request.duration is not None and request.duration > profile.longest:
        yield "duration", f"{request.duration:g} seconds are more than this machine is meant for: {profile.longest:g}."
    if profile.at_once is not None and (request.batch_size or 0) > profile.at_once:
        yield "batch_size", f"{request.batch_size} takes are more than this machine is meant for: {profile.at_once}."


def _steps(request: Request, profile: Profile) -> Advice:
    if request.timesteps:
        if request.inference_steps not in (None, len(request.timesteps)):
            yield "inference_steps", "inference_steps has no effect: timesteps says how many steps there are."
        return
    fewest, most = profile.advised_steps
    if request.inference_steps not in (None, profile.inference_steps, *range(fewest, most + 1)):
        advised = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        yield "inference_steps", f"A {profile.name} model is at its best with {advised} steps."


def _times(request: Request, profile: Profile) -> Advice:
    """Shift and custom times against those that the model was distilled at."""
    if request.timesteps:
        if request.shift not in (None, profile.shift):
            yield "shift", "shift has no effect: timesteps replaces it."
        foreign = len({*request.timesteps} - {*TURBO_TIMESTEPS})
        if profile.snaps_timesteps and foreign:
            moved = f"{foreign} of the {len(request.timesteps)} values will be moved to the nearest of them"
            yield "timesteps", f"A {profile.name} model knows {len(TURBO_TIMESTEPS)} times: {moved}."
    elif request.shift is not None and profile.trained_shifts and request.shift not in profile.trained_shifts:
        trained = ", ".join(f"{shift:g}" for shift in profile.trained_shifts)
        yield "shift", f"A {profile.name} model was made for shift {trained}."


def _guidance(request: Request, profile: Profile) -> Advice:
    if not profile.guidance_fixed:
        yield from _guided(request)
        return
    why = f"has no effect: a {profile.name} model has its guidance built in"
    if request.guidance_scale not in (None, profile.guidance_scale):
        yield "guidance_scale", f"guidance_scale {why}, so {profile.guidance_scale:g} is used."
    for name in _OF_GUIDANCE:
        if getattr(request, name) != _default(request, name):
            yield name, f"{name} {why}."


def _default(request: Request, name: str) -> object:
    """What a field of a request is when nobody says anything."""
    return type(request).__dataclass_fields__[name].default


def _guided(request: Request) -> Advice:
    """Guidance fields that need each other."""
    unknown = [name for name, _ in request.guidance_params if name not in GUIDANCE_NUMBERS]
    if unknown:
        yield (
            "guidance_params",
            f"{unknown[0][:40]} in guidance_params has no effect: {', '.join(GUIDANCE_NUMBERS)} do.",
        )
    text, lyric = request.guidance_scale_text > 1, request.guidance_scale_lyric > 1
    if request.guidance_scale_text and not (text and lyric):
        yield "guidance_scale_text", "guidance_scale_text has no effect: it and guidance_scale_lyric must be above 1."
    if request.guidance_scale_lyric and not (text and lyric):
        yield "guidance_scale_lyric", "guidance_scale_lyric has no effect: it and guidance_scale_text must be above 1."
    if request.guidance_interval_decay and text and lyric:
        yield "guidance_interval_decay", "guidance_interval_decay has no effect on guidance by caption and lyrics."
    if request.min_guidance_scale != LEAST_SCALE and not request.guidance_interval_decay:
        yield "min_guidance_scale", "min_guidance_scale has no effect: guidance_interval_decay is 0."
    if request.use_erg_diffusion and not (request.use_erg_tag or request.use_erg_lyric):
        yield "use_erg_diffusion", "use_erg_diffusion has no effect without use_erg_tag or use_erg_lyric."


def _turbo_mode(request: Request, profile: Profile) -> Advice:
    if profile.turbo and request.sampler_mode != "euler":
        yield "sampler_mode", f"A {profile.name} model was made for euler: its steps are its own."


def _solver(request: Request) -> Advice:
    if request.sampler_mode != "euler" and request.infer_method == "sde":
        yield "sampler_mode", f"{request.sampler_mode} does not go with infer_method sde: euler is used."
    noised = request.infer_method == "sde" or (request.infer_method is None and request.scheduler_type == "pingpong")
    if noised and request.omega_scale != NEUTRAL_OMEGA:
        yield "omega_scale", "omega_scale has no effect with fresh noise at every step."
    if request.flow_edit_morph and (request.sampler_mode != "euler" or request.infer_method == "sde"):
        yield "flow_edit_morph", "An edit goes by plain steps: method and mode have no effect."
    if request.oss_steps and request.timesteps:
        yield "oss_steps", "oss_steps has no effect: timesteps replaces it."


def _task(request: Request) -> Advice:
    task = TASKS[request.task_type]
    coded = bool(request.audio_codes) and task.takes_codes
    if request.audio_codes and not task.takes_codes:
        yield "audio_codes", f"audio_codes has no effect with {task.name}: it works on the source itself."
    if request.src_audio and not request.flow_edit_morph and (coded or not task.needs_source):
        yield "src_audio", f"src_audio has no effect with {task.name}{' from audio_codes' if coded else ''}."
    yield from _useless_duration(request)


def _useless_duration(request: Request) -> Advice:
    """A length that something else decides about."""
    task = TASKS[request.task_type]
    if request.duration is None:
        return
    if request.audio_codes and task.takes_codes:
        seconds = len(request.audio_codes) / CODES_A_SECOND
        if seconds != request.duration:
            yield "duration", f"duration has no effect: audio_codes is {seconds:g} seconds long."
    elif task.needs_source:
        yield "duration", f"duration has no effect with {task.name}: the result is as long as its source."


def _source_fields(request: Request) -> Advice:
    """Fields that say how a source is worked on, where the task does it in another way."""
    covers = TASKS[request.task_type].covers or (bool(request.audio_codes) and TASKS[request.task_type].takes_codes)
    for name, tasks in _OF_TASKS.items():
        counts = request.task_type in tasks or (covers and tasks == COVERS)
        if not counts and getattr(request, name) != _default(request, name):
            yield name, f"{name} has no effect with {request.task_type}."
    fixed = request.task_type == "repaint" and request.repaint_mode != "balanced"
    if fixed and request.repaint_strength != _default(request, "repaint_strength"):
        yield "repaint_strength", f"repaint_strength has no effect: the repaint mode is {request.repaint_mode}."


def _seeds(request: Request) -> Advice:
    count = request.batch_size
    if count is not None and len(request.seeds) > count:
        yield "seeds", f"Only the first {count} of {len(request.seeds)} seeds are used: batch_size is {count}."
    if request.seeds and request.seed not in (-1, request.seeds[0]):
        yield "seed", "seed has no effect: seeds is given."
    if request.use_random_seed and (request.seeds or request.seed >= 0):
        yield "use_random_seed", "Fresh seeds are used in place of those given: use_random_seed is on."


def _names(request: Request) -> Advice:
    for name, sentence in WITHOUT_EFFECT.items():
        if getattr(request, name):
            yield name, sentence
