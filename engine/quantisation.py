"""Weights in one byte a number: which methods there are, and which of the music model's tensors they take. No torch.

Only the matrices of the layers that are asked at every step, and of those that read the prompt, are quantised. Norms,
tables, what embeds times and what makes and reads codes stay whole: they are small, and errors there are heard most.
The planner is never quantised: with other weights it writes other songs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from engine.errors import EngineError

WHOLE = "none"
"""Asks for whole weights where a machine would quantise them by itself."""

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "int8_weight_only": "whole numbers of eight bits, with a scale for each row",
        "fp8_weight_only": "numbers of eight bits with three of them behind the point, with a scale for each row",
    }
)
"""The methods by their published names."""

NAMES = (WHOLE, *METHODS)

_TAKEN = re.compile(r"(decoder|encoder\.\w+)\.layers\.\d+\.\w+\.\w+_proj\.weight")


def is_quantised(name: str) -> bool:
    """Whether a method takes the tensor of that official name, such as ``decoder.layers.0.mlp.up_proj.weight``."""
    return _TAKEN.fullmatch(name) is not None


def method_of(name: str | None) -> str | None:
    """A method by its name; None for whole weights. Raises EngineError for what is no method."""
    if name in (None, WHOLE):
        return None
    if name not in METHODS:
        raise EngineError(f"There is no quantisation called {name!r}.", f"Use one of {', '.join(NAMES)}.")
    return name
