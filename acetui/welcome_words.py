"""What a first-time visitor is told: what this machine can do, which models are there, how takes are heard. No toolkit.

Nothing is promised that is not there: what is missing is said, and where it would go.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acetui.how_long import clock_time, gigabytes, size
from acetui.looks.signs import over_ssh
from acetui.model_words import offer, rendering
from acetui.status_words import short_card
from acetui.studio_state import Fetch


@dataclass(frozen=True)
class Paragraph:
    """Some sentences under a word."""

    title: str
    sentences: tuple[str, ...]


def welcome(
    machine: Mapping[str, Any],
    told: Mapping[str, Any],
    session: Path,
    *,
    fetch: Fetch | None = None,
    keys: str = "m",
    env: Mapping[str, str] | None = None,
) -> tuple[Paragraph, ...]:
    """The whole of it; ``machine`` and ``told`` are what the studio says of it and its models, empty until it does.

    ``keys`` lead to the models.
    """
    env = os.environ if env is None else env
    return (
        Paragraph("This machine", _machine(machine)),
        Paragraph("Models", _models(told, fetch, keys)),
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


def _models(told: Mapping[str, Any], fetch: Fetch | None, keys: str) -> tuple[str, ...]:
    if not told:
        return ("The studio will say which are there.",)
    said = [rendering(told)]
    if told["sketch"]:
        said[0] += " Everything it makes is marked so."
    if fetch is not None and fetch.state == "fetching":
        return (*said, f"{size(fetch.done)} of {size(fetch.total)} of others have come; {keys} shows how far they are.")
    if told["use"]:
        return (*said, f"Others have come; {keys} takes them into use.")
    lacks = offer(told)
    if lacks and not told["card"] and told["sketch"]:
        lacks += " Without a graphics card they are slow."
    return (*said, f"{lacks} {keys} fetches them, and asks first.") if lacks else tuple(said)


def _hearing(session: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    files = f"Takes are FLAC files in {session / 'takes'}."
    if over_ssh(env):
        here = "You are here over ssh. 'acetui connect USER@HOST' where you sit plays takes there;"
        return (f"{here} 'acetui listen {session.name}' is a page for a browser.", files)
    return ("Space plays the take under the cursor, and stops it.", files)
