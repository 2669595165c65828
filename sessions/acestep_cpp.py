"""The fields of acestep.cpp's request JSON that have other names or meanings (facts: parameters.md 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from engine.fields import shown
from engine.values import LARGEST_BATCH

Fields = dict[str, Any]
Notices = list[str]

ZERO_IS_UNSET = ("bpm", "duration", "inference_steps", "guidance_scale", "shift")

_SOLVERS = {"euler": ("ode", "euler"), "sde": ("sde", "euler"), "dpm3m": ("ode", "dpm3m")}
"""Its solvers as the published method and mode."""

_FORMATS = {"mp3": "mp3", "wav": "wav", "wav16": "wav", "wav24": "wav", "wav32": "wav32"}


def translate(raw: Mapping[str, Any], notices: Notices) -> Fields:
    """Published names and values of ``raw``; what has no counterpart is named in ``notices``."""
    fields = {name: value for name, value in raw.items() if name not in OWN}
    for name in ZERO_IS_UNSET:
        if isinstance(fields.get(name), int | float) and fields[name] == 0:
            del fields[name]
    for name, rule in OWN.items():
        if raw.get(name) is not None:
            rule(raw, fields, notices)
    _track(fields)
    _correction(fields)
    return fields


def _solver(raw: Mapping[str, Any], fields: Fields, notices: Notices) -> None:
    solver = raw["solver"]
    found = _SOLVERS.get(solver) if isinstance(solver, str) else None
    if found is None:
        notices.append(f"solver {shown(solver)} is not offered: euler stands in for it.")
        return
    fields.setdefault("infer_method", found[0])
    if found[1] != "euler":
        fields.setdefault("sampler_mode", found[1])


def _times(raw: Mapping[str, Any], fields: Fields, _: Notices) -> None:
    fields.setdefault("timesteps", raw["custom_timesteps"])


def _mode(raw: Mapping[str, Any], _: Fields, notices: Notices) -> None:
    if raw["lm_mode"] != "generate":
        notices.append(f"lm_mode {shown(raw['lm_mode'])} is left out: a recipe only says what to render.")


def _batch(raw: Mapping[str, Any], fields: Fields, notices: Notices) -> None:
    """Its planner batch times its synthesis batch is what comes out."""
    if "batch_size" in fields:
        return
    sizes = [raw.get(name) for name in ("lm_batch_size", "synth_batch_size")]
    if not all(size is None or (isinstance(size, int) and 1 <= size <= LARGEST_BATCH) for size in sizes):
        notices.append(f"lm_batch_size and synth_batch_size are left out: they must be from 1 to {LARGEST_BATCH}.")
        return
    wanted = (sizes[0] or 1) * (sizes[1] or 1)
    fields["batch_size"] = min(wanted, LARGEST_BATCH)
    if wanted > LARGEST_BATCH:
        notices.append(f"A batch of {wanted} takes is too large: batch_size is {LARGEST_BATCH}.")


def _format(raw: Mapping[str, Any], fields: Fields, notices: Notices) -> None:
    wanted = raw["output_format"]
    if isinstance(wanted, str) and wanted in _FORMATS:
        fields.setdefault("audio_format", _FORMATS[wanted])
    else:
        notices.append(f"output_format {shown(wanted)} is not offered.")


def _adapter(raw: Mapping[str, Any], fields: Fields, _: Notices) -> None:
    if raw["adapter"] != "":
        fields.setdefault("adapters", [{"path": raw["adapter"], "scale": raw.get("adapter_scale", 1.0)}])


def _scale(raw: Mapping[str, Any], _: Fields, notices: Notices) -> None:
    if not raw.get("adapter"):
        notices.append("adapter_scale is left out: there is no adapter.")


def _model(name: str) -> Rule:
    def rule(raw: Mapping[str, Any], _: Fields, notices: Notices) -> None:
        if raw[name] != "":
            notices.append(f"{name} {shown(raw[name])} is left out: choose the model under [models].")

    return rule


def _without_counterpart(name: str, neutral: object = None) -> Rule:
    def rule(raw: Mapping[str, Any], _: Fields, notices: Notices) -> None:
        if raw[name] != neutral:
            notices.append(f"{name} {shown(raw[name])} is left out: there is no such control here.")

    return rule


def _track(fields: Fields) -> None:
    """It has one field for the track of a stem task and for those of a completion."""
    if fields.get("task_type") == "complete" and "tracks" not in fields and "track" in fields:
        fields["tracks"] = fields.pop("track")


def _correction(fields: Fields) -> None:
    """It is off there unless a scaler is given, whatever the model."""
    scalers = [fields.get(name) for name in ("dcw_scaler", "dcw_high_scaler")]
    if any(scaler is not None for scaler in scalers):
        fields.setdefault("dcw_enabled", any(isinstance(scaler, int | float) and scaler > 0 for scaler in scalers))


Rule = Callable[[Mapping[str, Any], Fields, Notices], None]

OWN: Mapping[str, Rule] = MappingProxyType(
    {
        "solver": _solver,
        "stork_substeps": _without_counterpart("stork_substeps"),
        "custom_timesteps": _times,
        "lm_mode": _mode,
        "lm_batch_size": _batch,
        "synth_batch_size": _batch,
        "lm_seed": _without_counterpart("lm_seed", -1),
        "output_format": _format,
        "peak_clip": _without_counterpart("peak_clip"),
        "mp3_bitrate": _without_counterpart("mp3_bitrate"),
        "adapter": _adapter,
        "adapter_scale": _scale,
        "vae": _model("vae"),
        "synth_model": _model("synth_model"),
        "lm_model": _model("lm_model"),
    }
)
"""The fields that only acestep.cpp has: one of them tells whose file it is."""
