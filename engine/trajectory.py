"""How a request travels from noise to latents: which times, which solver, which guidance."""

from __future__ import annotations

from engine.profiles import Profile
from engine.request import Request
from engine.sampling.guidance import Guidance
from engine.sampling.schedule import custom, schedule
from engine.sampling.solvers import Plan, Steering


def trajectory(request: Request, profile: Profile) -> Plan:
    """The trajectory that a resolved request asks for."""
    steps = request.inference_steps or profile.inference_steps
    shift, scale = request.shift or profile.shift, request.guidance_scale or profile.guidance_scale
    times = custom(request.timesteps, snap=profile.snaps_timesteps) if request.timesteps else schedule(steps, shift)
    guidance = None
    if scale > 1:
        guidance = Guidance(request.guidance_variant, scale, request.cfg_interval_start, request.cfg_interval_end)
    steering = Steering(guidance, request.velocity_norm_threshold, request.velocity_ema_factor)
    method = request.infer_method or profile.infer_method
    return Plan(times, method, heun=request.sampler_mode == "heun", turbo=profile.turbo, steering=steering)
