"""The figures as JSON and as the tables of a model card."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from engine.files import atomic_write
from tools.nano.measure.codec import CodecRow
from tools.nano.measure.takes import Shares, TakesReport


def write_json(path: str | Path, figures: Mapping[str, Any]) -> None:
    """Writes ``figures`` (dataclasses included) to ``path``, which is replaced."""
    text = json.dumps(figures, indent=2, default=_plain) + "\n"

    def write(file: BinaryIO) -> None:
        file.write(text.encode())

    atomic_write(path, write, overwrite=True)


def _plain(value: Any) -> Any:
    if isinstance(value, TakesReport):
        derived = {"relative": value.seeds.relative, "songs_relative": value.seeds.songs_relative}
        whole = dataclasses.asdict(value)
        return {**whole, "seeds": {**whole["seeds"], **derived}}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def codec_table(rows: Sequence[CodecRow]) -> str:
    """The codec beside its yardsticks, as Markdown."""
    cells = [
        (
            row.name,
            f"{row.spectral_convergence:.3f}",
            f"{row.log_magnitude:.3f}",
            f"{row.stft:.3f}",
            f"{row.si_sdr_db:.1f} dB",
            f"{row.kbps:.1f}",
        )
        for row in rows
    ]
    return _table(("copy", "spectral convergence", "log magnitude", "STFT distance", "SI-SDR", "kbit/s"), cells)


def style_table(accuracy: Mapping[str, float]) -> str:
    """Held-out accuracy by style, the least first, as Markdown; "" is all of them."""
    cells = [(name or "all", _percent(share)) for name, share in sorted(accuracy.items(), key=lambda item: item[1])]
    return _table(("style", "recognised"), cells)


def verdict_table(shares: Mapping[str, Mapping[str, float]]) -> str:
    """Shares of verdicts, a row for each name, as Markdown."""
    verdicts = list(next(iter(shares.values())))
    return _table(
        ("", *verdicts), [(name, *(_percent(share) for share in row.values())) for name, row in shares.items()]
    )


def takes_tables(report: TakesReport) -> str:
    """What was asked for and what was heard, then the same by style, then the seeds, as Markdown."""
    heads = ("", "pieces", "tempo", "octave", "metrical", "key", "relative", "fifth", "style")
    overall = [
        _shares("takes", report.takes),
        _shares("songs (the estimators' own limit)", report.songs),
        _shares("chance (another request's takes)", report.chance),
    ]
    by_style = [
        row
        for style in report.by_style
        for row in (_shares(style, report.by_style[style]), _shares("  its songs", report.songs_by_style[style]))
    ]
    seeds = report.seeds
    sentences = (
        f"Exactly as long as asked for, to the sample: {_percent(report.exact_length)} of the takes.",
        f"Another seed changes a take by {seeds.same_request:.1f} dB, another request by {seeds.other_request:.1f} dB: "
        f"{seeds.relative:.2f} of it (songs: {seeds.songs_relative:.2f}).",
        f"Rendered again with the same seed: {seeds.repeated_equal} of {seeds.repeated} equal sample for sample.",
    )
    return "\n\n".join((_table(heads, overall), _table(heads, by_style), "\n".join(sentences)))


def figures_table(found: Mapping[str, Any]) -> str:
    """Dataclasses of figures side by side, a column for each, as Markdown; what is between 0 and 1 is a share."""
    names = [each.name for each in dataclasses.fields(next(iter(found.values())))]
    cells = [(name.replace("_", " "), *(_figure(getattr(each, name)) for each in found.values())) for name in names]
    return _table(("", *found), cells)


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return _percent(value)
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)


def _shares(name: str, shares: Shares) -> tuple[str, ...]:
    return (
        name,
        str(shares.count),
        *(_percent(shares.tempo[verdict]) for verdict in ("right", "octave", "metrical")),
        *(_percent(shares.key[verdict]) for verdict in ("same", "relative", "fifth")),
        "-" if shares.style is None else _percent(shares.style),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up in plain text too."""
    lines = [heads, *rows]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(heads))]
    rule = "|".join("-" * (width + 2) for width in widths)
    head, *body = (" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join([f"| {head} |", f"|{rule}|", *(f"| {line} |" for line in body)])
