"""Lengths of time and sizes in words, wherever they are shown."""

from __future__ import annotations

from collections.abc import Sequence

_STEPS = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"))
"""Up to how many seconds, in units of how many, called what."""

_GB = 10**9


def clock_time(seconds: float) -> str:
    """Seconds as minutes and seconds: 124.6 is 2:05, and 4000 is 1:06:40."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def exact_time(seconds: float) -> str:
    """Seconds as minutes and hundredths: 65.254 is 1:05.25."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    return f"{minutes}:{rest // 100:02}.{rest % 100:02}"


def within(seconds: Sequence[float]) -> str:
    """How long something will take, between two numbers of seconds: ``18-24 min``; ``2 s`` where both read the same."""
    low, high = seconds
    if high < 90:
        return f"{_range(f'{low:.0f}', f'{high:.0f}')} s"
    if high < 5400:
        return f"{_range(f'{low / 60:.0f}', f'{high / 60:.0f}')} min"
    return f"{_range(f'{low / 3600:.1f}', f'{high / 3600:.1f}')} h"


def left(seconds: Sequence[float]) -> str:
    """The same, of what is left."""
    return f"{within(seconds)} left"


def age(seconds: float) -> str:
    """How long ago something was, roughly: ``now``, ``40 s``, ``3 min``, ``2 h``, ``5 d``."""
    if seconds < 5:
        return "now"
    for limit, unit, name in _STEPS:
        if seconds < limit:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds // 86400:.0f} d"


def lasting(seconds: float) -> str:
    """How long something has been going on, to the second as long as that says anything: ``8 s``, ``3 min``."""
    return "0 s" if seconds < 1 else f"{seconds:.0f} s" if seconds < 60 else age(seconds)


def gigabytes(used: float | None, total: float | None) -> str:
    """Memory in use out of how much there is, in GB: ``11/24 GB``; what is not known is left out."""
    known = [_round(value) for value in (used, total) if value is not None]
    return f"{'/'.join(known)} GB" if known else ""


def size(count: float) -> str:
    """Bytes as people say them: ``3.1 GB``, ``512 MB``, ``7 kB``."""
    for unit, name in ((_GB, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{_round(count / unit)} {name}"
    return f"{count:.0f} bytes"


def _round(value: float) -> str:
    """Two digits that count: 11, 3.1, 0.4."""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low}-{high}"
