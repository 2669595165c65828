"""What cards of a size can do with the official models: the published table, and which row a card is in.

The boundaries and figures are those of the reference implementation's code. Sizes are GB of 2**30 bytes, as drivers
report them: a "16 GB" card says 15.5 to 15.99, which is why that boundary is where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

PLANNER_GB = {"0.6B": (1.2, 0.6), "1.7B": (3.4, 1.0), "4B": (8.0, 1.6)}
"""What a planner of each size takes: its weights, and what it remembers while it writes (4096 tokens)."""

MUSIC_GB = {False: 4.7, True: 9.0}
"""Weights of the music model: of 2B ones, and of XL ones."""

QUANTISED_GB = {False: 2.5, True: 4.9}
"""The same with quantised weights, by their shapes; published is 2.4 for 2B ones, and nothing for XL ones."""

TEXT_GB = 1.2
BESIDE_GB = 0.33 + TEXT_GB + 0.01
"""VAE, text encoder and the latents of silence."""

ROOM_GB = 0.5 + 0.5
"""What the driver takes, and what is kept free."""

_A_TAKE_GB = {(False, False): 0.3, (False, True): 0.6, (True, False): 0.5, (True, True): 1.0}
"""What a take of up to a minute takes beside weights, by XL and by guidance, which is two takes in one."""


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One row. Pairs are with a planner, and without one."""

    name: str
    most_seconds: tuple[int, int]
    most_takes: tuple[int, int]
    """Takes in a batch."""

    planners: tuple[str, ...]
    """Sizes of the planner that fit."""

    planner: str | None
    """The recommended one; it is on by default where there is one."""

    offload: bool
    """Whether VAE, text encoder and planner wait in the computer's own memory while they have nothing to do."""

    offload_dit: bool
    int8: bool
    """Whether weights are quantised by default."""


_SMALL, _MIDDLE, _ALL = ("0.6B",), ("0.6B", "1.7B"), ("0.6B", "1.7B", "4B")


def _tier(
    name: str,
    seconds: tuple[int, int],
    takes: tuple[int, int],
    planners: tuple[str, ...],
    planner: str | None,
    *,
    offload: bool = True,
    offload_dit: bool = True,
    int8: bool = True,
) -> Tier:
    return Tier(
        name=name,
        most_seconds=seconds,
        most_takes=takes,
        planners=planners,
        planner=planner,
        offload=offload,
        offload_dit=offload_dit,
        int8=int8,
    )


TIERS = (
    _tier("tier1", (240, 360), (1, 1), (), None),
    _tier("tier2", (480, 600), (1, 1), (), None),
    _tier("tier3", (480, 600), (2, 2), _SMALL, "0.6B"),
    _tier("tier4", (480, 600), (2, 4), _SMALL, "0.6B"),
    _tier("tier5", (480, 600), (4, 4), _MIDDLE, "1.7B", offload_dit=False),
    _tier("tier6a", (480, 600), (4, 8), _MIDDLE, "1.7B", offload_dit=False),
    _tier("tier6b", (480, 480), (8, 8), _ALL, "1.7B", offload=False, offload_dit=False, int8=False),
    _tier("unlimited", (600, 600), (8, 8), _ALL, "4B", offload=False, offload_dit=False, int8=False),
)
"""From the smallest cards to the largest."""


def tier_of(gb: float) -> Tier:
    """The row of a card with so many GB; no card at all is 0."""
    passed = (gb > 4, gb > 6, gb > 8, gb > 12, gb >= 15.5, gb >= 20, gb > 24)
    return TIERS[sum(passed)]


def published_tier_of(gb: float) -> Tier:
    """The row by the published guide, which goes by the sizes on the box: an 8 GB card is the first of "8 to 12"."""
    nominal = round(gb)
    near = nominal if abs(gb - nominal) <= 0.5 else gb
    passed = (near > 4, near >= 6, near >= 8, near >= 12, near >= 16, near >= 20, near >= 24)
    return TIERS[sum(passed)]


def needed_gb(*, xl: bool, guided: bool, takes: int = 1, seconds: float = 60.0, planner: str | None = None) -> float:
    """GB for a batch with everything on the card at once, by the published figures for official models."""
    per_take = _A_TAKE_GB[xl, guided]
    lm = sum(PLANNER_GB[planner]) if planner else 0.0
    return MUSIC_GB[xl] + BESIDE_GB + lm + per_take * takes * max(1.0, seconds / 60) + ROOM_GB


def needed_in_turns_gb(
    *, xl: bool, guided: bool, takes: int = 1, seconds: float = 60.0, quantised: bool = False
) -> float:
    """The same where text encoder and VAE take turns beside the music model."""
    less = MUSIC_GB[xl] - QUANTISED_GB[xl] if quantised else 0.0
    return needed_gb(xl=xl, guided=guided, takes=takes, seconds=seconds) - BESIDE_GB + TEXT_GB - less
