"""A request made definite for one model: the profile's values where it has none, and every seed drawn once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine import tasks
from engine.controls import CFG_TYPES, SCHEDULERS
from engine.errors import InvalidRequest
from engine.seeds import RANDOM, draw_seed, fill_seeds
from engine.values import UNKNOWN_LANGUAGE

if TYPE_CHECKING:
    from engine.profiles import Profile
    from engine.request import Request


def resolved(request: Request, profile: Profile, *, seeds: Sequence[int] | None = None, batch_size: int = 1) -> Request:
    """``request`` ready to render on a model of ``profile``; resolving the result again changes nothing.

    ``seeds`` replaces the request's own (the loop chooses its seeds itself); ``batch_size`` is what the card suggests
    where the request says nothing. Metadata and duration stay open for the planner. Raises InvalidRequest where the
    model cannot do what is asked.
    """
    if seeds is not None:
        request = request.replace(seeds=tuple(seeds), use_random_seed=False)
    tasks.check(request, profile)
    _check_steps(request, profile)
    return request.replace(**_sampling(request, profile), **_seeding(request, batch_size))


def settled(request: Request) -> Request:
    """``request`` with the values of its plan where it has none of its own; a caption that was planned goes first."""
    unknown = request.vocal_language == UNKNOWN_LANGUAGE
    return request.replace(
        caption=request.cot_caption or request.caption,
        lyrics=request.lyrics or request.cot_lyrics,
        bpm=request.bpm or request.cot_bpm,
        keyscale=request.keyscale or request.cot_keyscale,
        timesignature=request.timesignature or request.cot_timesignature,
        duration=request.duration or request.cot_duration,
        vocal_language=request.cot_vocal_language if unknown else request.vocal_language,
    )


def _check_steps(request: Request, profile: Profile) -> None:
    """Raises InvalidRequest for more steps than the model family allows; custom times count as steps."""
    field = "timesteps" if request.timesteps else "oss_steps" if request.oss_steps else "inference_steps"
    listed = request.timesteps or {*request.oss_steps}
    steps = len(listed) if listed else request.inference_steps
    if steps is not None and steps > profile.most_steps:
        what = f"hold {steps} values" if listed else f"be {steps}"
        raise InvalidRequest(
            f"{field} cannot {what}: a {profile.name} model takes from 1 to {profile.most_steps}.",
            f"{profile.inference_steps} steps are its default.",
            field=field,
        )


def _sampling(request: Request, profile: Profile) -> dict[str, Any]:
    """The sampling fields, each with the person's value, else the profile's."""
    scheduler_method, scheduler_mode = SCHEDULERS.get(request.scheduler_type or "", (None, "euler"))
    method = request.infer_method or scheduler_method or profile.infer_method
    mode = scheduler_mode if request.sampler_mode == "euler" else request.sampler_mode
    scale = profile.guidance_scale if profile.guidance_fixed else request.guidance_scale
    return {
        "inference_steps": len(request.timesteps or ()) or request.inference_steps or profile.inference_steps,
        "shift": profile.shift if request.shift is None else request.shift,
        "guidance_scale": profile.guidance_scale if scale is None else scale,
        "guidance_variant": _variant(request),
        "infer_method": method,
        # Heun's second look would cancel the noise that an SDE step has just added, and noise has no history.
        "sampler_mode": "euler" if method == "sde" else mode,
        **dict.fromkeys(("scheduler_type", "cfg_type")),  # said in the published words now
        "dcw_enabled": profile.dcw_enabled if request.dcw_enabled is None else request.dcw_enabled,
        # Left open it stays where a model's plans are of words and numbers alone.
        "thinking": True if request.thinking is None and profile.follows_codes else request.thinking,
    }


def _variant(request: Request) -> str:
    """``cfg_type`` and ``use_adg`` are older ways to ask for the variant; a variant that is named goes before them."""
    if request.guidance_variant != "apg_classic":
        return request.guidance_variant
    return CFG_TYPES[request.cfg_type] if request.cfg_type else "adg" if request.use_adg else "apg_classic"


def _seeding(request: Request, batch_size: int) -> dict[str, Any]:
    """Batch size and seeds, drawn here and nowhere else, so that what is recorded is what was used."""
    count = request.batch_size or len(request.seeds) or batch_size
    wanted = () if request.use_random_seed else request.seeds or (request.seed,)
    seeds = fill_seeds(wanted, count)
    retake = request.retake_seed or ((RANDOM,) if request.retake_variance else ())
    return {
        "batch_size": count,
        "plan_seed": _plan_seed(request, wanted),
        "seed": seeds[0],
        "seeds": seeds,
        "use_random_seed": False,
        "retake_seed": fill_seeds(retake, count) if retake else (),
    }


def _plan_seed(request: Request, wanted: Sequence[int]) -> int:
    """The seed of what a batch has in common. It does not hang on the batch's own seeds: one of them alone gives the
    same plan. Where a person leaves the seeds to chance, this one is too.
    """
    if request.plan_seed is None:
        return draw_seed() if RANDOM in wanted or not wanted else 0
    return draw_seed() if request.plan_seed == RANDOM else request.plan_seed
