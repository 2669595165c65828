"""ACE-Step 1.5 as a library: text and audio in, audio out. Importing it does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import BadCheckpoint, Cancelled, EngineError, InvalidRequest, RenderFailed
from engine.request import Request

if TYPE_CHECKING:
    from engine.pipeline import Engine, Take

__version__ = "0.1.0"
__all__ = [
    "BadCheckpoint",
    "Cancelled",
    "Engine",
    "EngineError",
    "InvalidRequest",
    "RenderFailed",
    "Request",
    "Take",
]


def __getattr__(name: str) -> Any:
    """Loads the torch half of the package when it is first asked for."""
    if name in ("Engine", "Take"):
        from engine import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module 'engine' has no attribute {name!r}")
