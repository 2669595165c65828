"""What a first-time visitor is told: what this machine can do, which models are there, how takes are heard. No toolkit.

Nothing is promised that is not there: what is missing is said, and where it would go.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acetui.how_long import clock_time, gigabytes
from acetui.looks.signs import over_ssh
from acetui.status_words import short_card
from engine.errors import BadCheckpoint

OFFICIAL = "acestep-v15-turbo, vae and Qwen3-Embedding-0.6B"


@dataclass(frozen=True)
class Models:
    """The models that would render: ``music`` and ``planners`` by name, and the ``folder`` they are in.

    ``sketch`` says that it is only the one that came with the program; ``trouble`` why there is none.
    """

    folder: Path
    own: Path
    """Where a person's own models go where nothing else was said."""

    music: tuple[str, ...] = ()
    planners: tuple[str, ...] = ()
    sketch: bool = False
    trouble: str = ""


@dataclass(frozen=True)
class Paragraph:
    """Some sentences under a word."""

    title: str
    sentences: tuple[str, ...]


def models_here(named: str | None = None, env: Mapping[str, str] | None = None) -> Models:
    """The models on this machine, by their folders' names; ``named`` is the folder that the session names."""
    from engine import nano
    from engine.checkpoints import data_folder, find_models, inventory

    own = data_folder(env) / "models"
    try:
        folder = find_models(named, env)
        found = inventory(folder)
    except BadCheckpoint as error:
        return Models(own, own, trouble=str(error))
    return Models(folder, own, tuple(found.dits), tuple(found.lms), sketch=folder == nano.FOLDER)


def welcome(
    machine: Mapping[str, Any], models: Models, session: Path, env: Mapping[str, str] | None = None
) -> tuple[Paragraph, ...]:
    """The whole of it; ``machine`` is what the studio says of it, and empty until it does."""
    env = os.environ if env is None else env
    return (
        Paragraph("This machine", _machine(machine)),
        Paragraph("Models", _models(machine, models)),
        Paragraph("Hearing", _hearing(session, env)),
    )


def _machine(machine: Mapping[str, Any]) -> tuple[str, ...]:
    if not machine:
        return ("The studio is starting; it will say in a moment.",)
    name = str(machine.get("name") or "A machine that does not tell its name")
    size = gigabytes(None, machine.get("total_gb"))
    if machine.get("device") == "cpu":
        cores = f"{machine['cores']} cores" if machine.get("cores") else ""
        facts = ", ".join(filter(None, (name, cores, size)))
        return (f"{facts}; no graphics card.", "The small model in the box is quick here; the official ones are not.")
    facts = ", ".join(filter(None, (short_card(name), size)))
    if machine.get("simulated"):
        facts += ", simulated"
    return (f"{facts}.", *_tier(str(machine.get("tier") or "")))


def _tier(name: str) -> tuple[str, ...]:
    """What a card of that tier can do with the official models."""
    from engine.tiers import TIERS

    tier = next((tier for tier in TIERS if tier.name == name), None)
    if tier is None:
        return ()
    takes = "one take" if tier.most_takes[1] == 1 else f"up to {tier.most_takes[1]} takes"
    planner = f"The planner that fits is the {tier.planner} one." if tier.planner else "It has no room for a planner."
    longest = clock_time(tier.most_seconds[1])
    words = f"Tier {name.removeprefix('tier')}: {takes} at once with the official models, each up to {longest}."
    return (words, planner)


def _models(machine: Mapping[str, Any], models: Models) -> tuple[str, ...]:
    if models.trouble:
        return (models.trouble,)
    if not models.sketch:
        planner = f"planner {models.planners[0]}" if models.planners else "no planner"
        return (f"{', '.join(models.music) or 'No music model'}; {planner}. They are in {models.folder}.",)
    planner = "" if machine.get("device") == "cpu" else ", and a planner such as acestep-5Hz-lm-1.7B,"
    return (
        "The one in the box: it sketches instrumentals of up to half a minute, and everything it makes is marked so.",
        f"For songs, 'acetui models get' fetches {OFFICIAL}{planner} into {models.own}; then open the studio again.",
    )


def _hearing(session: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    files = f"Takes are FLAC files in {session / 'takes'}."
    if over_ssh(env):
        here = "You are here over ssh. 'acetui connect USER@HOST' where you sit plays takes there;"
        return (f"{here} 'acetui listen {session.name}' is a page for a browser.", files)
    return ("Space plays the take under the cursor, and stops it.", files)
