"""A pytest plugin that says, before the closing line, which tests did not run and for want of what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

WANTS = {
    "slow": "they take minutes: make test-slow",
    "gpu": "they need a CUDA device: make test-gpu where there is one",
}

_deselected: Counter[str] = Counter()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Counts what the marker expression left out; a test with two markers counts for what it cannot do without."""
    for item in items:
        markers = [name for name in ("gpu", "slow") if item.get_closest_marker(name)]
        _deselected[markers[0] if markers else "other"] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that runs a part of the tests tells the one that reports; each of them has looked through all."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(_deselected)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hears what such a process has left out."""
    _deselected.update(Counter(getattr(node, "workeroutput", {}).get("left_out", {})) - _deselected)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints one line for each reason."""
    lines = []
    for name, count in sorted(_deselected.items()):
        lines.append(f"{count} marked {name}: {WANTS[name]}" if name in WANTS else f"{count} not selected")
    skipped: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        skipped[reason.removeprefix("Skipped: ")] += 1
    lines += [f"{count} skipped: {reason}" for reason, count in sorted(skipped.items())]
    terminalreporter.section("left out")
    terminalreporter.write_line("\n".join(lines) or "nothing")
