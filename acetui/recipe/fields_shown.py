"""The metadata form as data: which fields, in which groups, in which words. Ranges and help are the fields' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from acetui.recipe.field_values import clock, default_of, field_of, parsed, shown, written
from engine import values
from engine.errors import InvalidRequest
from engine.fields import plain
from engine.profiles import Profile
from engine.request import FIELDS, Request
from sessions.presets import PRESETS, SHAPING
from sessions.settings import BESIDE, GRID

PANES = ("caption", "lyrics")
"""Fields with a pane of their own."""

PRESET = "preset"
"""The one entry that is no field: it sets many, and is known by them."""


@dataclass(frozen=True)
class FormGroup:
    """Entries under one heading; ``folded`` says that they are out of the way until they are asked for."""

    title: str
    folded: bool
    names: tuple[str, ...]


def _of(*groups: str) -> tuple[str, ...]:
    return tuple(name for name, field in FIELDS.items() if field.group in groups and name not in PANES)


def _beside(table: str) -> tuple[str, ...]:
    return tuple(f"{table}.{name}" for name in BESIDE[table].fields())


GROUPS = (
    FormGroup("metadata", False, (*_of("metadata"), "instrumental")),
    FormGroup("seeds", False, (*_of("seeds"), GRID)),
    FormGroup("model", True, (PRESET, *_beside("models"))),
    FormGroup("sampling", True, _of("sampling", "guidance")),
    FormGroup("planner", True, _of("planner", "plan")),
    FormGroup("source", True, tuple(name for name in _of("task", "words", "sources") if name != "instrumental")),
    FormGroup("output", True, _of("output")),
    FormGroup("loop", True, (*_beside("loop"), *_beside("scores"))),
)
"""Every field of a session but those with panes of their own, each once."""

_LABELS: Mapping[str, str] = MappingProxyType(
    {
        "keyscale": "key",
        "timesignature": "time",
        "vocal_language": "language",
        "batch_size": "batch",
        "inference_steps": "steps",
        "infer_method": "method",
        "guidance_scale": "guidance",
        "sampler_mode": "sampler",
        "use_cot_metas": "plans metadata",
        "use_cot_caption": "plans caption",
        "use_cot_language": "plans language",
        "use_cot_lyrics": "plans lyrics",
        "thinking": "audio codes",
        "src_audio": "source",
        "reference_audio": "reference",
        "task_type": "task",
        "constrained_decoding_debug": "debug decoding",
        "use_constrained_decoding": "hold to valid plans",
        "lm_use_legacy_cfg_prompt": "older guidance",
        "repaint_latent_crossfade_frames": "latent crossfade",
        "repaint_wav_crossfade_sec": "audible crossfade",
        "flow_edit_source_caption": "edit from caption",
        "flow_edit_source_lyrics": "edit from lyrics",
        "velocity_norm_threshold": "step limit",
        "velocity_ema_factor": "step smoothing",
        "loop.failures_before_parking": "failures",
        "loop.faulty_before_parking": "faulty takes",
        "loop.free_space_floor_gb": "free space GB",
        "loop.quota_gb": "quota GB",
    }
)


def label(name: str) -> str:
    """What an entry is called in the form."""
    table, _, key = name.rpartition(".")
    if name in _LABELS:
        return _LABELS[name]
    words = key.replace("_", " ")
    for prefix, short in (("lm ", ""), ("cot ", "planned "), ("repainting ", "region "), ("flow edit ", "edit ")):
        words = short + words.removeprefix(prefix) if words.startswith(prefix) else words
    return f"{words} weight" if table == "scores" else words


def explained(name: str) -> str:
    """One line: what an entry is for, and what it may be."""
    if name == PRESET:
        return f"How it is rendered, in one word: {', '.join(PRESETS)}."
    field = field_of(name)
    ends = [each for each in (field.low, field.high) if each is not None]
    if not ends or max(ends) > _TOO_MANY:
        return field.help
    reach = f"{plain(ends[0])} to {plain(ends[1])}" if len(ends) == 2 else f"{plain(ends[0])} or more"
    return f"{field.help.removesuffix('.')}: {reach}{f' {field.unit}' if field.unit else ''}."


_TOO_MANY = 10**6
"""A range beyond it, as that of seeds, tells nobody anything."""


# --- choosing ---------------------------------------------------------------------------------------------------------


def choices(name: str) -> tuple[tuple[str, str], ...]:
    """What an entry may be, as (what is typed, what it is called); empty where it is not chosen from a list."""
    if name == PRESET:
        return tuple((each, preset.title) for each, preset in PRESETS.items())
    field = field_of(name)
    unset = (("", "auto"),) if field.optional else ()
    if field.many:
        return ()
    if name.endswith("vocal_language"):
        return tuple(values.LANGUAGES.items())
    if name.endswith("keyscale"):
        return (*unset, *((key, key) for key in _KEYS))
    if name.endswith("timesignature"):
        return (*unset, *((musical, musical) for musical in values.TIME_SIGNATURES.values()))
    if field.kind == "bool":
        return (*unset, ("on", "on"), ("off", "off"))
    return (*unset, *((choice, choice) for choice in field.choices)) if field.choices else ()


_KEYS = tuple(f"{pitch} {mode}" for mode in values.MODES for pitch in values.PITCHES)

_STEPS: Mapping[str, float] = MappingProxyType(
    {"duration": 5, "guidance_scale": 0.5, "shift": 0.5, "lm_temperature": 0.05, "lm_cfg_scale": 0.1}
)


def stepped(name: str, value: Any, direction: int) -> Any:
    """The value one step further (1) or back (-1), in JSON form; choices go round, numbers stop at their ends.

    None where nothing is set begins with the default, or in the middle of what is usual. Values that cannot be stepped
    stay as they are.
    """
    options = [typed for typed, _ in choices(name)] if name != PRESET else []
    if options:
        now = written(name, default_of(name) if value is None else value)
        place = options.index(now) if now in options else 0
        return parsed(name, options[(place + direction) % len(options)])
    field = field_of(name) if name != PRESET else None
    if field is None or field.many or field.kind not in ("int", "float"):
        return value
    start = value if value is not None else default_of(name)
    if start is None:
        return _USUAL.get(name, field.low if field.low is not None else 1)
    size = _STEPS.get(name, 1 if field.kind == "int" else 0.05 if field.high is not None and field.high <= 1 else 1)
    moved = round(start + direction * size, 6)
    low, high = field.low, field.high
    moved = moved if low is None else max(low, moved)
    moved = moved if high is None else min(high, moved)
    return int(moved) if field.kind == "int" else float(moved)


_USUAL: Mapping[str, Any] = MappingProxyType(
    {"bpm": 120, "duration": 60.0, "batch_size": 2, "inference_steps": 8, "shift": 3.0, "guidance_scale": 7.0}
)


# --- beside the model and the planner ---------------------------------------------------------------------------------


def profile_of(sent: Mapping[str, Any] | None) -> Profile | None:
    """The profile of the model that is loaded, as the studio sends it; None where none is."""
    if not sent:
        return None
    known = {name: sent[name] for name in Profile.__dataclass_fields__ if name in sent}
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
    try:
        return Profile(**fields)
    except TypeError:  # a studio of another version says less
        return None


def outside(recipe: Mapping[str, Any], profile: Profile | None) -> dict[str, str]:
    """Fields whose values are untrained or without effect, each with a sentence; also what a model refuses.

    Without a profile nothing is known. ``recipe`` is in JSON form, and may be one that nobody can render.
    """
    if profile is None:
        return {}
    try:
        request = Request.from_dict({name: value for name, value in recipe.items() if name in FIELDS})
    except InvalidRequest as error:
        return {error.field: error.error} if error.field else {}
    found = {name: sentence for name, sentence in reversed(request.warnings(profile)) if name not in PANES}
    try:
        request.resolved(profile)
    except InvalidRequest as error:
        if error.field:
            found[error.field] = error.error
    return found


YOURS, PLANNER, MODEL = "yours", "planner", "model"
"""Who decides over a value."""

_PLANNED = ("bpm", "keyscale", "timesignature", "duration")


def decides(name: str, recipe: Mapping[str, Any]) -> str | None:
    """Who decides over a field that the planner may fill in; None for a field that it never touches.

    A value that is set is locked: the planner fills in only what is not. The caption it may rewrite although it is
    set, unless that is switched off; a language it looks for where none is set.
    """
    if name in _PLANNED:
        if recipe.get(name) is not None:
            return YOURS
        return PLANNER if recipe.get("use_cot_metas", True) else MODEL
    if name == "caption":
        return PLANNER if recipe.get("use_cot_caption", True) else YOURS
    if name == "vocal_language":
        if recipe.get(name) is not None:
            return YOURS
        return PLANNER if recipe.get("use_cot_language", True) else MODEL
    return None


def lock_changes(name: str, recipe: Mapping[str, Any], planned: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields to change (None takes one out) so that ``name`` is locked, or is the planner's again.

    ``planned`` is what the planner chose last, by the fields' names. None where there is nothing to lock it to.
    """
    now = decides(name, recipe)
    if name == "caption":
        return {"use_cot_caption": False if now == PLANNER else None}
    if now == YOURS:
        return {name: None}
    if now is None or planned.get(name) is None:
        return None
    return {name: planned[name]}


def preset_of(recipe: Mapping[str, Any], profile: Profile | None) -> str | None:
    """The preset that the recipe is rendered with; None where its fields are a mixture of one's own."""
    turbo = profile is None or profile.turbo
    mine = {name: recipe[name] for name in SHAPING if recipe.get(name) is not None}
    for name, preset in PRESETS.items():
        fields = preset.turbo if turbo else preset.guided
        if mine == {key: value for key, value in fields.items() if value != default_of(key)}:
            return name
    return None


# --- in a line --------------------------------------------------------------------------------------------------------


def metadata_line(recipe: Mapping[str, Any]) -> str:
    """The metadata in one line: ``bpm 104  key A minor  time 4/4  lang en  2:04``."""
    duration = recipe.get("duration")
    parts = [
        f"bpm {shown('bpm', recipe.get('bpm'))}",
        f"key {shown('keyscale', recipe.get('keyscale'))}",
        f"time {shown('timesignature', recipe.get('timesignature'))}",
        f"lang {recipe.get('vocal_language') or 'auto'}",
        "length auto" if duration is None else clock(duration),
    ]
    return "  ".join([*parts, *(["instrumental"] if recipe.get("instrumental") else [])])


def render_line(recipe: Mapping[str, Any], profile: Profile | None) -> str:
    """How it is rendered, in one line: ``turbo · 8 steps · shift 3 · batch 4``."""
    steps, shift = recipe.get("inference_steps"), recipe.get("shift")
    if profile is not None:
        steps, shift = steps or profile.inference_steps, profile.shift if shift is None else shift
    seeds = recipe.get("seeds") or ([recipe["seed"]] if recipe.get("seed", -1) >= 0 else [])
    parts = [
        profile.name if profile else "",
        f"{steps} steps" if steps else "",
        f"shift {shift:g}" if shift is not None else "",
        f"batch {recipe['batch_size']}" if recipe.get("batch_size") else "",
        f"seed {', '.join(map(str, seeds[:3]))}{', ...' if len(seeds) > 3 else ''}" if seeds else "",
    ]
    return " · ".join(part for part in parts if part)
