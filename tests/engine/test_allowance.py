"""What a machine allows, at every boundary of the table and on every kind of machine."""

from __future__ import annotations

import pytest

from engine.allowance import Allowance, Choice, allowance, choices, guide


def told(allowed: Allowance) -> dict[str, Choice]:
    return {choice.name: choice for choice in choices(allowed)}


@pytest.mark.parametrize(
    ("gb", "tier", "planner", "takes", "seconds", "xl"),
    [
        (4, "tier1", None, (1, 1), (240, 360), "no"),
        (6, "tier2", None, (1, 1), (480, 600), "no"),
        (7.5, "tier3", "0.6B", (2, 2), (480, 600), "no"),
        (8, "tier3", "0.6B", (2, 2), (480, 600), "quantised"),
        (11.6, "tier4", "0.6B", (2, 4), (480, 600), "quantised"),
        (11.7, "tier4", "0.6B", (2, 4), (480, 600), "turns"),
        (12, "tier4", "0.6B", (2, 4), (480, 600), "turns"),
        (12.1, "tier5", "1.7B", (4, 4), (480, 600), "alone"),
        (15.4, "tier5", "1.7B", (4, 4), (480, 600), "alone"),
        (15.5, "tier6a", "1.7B", (4, 8), (480, 600), "alone"),
        (16, "tier6a", "1.7B", (4, 8), (480, 600), "alone"),
        (16.5, "tier6a", "1.7B", (4, 8), (480, 600), "together"),
        (20, "tier6b", "1.7B", (8, 8), (480, 480), "together"),
        (24, "tier6b", "1.7B", (8, 8), (480, 480), "together"),
        (48, "unlimited", "4B", (8, 8), (600, 600), "together"),
        (80, "unlimited", "4B", (8, 8), (600, 600), "together"),
    ],
)
def test_every_boundary_of_the_table(
    gb: float, tier: str, planner: str | None, takes: tuple[int, int], seconds: tuple[int, int], xl: str
) -> None:
    allowed = allowance("cuda", gb, (8, 9))
    assert (allowed.tier.name, allowed.planner, allowed.xl) == (tier, planner, xl)
    assert (allowed.takes, allowed.seconds, allowed.dtype) == (takes, seconds, "bfloat16")
    ways = {4: "layers one after another", **dict.fromkeys((6, 7.5, 8, 12.1), "models in turns")}
    assert told(allowed)["memory"].value == ways.get(gb, "all models together")
    assert told(allowed)["quantisation"].value == ("int8_weight_only" if gb in (4, 6) else "none")
    assert told(allowed)["tiles"].value.startswith({4: "128", 6: "256", 7.5: "256", 8: "256"}.get(gb, "512"))
    assert told(allowed)["planner"].value == (f"acestep-5Hz-lm-{planner}" if planner else "none")


def test_a_machine_without_a_card_makes_one_take_at_a_time() -> None:
    allowed = allowance("cpu", 256.0)
    assert (allowed.tier.name, allowed.takes, allowed.planner, allowed.xl) == ("tier1", (1, 1), None, "no")
    assert allowed.dtype == "float32"


def test_apple_machines_go_by_what_their_card_may_use() -> None:
    allowed = allowance("mps", 24.0)
    assert (allowed.tier.name, allowed.dtype, allowed.takes) == ("tier6b", "float16", (8, 8))


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [((9, 0), "bfloat16"), ((8, 0), "bfloat16"), ((7, 5), "float16"), ((6, 1), "float16"), (None, "bfloat16")],
)
def test_the_precision_follows_what_the_card_computes(capability: tuple[int, int] | None, dtype: str) -> None:
    assert allowance("cuda", 12.0, capability).dtype == dtype


@pytest.mark.parametrize("kind", ["cuda", "mps", "cpu"])
@pytest.mark.parametrize("gb", [0.0, 4, 8, 12, 16, 24, 80])
def test_every_choice_has_a_reason_and_says_what_overrides_it(kind: str, gb: float) -> None:
    found = choices(allowance(kind, gb))  # type: ignore[arg-type]
    assert len({choice.name for choice in found}) == len(found) >= 6
    for choice in found:
        assert choice.value
        assert choice.why.endswith(".")
        assert choice.override


def test_what_the_guide_would_allow_beyond_the_table_is_said() -> None:
    assert "card of 8 GB as tier4 (4 takes at once)" in guide(allowance("cuda", 7.9))
    assert "tier3 (2 takes at once, the 0.6B planner)" in guide(allowance("cuda", 6.0))
    assert "unlimited (the 4B planner, takes of 600 s)" in guide(allowance("cuda", 24.0))
    assert guide(allowance("cuda", 10.0)) == guide(allowance("cuda", 80.0)) == guide(allowance("cpu", 8.0)) == ""
