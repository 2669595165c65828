"""How the tensors of an adapter are called: to which weight they belong, and what they are of it. No torch.

Facts: checkpoints.md 10.1 to 10.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engine.layout import Shapes
from engine.naming import to_diffusers

ADAPTED = ("decoder.", "encoder.")
"""The networks that an adapter may change: what turns a prompt into music."""

_ROLES = (
    (r"\.lora_A|\.lora_down|\.lora\.down", "down"),
    (r"\.lora_B|\.lora_up|\.lora\.up", "up"),
    (r"\.lora_magnitude_vector", "magnitude"),
    (r"\.dora_scale", "dora_scale"),
    (r"\.alpha", "alpha"),
    (r"\.lokr_(?P<part>w1_a|w1_b|w2_a|w2_b|w1|w2)", ""),
)
_ROLE = re.compile(
    "(?P<module>.+?)(?:" + "|".join(f"(?P<r{i}>{pattern})" for i, (pattern, _) in enumerate(_ROLES)) + ")"
    r"(?:\.(?!weight$)[\w-]+)?(?:\.weight)?"
)
_PREFIXES = (
    "base_model.model.",
    "base_model.",
    "diffusion_model.",
    "transformer.",
    "model.",
    "lycoris_",
    "lora_unet_",
    "lora_transformer_",
)


def role_of(name: str) -> tuple[str, str] | None:
    """The module that a tensor belongs to, as its file spells it, and what it is of it; None for anything else."""
    found = _ROLE.fullmatch(name)
    if found is None:
        return None
    index = next(i for i in range(len(_ROLES)) if found[f"r{i}"] is not None)
    return found["module"], _ROLES[index][1] or found["part"]


def places(shapes: Shapes) -> Mapping[str, str]:
    """Every spelling of every module that can be adapted, to the official name of its weight.

    A module is spelt as the official files or as diffusers spell it, with or without the decoder's name in front, and
    with dots or with underscores.
    """
    found: dict[str, str] = {}
    for weight, shape in shapes.items():
        if len(shape) == 2 and weight.endswith(".weight") and weight.startswith(ADAPTED):
            for spelling in _spellings(weight):
                module = spelling.removesuffix(".weight")
                found.setdefault(module, weight)
                found.setdefault(module.replace(".", "_"), weight)
    return found


def _spellings(weight: str) -> Iterator[str]:
    network = next(prefix for prefix in ADAPTED if weight.startswith(prefix))
    theirs = to_diffusers(weight)[1]
    yield weight
    yield network + theirs
    if network == "decoder.":
        yield weight.removeprefix(network)
        yield theirs


def weight_of(module: str, known: Mapping[str, str]) -> str | None:
    """The official name of a module's weight, whatever is in front of it; None where there is no such module."""
    while module not in known:
        prefix = next((prefix for prefix in _PREFIXES if module.startswith(prefix)), None)
        if prefix is None:
            return None
        module = module.removeprefix(prefix)
    return known[module]
