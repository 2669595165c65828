"""What every area is given: where to run, for how long, and how a race becomes a row."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmarks.rows import Area, Row, Target
from benchmarks.timing import Budget, Clock, Race, Work, race

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass
class Bench:
    """One run of the benchmarks."""

    device: torch.device
    budget: Budget
    dtypes: tuple[str, ...] = ("bf16", "fp32")
    parts: tuple[str, ...] = ()
    """Of an area that has parts, those that are wanted; all of them where none is named."""

    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.device)

    def of_these(self, sizes: Iterable[int], name: str) -> list[int]:
        """Those sizes whose part, ``name`` with the size in it, is wanted."""
        return [size for size in sizes if not self.parts or name.format(size) in self.parts]

    def race(
        self,
        area: Area,
        what: str,
        ours: Work,
        peer: Work | None,
        *,
        seconds: float,
        target: Target | None = None,
        warmed: bool = False,
        compare: bool = True,
        note: str = "",
    ) -> Race | None:
        """Adds the row of a race that is given ``seconds``; None where the run's time, or the memory, is used up.

        With ``compare`` both return tensors that should be equal, and the row says how far they are apart.
        """
        if self.budget.over:
            area.rows.append(Row(what, target=target, note="not run: out of time (--minutes)"))
            return None
        self.say(what)
        try:
            found = race(ours, peer, self.clock, self.budget.allowance(seconds), warmed=warmed)
        except torch.OutOfMemoryError:
            found = None
        if found is None:  # only here, outside the handler, has the memory of the failed call been let go
            torch.cuda.empty_cache()
            if peer is not None:
                return self.race(area, what, ours, None, seconds=seconds, target=target, note="out of memory with peer")
            area.rows.append(Row(what, target=target, note="out of memory"))
            return None
        kind = f"{'cold ' if found.cold else ''}{'pair' if found.peer else 'run'}"
        counted = f"{len(found.ours)} {kind}{'s' if len(found.ours) > 1 else ''}"
        area.rows.append(
            Row(
                what=what,
                ours=found.our_seconds,
                peer=found.peer_seconds,
                ratios=tuple(found.ratios),
                apart=deviation(found.our_output, found.peer_output) if found.peer and compare else None,
                target=target,
                note=", ".join(filter(None, (counted, note))),
            )
        )
        return found

    def say(self, what: str) -> None:
        """One line of progress, on standard error."""
        print(f"[{self.budget.elapsed:6.0f} s] {what}", file=sys.stderr, flush=True)


def deviation(ours: Tensor, peer: Tensor) -> float:
    """``max|ours - peer| / max|peer|``."""
    return float((ours.float() - peer.float()).abs().max() / peer.float().abs().max())


def rms_error(found: Tensor, exact: Tensor) -> float:
    """Root mean square of the error over that of the exact values."""
    exact = exact.float()
    return float((found.float() - exact).square().mean().sqrt() / exact.square().mean().sqrt())
