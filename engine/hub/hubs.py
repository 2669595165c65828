"""The hubs that models are fetched from, and in which order they are asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.hub.catalogue import Model

Kind = Literal["huggingface", "modelscope"]

HUGGING_FACE = "https://huggingface.co"
MODELSCOPE = "https://www.modelscope.cn"


@dataclass(frozen=True)
class Hub:
    """A hub of some kind, and where it is."""

    kind: Kind
    endpoint: str

    def page(self, model: Model) -> str:
        """Where a person reads of a model."""
        return f"{self.endpoint}/{'models/' if self.kind == 'modelscope' else ''}{model.repo}"


def hubs_of(env: Mapping[str, str] | None = None, wanted: str | None = None) -> tuple[Hub, ...]:
    """The hubs to ask, the first of them first: all, or the one that is ``wanted``.

    A mirror that ``HF_ENDPOINT`` names is asked in place of all of them. ``MODELSCOPE_DOMAIN`` moves the second.
    """
    env = os.environ if env is None else env
    mirror, moved = env.get("HF_ENDPOINT"), env.get("MODELSCOPE_DOMAIN")
    first = Hub("huggingface", (mirror or HUGGING_FACE).rstrip("/"))
    second = Hub("modelscope", _address(moved or MODELSCOPE))
    if wanted is not None:
        return tuple(hub for hub in (first, second) if hub.kind == wanted)
    return (first,) if mirror else (first, second)


def _address(domain: str) -> str:
    return (domain if "://" in domain else f"https://{domain}").rstrip("/")
