"""The computer and its cards, and what they allow."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from acetui.checkup.finding import Finding, Problem
from engine.allowance import Allowance, Kind, allowance, choices, guide
from engine.card_files import driverless, silent_cards
from engine.cards import GB, SIMULATED, Card, card_for, simulated_gb
from engine.memory import APPLE_SHARE, cards_now, cores, memory_bytes, processor
from sessions.worker_names import asked_for, normal
from sessions.workers import chosen, visible

_LITTLE = 0.25
"""How much of a card others may have before it is worth a word."""

_HOT = 87


def look(env: Mapping[str, str], root: Path = Path("/")) -> tuple[Finding, Allowance]:
    """What the machine is, and what it allows; ``env`` may simulate a card of another size."""
    cards = cards_now()
    torch = torch_build()
    card = card_for("auto", cards, env)
    size = simulated_gb(env)
    allowed = _allowed(card, size)
    problems = [*_about_cards(cards, card, silent_cards(root), torch, size), *_about_card(card)]
    problems += _about_drivers(cards, driverless(root), torch)
    if size is None and (told := env.get(SIMULATED)):
        problems.append(Problem(f"{SIMULATED} is no size of a card: {told[:40]}.", "A number of GB is, such as 8."))
    if told := guide(allowed):
        problems.append(Problem(told, "Ask for that by name (--batch, --lm, --duration), and it is tried."))
    facts = {
        "tier": allowed.tier.name,
        "machine": _computer(torch),
        "device": allowed.kind,
        "memory_gb": round(allowed.gb, 1),
        "simulated": size is not None,
        "gpus": [_told(each, each is card) for each in cards],
        "engines": _engines(cards, env),
        "choices": [asdict(choice) for choice in choices(allowed)],
    }
    return Finding(facts, tuple(problems)), allowed


def torch_build() -> dict[str, str] | None:
    """The version of torch and what it was built for, by its files alone; None where it is not installed."""
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        return None
    spec = importlib.util.find_spec("torch")
    text = ""
    if spec is not None and spec.origin:
        with suppress(OSError):
            text = Path(spec.origin).with_name("version.py").read_text(encoding="utf-8")
    built = {name: match[1] for name in ("cuda", "hip") if (match := re.search(rf"^{name}.*= '([^']+)'", text, re.M))}
    kind = "ROCm" if "hip" in built else "CUDA" if "cuda" in built else "CPU"
    return {"version": version, "build": " ".join(filter(None, (kind, next(iter(built.values()), ""))))}


def _allowed(card: Card | None, size: float | None) -> Allowance:
    if card is not None:
        card = card.sized(size)
        return allowance("cuda", (card.total or 0) / GB, card.capability)
    if size is not None:
        return allowance("cuda", size)
    kind: Kind = "mps" if platform.system() == "Darwin" and platform.machine() == "arm64" else "cpu"
    return allowance(kind, memory_bytes() / GB * (APPLE_SHARE if kind == "mps" else 1))


def _engines(cards: Sequence[Card], env: Mapping[str, str]) -> dict[str, Any]:
    """How many engines a session has that says nothing (None: a cluster's), and how many with ``--workers auto``."""
    devices, asked = visible(cards, env), asked_for(env=env)
    try:
        count = None if asked.startswith("ray://") else len(chosen(normal(asked), devices)[0])
    except ValueError:
        count = 1
    return {"asked": asked, "used": count, "auto": len(chosen("auto", devices)[0]), "cards": list(devices)}


def _computer(torch: Mapping[str, str] | None) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": processor(),
        "cores": cores(),
        "memory_gb": round(memory_bytes() / GB, 1),
        "torch": torch,
    }


def _told(card: Card, chosen: bool) -> dict[str, Any]:
    sizes = {f"{name}_gb": None if (n := getattr(card, name)) is None else round(n / GB, 1) for name in _SIZES}
    return {
        **{name: getattr(card, name) for name in _PLAIN},
        **sizes,
        "capability": card.capability and ".".join(map(str, card.capability)),
        "cuda": card.cuda and ".".join(map(str, card.cuda)),
        "processes": [
            {"pid": each.pid, "name": each.name or None, "used_gb": each.used and round(each.used / GB, 1)}
            for each in card.tenants
        ],
        "slice": bool(card.slice_of),
        "chosen": chosen,
    }


_SIZES = ("total", "used", "free")
_PLAIN = ("index", "name", "maker", "uuid", "driver", "utilisation", "temperature", "power")


def _about_cards(
    cards: Sequence[Card],
    card: Card | None,
    silent: Sequence[str],
    torch: Mapping[str, str] | None,
    size: float | None,
) -> list[Problem]:
    """What keeps a card that is there from being used."""
    found: list[Problem] = []
    if not cards and silent:
        found.append(
            Problem(
                f"There is {silent[0]}, and the driver's library that tells of it (NVML) is not here.",
                "It is used all the same. Start a container with NVIDIA_DRIVER_CAPABILITIES=compute,utility.",
            )
        )
    if cards and card is None:
        found.append(
            Problem(
                "No card may be used: the variable that chooses among them names none that is here.",
                "Look at CUDA_VISIBLE_DEVICES (HIP_VISIBLE_DEVICES on AMD), or unset it.",
            )
        )
    if (cards or silent) and torch is not None and torch["build"] == "CPU":
        found.append(
            Problem(
                f"torch {torch['version']} is built for CPUs alone: the card is not used.",
                "Install a build of torch for it, and run `make studio` again.",
            )
        )
    if torch is None:
        found.append(
            Problem("torch is not here, so nothing can be rendered here.", "Run `make studio` on the box that renders.")
        )
    if size is not None:
        found.append(Problem(f"A card of {size:g} GB is simulated.", f"Unset {SIMULATED} for the real one."))
    return found


def _about_drivers(cards: Sequence[Card], bare: Sequence[str], torch: Mapping[str, str] | None) -> list[Problem]:
    """A driver that lacks, or is older than what torch was built for: then torch sees no card, and says nothing."""
    found = []
    if bare and not cards:
        found.append(
            Problem(
                f"There is a card of NVIDIA's ({bare[0]}) without NVIDIA's driver, so that it is not used.",
                "Install the driver (`nvidia-smi` then shows the card), and restart.",
            )
        )
    newest = next((card.cuda for card in cards if card.cuda is not None), None)
    built = re.fullmatch(r"CUDA ([0-9]+)\.[0-9.]+", torch["build"]) if torch is not None else None
    if newest is not None and built is not None and torch is not None and int(built[1]) > newest[0]:
        able = ".".join(map(str, newest))
        found.append(
            Problem(
                f"The driver ({cards[0].driver}) can do CUDA {able}, and torch is built for {torch['build']}: "
                "the card is not used.",
                f"Update the driver, or install a build of torch for CUDA {newest[0]} and run `make studio` again.",
            )
        )
    return found


def _about_card(card: Card | None) -> list[Problem]:
    """What is amiss with the one that would be used."""
    if card is None:
        return []
    found = []
    if card.total and card.used is not None and card.used > _LITTLE * card.total:
        who = f": {told}" if (told := card.crowd()) else ""
        found.append(
            Problem(
                f"{card.used / GB:.1f} of {card.total / GB:.1f} GB of {card.name} are taken already{who}.",
                "Close what else computes there, or take smaller batches.",
            )
        )
    if card.temperature is not None and card.temperature >= _HOT:
        found.append(Problem(f"{card.name} is at {card.temperature} °C, and slows itself down.", "Look at its fans."))
    return found
