"""The request body of ACE-Step's control guide, and what it means on a 1.5 model (docs/controls.md, docs/api.md).

The guide's names, ranges and defaults are declared here as a recipe's are; ``understood`` makes a request of a body.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import readers
from engine.controls import CFG_TYPES, GUIDE_SHIFT, NEUTRAL_OMEGA, SCHEDULERS, native_scale
from engine.errors import InvalidRequest
from engine.fields import shown, spec
from engine.profiles import Profile
from engine.request import Request
from engine.values import HIGHEST_SEED, INSTRUMENTAL, LARGEST_BATCH, TRAINED_SECONDS
from sessions.table import Table

RANDOM_SECONDS = (30.0, 240.0)
"""A length that is left to chance lies between these."""

FORMATS = ("wav", "flac", "mp3", "ogg")
TASKS = ("text2music", "retake", "repaint", "extend", "edit", "audio2audio")

_INSTRUMENTAL = re.compile(r"\[inst\]", re.IGNORECASE)
_SHARE: dict[str, Any] = {"group": "guide", "low": 0, "high": 1}
_SEED: dict[str, Any] = {"group": "guide", "low": 0, "high": HIGHEST_SEED}
_SECONDS: dict[str, Any] = {
    "group": "guide",
    "low": -TRAINED_SECONDS[1],
    "high": TRAINED_SECONDS[1],
    "unit": "seconds",
}
_SCALE: dict[str, Any] = {"group": "guide", "low": 0, "high": 30}


def _text(help: str) -> Any:
    return spec(None, group="guide", help=help, read=readers.text_or_none)


@dataclass(frozen=True, kw_only=True)
class GuideBody(Table):
    """A body: the fields of the guide's ``POST /generate``, and those of its other tasks. None has the default."""

    audio_duration: float = spec(60.0, help="Length; 0 or less is a random one from 30 to 240.", **_SECONDS)
    prompt: str = spec("", group="guide", help="Tags: genre, mood, instruments, voice.")
    lyrics: str = spec("", group="guide", help="What is sung; [inst] for no voice.")
    infer_step: int = spec(60, group="guide", low=1, high=200, unit="steps", help="Steps.")
    guidance_scale: float = spec(15.0, help="How strictly the words are followed, on v1's scale.", **_SCALE)
    cfg_type: str = spec("apg", group="guide", choices=tuple(CFG_TYPES), help="Kind of guidance.")
    scheduler_type: str = spec("euler", group="guide", choices=tuple(SCHEDULERS), help="Kind of step.")
    omega_scale: float = spec(NEUTRAL_OMEGA, group="guide", low=-100, high=100, help="Contrast within a step.")
    actual_seeds: tuple[int, ...] = spec((), help="A seed for every take; none is a random one.", **_SEED)
    oss_steps: tuple[int, ...] = spec((), group="guide", low=1, high=200, help="Only these steps, from 1.")
    use_erg_tag: bool = spec(True, group="guide", help="Guides away from a vague reading of the prompt.")
    use_erg_lyric: bool = spec(True, group="guide", help="Guides away from a vague reading of the lyrics.")
    use_erg_diffusion: bool = spec(True, group="guide", help="Makes that reading vaguer in the decoder.")
    guidance_interval: float = spec(0.5, help="The middle part of the steps that is guided.", **_SHARE)
    guidance_interval_decay: float = spec(0.0, help="How far the scale falls over these steps.", **_SHARE)
    min_guidance_scale: float = spec(3.0, help="What the scale falls towards.", **_SCALE)
    guidance_scale_text: float = spec(0.0, help="Guidance by the prompt alone; off, or above 1.", **_SCALE)
    guidance_scale_lyric: float = spec(0.0, help="Guidance by the lyrics alone; off, or above 1.", **_SCALE)

    task: str = spec("text2music", group="guide", choices=TASKS, help="What to make.")
    retake_seeds: tuple[int, ...] = spec((), help="Seeds of the noise that is mixed in.", **_SEED)
    retake_variance: float = spec(0.5, help="How much of it, in a retake.", **_SHARE)
    src_audio_path: str | None = _text("The hash of the source of a repaint, an extension or an edit.")
    repaint_start: float = spec(0.0, help="Start of what is made anew; below 0 is before the source.", **_SECONDS)
    repaint_end: float = spec(0.0, help="Its end; beyond the source is behind it.", **_SECONDS)
    edit_target_prompt: str | None = _text("What an edit makes of the prompt.")
    edit_target_lyrics: str | None = _text("What an edit makes of the lyrics.")
    edit_n_min: float = spec(0.0, help="Part of the steps at which an edit begins.", **_SHARE)
    edit_n_max: float = spec(1.0, help="Part of the steps at which it ends.", **_SHARE)
    edit_n_avg: int = spec(1, group="guide", low=1, high=100, help="Draws averaged in each of its steps.")
    audio2audio_enable: bool = spec(False, group="guide", help="Starts from other music.")
    ref_audio_input: str | None = _text("The hash of that music.")
    ref_audio_strength: float = spec(0.5, help="How much of it is kept.", **_SHARE)
    lora_name_or_path: str | None = _text("The name or the hash of an adapter; none for none.")
    lora_weight: float = spec(1.0, group="guide", low=0, high=2, help="How strongly it is applied.")

    batch_size: int = spec(1, group="guide", low=1, high=LARGEST_BATCH, help="Takes; more seeds are more takes.")
    format: str = spec("wav", group="guide", choices=FORMATS, help="Kind of file, unless output_path says it.")
    output_path: str | None = _text("What the file in exports/ is called.")
    checkpoint_path: str | None = _text("The model's name; none is the one that the session has.")
    bf16: bool = spec(True, group="guide", help="No effect: the session says how its engine computes.")
    torch_compile: bool = spec(False, group="guide", help="No effect, as bf16.")
    device_id: int = spec(0, group="guide", low=0, high=63, help="No effect, as bf16.")
    cpu_offload: bool = spec(False, group="guide", help="No effect, as bf16.")
    overlapped_decode: bool = spec(False, group="guide", help="No effect: long music is always decoded in tiles.")

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> GuideBody:
        """The body with these values. Raises InvalidRequest for a name that is none of the guide's."""
        known = cls.fields()
        for name in raw:
            if name not in known:
                raise InvalidRequest(
                    f"{shown(name)} is not understood here.", f"Known are {', '.join(known)}.", field=str(name)[:60]
                )
        return cls(**raw)


@dataclass(frozen=True)
class Understood:
    """A body as a request, and what of it is not done, in sentences."""

    request: Request
    notes: tuple[str, ...] = field(default=())


def understood(body: GuideBody, profile: Profile) -> Understood:
    """What ``body`` asks of a model of ``profile``. Raises InvalidRequest for what does not go together."""
    seeds = body.actual_seeds or tuple(random.sample(range(HIGHEST_SEED), body.batch_size))
    if len(seeds) < body.batch_size:  # the last one counts for the rest, as in v1; the same take is not made twice
        seeds += tuple((seeds[-1] + i + 1) % HIGHEST_SEED for i in range(body.batch_size - len(seeds)))
    notes: list[str] = []
    fields = {
        **_words(body),
        "duration": _duration(body, seeds[0]),
        "seeds": seeds,
        "use_random_seed": False,
        "batch_size": len(seeds),
        "thinking": False,
        **(_turbo(body, profile, notes) if profile.turbo else _guided(body, notes)),
        **_task(body),
    }
    if body.lora_name_or_path and body.lora_name_or_path.lower() != "none":
        fields["adapters"] = [{"path": body.lora_name_or_path, "scale": body.lora_weight}]
    return Understood(Request.from_dict(fields), tuple(notes))


def _words(body: GuideBody) -> dict[str, Any]:
    return {"caption": body.prompt, "lyrics": _INSTRUMENTAL.sub(INSTRUMENTAL, body.lyrics)}


def _duration(body: GuideBody, seed: int) -> float:
    """Seconds; a length that is left to chance follows from the first seed, so that it can be had again."""
    if body.audio_duration > 0:
        return body.audio_duration
    return round(random.Random(seed).uniform(*RANDOM_SECONDS), 2)


def _guided(body: GuideBody, notes: list[str]) -> dict[str, Any]:
    variant = CFG_TYPES[body.cfg_type]
    method, mode = SCHEDULERS[body.scheduler_type]
    if method == "sde" and body.omega_scale != NEUTRAL_OMEGA:
        notes.append("omega_scale has no effect with pingpong, as in v1.")
    names = ("guidance_scale", "min_guidance_scale", "guidance_scale_text", "guidance_scale_lyric")
    scales = {name: native_scale(getattr(body, name), variant) for name in names}
    off = {name: 0.0 for name in names[2:] if getattr(body, name) <= 1}
    if scales["guidance_scale"] > 1:
        notes.append(f"guidance_scale {body.guidance_scale:g} is {scales['guidance_scale']:g} on this model's scale.")
    same = ("guidance_interval", "guidance_interval_decay", "use_erg_tag", "use_erg_lyric", "use_erg_diffusion")
    return {
        "inference_steps": body.infer_step,
        "shift": GUIDE_SHIFT,
        "infer_method": method,
        "sampler_mode": mode,
        "guidance_variant": variant,
        "omega_scale": body.omega_scale,
        "oss_steps": body.oss_steps,
        **scales,
        **off,
        **{name: getattr(body, name) for name in same},
    }


def _turbo(body: GuideBody, profile: Profile, notes: list[str]) -> dict[str, Any]:
    """Steps as far as there are so many, the kind of step, and omega; the rest is built into the model."""
    method, mode = SCHEDULERS[body.scheduler_type]
    steps = body.infer_step if body.infer_step <= profile.most_steps else profile.inference_steps
    if steps != body.infer_step:
        notes.append(f"infer_step is {steps}: a {profile.name} model was made for so many.")
    notes.append(f"Guidance and ERG have no effect: a {profile.name} model has its guidance built in.")
    if mode != "euler":
        notes.append("heun is left out: a turbo model was made for its own steps.")
    return {
        "inference_steps": steps,
        "infer_method": method,
        "omega_scale": body.omega_scale,
        "oss_steps": body.oss_steps,
    }


def _task(body: GuideBody) -> dict[str, Any]:
    """What the guide's other tasks are here."""
    source = {"src_audio": body.src_audio_path}
    retakes = {"retake_seed": body.retake_seeds, "retake_variance": body.retake_variance}
    if body.audio2audio_enable or body.task == "audio2audio":
        # The music is noised and denoised by the words alone: no context of it, and the text's own instruction.
        return {
            "task_type": "cover-nofsq",
            "src_audio": body.ref_audio_input,
            "audio_cover_strength": 0.0,
            "cover_noise_strength": body.ref_audio_strength,
        }
    match body.task:
        case "retake":
            return retakes
        case "repaint" | "extend":
            region = {"repainting_start": body.repaint_start, "repainting_end": body.repaint_end}
            return {"task_type": "repaint", **source, **region}
        case "edit":
            return {
                **source,
                "flow_edit_morph": True,
                "caption": body.edit_target_prompt or body.prompt,
                "lyrics": _INSTRUMENTAL.sub(INSTRUMENTAL, body.edit_target_lyrics or body.lyrics),
                "flow_edit_source_caption": body.prompt,
                "flow_edit_source_lyrics": _words(body)["lyrics"],
                "flow_edit_n_min": body.edit_n_min,
                "flow_edit_n_max": body.edit_n_max,
                "flow_edit_n_avg": body.edit_n_avg,
            }
    return {}
