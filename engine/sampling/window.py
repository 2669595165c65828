"""Which steps are guided, and how the scale falls over them: the control guide's way (facts: v1.md 1.8, 1.9)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """The middle part ``interval`` of all steps; over it the scale falls towards ``least`` by the share ``decay``."""

    interval: float = 1.0
    decay: float = 0.0
    least: float = 1.0

    def bounds(self, steps: int) -> tuple[int, int]:
        """The first guided step of so many, and the first after them; both are truncated, as published."""
        return int(steps * (1 - self.interval) / 2), int(steps * (self.interval / 2 + 0.5))

    def holds(self, step: int, steps: int) -> bool:
        """Whether a step is guided."""
        first, behind = self.bounds(steps)
        return first <= step < behind

    def scale(self, scale: float, step: int, steps: int) -> float:
        """The scale at a guided step: ``scale`` at the first, ``scale - (scale - least) * decay`` at the last."""
        first, behind = self.bounds(steps)
        return scale - (scale - self.least) * self.decay * (step - first) / max(1, behind - first - 1)


ALWAYS = Window()
"""Every step is guided, with the same scale."""
