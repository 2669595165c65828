"""What each model family starts from and how far it goes (CONTRACTS: defaults of a model profile)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from engine.config import DiTConfig
from engine.tasks import tasks_of
from engine.values import TRAINED_SECONDS

Family = Literal["turbo", "sft", "base"]

_SKETCH = "nano-"
"""How the profile names of the model in the box begin."""

_OF_SKETCHES: Mapping[str, Any] = MappingProxyType(
    {"duration": 20.0, "trained_seconds": (10.0, 30.0), "follows_codes": False}
)
"""What it does otherwise (engine/nano/MODEL_CARD.md)."""

TURBO_SHIFTS = (1.0, 2.0, 3.0)
"""The shifts that turbo models were distilled at together."""


@dataclass(frozen=True)
class Profile:
    """Defaults and limits of one model; a request's own values win except where the profile fixes them."""

    name: str
    """The published short name: ``turbo``, ``turbo-shift1``, ``xl-sft`` ..."""

    family: Family
    xl: bool
    continuous: bool
    """Distilled over all shifts and times, so that custom times are not snapped."""

    inference_steps: int
    most_steps: int
    advised_steps: tuple[int, int]
    shift: float
    trained_shifts: tuple[float, ...]
    """The shifts it was distilled at; empty where every shift will do."""

    guidance_scale: float
    guidance_fixed: bool
    """Guidance is distilled into the weights: the scale is 1 whatever is asked."""

    tasks: tuple[str, ...]
    sketch: bool = False
    """The small model in the box: its takes are sketches, and are marked so wherever they are shown."""

    duration: float = 60.0
    """Seconds of a take where neither the person nor a planner says how long."""

    trained_seconds: tuple[float, float] = TRAINED_SECONDS
    """The lengths of takes that it was trained on."""

    longest: float | None = None
    """Seconds of a take that the machine is meant for, by the published table; None where it does not bind."""

    at_once: int | None = None
    """Takes in a batch where nobody says how many; None where the table has no row for it."""

    infer_method: str = "ode"
    guidance_variant: str = "apg_classic"
    dcw_enabled: bool = False

    follows_codes: bool = True
    """Whether takes follow audio codes where nobody says otherwise; else a planner fills in words and numbers alone."""

    @property
    def turbo(self) -> bool:
        """Few steps, no guidance."""
        return self.family == "turbo"

    @property
    def snaps_timesteps(self) -> bool:
        """Whether custom times are moved to the nearest that it was distilled at."""
        return self.turbo and not self.continuous


def is_sketch(profile_name: str) -> bool:
    """Whether takes of the profile of that name are sketches: a take remembers its model's profile by name."""
    return profile_name.startswith(_SKETCH)


def cover_task(profile_name: str) -> str:
    """The task of a cover where nobody says which: the one by which the model keeps the tempo and key of its source."""
    return "cover-nofsq" if is_sketch(profile_name) else "cover"


def profile_for(folder_name: str, config: DiTConfig) -> Profile:
    """The profile of a DiT folder: what it is from its config, which flavour of it from the words of its name."""
    words = set(re.split(r"[/\\._-]+", folder_name.lower()))
    nano = "nano" in words
    # The model in the box is laid out like an XL, with an encoder narrower than its decoder, and is anything but one.
    xl = config.timbre_has_cls and not nano
    profile = _turbo(words, xl) if config.turbo else _guided("sft" if "sft" in words else "base", xl)
    if nano:
        return replace(profile, name=f"{_SKETCH}{profile.name}", sketch=True, **_OF_SKETCHES)
    return profile


def _turbo(words: set[str], xl: bool) -> Profile:
    continuous = "continuous" in words
    only = next((flavour for flavour in ("shift1", "shift3") if flavour in words), "")
    shift = 1.0 if only == "shift1" else 3.0
    return Profile(
        name=_name(xl, "turbo", "continuous" if continuous else only),
        family="turbo",
        xl=xl,
        continuous=continuous,
        inference_steps=8,
        most_steps=20,
        advised_steps=(8, 8),
        shift=shift,
        trained_shifts=() if continuous else (shift,) if only else TURBO_SHIFTS,
        guidance_scale=1.0,
        guidance_fixed=True,
        tasks=tasks_of("turbo"),
    )


def _guided(family: Literal["sft", "base"], xl: bool) -> Profile:
    return Profile(
        name=_name(xl, family),
        family=family,
        xl=xl,
        continuous=False,
        inference_steps=50,
        most_steps=200,
        advised_steps=(32, 64),
        shift=1.0,
        trained_shifts=(),
        guidance_scale=7.0,
        guidance_fixed=False,
        tasks=tasks_of(family),
    )


def _name(xl: bool, family: str, flavour: str = "") -> str:
    return "-".join(part for part in ("xl" if xl else "", family, flavour) if part)
