"""Moments as events tell them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment() -> str:
    """Now, in UTC to the millisecond (ISO 8601)."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
