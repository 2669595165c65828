"""Results: a row is one thing measured on both sides, an area is a table of rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

Sense = Literal["ratio", "share", "ours", "slowest"]


@dataclass(frozen=True)
class Target:
    """A limit on the ratio (peer over ours), on the share (ours over peer), on our own value, or on our slowest.

    The slowest stands in the peer's column of tables that have no peer.
    """

    sense: Sense
    limit: float
    text: str
    at_least: bool

    def met(self, row: Row) -> bool | None:
        """Whether a row keeps it; None where what it judges was not measured."""
        share = None if row.ratio is None else 1 / row.ratio
        value = {"ratio": row.ratio, "share": share, "ours": row.ours, "slowest": row.peer}[self.sense]
        return None if value is None else value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Row:
    """One line of a table. ``ours`` and ``peer`` are in ``unit``: s, bytes, FLOP/s, % or a plain number."""

    what: str
    ours: float | None = None
    peer: float | None = None
    unit: str = "s"
    ratios: tuple[float, ...] = ()
    """Peer over ours of every pair."""

    apart: float | None = None
    """``max|ours - peer| / max|peer|`` of what both returned."""

    target: Target | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The median ratio, or that of the two values where there are no pairs."""
        if self.ratios:
            return median(self.ratios)
        return self.peer / self.ours if self.ours and self.peer else None

    @property
    def met(self) -> bool | None:
        """Whether the target is kept; None without a target or a measurement."""
        return self.target.met(self) if self.target else None

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            "what": self.what,
            "ours": self.ours,
            "peer": self.peer,
            "unit": self.unit,
            "ratio": self.ratio,
            "ratios": list(self.ratios),
            "apart": self.apart,
            "target": self.target.text if self.target else None,
            "met": self.met,
            "note": self.note,
        }


@dataclass
class Area:
    """A table: its title, what its two columns of values are called, its rows, and what to know when reading it."""

    title: str
    columns: tuple[str, str] = ("ours", "peer")
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [row.as_dict() for row in self.rows],
            "notes": self.notes,
        }
