"""ACE-Step 1.5 as a library: text and audio in, audio out. Importing it does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.errors import BadCheckpoint, Cancelled, EngineError, InvalidRequest, RenderFailed

if TYPE_CHECKING:
    from engine import pipeline
    from engine.request import Request

__version__ = "0.2.0"
__all__ = [
    "BadCheckpoint",
    "Cancelled",
    "Engine",
    "EngineError",
    "InvalidRequest",
    "RenderFailed",
    "Request",
]


def __getattr__(name: str) -> Any:
    """``Request``, once it is asked for: a terminal that opens has no use for its table of fields yet."""
    if name == "Request":
        from engine.request import Request

        globals()[name] = Request
        return Request
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Engine:
    """The door to the model: importing it does not import torch, using it does."""

    def __new__(cls, *_: Any) -> Engine:
        """Every engine is an :class:`engine.pipeline.Engine`, whichever of the two names it is made by."""
        from engine import pipeline

        return object.__new__(pipeline.Engine)

    @classmethod
    def load(cls, *args: Any, **options: Any) -> pipeline.Engine:
        """A loaded model, see :meth:`engine.pipeline.Engine.load` for what it takes."""
        from engine import pipeline

        return pipeline.Engine.load(*args, **options)
