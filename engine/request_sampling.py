"""The fields of a request that say how noise becomes music: steps and guidance. A part of ``engine.request``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine import readers
from engine.controls import CFG_TYPES, GUIDANCE_NUMBERS, LEAST_SCALE, NEUTRAL_OMEGA, SCHEDULERS
from engine.fields import spec

_SHARE: dict[str, Any] = {"low": 0, "high": 1}


@dataclass(frozen=True, kw_only=True)
class SamplingFields:
    """Steps, solver, guidance. None means that the model's profile decides."""

    inference_steps: int | None = spec(None, group="sampling", low=1, high=200, unit="steps", help="Denoising steps.")
    shift: float | None = spec(
        None, group="sampling", low=1, high=5, help="Above 1, more of the steps go to the large outline."
    )
    infer_method: str | None = spec(
        None, group="sampling", choices=("ode", "sde"), help="A straight path, or fresh noise at every step."
    )
    sampler_mode: str = spec(
        "euler",
        group="sampling",
        choices=("euler", "heun", "dpm3m"),
        help="heun is more exact and takes twice as long; dpm3m learns from the steps before.",
    )
    scheduler_type: str | None = spec(
        None,
        group="sampling",
        choices=tuple(SCHEDULERS),
        help="The control guide's word for method and mode: pingpong is sde.",
    )
    timesteps: tuple[float, ...] | None = spec(
        None,
        group="sampling",
        low=0,
        high=1,
        help="Custom times from 1 down to 0; replaces steps and shift.",
        wants="it must be a list of falling numbers above 0 and up to 1",
        read=readers.timesteps,
    )
    oss_steps: tuple[int, ...] = spec(
        (), group="sampling", low=1, high=200, help="Only these of the steps, counted from 1; the first is always one."
    )
    omega_scale: float = spec(
        NEUTRAL_OMEGA,
        group="sampling",
        low=-100,
        high=100,
        help="Contrast within a step: 8 is smooth, 10 neutral, 12 punchy.",
    )
    velocity_norm_threshold: float = spec(
        0.0, group="sampling", low=0, help="Tames steps that are too large; 0 is off."
    )
    velocity_ema_factor: float = spec(0.0, group="sampling", help="Smooths from step to step; 0 is off.", **_SHARE)
    dcw_enabled: bool | None = spec(None, group="sampling", help="Wavelet correction after every step.")
    dcw_mode: str = spec(
        "double", group="sampling", choices=("low", "high", "double", "pix"), help="Which bands are corrected."
    )
    dcw_scaler: float = spec(0.05, group="sampling", low=0, help="Strength of the correction.")
    dcw_high_scaler: float = spec(0.02, group="sampling", low=0, help="Its strength in the high band of mode double.")
    dcw_wavelet: str = spec("haar", group="sampling", choices=("haar",), help="Wavelet of the correction.")
    latent_shift: float = spec(0.0, group="sampling", help="Added to the latents before they are decoded.")
    latent_rescale: float = spec(1.0, group="sampling", help="Multiplies the latents before they are decoded.")

    guidance_scale: float | None = spec(
        None, group="guidance", low=1, high=15, help="How strictly the words are followed; 1 is off."
    )
    guidance_variant: str = spec(
        "apg_classic",
        group="guidance",
        choices=("apg_classic", "cfg", "cfg_star", "adg", "adg_w_norm", "adg_wo_clip"),
        help="How guidance is computed.",
    )
    cfg_type: str | None = spec(
        None, group="guidance", choices=tuple(CFG_TYPES), help="The control guide's word for the guidance variant."
    )
    guidance_params: tuple[tuple[str, float], ...] = spec(
        (),
        group="guidance",
        help=f"Constants of the guidance: {', '.join(GUIDANCE_NUMBERS)}.",
        wants="it must be a table of names and numbers",
        read=readers.guidance_params,
    )
    use_adg: bool = spec(False, group="guidance", help="Short for the guidance variant adg.")
    cfg_interval_start: float = spec(0.0, group="guidance", help="Lowest time at which guidance acts.", **_SHARE)
    cfg_interval_end: float = spec(1.0, group="guidance", help="Highest time at which guidance acts.", **_SHARE)
    guidance_interval: float = spec(
        1.0, group="guidance", help="The middle part of the steps that is guided; 1 is all of them.", **_SHARE
    )
    guidance_interval_decay: float = spec(
        0.0, group="guidance", help="How far the scale falls towards min_guidance_scale over these steps.", **_SHARE
    )
    min_guidance_scale: float = spec(
        LEAST_SCALE, group="guidance", low=0, high=15, help="What the guidance scale falls towards."
    )
    guidance_scale_text: float = spec(
        0.0, group="guidance", low=0, high=15, help="Guidance by the caption alone; with that by the lyrics, above 1."
    )
    guidance_scale_lyric: float = spec(
        0.0, group="guidance", low=0, high=15, help="Guidance by the lyrics alone; with that by the caption, above 1."
    )
    use_erg_tag: bool = spec(
        False, group="guidance", help="Guides away from a vague reading of the caption instead of from none."
    )
    use_erg_lyric: bool = spec(
        False, group="guidance", help="Guides away from a vague reading of the lyrics instead of from none."
    )
    use_erg_diffusion: bool = spec(
        False, group="guidance", help="Makes that vague reading vaguer still, in the decoder."
    )
