"""How a request travels from noise to latents: which times, which solver, which guidance."""

from __future__ import annotations

from engine.controls import granularity, guidance_numbers
from engine.profiles import Profile
from engine.request import Request
from engine.sampling.correction import Correction
from engine.sampling.guidance import Constants, Guidance
from engine.sampling.schedule import custom, picked, schedule
from engine.sampling.solvers import Plan, Steering
from engine.sampling.window import Window


def trajectory(request: Request, profile: Profile) -> Plan:
    """The trajectory that a resolved request asks for; an edit goes by plain steps, as published."""
    edits = request.flow_edit_morph
    steering = Steering(_guidance(request, profile), request.velocity_norm_threshold, request.velocity_ema_factor)
    corrected = request.dcw_enabled and not edits
    return Plan(
        _times(request, profile),
        "ode" if edits else request.infer_method or profile.infer_method,
        heun=request.sampler_mode == "heun" and not edits,
        turbo=profile.turbo,
        steering=steering,
        multistep=request.sampler_mode == "dpm3m" and not edits,
        granularity=granularity(request.omega_scale),
        correction=Correction(request.dcw_mode, request.dcw_scaler, request.dcw_high_scaler) if corrected else None,
    )


def _times(request: Request, profile: Profile) -> list[float]:
    """Falling times and the closing 0: a person's own, some of a schedule's, or all of them."""
    steps, shift = request.inference_steps or profile.inference_steps, request.shift or profile.shift
    if request.timesteps:
        return custom(request.timesteps, snap=profile.snaps_timesteps)
    if request.oss_steps:
        return picked(steps, shift, request.oss_steps, snap=profile.snaps_timesteps)
    return schedule(steps, shift)


def _guidance(request: Request, profile: Profile) -> Guidance | None:
    scale = request.guidance_scale or profile.guidance_scale
    if scale <= 1:
        return None
    numbers = guidance_numbers(request.guidance_params)
    angular = request.guidance_variant.startswith("adg")
    return Guidance(
        "apg_classic" if angular and request.flow_edit_morph else request.guidance_variant,
        scale,
        request.cfg_interval_start,
        request.cfg_interval_end,
        Window(request.guidance_interval, request.guidance_interval_decay, request.min_guidance_scale),
        request.guidance_scale_text,
        request.guidance_scale_lyric,
        Constants(numbers["momentum"], numbers["norm_threshold"], numbers["eta"], round(numbers["zero_init_steps"])),
    )
