"""Areas as aligned text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rows import Area, Row

_SCALES = {
    "s": ((1.0, "s"), (1e-3, "ms")),
    "bytes": ((1e9, "GB"), (1e6, "MB")),
    "FLOP/s": ((1e12, "TFLOP/s"), (1e9, "GFLOP/s")),
}


def show(area: Area) -> str:
    """The table of one area."""
    heads = ("what", *area.columns, "ratio", "target", "met?", "apart", "")
    lines = [heads, *(_cells(row) for row in area.rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    text = [area.title, "-" * len(area.title), *(_aligned(line, widths) for line in lines)]
    return "\n".join([*text, *(f"  {note}" for note in area.notes)])


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if i in (0, len(widths) - 1) else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join((first, *rest)).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    met = {True: "yes", False: "NO", None: "" if row.target is None else "?"}[row.met]
    return (
        row.what,
        _value(row.ours, row.unit),
        _value(row.peer, row.unit),
        _ratio(row),
        row.target.text if row.target else "",
        met,
        "" if row.apart is None else f"{row.apart:.0e}",
        row.note,
    )


def _value(value: float | None, unit: str) -> str:
    """Three significant digits and the unit that suits them."""
    if value is None:
        return "-"
    scales = _SCALES.get(unit, ((1.0, unit),))
    scale, name = next((each for each in scales if abs(value) >= each[0]), scales[-1])
    scaled = value / scale
    whole = scaled == round(scaled) and len(scales) == 1
    digits = 0 if whole or abs(scaled) >= 100 else 1 if abs(scaled) >= 10 else 2
    return f"{scaled:,.{digits}f} {name}".rstrip()


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return ""
    span = f" ({min(row.ratios):.2f}..{max(row.ratios):.2f})" if len(row.ratios) > 1 else ""
    return f"{row.ratio:.2f}x{span}"


def write_json(path: Path, machine: dict[str, Any], areas: Sequence[Area], elapsed: float) -> None:
    """Everything that was printed, and every pair's ratio."""
    content = {"machine": machine, "areas": [area.as_dict() for area in areas], "elapsed": elapsed}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
