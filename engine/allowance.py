"""What a machine allows with official models, choice by choice: what is chosen, why, and what overrides it. No torch.

The table of ``engine.tiers`` decides for models of the official sizes; where it says nothing, as for XL models, its own
arithmetic does. Models of other sizes, such as the one in the box, go by what they need (``engine.preflight``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.tiers import MUSIC_GB, Tier, needed_gb, needed_in_turns_gb, published_tier_of, tier_of

Kind = Literal["cuda", "mps", "cpu"]
Residence = Literal["together", "turns", "layers"]
"""All models are on the card at once; or text encoder, VAE and planner come in turns, once a batch each; or the music
model's layers come one after another as well, at every step."""

Xl = Literal["together", "alone", "turns", "quantised", "no"]
"""XL models: beside a planner, without one, only where the others take turns, then only quantised, or not at all."""

MUSIC = "acestep-v15-turbo"

_TILES = ((4.0, 128), (8.0, 256))
"""Frames of a tile on cards of at most so many GB: a longer one would take more than a step of sampling does."""

_AMPERE = (8, 0)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One thing that is decided for a machine."""

    name: str
    value: str
    why: str
    override: str
    """How a person gets something else."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What is done on a machine unless a person says otherwise. Pairs are with a planner, and without one."""

    kind: Kind
    gb: float
    tier: Tier
    takes: tuple[int, int]
    seconds: tuple[int, int]
    planner: str | None
    """The size of the planner that is on by default."""

    planners: tuple[str, ...]
    residence: Residence
    xl: Xl

    dtype: str

    tile: int = 512
    """Latent frames that are decoded at once where a card does it."""

    quantised: bool = False
    """Whether whole weights of a 2B model have no room for a take, so that quantised ones are rendered with."""


def allowance(kind: Kind, gb: float, capability: tuple[int, int] | None = None) -> Allowance:
    """What a card of ``gb`` allows, or a machine without one; ``capability`` is CUDA's number where it is known."""
    tier = tier_of(gb if kind != "cpu" else 0.0)
    return Allowance(
        kind=kind,
        gb=gb,
        tier=tier,
        takes=(1, 1) if kind == "cpu" else tier.most_takes,
        seconds=tier.most_seconds,
        planner=tier.planner,
        planners=tier.planners,
        residence=_residence(kind, gb, tier),
        xl=_xl(kind, gb, tier),
        dtype=_dtype(kind, capability),
        tile=next((frames for most, frames in _TILES if kind == "cuda" and gb <= most), 512),
        quantised=kind == "cuda" and gb < needed_in_turns_gb(xl=False, guided=False),
    )


def _residence(kind: Kind, gb: float, tier: Tier) -> Residence:
    """What costs least of what there is room for, for a batch of the row, and then for a single take."""
    if kind != "cuda" or gb >= needed_gb(xl=False, guided=False, takes=tier.most_takes[0], planner=tier.planner):
        return "together"
    return "turns" if gb >= needed_in_turns_gb(xl=False, guided=False, quantised=True) else "layers"


def _xl(kind: Kind, gb: float, tier: Tier) -> Xl:
    if kind == "cpu":
        return "no"
    if gb >= needed_gb(xl=True, guided=False, planner=tier.planner) and tier.planner:
        return "together"
    if gb >= needed_gb(xl=True, guided=False):
        return "alone"
    if kind == "cuda" and gb >= needed_in_turns_gb(xl=True, guided=False):
        return "turns"
    return "quantised" if kind == "cuda" and gb >= needed_in_turns_gb(xl=True, guided=False, quantised=True) else "no"


def _dtype(kind: Kind, capability: tuple[int, int] | None) -> str:
    if kind == "cpu":
        return "float32"
    return "float16" if kind == "mps" or (capability is not None and capability < _AMPERE) else "bfloat16"


def choices(allowed: Allowance) -> tuple[Choice, ...]:
    """Every choice with its reason, in the order in which they matter."""
    return (
        _music(allowed),
        _planner(allowed),
        _batch(allowed),
        _duration(allowed),
        _memory(allowed),
        _precision(allowed),
        _quantisation(allowed),
        *([_tiles(allowed)] if allowed.kind == "cuda" else []),
    )


def guide(allowed: Allowance) -> str:
    """What the published guide would allow beyond the table, in a sentence; empty where the two agree."""
    if allowed.kind == "cpu":
        return ""
    tier, here = published_tier_of(allowed.gb), allowed.tier
    if tier.name == here.name:
        return ""
    more = [f"{tier.most_takes[1]} takes at once"] if tier.most_takes != here.most_takes else []
    more += [f"the {tier.planner} planner"] if tier.planner not in (here.planner, None) else []
    more += [f"takes of {tier.most_seconds[0]} s"] if tier.most_seconds[0] > here.most_seconds[0] else []
    told = f" ({', '.join(more)})" if more else ""
    return f"The published guide counts a card of {round(allowed.gb)} GB as {tier.name}{told}."


def _music(allowed: Allowance) -> Choice:
    reasons = {
        "together": "XL models fit as well, beside the planner.",
        "alone": "XL models fit as well, beside a planner only in turns.",
        "turns": "XL models fit where the others take turns.",
        "quantised": "XL models fit quantised, where the others take turns.",
        "no": f"XL models need {needed_in_turns_gb(xl=True, guided=False, quantised=True):.1f} GB of a card.",
    }
    if allowed.kind == "cpu":
        why = f"A 2B model has {2 * MUSIC_GB[False]:.1f} GB in float32, and a take of a minute takes many minutes."
    else:
        why = f"The fastest of the 2B models, {MUSIC_GB[False]} GB. {reasons[allowed.xl]}"
    return Choice(name="music model", value=MUSIC, why=why, override="--dit NAME, or dit under [models]")


def _planner(allowed: Allowance) -> Choice:
    value = f"acestep-5Hz-lm-{allowed.planner}" if allowed.planner else "none"
    if allowed.planners:
        why = f"{allowed.tier.name} has room for {', '.join(allowed.planners)}."
    elif allowed.kind == "cpu":
        why = "Without a card a planner of an official size takes longer than the music."
    else:
        why = f"{allowed.tier.name} has no room for one beside the music model."
    return Choice(name="planner", value=value, why=why, override="--lm NAME, or lm under [models]; --lm none")


def _batch(allowed: Allowance) -> Choice:
    with_planner, without = allowed.takes
    value = f"{with_planner}" if with_planner == without else f"{with_planner}, {without} without a planner"
    why = (
        "Together they would take as long on a CPU."
        if allowed.kind == "cpu"
        else f"So many are published for {allowed.tier.name}."
    )
    return Choice(name="takes at once", value=value, why=why, override="--batch N, or batch_size in the recipe")


def _duration(allowed: Allowance) -> Choice:
    with_planner, without = allowed.seconds
    value = f"{with_planner} s" if with_planner == without else f"{with_planner} s, {without} s without a planner"
    return Choice(
        name="longest take",
        value=value,
        why=f"So long is published for {allowed.tier.name}; the planner keeps to it.",
        override="--duration SECONDS, where it fits",
    )


def _memory(allowed: Allowance) -> Choice:
    if allowed.residence == "layers":
        why = "The music model has no room beside a take: its layers pass through two places, the others take turns."
        override = "--no-offload-dit, or offload_dit under [models]"
        return Choice(name="memory", value="layers one after another", why=why, override=override)
    if allowed.residence == "turns":
        why = (
            "The music model stays on the card; text encoder, VAE and planner come when they are needed, once a batch."
        )
        return Choice(
            name="memory", value="models in turns", why=why, override="--no-offload, or offload under [models]"
        )
    why = {
        "cpu": "There is one memory.",
        "mps": "Card and computer share one memory.",
        "cuda": "There is room for all of them.",
    }[allowed.kind]
    return Choice(name="memory", value="all models together", why=why, override="--offload, or offload under [models]")


def _precision(allowed: Allowance) -> Choice:
    why = {
        "float32": "Exact, and the same takes whatever else is in the batch.",
        "float16": "Apple's cards and those before Ampere do not compute bfloat16 well.",
        "bfloat16": "Half the memory; what the models were trained in.",
    }[allowed.dtype]
    return Choice(name="precision", value=allowed.dtype, why=why, override="--dtype NAME, or dtype under [models]")


def _quantisation(allowed: Allowance) -> Choice:
    override = "--quantization NAME, or quantization under [models]"
    if allowed.quantised:
        why = "Whole weights have no room here beside a take. Seeds then make other takes than with whole ones."
        return Choice(
            name="quantisation", value="int8_weight_only", why=why, override=f"{override}; none for whole ones"
        )
    whole = "Whole weights have room here, and make the takes that a seed makes elsewhere."
    reasons = {"cpu": "It is for memory that is short.", "mps": "It is for cards of their own memory.", "cuda": whole}
    return Choice(name="quantisation", value="none", why=reasons[allowed.kind], override=override)


def _tiles(allowed: Allowance) -> Choice:
    return Choice(
        name="tiles",
        value=f"{allowed.tile} frames, {allowed.tile / 25:g} s",
        why="Sound is decoded piece by piece; where memory runs out all the same, in pieces of half the size.",
        override="nothing needs to: the sound is the same",
    )
