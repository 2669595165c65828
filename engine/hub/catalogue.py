"""The published models: what each is called, where it is published, and what it takes (facts: checkpoints.md 1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from engine.allowance import MUSIC, Allowance
from engine.checkpoints import DIT_PREFIX, LM_PREFIX
from engine.errors import InvalidRequest

Kind = Literal["music", "planner", "vae", "text encoder"]

MAIN = "ACE-Step/Ace-Step1.5"
"""The repository that holds a whole set, a folder for each of its models."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One published model; its name is that of its folder."""

    name: str
    kind: Kind
    repo: str
    inside: str = ""
    """The folder in the repository that it is in; empty where the repository is that folder."""

    size: int
    """Bytes of its weights, computed from their shapes in bfloat16; what is downloaded may be a little more."""

    about: str

    @property
    def short(self) -> str:
        """What people may call it."""
        return self.name.removeprefix(DIT_PREFIX).removeprefix(LM_PREFIX)


_2B, _XL = 4_790_000_000, 9_970_000_000


def _music(name: str, size: int, about: str) -> Model:
    return Model(name=DIT_PREFIX + name, kind="music", repo=f"ACE-Step/{DIT_PREFIX}{name}", size=size, about=about)


def _planner(size: str, count: int, about: str) -> Model:
    name = LM_PREFIX + size
    return Model(name=name, kind="planner", repo=f"ACE-Step/{name}", size=count, about=about)


VAE = Model(name="vae", kind="vae", repo=MAIN, inside="vae", size=337_000_000, about="latents to sound and back")
TEXT = Model(
    name="Qwen3-Embedding-0.6B",
    kind="text encoder",
    repo=MAIN,
    inside="Qwen3-Embedding-0.6B",
    size=1_190_000_000,
    about="reads captions and lyrics",
)

MODELS = (
    Model(name=MUSIC, kind="music", repo=MAIN, inside=MUSIC, size=_2B, about="8 steps, no guidance: the fastest"),
    _music("turbo-shift1", _2B, "turbo, distilled at shift 1"),
    _music("turbo-shift3", _2B, "turbo, distilled at shift 3"),
    _music("turbo-continuous", _2B, "turbo, for any shift from 1 to 5"),
    _music("sft", _2B, "50 steps with guidance"),
    _music("base", _2B, "50 steps with guidance; all six tasks"),
    _music("xl-turbo", _XL, "the larger one, 8 steps"),
    _music("xl-sft", _XL, "the larger one, 50 steps with guidance"),
    _music("xl-base", _XL, "the larger one, all six tasks"),
    _planner("0.6B", 1_330_000_000, "the smallest planner"),
    Model(
        name=f"{LM_PREFIX}1.7B",
        kind="planner",
        repo=MAIN,
        inside=f"{LM_PREFIX}1.7B",
        size=3_710_000_000,
        about="the planner that most cards have room for",
    ),
    _planner("4B", 8_380_000_000, "the largest planner"),
    VAE,
    TEXT,
    Model(
        name="scragvae",
        kind="vae",
        repo="scragnog/Ace-Step-1.5-ScragVAE",
        size=340_000_000,
        about="a community's version of the VAE",
    ),
)

_BY_NAME = {spelling.lower(): model for model in MODELS for spelling in (model.short, model.name)}


def find(name: str) -> Model:
    """The model of that name, short or whole; raises InvalidRequest with the names that there are."""
    model = _BY_NAME.get(name.strip().lower())
    if model is None:
        names = ", ".join(model.short for model in MODELS)
        raise InvalidRequest(f"There is no published model called {name[:60]!r}.", f"There is: {names}.")
    return model


def with_needs(models: Iterable[Model]) -> tuple[Model, ...]:
    """``models``, and behind them what a music model does not run without."""
    given = dict.fromkeys(models)
    kinds = {model.kind for model in given}
    if "music" in kinds:
        given |= dict.fromkeys(model for model in (VAE, TEXT) if model.kind not in kinds)
    return tuple(given)


def wanted(allowed: Allowance) -> tuple[Model, ...]:
    """The set that a machine is best with, the music model first."""
    planner = [find(allowed.planner)] if allowed.planner else []
    return (find(MUSIC), VAE, TEXT, *planner)
