"""Presets: draft, normal and best, and the recipes of ACE-Step v1 as far as a 1.5 model can follow them.

A preset sets how a recipe is rendered and never what: words, metadata, sources and seeds stay. It replaces every field
of ``SHAPING``, so that going from one preset to another leaves nothing of the first behind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from engine.errors import InvalidRequest
from engine.fields import shown
from engine.profiles import Profile
from sessions.settings import Recipe

SHAPING = (
    "inference_steps",
    "shift",
    "timesteps",
    "infer_method",
    "sampler_mode",
    "dcw_enabled",
    "guidance_scale",
    "guidance_variant",
    "use_adg",
    "cfg_interval_start",
    "cfg_interval_end",
    "thinking",
)
"""The fields that every preset decides: by a value of its own, or by leaving them to the model's profile."""


@dataclass(frozen=True)
class Preset:
    """A way to render: its fields for models with guidance (sft, base) and for turbo models, which have it built in.

    The notes say what of the preset such a model cannot do; they are sentences for people.
    """

    title: str
    help: str
    guided: Mapping[str, Any]
    turbo: Mapping[str, Any]
    guided_notes: tuple[str, ...] = ()
    turbo_notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _V1:
    """One recipe of v1 (facts: v1.md 2.1), its guidance scale converted to 1.5 (4.10)."""

    steps: int
    scale: float
    cfg: str
    sampler: str
    omega: int
    interval: float
    decay: float
    erg: str


_V1_SHIFT = 3.0
"""The schedule that v1 was sampled with."""


def _from_v1(title: str, help: str, v1: _V1) -> Preset:
    low, high = guidance_window(v1.steps, _V1_SHIFT, v1.interval)
    method = "sde" if v1.sampler == "pingpong" else "ode"
    fields: dict[str, Any] = {
        "inference_steps": v1.steps,
        "shift": _V1_SHIFT,
        "infer_method": method,
        "guidance_scale": v1.scale,
        "guidance_variant": "apg_classic" if v1.cfg == "apg" else "cfg",
        "cfg_interval_start": low,
        "cfg_interval_end": high,
    }
    notes = []
    if v1.sampler == "heun":
        fields["sampler_mode"] = "heun"
    if v1.cfg != "apg":
        notes.append(f"{v1.cfg} is not offered: plain cfg at a gentler scale stands in for it.")
    if v1.omega != 10 and v1.sampler != "pingpong":  # 10 is neutral, and pingpong ignores it
        notes.append(f"omega_scale {v1.omega} is left out: 1.5 has no such control.")
    if v1.decay:
        notes.append(f"guidance_interval_decay {v1.decay:g} is left out: the scale stays the same.")
    if "1" in v1.erg:
        notes.append(f"ERG (tag/lyric/diffusion {v1.erg}) is left out: 1.5 has no such control.")
    turbo_notes = ["Steps and guidance are left to the model: a turbo model has both built in."]
    if v1.sampler == "heun":
        turbo_notes.append("heun is left out: a turbo model was distilled for its own steps.")
    return Preset(title, help, fields, {"infer_method": method}, tuple(notes), tuple(turbo_notes))


def guidance_window(steps: int, shift: float, interval: float) -> tuple[float, float]:
    """``cfg_interval_start`` and ``cfg_interval_end`` that guide the same steps as v1's ``guidance_interval``.

    v1 counts steps from the middle, 1.5 compares times (facts: v1.md 4.5). The bounds are rounded outwards to three
    decimals, which is less than the distance to the next step for schedules of up to 100 steps and shifts up to 3.
    """
    first, behind = int(steps * (1 - interval) / 2), int(steps * (interval / 2 + 0.5))
    times = [shift * t / (1 + (shift - 1) * t) for t in (1 - step / steps for step in range(steps))]
    return math.floor(times[behind - 1] * 1000) / 1000, math.ceil(times[first] * 1000) / 1000


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "draft": Preset(
            "Draft",
            "Quick sketches: few steps, and no audio codes from the planner.",
            guided={"inference_steps": 20, "thinking": False},
            turbo={"inference_steps": 4, "thinking": False},
        ),
        "normal": Preset("Normal", "What the model was made for: its own defaults.", guided={}, turbo={}),
        "best": Preset(
            "Best",
            "As good as the model gets, at two to three times the price.",
            guided={"inference_steps": 64, "sampler_mode": "heun", "thinking": True},
            turbo={"inference_steps": 8, "dcw_enabled": True, "thinking": True},
            turbo_notes=("A turbo model gains nothing from more than its eight steps: only the correction is added.",),
        ),
        "balanced": _from_v1(
            "Balanced Realism",
            "v1's general default.",
            _V1(60, 7.0, "apg", "euler", omega=10, interval=0.5, decay=0, erg="1/1/1"),
        ),
        "freestyle": _from_v1(
            "Experimental Freestyle",
            "v1's recipe for exploring and jams.",
            _V1(50, 4.43, "apg", "pingpong", omega=11, interval=0.3, decay=0.5, erg="1/1/1"),
        ),
        "precise": _from_v1(
            "High Fidelity Precise",
            "v1's recipe for structured songs and covers.",
            _V1(80, 4.0, "cfg_star", "heun", omega=10, interval=0.7, decay=0, erg="0/0/0"),
        ),
        "fast": _from_v1(
            "Fast Preview",
            "v1's recipe for going round quickly.",
            _V1(27, 7.0, "apg", "euler", omega=10, interval=0.5, decay=0, erg="1/1/1"),
        ),
        "rap": _from_v1(
            "Rap/Hip-Hop Optimized",
            "v1's recipe for clear words and punch.",
            _V1(60, 7.0, "apg", "pingpong", omega=11, interval=0.5, decay=0, erg="1/0/1"),
        ),
        "instrumental": _from_v1(
            "Instrumental / Ambient",
            "v1's recipe for backgrounds and lo-fi.",
            _V1(60, 5.71, "apg", "euler", omega=9, interval=0.5, decay=0.2, erg="1/1/1"),
        ),
    }
)
"""Every preset by its name, the three of the studio first."""


def find_preset(name: str) -> Preset:
    """The preset of that name; raises InvalidRequest with the nearest one where there is none."""
    if name in PRESETS:
        return PRESETS[name]
    near = get_close_matches(name.lower(), PRESETS, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else f"Choose one of {', '.join(PRESETS)}."
    raise InvalidRequest(f"There is no preset {shown(name)}.", hint)


def apply_preset(recipe: Recipe, name: str, profile: Profile) -> Recipe:
    """``recipe`` rendered in another way on a model of ``profile``. Raises InvalidRequest for an unknown name."""
    preset = find_preset(name)
    fields = preset.turbo if profile.turbo else preset.guided
    # An axis of the grid stays: it was made to compare just these values.
    return recipe.replace(**dict.fromkeys(SHAPING) | dict(fields))


def preset_notes(name: str, profile: Profile) -> tuple[str, ...]:
    """What of a preset a model of ``profile`` cannot do, in sentences."""
    preset = find_preset(name)
    return preset.turbo_notes if profile.turbo else preset.guided_notes
