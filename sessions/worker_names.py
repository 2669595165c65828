"""How people say which engines they want.

    auto                one a card; where there is none, one
    3                   three cards, or three engines on the processor
    cuda:0, cuda:1      these cards; cpu may be named several times
    ray://HOST:PORT     those of a Ray cluster (engine.afar): one a card, else one a machine; /4 behind it is four
    ray://auto          the same of the cluster that this machine is a part of

What they are on this machine is ``sessions.workers``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

MOST = 64
"""Engines that may be asked for."""

WANTS = "it must be auto, a number, each card once such as 'cuda:0, cuda:1', 'cpu, cpu', or ray://ADDRESS"

VARIABLE = "ACETUI_WORKERS"
"""Names the engines of sessions that say nothing of them."""

_DEVICE = re.compile(r"cpu|mps|cuda(:[0-9]{1,3})?")
_RAY = re.compile(r"ray://[A-Za-z0-9._\[\]-]+(:[0-9]{1,5})?(/[1-9][0-9]?)?")


def normal(text: str) -> str:
    """The written form of ``text``; empty says nothing. Raises ValueError for what names no engines."""
    text = text.strip()
    if text.startswith("ray://") and _RAY.fullmatch(text):
        return text
    text = text.lower()
    if text in ("", "auto"):
        return text
    if text.isascii() and text.isdecimal() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST:
        return str(int(text))
    names = ["cuda:0" if name.strip() == "cuda" else name.strip() for name in text.split(",")]
    cards = [name for name in names if name != "cpu"]
    if len(names) > MOST or len(cards) != len(set(cards)) or not all(map(_DEVICE.fullmatch, names)):
        raise ValueError
    return ", ".join(names)


def asked_for(*texts: str | None, env: Mapping[str, str] | None = None) -> str:
    """The first of ``texts`` that says something, else what the variable says; empty where nothing does."""
    told = (os.environ if env is None else env).get(VARIABLE, "")
    return next((text for text in (*texts, told) if text), "")
