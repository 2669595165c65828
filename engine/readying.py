"""A set made ready on a device: what it has room for, where models wait while others work, and how weights are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from engine.cards import card_for
from engine.device_memory import allowed_on, cap
from engine.memory import cards_now
from engine.model import Model, choose_device, choose_dtype, load_model
from engine.models.vae import Tiling
from engine.outfit import outfit, residence_of
from engine.planner.planning import PlannerFiles
from engine.turns import Turns

QUANTISED = "Whole weights have no room on this card, so quantised ones are rendered with ({}): seeds make other takes."

UNUSED = "{} is here, and torch {} does not use it, so takes are made on the processor: `acetui doctor` says why."


@dataclass(frozen=True)
class Saving:
    """How memory is saved, as a person wants it; None is as the device needs it."""

    offload: bool | None = None
    """Text encoder, VAE and planner are in memory only while they work."""

    offload_dit: bool | None = None
    """So are the music model's layers, each by itself, where a card has memory of its own."""

    quantization: str | None = None
    """The music model's weights in one byte a number (``engine.quantisation``), or ``none``."""

    guidance_passes: int | None = None
    """2 has what guidance pulls away from computed after what is asked for, and not beside it."""


def ready(
    path: str | Path,
    dit: str | None,
    lm: str | None,
    device: str,
    dtype: str | None,
    saving: Saving,
    progress: Callable[[str, int, int], None],
) -> tuple[Model, PlannerFiles | None, list[str]]:
    """The model, its planner's files, and what a person should hear of the choices that the device made.

    Raises BadCheckpoint for a set that is not whole, and EngineError for what is no device, dtype or quantisation.
    """
    where = choose_device(device)
    cap(where)
    allowed = allowed_on(where)
    fitted = outfit(path, dit, lm, allowed, saving.quantization)
    residence = residence_of(fitted, saving.offload, saving.offload_dit, allowed.kind)
    planner = PlannerFiles.of(fitted, named=lm is not None)
    turns = None if residence == "together" else Turns()
    passes = residence == "layers"
    precision = choose_dtype(dtype, where)
    model = load_model(fitted.models, where, precision, progress, turns, fitted.quantization, layers_pass=passes)
    if where.type == "cuda":
        model.vae.tiling = Tiling(allowed.tile, None)
    model = replace(model, profile=fitted.bound(model.profile), passes=saving.guidance_passes or 1)
    chosen = fitted.quantization if saving.quantization is None else None
    news = [QUANTISED.format(chosen)] if chosen else []
    return model, planner, [*(_left_alone() if device == "auto" and where.type == "cpu" else []), *news]


def _left_alone() -> list[str]:
    """That there is a card and takes are made without it, as a sentence; nothing where there is none."""
    card = card_for("auto", cards_now())
    return [UNUSED.format(card.name, torch.__version__)] if card is not None else []
