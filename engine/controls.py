"""The control guide of ACE-Step v1 on a 1.5 model: its words, and its numbers in ours (docs/controls.md). No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

CFG_TYPES: Mapping[str, str] = MappingProxyType({"apg": "apg_classic", "cfg": "cfg", "cfg_star": "cfg_star"})
"""The guide's ``cfg_type`` to the published ``guidance_variant``."""

SCHEDULERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"euler": ("ode", "euler"), "heun": ("ode", "heun"), "pingpong": ("sde", "euler")}
)
"""The guide's ``scheduler_type`` to the published ``infer_method`` and ``sampler_mode``."""

NEUTRAL_OMEGA = 10.0
"""The guide's own default, at which nothing is changed here."""

GUIDE_SHIFT = 3.0
"""The schedule that v1 was sampled with."""

LEAST_SCALE = 1.86
"""The guide's ``min_guidance_scale`` of 3, as a scale of 1.5."""

ERG_TAU = 0.01
"""What the attention scores of a weakened layer are multiplied by."""

GUIDANCE_NUMBERS: Mapping[str, float] = MappingProxyType(
    {"momentum": -0.75, "norm_threshold": 2.5, "eta": 0.0, "zero_init_steps": 0.0, "erg_tau": ERG_TAU}
)
"""What ``guidance_params`` may hold, with the published values."""

_APG_SHARE = 6 / 14
_CFG_SHARE = 3 / 17


def granularity(omega: float) -> float:
    """The factor of a step's deviation from its mean: v1's logistic of ``omega_scale``, with 10 as the neutral one."""
    return _logistic(omega) / _logistic(NEUTRAL_OMEGA)


def _logistic(omega: float) -> float:
    return 0.9 + 0.2 / (1 + math.exp(-0.1 * omega))


def native_scale(scale: float, variant: str) -> float:
    """A guidance scale of v1 as one of 1.5: 15 is 7 for projected guidance, and 18 is 4 for the plain kinds.

    APG limits the length of a step, and a 1.5 step may be longer; the plain kinds have no such limit and want less
    (facts: v1.md 4.4). 0 and 1 are off, as there.
    """
    share = _APG_SHARE if variant == "apg_classic" else _CFG_SHARE
    return 1.0 if scale <= 1 else round(1 + (scale - 1) * share, 2)


def guidance_numbers(given: tuple[tuple[str, float], ...]) -> dict[str, float]:
    """All of ``GUIDANCE_NUMBERS``, with those that were given in place of the published ones."""
    return dict(GUIDANCE_NUMBERS) | {name: value for name, value in given if name in GUIDANCE_NUMBERS}
