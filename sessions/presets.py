"""Presets: draft, normal and best, and the recipes of the control guide as a 1.5 model can follow them.

A preset sets how a recipe is rendered and never what: words, metadata, sources and seeds stay. It replaces every field
of ``SHAPING``, so that going from one preset to another leaves nothing of the first behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from engine.controls import CFG_TYPES, GUIDE_SHIFT, NEUTRAL_OMEGA, SCHEDULERS, native_scale
from engine.errors import InvalidRequest
from engine.fields import shown
from engine.profiles import Profile
from sessions.settings import Recipe

_OF_GUIDANCE = (
    "guidance_scale",
    "guidance_variant",
    "cfg_type",
    "guidance_params",
    "use_adg",
    "cfg_interval_start",
    "cfg_interval_end",
    "guidance_interval",
    "guidance_interval_decay",
    "min_guidance_scale",
    "guidance_scale_text",
    "guidance_scale_lyric",
    "use_erg_tag",
    "use_erg_lyric",
    "use_erg_diffusion",
)

SHAPING = (
    "inference_steps",
    "shift",
    "timesteps",
    "oss_steps",
    "infer_method",
    "sampler_mode",
    "scheduler_type",
    "omega_scale",
    "dcw_enabled",
    *_OF_GUIDANCE,
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


_ERG = ("use_erg_tag", "use_erg_lyric", "use_erg_diffusion")


def _from_guide(title: str, help: str, erg: str, **recipe: Any) -> Preset:
    """A recipe of the control guide (facts: v1.md 2.1 and 4.10), by its own names and with its own numbers.

    ``erg`` says with 1 and 0 which of tag, lyric and diffusion are on. What is not said is the guide's default.
    """
    variant = CFG_TYPES[recipe.get("cfg_type", "apg")]
    method, mode = SCHEDULERS[recipe["scheduler_type"]]
    decay = recipe.get("guidance_interval_decay", 0.0)
    fields: dict[str, Any] = {
        "inference_steps": recipe["infer_step"],
        "shift": GUIDE_SHIFT,
        "infer_method": method,
        "sampler_mode": mode,
        "guidance_scale": native_scale(recipe["guidance_scale"], variant),
        "guidance_variant": variant,
        "guidance_interval": recipe["guidance_interval"],
        **dict(zip(_ERG, (flag == "1" for flag in erg), strict=True)),
    }
    if decay:
        least = native_scale(recipe["min_guidance_scale"], variant)
        fields |= {"guidance_interval_decay": decay, "min_guidance_scale": least}
    notes = []
    omega = recipe.get("omega_scale", NEUTRAL_OMEGA)
    if method == "sde" and omega != NEUTRAL_OMEGA:
        notes.append(f"omega_scale {omega:g} is left out: it has no effect with fresh noise at every step, as in v1.")
    elif omega != NEUTRAL_OMEGA:
        fields["omega_scale"] = omega
    if variant != "apg_classic":
        given = f"guidance_scale {recipe['guidance_scale']:g}"
        notes.append(f"{given} is {fields['guidance_scale']:g} here: nothing limits a step of {variant}.")
    turbo: dict[str, Any] = {name: fields[name] for name in ("infer_method", "omega_scale") if name in fields}
    turbo_notes = ["Steps and guidance are left to the model: a turbo model has both built in."]
    if mode == "heun":
        turbo_notes.append("heun is left out: a turbo model was distilled for its own steps.")
    return Preset(title, help, fields, turbo, tuple(notes), tuple(turbo_notes))


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
            guided={"inference_steps": 64, "sampler_mode": "heun"},
            turbo={"inference_steps": 8, "dcw_enabled": True},
            turbo_notes=("A turbo model gains nothing from more than its eight steps: only the correction is added.",),
        ),
        "balanced": _from_guide(
            "Balanced Realism",
            "The guide's general default.",
            "111",
            infer_step=60,
            guidance_scale=15.0,
            scheduler_type="euler",
            guidance_interval=0.5,
        ),
        "freestyle": _from_guide(
            "Experimental Freestyle",
            "The guide's recipe for exploring and jams.",
            "111",
            infer_step=50,
            guidance_scale=9.0,
            scheduler_type="pingpong",
            omega_scale=11.0,
            guidance_interval=0.3,
            guidance_interval_decay=0.5,
            min_guidance_scale=2.0,
        ),
        "precise": _from_guide(
            "High Fidelity Precise",
            "The guide's recipe for structured songs and covers.",
            "000",
            infer_step=80,
            guidance_scale=18.0,
            cfg_type="cfg_star",
            scheduler_type="heun",
            guidance_interval=0.7,
        ),
        "fast": _from_guide(
            "Fast Preview",
            "The guide's recipe for going round quickly.",
            "111",
            infer_step=27,
            guidance_scale=15.0,
            scheduler_type="euler",
            guidance_interval=0.5,
        ),
        "rap": _from_guide(
            "Rap/Hip-Hop Optimized",
            "The guide's recipe for clear words and punch.",
            "101",
            infer_step=60,
            guidance_scale=15.0,
            scheduler_type="pingpong",
            omega_scale=11.0,
            guidance_interval=0.5,
        ),
        "instrumental": _from_guide(
            "Instrumental / Ambient",
            "The guide's recipe for backgrounds and lo-fi.",
            "111",
            infer_step=60,
            guidance_scale=12.0,
            scheduler_type="euler",
            omega_scale=9.0,
            guidance_interval=0.5,
            guidance_interval_decay=0.2,
            min_guidance_scale=2.0,
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
